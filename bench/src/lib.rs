//! ferrio beside crates.io mio, measured in one process and one run.
//!
//! The same generic code drives every contender (`contender`); a row is one workload (`rows`); `measure` runs
//! the contenders of a row in short alternating rounds; `report` turns the per-round ratios into a verdict.
#![cfg(target_os = "linux")]

mod cli;
mod clock;
mod contender;
mod dependencies;
mod descriptors;
mod machine;
mod measure;
mod pin;
mod raw;
mod report;
mod rows;
mod stats;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use measure::Plan;
use report::Report;

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
    let outcome = if cli.list {
        print(&rows::listing())
    } else {
        match cli.plan() {
            Ok(plan) => bench(&plan, &cli.report_directory()),
            Err(message) => {
                eprintln!("error: {message}");
                return ExitCode::from(2);
            }
        }
    };
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
    descriptors::raise_limit(plan.contenders.len())?;
    if let (true, Some(cpus)) = (plan.pin_all, plan.cpus) {
        pin::to_cpu(cpus.main)?;
    }
    let machine = machine::describe(plan);
    let results = measure::run(plan)?;
    let report = Report::new(plan, machine, dependencies::read(), results);
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
        let message = Cli::try_parse_from(["ferrio-bench", "--contenders", "tokio"])
            .unwrap_err()
            .to_string();
        let line = first_paragraph(&message);
        assert_eq!(line.lines().count(), 1);
        assert!(
            line.contains("tokio") && line.contains("ferrio, mio"),
            "{line}"
        );
    }
}
