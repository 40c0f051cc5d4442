//! Runs the contenders of a row in short rounds that alternate.
//!
//! Each round runs every contender once, in an order shuffled anew; a ratio is taken within one round. So other load on
//! the machine meets all contenders alike, and no one always runs after the same neighbour. Each row is set up several
//! times over, in shuffled order too, so that the luck of one set-up (which page, which descriptor number) doesn't
//! decide.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Span;
use crate::contender::Id;
use crate::pin::Cpus;
use crate::remote::Program;
use crate::rows::{Env, Row, Workload};
use crate::suite::Suite;

/// What a run does.
#[derive(Debug)]
pub struct Plan {
    pub rows: Vec<&'static Row>,
    /// In this order in every table. Always with [`Id::Mio`], the baseline.
    pub contenders: Vec<Id>,
    pub rounds: usize,
    pub seed: u64,
    /// Every row runs pinned, not only those with two threads.
    pub pin_all: bool,
    /// Where the threads of a row with two of them run; `None` if there is but one CPU.
    pub cpus: Option<Cpus>,
}

/// One contender's rounds.
#[derive(Debug)]
pub struct Series {
    pub contender: Id,
    pub cpu_ns: Vec<f64>,
    pub wall_ns: Vec<f64>,
}

/// All contenders' rounds of one row.
#[derive(Debug)]
pub struct RowResult {
    pub row: &'static Row,
    pub series: Vec<Series>,
}

impl RowResult {
    pub fn series(&self, contender: Id) -> Option<&Series> {
        self.series
            .iter()
            .find(|series| series.contender == contender)
    }
}

impl Plan {
    /// Who runs in a row.
    pub fn contenders(&self, row: &Row) -> Vec<Id> {
        let all = self.contenders.iter().copied();
        all.filter(|&id| row.has(id)).collect()
    }

    /// Whether the program for poll(2) is needed.
    pub fn needs_poll(&self) -> bool {
        self.rows
            .iter()
            .any(|row| self.contenders(row).iter().any(|&id| is_remote(row, id)))
    }
}

fn is_remote(row: &Row, contender: Id) -> bool {
    row.suite == Suite::Poll || contender.on_poll().is_some()
}

