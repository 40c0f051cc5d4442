//! tokio's runtimes under work that arrives from other threads:
//! `runtimes SCENARIO OPERATIONS`.
//!
//! Each scenario counts what it did and fails if that is not what it was to do. What it prints is
//! one line of JSON: how many operations, and how much CPU time of the whole process and how much
//! time they took.

mod channels;
mod done;
mod remote;
mod spawning;
mod stopwatch;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use stopwatch::Span;

/// Runs about as many operations as it is told to, some more beforehand to get warm, and says how
/// many it measured, and what they took.
type Scenario = fn(u64) -> Result<Span>;

const SCENARIOS: [(&str, Scenario); 12] = [
    ("current-spawn-1", spawning::current::<1>),
    ("current-spawn-16", spawning::current::<16>),
    ("current-spawn-256", spawning::current::<256>),
    ("current-spawn-stream", spawning::current_stream),
    ("current-notify-64", spawning::current_notify),
    ("current-mpsc-ping-pong", channels::current_mpsc),
    ("current-oneshot-ping-pong", channels::current_oneshot),
    ("current-mpsc-stream", channels::current_stream),
    ("multi-spawn-256", spawning::multi),
    ("multi-spawn-nested", spawning::multi_nested),
    ("multi-mpsc-ping-pong", channels::multi_mpsc),
    ("multi-oneshot-ping-pong", channels::multi_oneshot),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(operations)) = (arguments.next(), arguments.next()) else {
        let names = SCENARIOS.map(|(name, _)| name).join("\n  ");
        bail!("usage: runtimes SCENARIO OPERATIONS\n  {names}");
    };
    let operations = operations.parse().context("OPERATIONS is no number")?;
    let mut scenarios = SCENARIOS.iter();
    let (_, scenario) = scenarios
        .find(|(known, _)| *known == name)
        .with_context(|| format!("there is no scenario {name}"))?;
    println!("{}", scenario(operations)?);
    Ok(())
}
