//! The tests with one of rustc's sanitizers in them, and in the standard library.
//!
//! Each report that a sanitizer writes is a failure, whoever wrote it: the children that tests start
//! and the processes that they fork have their reports counted too, although nobody looks at how those
//! end. Before the tests a program with a fault in it has to be reported, so that silence means
//! something.

mod reports;
mod sanitizer;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::conformance::programs::{self, Around, Build, Program};
use super::conformance::rounds::{self, Plan};
use super::conformance::{announce, report};
use crate::counts::Counts;
use crate::limits::{self, Outcome};
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};
use reports::Reports;
pub use sanitizer::Sanitizer;

const LIMITS: &str = include_str!("limits.toml");

/// How long one test program may run. Several times as long as without a sanitizer.
const LIMIT: Duration = Duration::from_secs(600);

/// The programs whose tests share things between threads: what CI has time for.
const QUICK: [&str; 10] = [
    "ferrio",
    "deregistration",
    "poll_changes",
    "poll_wakes",
    "registration",
    "spin",
    "threads",
    "wake",
    "wake_races",
    "wakers",
];

#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// What to look for
    sanitizer: Sanitizer,
    /// Only test programs with this name, such as `wake`
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Only what CI has time for: ferrio's own tests, and suites on registrations and wakes
    #[arg(long, conflicts_with = "only")]
    quick: bool,
    /// How many test programs run at a time [default: half of the cores]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Keep what was built, several gigabytes, for the next time
    #[arg(long)]
    keep: bool,
}

impl Arguments {
    /// What fits into CI.
    pub fn ci() -> Self {
        Self {
            sanitizer: Sanitizer::Thread,
            only: Vec::new(),
            quick: true,
            jobs: None,
            keep: false,
        }
    }

    /// The programs that are asked for; none: all.
    fn programs(&self) -> Vec<String> {
        match self.quick {
            true => QUICK.map(str::to_owned).into(),
            false => self.only.clone(),
        }
    }

    /// What the closing line begins with.
    pub fn name(&self) -> &'static str {
        self.sanitizer.command()
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    install::nightly(&["rust-src"])?;
    install::package("llvm-symbolizer", "llvm", "https://llvm.org")?;
    let directory = workspace
        .target("sanitize")
        .join(arguments.sanitizer.name());
    let done = check(workspace, arguments, &directory, counts);
    if !arguments.keep && directory.exists() {
        std::fs::remove_dir_all(directory)?;
    }
    done
}

fn check(
    workspace: &Workspace,
    arguments: &Arguments,
    directory: &Path,
    counts: &mut Counts,
) -> Result<()> {
    let sanitizer = arguments.sanitizer;
    // Not below `directory`: they are read when that is gone.
    let reports = Reports::new(&workspace.target("sanitizer-reports"), sanitizer)?;
    sanitizer.must_see_a_fault(workspace, directory, &reports)?;
    counts.add(true);
    let around = around(workspace, sanitizer, directory, &reports)?;
    let programs = build(workspace, &around, &arguments.programs())?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let plan = Plan {
        repeat: 1,
        jobs: arguments.jobs.map_or(cores.div_ceil(2), NonZeroUsize::get),
        keep_going: true,
        limit: LIMIT,
        directory: workspace.target("sanitizer-logs").join(sanitizer.name()),
    };
    announce(&programs, &plan);
    run_all(&programs, &plan, sanitizer, &reports, counts)
}

fn run_all(
    programs: &[Program],
    plan: &Plan,
    sanitizer: Sanitizer,
    reports: &Reports,
    counts: &mut Counts,
) -> Result<()> {
    let mut found = Counts::default();
    let failures = rounds::run(programs, plan, &mut found)?;
    let named = |program: &Program| {
        let tests = program.tests.iter();
        tests
            .map(|test| format!("{} {test}", program.name))
            .collect::<Vec<_>>()
    };
    let all: Vec<String> = programs.iter().flat_map(named).collect();
    let mut limits = limits::of(LIMITS, sanitizer.name())?;
    // With `--only` the others' are not unknown, they are not here.
    let here = |test: &String| {
        let program = test.split(' ').next();
        programs.iter().any(|p| Some(p.name.as_str()) == program)
    };
    limits.iter_mut().for_each(|limit| limit.tests.retain(here));
    let outcome = Outcome::of(&limits, &all, &failures, |log| {
        Ok(std::fs::read_to_string(log)?)
    })?;
    print!("{outcome}");
    report(&outcome.failures)
        .iter()
        .for_each(|line| println!("{line}"));
    outcome.correct(&mut found);
    let written = reports.show()?;
    println!("{written} reports of {}", sanitizer.full_name());
    found.failed += written;
    *counts += found;
    Ok(())
}

