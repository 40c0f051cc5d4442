//! The conformance suite, once or many times.
//!
//! The test programs are built once. Several of them run at a time, on half of the cores, so that
//! two hundred rounds take minutes, and so that the cases meet each other's load.

pub mod kqueue;
pub mod programs;
pub mod rounds;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::workspace::Workspace;
use programs::{Around, Build, Program};
use rounds::{Failure, Plan};

#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Only the cases on backends with this name, such as `epoll` or `epoll_eventfd`; without it,
    /// all tests of the suite. `kqueue`, on Linux: the suite on a library that simulates it
    selector: Option<String>,
    /// Where another library named kqueue is, to take the place of the project's own simulation
    #[arg(long, value_name = "DIRECTORY")]
    library: Option<PathBuf>,
    /// How many times each case runs
    #[arg(long, value_name = "N", default_value = "1")]
    repeat: NonZeroUsize,
    /// How many test programs run at a time [default: half of the cores]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Build the suite and ferrio with optimizations and without debug assertions
    #[arg(long)]
    release: bool,
    /// Finish all rounds even if a test fails in one
    #[arg(long)]
    keep_going: bool,
    /// How long one test program may run before it counts as hung
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    limit: u64,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            selector: None,
            library: None,
            repeat: NonZeroUsize::MIN,
            jobs: None,
            release: false,
            keep_going: false,
            limit: 300,
        }
    }
}

impl Arguments {
    /// The run on kqueue(2).
    pub fn kqueue() -> Self {
        Self {
            selector: Some("kqueue".to_owned()),
            ..Self::default()
        }
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let selector = arguments.selector.as_deref();
    if kqueue::is_asked(selector) {
        return on_kqueue(workspace, arguments, counts);
    }
    ensure!(
        arguments.library.is_none(),
        "--library goes with `kqueue`, on Linux"
    );
    let mut programs = programs::build(workspace, &suite(arguments.release))?;
    if let Some(selector) = selector {
        programs
            .iter_mut()
            .for_each(|program| program.keep(selector));
        programs.retain(|program| !program.tests.is_empty());
        ensure!(
            !programs.is_empty(),
            "no case runs on a backend named {selector}"
        );
    }
    for program in &mut programs {
        program.count_skips(selector)?;
    }
    let plan = plan(workspace, arguments, "conformance");
    finish(&programs, &plan, counts)
}

/// Everything in that build, and what differs between BSDs once more.
fn on_kqueue(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let selector = arguments.selector.as_deref();
    let mut programs = kqueue::build(workspace, arguments)?;
    if let Some(selector) = selector.filter(|&name| name != "kqueue") {
        programs
            .iter_mut()
            .for_each(|program| program.keep(selector));
        programs.retain(|program| !program.tests.is_empty());
        ensure!(
            !programs.is_empty(),
            "no case runs on a backend named {selector}"
        );
    }
    for program in &mut programs {
        program.count_skips(selector)?;
    }
    finish(
        &programs,
        &plan(workspace, arguments, "conformance-kqueue"),
        counts,
    )?;
    let pipes = kqueue::about_pipes(&programs);
    if arguments.library.is_some() || pipes.is_empty() {
        return Ok(());
    }
    println!("and the cases about pipes, with EPIPE for a reader that is gone");
    finish(
        &pipes,
        &plan(workspace, arguments, "conformance-kqueue-epipe"),
        counts,
    )
}

fn plan(workspace: &Workspace, arguments: &Arguments, directory: &str) -> Plan {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    Plan {
        repeat: arguments.repeat.get(),
        jobs: arguments.jobs.map_or((cores / 2).max(1), NonZeroUsize::get),
        keep_going: arguments.keep_going,
        limit: Duration::from_secs(arguments.limit),
        directory: workspace.target(directory),
    }
}

fn finish(programs: &[Program], plan: &Plan, counts: &mut Counts) -> Result<()> {
    announce(programs, plan);
    let failures = rounds::run(programs, plan, counts)?;
    report(&failures).iter().for_each(|line| println!("{line}"));
    Ok(())
}

/// The suite, for this machine.
fn suite(release: bool) -> Build<'static> {
    let mut arguments = vec!["--tests".to_owned()];
    if release {
        arguments.push("--release".to_owned());
    }
    Build {
        package: "ferrio-conformance",
        directory: "conformance",
        arguments,
        around: Around::default(),
    }
}

pub fn announce(programs: &[Program], plan: &Plan) {
    let tests: usize = programs.iter().map(|program| program.tests.len()).sum();
    println!(
        "{tests} tests in {} programs, {} times, {} programs at a time",
        programs.len(),
        plan.repeat,
        plan.jobs
    );
}

/// One line for each test, however often it failed.
pub fn report(failures: &[Failure]) -> Vec<String> {
    let mut by_test: BTreeMap<(&str, &str), Vec<&Failure>> = BTreeMap::new();
    for failure in failures {
        let mut add = |test| {
            let failed = by_test.entry((test, &failure.how)).or_default();
            failed.push(failure);
        };
        // A program can end badly after its last test has passed.
        if failure.tests.is_empty() {
            add(failure.program.as_str());
        }
        failure.tests.iter().for_each(|test| add(test));
    }
    let line = |((test, how), failures): ((&str, &str), Vec<&Failure>)| {
        let rounds: Vec<String> = failures.iter().map(|f| f.round.to_string()).collect();
        let plural = if rounds.len() == 1 { "" } else { "s" };
        let (rounds, log) = (rounds.join(", "), failures[0].log.display());
        format!("{test}: {how} in round{plural} {rounds}; see {log}")
    };
    by_test.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_fails_twice_has_one_line() {
        let failure = |round: usize, tests: &[&str]| Failure {
            round,
            program: "tcp".into(),
            how: "failed".into(),
            tests: tests.iter().map(|test| (*test).to_owned()).collect(),
            log: format!("{round}-tcp.log").into(),
        };
        let failures = [failure(2, &["a", "b"]), failure(7, &["a"]), failure(9, &[])];
        assert_eq!(
            report(&failures),
            [
                "a: failed in rounds 2, 7; see 2-tcp.log",
                "b: failed in round 2; see 2-tcp.log",
                "tcp: failed in round 9; see 9-tcp.log",
            ]
        );
    }
}