/// Measures every row of the plan; a progress bar goes to stderr if that is a terminal.
pub fn run(plan: &Plan, poll: Option<&Program>) -> io::Result<Vec<RowResult>> {
    let bar = progress(plan);
    let mut random = fastrand::Rng::with_seed(plan.seed);
    // Rows with threads come last: they leave a process different from what it was.
    let mut order: Vec<usize> = (0..plan.rows.len()).collect();
    order.sort_by_key(|&index| plan.rows[index].threads());
    let results: io::Result<Vec<(usize, RowResult)>> = order
        .into_iter()
        .map(|index| {
            let row = plan.rows[index];
            bar.set_message(row.name);
            let result = run_row(row, plan, poll, &mut random, &bar)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", row.name)))?;
            Ok((index, result))
        })
        .collect();
    bar.finish_and_clear();
    let mut results = results?;
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// A second thread that sleeps.
struct Company {
    hang_up: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Company {
    fn new() -> io::Result<Company> {
        let (hang_up, quiet) = mpsc::channel::<()>();
        let thread = thread::Builder::new()
            .name("company".into())
            // Nothing is ever sent: this waits for the other end to go.
            .spawn(move || {
                let _ = quiet.recv();
            })?;
        Ok(Company {
            hang_up: Some(hang_up),
            thread: Some(thread),
        })
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        self.hang_up.take();
        if let Some(thread) = self.thread.take() {
            // It can't have panicked, and there would be nobody to tell.
            let _ = thread.join();
        }
    }
}

/// No ticking thread: the bar is drawn between rounds, by this thread.
fn progress(plan: &Plan) -> ProgressBar {
    let rounds = plan.rows.iter().map(|row| row.rounds(plan.rounds));
    let bar = ProgressBar::new(rounds.sum::<usize>() as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3}% {eta:>4} left  {msg}")
    {
        bar.set_style(style);
    }
    bar
}

fn run_row(
    row: &'static Row,
    plan: &Plan,
    poll: Option<&Program>,
    random: &mut fastrand::Rng,
    bar: &ProgressBar,
) -> io::Result<RowResult> {
    let _company = row.company.then(Company::new).transpose()?;
    let contenders = plan.contenders(row);
    let mut series: Vec<Series> = contenders
        .into_iter()
        .map(|contender| Series {
            contender,
            cpu_ns: Vec::with_capacity(plan.rounds),
            wall_ns: Vec::with_capacity(plan.rounds),
        })
        .collect();
    for rounds in shares(row.rounds(plan.rounds), row.setups()) {
        let mut workloads = set_up(row, plan, poll, &series, random)
            .map_err(|error| io::Error::new(error.kind(), format!("set-up: {error}")))?;
        for workload in &mut workloads {
            workload.round()?;
        }
        let mut order: Vec<usize> = (0..workloads.len()).collect();
        for _ in 0..rounds {
            random.shuffle(&mut order);
            for &index in &order {
                let Span { cpu_ns, wall_ns } = workloads[index].round().map_err(|error| {
                    let who = series[index].contender.name();
                    io::Error::new(error.kind(), format!("{who}: {error}"))
                })?;
                series[index].cpu_ns.push(cpu_ns);
                series[index].wall_ns.push(wall_ns);
            }
            bar.inc(1);
        }
    }
    Ok(RowResult { row, series })
}

/// Builds the workloads in shuffled order and returns them in the contenders'.
fn set_up(
    row: &Row,
    plan: &Plan,
    poll: Option<&Program>,
    series: &[Series],
    random: &mut fastrand::Rng,
) -> io::Result<Vec<Box<dyn Workload>>> {
    let env = Env { cpus: plan.cpus };
    let build = |contender: Id| match poll {
        Some(poll) if is_remote(row, contender) => {
            poll.build(row, contender.on_poll().unwrap_or(contender))
        }
        _ => row.build(contender, &env),
    };
    let mut order: Vec<usize> = (0..series.len()).collect();
    random.shuffle(&mut order);
    let mut built: Vec<(usize, Box<dyn Workload>)> = order
        .into_iter()
        .map(|index| Ok((index, build(series[index].contender)?)))
        .collect::<io::Result<_>>()?;
    built.sort_by_key(|(index, _)| *index);
    Ok(built.into_iter().map(|(_, workload)| workload).collect())
}

/// Splits `total` into at most `parts` shares that differ by one at most; none is zero.
fn shares(total: usize, parts: usize) -> impl Iterator<Item = usize> {
    let parts = parts.min(total);
    (0..parts).map(move |part| total / parts + usize::from(part < total % parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;

    #[test]
    fn shares_add_up_and_none_is_zero() {
        for (total, parts) in [(1, 6), (5, 6), (6, 6), (40, 6), (301, 6)] {
            let shares: Vec<usize> = shares(total, parts).collect();
            assert_eq!(shares.iter().sum::<usize>(), total);
            assert!(shares.iter().all(|&share| share > 0));
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn every_contender_gets_every_round_in_its_own_series() {
        let plan = Plan {
            rows: rows::select(&["timeout-100us".to_owned()]).unwrap()[..1].to_vec(),
            contenders: vec![Id::Ferrio, Id::Mio, Id::Control, Id::Raw],
            rounds: 8,
            seed: 1,
            pin_all: false,
            cpus: None,
        };
        let results = run(&plan, None).unwrap();
        let [result] = &results[..] else {
            panic!("one row, one result");
        };
        for &contender in &plan.contenders {
            let series = result.series(contender).unwrap();
            assert_eq!((series.cpu_ns.len(), series.wall_ns.len()), (8, 8));
            assert!(series.wall_ns.iter().all(|&nanos| nanos >= 99_000.0));
        }
    }
}
