//! The conformance suite, once or many times.
//!
//! The test programs are built once. Several of them run at a time, on half of the cores, so that
//! two hundred rounds take minutes, and so that the cases meet each other's load.

mod programs;
mod rounds;

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::workspace::Workspace;
use programs::Program;
use rounds::{Failure, Plan};

#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Only the cases on backends with this name, such as `epoll` or `epoll_eventfd`; without it,
    /// all tests of the suite
    selector: Option<String>,
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
            repeat: NonZeroUsize::MIN,
            jobs: None,
            release: false,
            keep_going: false,
            limit: 300,
        }
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let mut programs = programs::build(workspace, arguments.release)?;
    if let Some(selector) = &arguments.selector {
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
        program.count_skips(arguments.selector.as_deref())?;
    }
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let plan = Plan {
        repeat: arguments.repeat.get(),
        jobs: arguments.jobs.map_or((cores / 2).max(1), NonZeroUsize::get),
        keep_going: arguments.keep_going,
        limit: Duration::from_secs(arguments.limit),
        directory: workspace.target("conformance"),
    };
    announce(&programs, &plan);
    let failures = rounds::run(&programs, &plan, counts)?;
    failures.iter().for_each(report);
    Ok(())
}

fn announce(programs: &[Program], plan: &Plan) {
    let tests: usize = programs.iter().map(|program| program.tests.len()).sum();
    println!(
        "{tests} tests in {} programs, {} times, {} programs at a time",
        programs.len(),
        plan.repeat,
        plan.jobs
    );
}

fn report(failure: &Failure) {
    let Failure {
        round,
        program,
        how,
        tests,
        log,
    } = failure;
    println!(
        "round {round}, {program}: {how}; the output is in {}",
        log.display()
    );
    for test in tests {
        println!("  {test}");
    }
}
