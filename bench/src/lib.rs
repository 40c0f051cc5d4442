//! ferrio beside crates.io mio, polling, libuv, libevent and bare system calls, measured in one run.
//!
//! The same generic code drives every contender (`contender`); a row is one workload (`rows`); `measure` runs
//! the contenders of a row in short alternating rounds; `report` turns the per-round ratios into a verdict.
#![cfg(target_os = "linux")]

mod calls;
mod cli;
mod clock;
mod contender;
mod dependencies;
mod descriptors;
mod machine;
mod measure;
mod pin;
mod raw;
mod raw_poll;
mod remote;
mod report;
mod rows;
mod stats;
mod suite;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use cli::Cli;
use measure::Plan;
use pin::Cpus;
use remote::Program;
use report::Report;
use suite::Suite;

/// Parses the command line, measures, prints and writes the report.
///
/// A missed target does not change the exit code: 0 means "measured", 1 that something failed, 2 a usage error.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            eprintln!("{}; see --help", first_paragraph(&error.to_string()));
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    if cli.list {
        return end(print(&rows::listing()));
    }
    match cli.plan() {
        Ok(plan) => end(bench(&plan, &cli.report_directory())),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// The program for poll(2): `--serve CPU,CPU` (or `--serve -`) for ferrio-bench, `--make-calls N` for a tracer of system
/// calls.
pub fn run_on_poll() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--serve", "-"] => end(remote::serve(None)),
        ["--serve", cpus] => match cpus.parse::<Cpus>() {
            Ok(cpus) => end(remote::serve(Some(cpus))),
            Err(message) => usage(&message),
        },
        ["--make-calls", times] => match times.parse() {
            Ok(times) => end(calls::make(times)),
            Err(_) => usage("--make-calls takes a number"),
        },
        _ => usage("ferrio-bench starts this; `cargo xtask bench calls` makes it make calls"),
    }
}

fn usage(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

fn end(outcome: io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has had enough (`| head`): not a failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where cargo has built this program: other builds go below it.
fn target_directory() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").exists());
    let unknown = || io::Error::other("cargo's target directory is not above this program");
    Ok(target.ok_or_else(unknown)?.to_owned())
}

/// Of clap's message, what says what is wrong, in one line. The paragraphs after it tell less than --help does.
fn first_paragraph(message: &str) -> String {
    let lines: Vec<&str> = message
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

fn bench(plan: &Plan, directory: &Path) -> io::Result<()> {
    // Before the measurement: a directory that can't be had is better known now.
    fs::create_dir_all(directory).map_err(|error| {
        io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
    })?;
    descriptors::raise_limit(Suite::Epoll.descriptors(plan.contenders.len()))?;
    let poll = plan
        .needs_poll()
        .then(|| Program::start(plan.cpus))
        .transpose()?;
    if let (true, Some(cpus)) = (plan.pin_all, plan.cpus) {
        pin::to_cpu(cpus.main)?;
    }
    let machine = machine::describe(plan);
    let results = measure::run(plan, poll.as_ref())?;
    let report = Report::new(machine, dependencies::read(), results);
    print(&report.text())?;
    report.write(directory)?;
    print(&format!("\nreport: {}\n", directory.display()))
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_error_is_one_line_that_keeps_the_possible_values() {
        let arguments = ["ferrio-bench", "--contenders", "tokio"];
        let message = Cli::try_parse_from(arguments).unwrap_err().to_string();
        let line = first_paragraph(&message);
        assert_eq!(line.lines().count(), 1);
        assert!(
            line.contains("tokio") && line.contains("ferrio, mio, control"),
            "{line}"
        );
    }
}
