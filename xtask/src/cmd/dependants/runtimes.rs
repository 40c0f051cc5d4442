//! tokio's runtimes under work that comes from other threads.

use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Arguments;
use super::measure::{self, Sample, Target};
use super::programs::Programs;
use super::report::Report;
use crate::counts::Counts;
use crate::run;

struct Row {
    /// The scenario of the program `runtimes`.
    name: &'static str,
    what: &'static str,
    /// As many as take a tenth of a second or so.
    operations: u32,
    target: Target,
}

const fn row(name: &'static str, operations: u32, target: Target, what: &'static str) -> Row {
    Row {
        name,
        what,
        operations,
        target,
    }
}

/// For tasks that come to a current-thread runtime from another thread.
const WAKES: Target = Target::AtMost(0.9);

#[rustfmt::skip]
const ROWS: [Row; 12] = [
    row("current-spawn-1", 20_000, WAKES, "a task is spawned from another thread and waited for: the runtime sleeps each time"),
    row("current-spawn-16", 100_000, WAKES, "16 tasks, then a wait until they have run"),
    row("current-spawn-256", 200_000, WAKES, "256 tasks, then a wait"),
    row("current-spawn-stream", 200_000, WAKES, "tasks one after the other, at most 1024 of them waiting to run"),
    row("current-notify-64", 200_000, WAKES, "64 sleeping tasks are notified from another thread, then a wait; an operation is one of them"),
    row("current-mpsc-ping-pong", 20_000, Target::Parity, "a message to another thread's current-thread runtime and one back: both sleep each time"),
    row("current-oneshot-ping-pong", 20_000, Target::Parity, "the same with a oneshot channel for each answer"),
    row("current-mpsc-stream", 200_000, Target::Parity, "messages to another current-thread runtime through a channel with room for 64"),
    row("multi-spawn-256", 200_000, Target::Parity, "256 tasks onto two workers from outside, then a wait"),
    row("multi-spawn-nested", 200_000, Target::Parity, "16 tasks that each spawn 16 on two workers, then a wait"),
    row("multi-mpsc-ping-pong", 200_000, Target::Parity, "a message there and back between two tasks on two workers"),
    row("multi-oneshot-ping-pong", 200_000, Target::Parity, "the same with a oneshot channel for each answer"),
];

/// What the program prints.
#[derive(Deserialize)]
struct Output {
    operations: u64,
    cpu_ns: u64,
    wall_ns: u64,
}

/// The rows that there are.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

pub fn run(
    programs: &Programs,
    arguments: &Arguments,
    report: &mut Report,
    counts: &mut Counts,
) -> Result<()> {
    let rounds = arguments.rounds(24, 3);
    report.section("tokio's runtimes, work from other threads");
    for row in ROWS.iter().filter(|row| arguments.wants(row.name)) {
        println!("{}: {rounds} rounds", row.name);
        let result = measure::rounds(row.name, rounds, |side| {
            let mut command = Command::new(programs.path(side, "runtimes"));
            command.arg(row.name).arg(row.operations.to_string());
            let printed = run::stdout(&mut command)?;
            let output: Output = serde_json::from_str(&printed)
                .with_context(|| format!("{}: {printed}", run::show(&command)))?;
            let operations = output.operations as f64;
            Ok(Sample {
                cpu_ns: output.cpu_ns as f64 / operations,
                rate: operations * 1e9 / output.wall_ns as f64,
            })
        });
        counts.add(result.is_ok());
        match result {
            Ok(result) => report.row(row.name, row.what, row.target, &result),
            Err(error) => println!("FAILED  {}: {error:#}", row.name),
        }
    }
    Ok(())
}
