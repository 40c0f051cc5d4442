//! Programs that don't know what is under them, on mio and on ferrio: tokio's own tests, servers
//! under load, tokio's runtimes. `dependants/README.md` says more.

mod csv_file;
mod forced;
pub mod lock;
mod measure;
mod nextest;
mod programs;
mod report;
mod runtimes;
mod server;
mod servers;
mod tokio;
mod wrk;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};

use crate::counts::Counts;
use crate::workspace::{Workspace, cargo};
use programs::Programs;
use report::Report;

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// What to run [default: all of it]
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// All of tokio's tests, which is the default without --quick
    #[arg(long, conflicts_with = "subset")]
    full: bool,
    /// Of tokio's tests those of net, io, process and signal
    #[arg(long)]
    subset: bool,
    /// Fewer and shorter rounds, and the subset of tokio's tests
    #[arg(long)]
    quick: bool,
    /// How many rounds a row is measured
    #[arg(long, value_name = "N")]
    rounds: Option<NonZeroUsize>,
    /// tokio's tests and nothing else, with both built on poll(2) instead of epoll
    #[arg(long, conflicts_with = "only")]
    force_poll: bool,
    /// Only the rows with this in their name; not tokio's tests
    #[arg(long, value_name = "ROW")]
    only: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// tokio's own tests: what passes with mio passes with ferrio
    Tokio,
    /// An axum server and one on nothing but mio, under wrk
    Servers,
    /// tokio's runtimes under work that comes from other threads
    Runtimes,
}

impl Arguments {
    /// What CI runs: which tests pass, but nothing that is measured.
    pub fn ci(force_poll: bool) -> Self {
        Self {
            parts: vec![Part::Tokio],
            subset: true,
            force_poll,
            ..Self::default()
        }
    }

    /// What the benchmark's report has of this.
    pub fn bench() -> Self {
        Self {
            parts: vec![Part::Servers, Part::Runtimes],
            rounds: NonZeroUsize::new(8),
            ..Self::default()
        }
    }

    /// A run whose rows are those of the benchmark's report.
    fn is_whole(&self) -> bool {
        let both = self.runs(Part::Servers) && self.runs(Part::Runtimes);
        both && self.only.is_empty() && !self.quick
    }

    /// As it is typed.
    fn command(&self) -> String {
        let rounds = self.rounds.map(|rounds| format!(" --rounds {rounds}"));
        let rounds = rounds.unwrap_or_default();
        format!("cargo xtask dependants servers runtimes{rounds}")
    }

    /// CI runs the command twice.
    pub fn name(&self) -> &'static str {
        match self.force_poll {
            true => "dependants --force-poll",
            false => "dependants",
        }
    }

    fn runs(&self, part: Part) -> bool {
        match self.parts.is_empty() {
            true if self.force_poll => part == Part::Tokio,
            true => part != Part::Tokio || self.only.is_empty(),
            false => self.parts.contains(&part),
        }
    }

    /// An error if they ask for what there is not.
    fn check(&self) -> Result<()> {
        ensure!(
            !self.force_poll || self.parts.iter().all(|part| *part == Part::Tokio),
            "--force-poll is for tokio's tests; nothing is measured with it"
        );
        let servers = servers::names()
            .map(str::to_owned)
            .filter(|_| self.runs(Part::Servers));
        let runtimes = runtimes::names().filter(|_| self.runs(Part::Runtimes));
        let rows: Vec<String> = servers.chain(runtimes).collect();
        for only in &self.only {
            ensure!(
                rows.iter().any(|row| row.contains(only.as_str())),
                "no row that would be measured has {only:?} in its name; there are: {}",
                rows.join(", ")
            );
        }
        Ok(())
    }

    fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| row.contains(only.as_str()))
    }

    fn rounds(&self, whole: usize, quick: usize) -> usize {
        let usual = if self.quick { quick } else { whole };
        self.rounds.map_or(usual, NonZeroUsize::get)
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    arguments.check()?;
    if arguments.runs(Part::Tokio) {
        let subset = arguments.subset || (arguments.quick && !arguments.full);
        let done = tokio::run(workspace, subset, arguments.force_poll, counts);
        tell(Part::Tokio, done, counts);
    }
    if !arguments.runs(Part::Servers) && !arguments.runs(Part::Runtimes) {
        return Ok(());
    }
    let programs = Programs::build(workspace, counts)?;
    let mut report = Report::new(workspace);
    if arguments.runs(Part::Servers) {
        let done = servers::run(&programs, arguments, &mut report, counts);
        tell(Part::Servers, done, counts);
    }
    if arguments.runs(Part::Runtimes) {
        let done = runtimes::run(&programs, arguments, &mut report, counts);
        tell(Part::Runtimes, done, counts);
    }
    report.finish(&directory(workspace))?;
    if arguments.is_whole() {
        let path = workspace.root().join("bench/report/tokio.csv");
        csv_file::write(&path, &arguments.command(), &report)?;
    }
    Ok(())
}

/// What is wrong with one part keeps the others from nothing.
fn tell(part: Part, done: Result<()>, counts: &mut Counts) {
    if let Err(error) = done {
        counts.failed += 1;
        println!("FAILED  {part:?}: {error:#}");
    }
}

/// Everything that is generated.
fn directory(workspace: &Workspace) -> PathBuf {
    workspace.target("dependants")
}

/// The cargo of a package outside the workspace. All of them build in one place: what they have in
/// common is built once.
pub fn cargo_in(workspace: &Workspace, package: &Path, arguments: &[&str]) -> Command {
    let mut command = cargo();
    command
        .args(arguments)
        .current_dir(package)
        .env("CARGO_TARGET_DIR", directory(workspace).join("build"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(parts: &[Part], only: &[&str]) -> Arguments {
        Arguments {
            parts: parts.to_vec(),
            only: only.iter().map(|only| (*only).to_owned()).collect(),
            ..Arguments::default()
        }
    }

    #[test]
    fn each_row_that_is_asked_for_has_to_be_there() {
        assert!(only(&[], &[]).check().is_ok());
        assert!(only(&[], &["axum", "spawn"]).check().is_ok());
        let error = only(&[], &["axum", "nonsense"]).check().unwrap_err();
        assert!(error.to_string().contains("\"nonsense\""), "{error}");
        assert!(error.to_string().contains("raw-http, "), "{error}");
        // They are there, but not in the parts that would run.
        assert!(only(&[Part::Servers], &["spawn"]).check().is_err());
        assert!(only(&[Part::Runtimes], &["spawn"]).check().is_ok());
        assert!(only(&[Part::Tokio], &["axum"]).check().is_err());
    }

    #[test]
    fn nothing_is_measured_on_poll() {
        let on_poll = |parts: &[Part]| Arguments {
            force_poll: true,
            ..only(parts, &[])
        };
        assert!(on_poll(&[]).check().is_ok());
        assert!(on_poll(&[Part::Tokio]).check().is_ok());
        assert!(on_poll(&[Part::Tokio, Part::Servers]).check().is_err());
        assert!(on_poll(&[]).runs(Part::Tokio));
        assert!(!on_poll(&[]).runs(Part::Servers));
    }
}
