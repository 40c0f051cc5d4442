//! The tests on other processors: ferrio's own, those of its documentation, and the conformance suite.
//!
//! qemu-user runs the instructions of the other processor; system calls go to this kernel, translated.
//! What it does not translate is named in `limits.toml`, test by test.

mod machine;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::conformance::programs::{self, Around, Build, Program};
use super::conformance::rounds::{self, Plan};
use super::conformance::{announce, report};
use crate::counts::Counts;
use crate::limits::{self, Limit, Outcome};
use crate::workspace::Workspace;
use crate::{install, run};
use machine::Machine;

const LIMITS: &str = include_str!("limits.toml");

/// How long one test program may run. A body in a process of its own, and a condition that is waited
/// for, have shorter limits of their own.
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// The targets to test [default: aarch64-unknown-linux-gnu, if quick i686-unknown-linux-gnu too]
    #[arg(value_name = "TARGET", value_parser = machine::names())]
    targets: Vec<String>,
    /// How many test programs run at a time [default: half of the cores]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Without the release build, which has the sizes of sources only
    #[arg(long)]
    quick: bool,
}

impl Arguments {
    pub fn ci() -> Self {
        Self {
            quick: true,
            ..Self::default()
        }
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let names: Vec<&str> = match arguments.targets.as_slice() {
        [] if arguments.quick => machine::IN_CI.into(),
        [] => vec![machine::IN_CI[0]],
        names => names.iter().map(String::as_str).collect(),
    };
    let asked = names.into_iter().filter_map(machine::named);
    for machine in asked {
        println!("=== {}", machine.target);
        let mut found = Counts::default();
        if let Err(error) = test(workspace, machine, arguments, &mut found) {
            found.failed += 1;
            println!("error: {error:#}");
        }
        println!("{}: {found}", machine.target);
        *counts += found;
    }
    Ok(())
}

fn test(
    workspace: &Workspace,
    machine: &Machine,
    arguments: &Arguments,
    counts: &mut Counts,
) -> Result<()> {
    install::target(workspace, machine.target)?;
    machine.install()?;
    let around = machine.around()?;
    let programs = build(workspace, &around, arguments.quick)?;
    let limits = match machine.emulator {
        Some(_) => limits::of(LIMITS, machine.target)?,
        None => Vec::new(),
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let plan = Plan {
        repeat: 1,
        jobs: arguments.jobs.map_or(cores.div_ceil(2), NonZeroUsize::get),
        keep_going: true,
        limit: LIMIT,
        directory: workspace.target("qemu").join(machine.target),
    };
    announce(&programs, &plan);
    let found = run_all(&programs, &plan, &limits)?;
    *counts += found;
    documentation(workspace, &around, counts)
}

/// ferrio as users build it, the suite, and unless it is to be `quick` ferrio's release-only tests.
fn build(workspace: &Workspace, around: &Around, quick: bool) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    let packages: [(&str, &str, &[&str]); 3] = [
        ("ferrio", "", &[]),
        ("ferrio-conformance", "conformance", &[]),
        ("ferrio", "", &["--release", "--test", "size"]),
    ];
    let packages = &packages[..if quick { 2 } else { 3 }];
    for &(package, directory, arguments) in packages {
        let build = Build {
            package,
            directory,
            arguments: arguments.iter().map(|&a| a.to_owned()).collect(),
            around: around.clone(),
        };
        programs.extend(programs::build(workspace, &build)?);
    }
    for program in &mut programs {
        program.count_skips(None)?;
    }
    Ok(programs)
}

/// Runs the programs, and tells the emulator's failures from ferrio's.
fn run_all(programs: &[Program], plan: &Plan, limits: &[Limit]) -> Result<Counts> {
    let mut counts = Counts::default();
    let failures = rounds::run(programs, plan, &mut counts)?;
    let names = |program: &Program| {
        let names = program.tests.iter();
        let names = names.map(|test| format!("{} {test}", program.name));
        names.collect::<Vec<_>>()
    };
    let all: Vec<String> = programs.iter().flat_map(names).collect();
    let outcome = Outcome::of(limits, &all, &failures, |log: &Path| {
        Ok(std::fs::read_to_string(log)?)
    })?;
    print!("{outcome}");
    report(&outcome.failures)
        .iter()
        .for_each(|line| println!("{line}"));
    outcome.correct(&mut counts);
    Ok(counts)
}

/// The documentation's examples. An old cargo would leave them out without a word.
fn documentation(workspace: &Workspace, around: &Around, counts: &mut Counts) -> Result<()> {
    let mut cargo = workspace.cargo(["test", "-p", "ferrio", "--doc"]);
    around.cargo(&mut cargo);
    let found = run::tests(&mut cargo, counts)?;
    ensure!(
        found.counts.passed > 0,
        "not one example of the documentation ran: that takes cargo 1.89"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_understood() {
        for machine in machine::MACHINES {
            assert!(!limits::of(LIMITS, machine.target).unwrap().is_empty());
        }
        assert!(
            machine::IN_CI
                .map(machine::named)
                .iter()
                .all(Option::is_some)
        );
    }
}