fn around(
    workspace: &Workspace,
    sanitizer: Sanitizer,
    directory: &Path,
    reports: &Reports,
) -> Result<Around> {
    let mut environment = vec![
        (
            "RUSTFLAGS".to_owned(),
            rustflags(&sanitizer.flags().join(" ")).into(),
        ),
        ("CARGO_TARGET_DIR".to_owned(), directory.into()),
        ("CARGO_INCREMENTAL".to_owned(), "0".into()),
        // Names of functions and lines, for the reports.
        (
            "CARGO_PROFILE_DEV_DEBUG".to_owned(),
            "line-tables-only".into(),
        ),
        // What the tests wait for comes several times sooner.
        ("CARGO_PROFILE_DEV_OPT_LEVEL".to_owned(), "1".into()),
    ];
    environment.extend(sanitizer.environment(workspace, reports));
    Ok(Around {
        toolchain: Some(install::NIGHTLY.to_owned()),
        target: Some(host(workspace)?),
        environment,
        ..Around::default()
    })
}

/// ferrio with all features, and the suite; or of both only the programs with these names.
fn build(workspace: &Workspace, around: &Around, only: &[String]) -> Result<Vec<Program>> {
    let mut programs = Vec::new();
    for (package, directory, mut arguments) in packages(only) {
        arguments.push("-Zbuild-std".to_owned());
        let build = Build {
            package,
            directory,
            arguments,
            around: around.clone(),
        };
        programs.extend(programs::build(workspace, &build)?);
    }
    for program in &mut programs {
        program.count_skips(None)?;
    }
    Ok(programs)
}

/// Packages, their directories, and what cargo is told of each.
fn packages(only: &[String]) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let library = ("ferrio", "", words(&["--lib", "--all-features"]));
    let suite = |arguments| ("ferrio-conformance", "conformance", arguments);
    if only.is_empty() {
        return vec![library, suite(words(&["--tests"]))];
    }
    let suites = only.iter().filter(|&name| name != library.0);
    let suites: Vec<String> = suites
        .flat_map(|name| match name.as_str() {
            "ferrio_conformance" => words(&["--lib"]),
            name => words(&["--test", name]),
        })
        .collect();
    let mut packages = Vec::new();
    if only.iter().any(|name| name == library.0) {
        packages.push(library);
    }
    if !suites.is_empty() {
        packages.push(suite(suites));
    }
    packages
}

/// The compiler's name for this machine. The flags are for programs for a named target only, so that
/// build scripts and macros do without them.
fn host(workspace: &Workspace) -> Result<String> {
    let version = run::stdout(install::rustc(workspace).arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    ensure!(host.is_some(), "rustc does not name its host");
    Ok(host.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_understood() {
        for sanitizer in Sanitizer::ALL {
            assert!(limits::of(LIMITS, sanitizer.name()).is_ok());
        }
    }

    #[test]
    fn only_what_is_asked_for_is_built() {
        let asked = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let packages = packages(&names).into_iter();
            packages
                .map(|(package, _, arguments)| format!("{package} {}", arguments.join(" ")))
                .collect::<Vec<_>>()
        };
        let ferrio = "ferrio --lib --all-features";
        assert_eq!(asked(&[]), [ferrio, "ferrio-conformance --tests"]);
        assert_eq!(asked(&["ferrio"]), [ferrio]);
        let suites = "ferrio-conformance --test wake --lib";
        assert_eq!(asked(&["wake", "ferrio_conformance"]), [suites]);
        let suites = "ferrio-conformance --test wake";
        assert_eq!(asked(&["wake", "ferrio"]), [ferrio, suites]);
    }
}
