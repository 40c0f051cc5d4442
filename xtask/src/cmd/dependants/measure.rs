//! Rounds that alternate, and what they say.

use std::fmt;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::lock::Side;

/// One run of one program.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// CPU time for an operation, in nanoseconds.
    pub cpu_ns: f64,
    /// Operations per second of elapsed time.
    pub rate: f64,
}

/// The rounds of one row.
pub struct Rounds {
    pub mio: Vec<Sample>,
    pub ferrio: Vec<Sample>,
    /// mio once more: how far it is off the first is the error of the measurement.
    pub control: Vec<Sample>,
}

/// Who runs, in order. There and back again: what changes steadily meets all alike. Each round
/// begins with another one, so that none always runs after the same neighbour.
fn order(round: usize) -> [usize; 6] {
    let [a, b, c] = [0, 1, 2].map(|place| (place + round) % 3);
    [a, b, c, c, b, a]
}

/// Runs a row. A round has each contender twice, and its ratio is taken from their means.
pub fn rounds(
    label: &str,
    rounds: usize,
    mut once: impl FnMut(Side) -> Result<Sample>,
) -> Result<Rounds> {
    const CONTENDERS: [Side; 3] = [Side::Mio, Side::Ferrio, Side::Mio];
    let bar = ProgressBar::new((rounds * 6) as u64);
    bar.set_style(ProgressStyle::with_template("{msg:<28} {wide_bar} {eta}")?);
    bar.set_message(label.to_owned());
    let mut series = [const { Vec::new() }; 3];
    for round in 0..rounds {
        let mut means = [Sample {
            cpu_ns: 0.0,
            rate: 0.0,
        }; 3];
        for contender in order(round) {
            let sample = once(CONTENDERS[contender])?;
            let sane = sample.cpu_ns > 0.0 && sample.rate > 0.0;
            ensure!(sane, "{label}: {sample:?} measures nothing");
            means[contender].cpu_ns += sample.cpu_ns / 2.0;
            means[contender].rate += sample.rate / 2.0;
            bar.inc(1);
        }
        for (series, mean) in series.iter_mut().zip(means) {
            series.push(mean);
        }
    }
    bar.finish_and_clear();
    let [mio, ferrio, control] = series;
    Ok(Rounds {
        mio,
        ferrio,
        control,
    })
}

/// What a ratio to mio is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The median is not above this.
    AtMost(f64),
    /// The quartile range includes 1.00, or lies below it.
    Parity,
}

impl Target {
    pub fn is_met(self, ratio: Quartiles) -> bool {
        match self {
            Target::AtMost(limit) => ratio.median <= limit,
            Target::Parity => ratio.q1 <= 1.0,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::AtMost(limit) => write!(f, "<= {limit}"),
            Target::Parity => f.write_str("1.00"),
        }
    }
}

/// A median with its quartiles and extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    pub min: f64,
    pub q1: f64,
    pub median: f64,
    pub q3: f64,
    pub max: f64,
}

impl Quartiles {
    /// There is at least one value: no row has less than one round.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let quantile = |share: f64| {
            let position = share * (sorted.len() - 1) as f64;
            let below = sorted[position.floor() as usize];
            let above = sorted[position.ceil() as usize];
            below + (above - below) * position.fract()
        };
        Self {
            min: quantile(0.0),
            q1: quantile(0.25),
            median: quantile(0.5),
            q3: quantile(0.75),
            max: quantile(1.0),
        }
    }

    /// Of the ratios within the rounds.
    pub fn of_ratios(above: &[Sample], below: &[Sample], of: fn(&Sample) -> f64) -> Self {
        Self::of(above.iter().zip(below).map(|(a, b)| of(a) / of(b)))
    }
}

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { q1, median, q3, .. } = self;
        write!(f, "{median:.3} ({q1:.3} to {q3:.3})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contender_runs_twice_a_round_and_takes_every_place() {
        for round in 0..3 {
            let order = order(round);
            for contender in 0..3 {
                assert_eq!(order.iter().filter(|&&c| c == contender).count(), 2);
                // Its two places are as far from the beginning as from the end.
                let places = (0..6).filter(|&place| order[place] == contender);
                assert_eq!(places.sum::<usize>(), 5);
            }
        }
        let first: Vec<usize> = (0..3).map(|round| order(round)[0]).collect();
        assert_eq!(first, [0, 1, 2]);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut calls = 0.0;
        // Everything gets slower all the time; ferrio takes half as long as mio at any time.
        let result = rounds("row", 6, |side| {
            calls += 1.0;
            let cpu_ns = if side == Side::Mio {
                2.0 * calls
            } else {
                calls
            };
            Ok(Sample { cpu_ns, rate: 1.0 })
        })
        .unwrap();
        assert_eq!(calls, 36.0);
        let cpu = |sample: &Sample| sample.cpu_ns;
        let ratio = Quartiles::of_ratios(&result.ferrio, &result.mio, cpu);
        assert_eq!((ratio.q1, ratio.median, ratio.q3), (0.5, 0.5, 0.5));
        let control = Quartiles::of_ratios(&result.control, &result.mio, cpu);
        assert_eq!(control.median, 1.0);
    }

    #[test]
    fn what_measures_nothing_is_an_error() {
        let nothing = rounds("row", 1, |_| {
            Ok(Sample {
                cpu_ns: 0.0,
                rate: 1.0,
            })
        });
        assert!(nothing.is_err());
    }

    #[test]
    fn a_target_is_judged_by_the_median_or_by_the_quartiles() {
        let of = |values: &[f64]| Quartiles::of(values.iter().copied());
        assert!(Target::AtMost(0.9).is_met(of(&[0.8, 0.9, 1.5])));
        assert!(!Target::AtMost(0.9).is_met(of(&[0.91])));
        assert!(Target::Parity.is_met(of(&[0.98, 1.02, 1.04])));
        assert!(Target::Parity.is_met(of(&[0.8, 0.9])));
        assert!(!Target::Parity.is_met(of(&[1.01, 1.02])));
    }

    #[test]
    fn quartiles_interpolate() {
        let quartiles = Quartiles::of([4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            quartiles,
            Quartiles {
                min: 1.0,
                q1: 1.75,
                median: 2.5,
                q3: 3.25,
                max: 4.0
            }
        );
        assert_eq!(Quartiles::of([7.0]).to_string(), "7.000 (7.000 to 7.000)");
    }
}
