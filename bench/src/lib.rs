//! ferrio beside crates.io mio, measured in one process and one run.
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
mod report;
mod rows;
mod stats;
mod suite;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use cli::Cli;
use measure::Plan;
use report::Report;

pub use suite::Suite;

/// Parses the command line, measures, prints and writes the report.
///
/// A missed target does not change the exit code: 0 means "measured", 1 that something failed, 2 a usage error.
pub fn run(suite: Suite) -> ExitCode {
    let cli = match Cli::parse_for(suite, std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            eprintln!("{}; see --help", first_paragraph(&error.to_string()));
            return ExitCode::from(2);
        }
        Err(help) => help.exit(),
    };
    let outcome = if cli.list {
        print(&rows::listing(suite.rows()))
    } else if let Some(times) = cli.make_calls {
        calls::make(suite, times)
    } else {
        match cli.plan(suite) {
            Ok(plan) => bench(&plan, &cli.report_directory(suite)),
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
    plan.suite.check()?;
    // Before the measurement: a directory that can't be had is better known now.
    fs::create_dir_all(directory).map_err(|error| {
        io::Error::new(error.kind(), format!("{}: {error}", directory.display()))
    })?;
    descriptors::raise_limit(plan.suite.descriptors(plan.contenders.len()))?;
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
        let arguments = ["ferrio-bench", "--contenders", "tokio"];
        let message = Cli::parse_for(Suite::Epoll, arguments)
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
