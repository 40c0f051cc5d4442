//! What a run has shown: the rules that are not checked where things happen.
//!
//! *Memory.* The first quarter of the samples is warm-up. Of the rest, the median of the first
//! third is compared with that of the last third, for the resident set and for what the allocator
//! has handed out. A growth beyond a fixed allowance is a leak.
//!
//! *Descriptors.* After the warm-up, open descriptors less open connections is the same number in
//! every sample.
//!
//! *Counts.* Both processes have counted the same connections, by the ways in which they ended, except
//! for those that were reset before the kernel had let the server know of them. What
//! was asked for was reached: connections held, replaced, requests sent.

use crate::cli::Plan;
use crate::link::{Ending, Kind};
use crate::load::RESET_UNANSWERED;
use crate::memory::Sample;

/// Fewer samples than this don't make three thirds.
const ENOUGH: usize = 6;

/// A failure that was found.
pub type Fault = (Kind, String);

/// A row of the report about something that must not grow.
#[derive(Debug, PartialEq, Eq)]
pub struct Growth {
    pub what: String,
    pub before: u64,
    pub after: u64,
    pub allowed: u64,
}

impl Growth {
    fn of(
        what: String,
        samples: &[Sample],
        value: fn(&Sample) -> u64,
        share: u64,
        flat: u64,
    ) -> Growth {
        let third = samples.len() / 3;
        let before = median(samples[..third].iter().map(value).collect());
        let after = median(samples[samples.len() - third..].iter().map(value).collect());
        let allowed = before * share / 1000 + flat;
        Growth {
            what,
            before,
            after,
            allowed,
        }
    }

    fn fault(&self) -> Option<Fault> {
        let Growth {
            what,
            before,
            after,
            allowed,
        } = self;
        let is_leak = *after > before + allowed;
        is_leak.then(|| {
            let text = format!("{what}: {before} bytes after the warm-up, {after} at the end; {allowed} more are allowed");
            (Kind::Leak, text)
        })
    }
}

/// The samples after the warm-up.
pub fn steady(samples: &[Sample]) -> &[Sample] {
    &samples[samples.len() / 4..]
}

pub fn memory(process: &str, samples: &[Sample]) -> (Vec<Growth>, Vec<Fault>) {
    let samples = steady(samples);
    if samples.len() < ENOUGH {
        let text = format!(
            "the {process} has told of its memory only {} times",
            samples.len()
        );
        return (Vec::new(), vec![(Kind::Shortfall, text)]);
    }
    let name = |what: &str| format!("{what} of the {process}");
    let growths = vec![
        Growth::of(
            name("resident set"),
            samples,
            |sample| sample.resident,
            20,
            2 << 20,
        ),
        Growth::of(
            name("live allocations"),
            samples,
            |sample| sample.live,
            10,
            512 << 10,
        ),
    ];
    let faults = growths.iter().filter_map(Growth::fault).collect();
    (growths, faults)
}

/// Returns the least and the most descriptors besides connections.
pub fn descriptors(process: &str, samples: &[Sample]) -> ((u64, u64), Option<Fault>) {
    let besides = |sample: &Sample| sample.descriptors.saturating_sub(sample.connections);
    let besides = || steady(samples).iter().map(besides);
    let range = (besides().min().unwrap_or(0), besides().max().unwrap_or(0));
    let fault = (range.0 != range.1).then(|| {
        let text = format!(
            "the {process} had between {} and {} descriptors besides those of its connections",
            range.0, range.1
        );
        (Kind::Leak, text)
    });
    (range, fault)
}

/// Connections that the load has made and reset, and the server has never been given by `accept`.
/// listen(2): while a listener's queue is full, the kernel drops what completes a connection; the
/// client takes it for made, and if it resets it then, nothing of it ever gets into the queue. None:
/// the counts differ by more than that can explain.
pub fn unseen(server: &Ending, load: &Ending) -> Option<u64> {
    let unseen = load
        .connections
        .opened
        .checked_sub(server.connections.opened)?;
    (unseen <= load.count(RESET_UNANSWERED)).then_some(unseen)
}

pub fn counts(plan: &Plan, server: &Ending, load: &Ending, samples: &[Sample]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut short = |text: String| faults.push((Kind::Shortfall, text));
    let unseen = unseen(server, load).unwrap_or(0);
    let rows = server
        .connections
        .rows()
        .into_iter()
        .zip(load.connections.rows());
    for ((what, server), (_, load)) in rows {
        let may_be_unseen = ["opened", "reset by the client"].contains(&what);
        let expected = load - if may_be_unseen { unseen } else { 0 };
        if server != expected {
            short(format!(
                "connections {what}: {server} says the server, {load} says the load"
            ));
        }
    }
    for (what, per_second) in [
        ("connections replaced", plan.churn),
        ("requests sent", plan.requests),
    ] {
        let (count, asked) = (load.count(what), per_second * plan.seconds);
        if count * 100 < asked * 95 {
            short(format!("{what}: {count}, {asked} were asked for"));
        }
    }
    let held = plan.common.connections;
    let least = steady(samples)
        .iter()
        .map(|sample| sample.connections)
        .min()
        .unwrap_or(0);
    if least * 100 < held * 97 {
        short(format!(
            "connections held: {least} at one time, {held} were asked for"
        ));
    }
    faults
}

fn median(values: Vec<u64>) -> u64 {
    let mut values = values;
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: u64, of: impl Fn(u64) -> Sample) -> Vec<Sample> {
        (0..count).map(of).collect()
    }

    #[test]
    fn steady_memory_is_fine_and_so_is_growth_during_the_warm_up() {
        let samples = samples(60, |second| Sample {
            resident: (100 << 20) + second.min(14) * (10 << 20) + second % 3,
            live: (50 << 20) + (second % 2) * (2 << 20),
            ..Sample::default()
        });
        let (growths, faults) = memory("server", &samples);
        assert_eq!((growths.len(), faults), (2, vec![]));
    }

    #[test]
    fn a_slow_leak_is_found() {
        // 40 KiB a second: 40 MiB a quarter of an hour.
        let samples = samples(60, |second| Sample {
            live: (20 << 20) + second * (40 << 10),
            ..Sample::default()
        });
        let (_, faults) = memory("server", &samples);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].0, Kind::Leak);
    }

    #[test]
    fn too_few_samples_prove_nothing() {
        let (_, faults) = memory("load", &samples(5, |_| Sample::default()));
        assert_eq!(faults[0].0, Kind::Shortfall);
    }

    #[test]
    fn one_descriptor_more_is_found_among_thousands() {
        let sample = |second| Sample {
            descriptors: 15_020 + second % 100 + u64::from(second > 50),
            connections: 15_000 + second % 100,
            ..Sample::default()
        };
        let (range, fault) = descriptors("server", &samples(60, sample));
        assert_eq!(range, (20, 21));
        assert!(fault.is_some());
        let (range, fault) = descriptors("server", &samples(50, sample));
        assert_eq!((range, fault), ((20, 20), None));
    }
}
