//! tokio's runtimes under work that comes from other threads.

use std::fs;
use std::path::Path;
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
    threads: Threads,
}

/// Where the program's threads run. A thread that is asleep on another CPU takes long to wake, longest if
/// nothing else runs there: then that is most of what a row measures.
#[derive(Clone, Copy, PartialEq)]
enum Threads {
    /// Where the kernel puts them.
    Anywhere,
    /// All on one CPU, as on a machine with as much work as it can do.
    OnOneCpu,
}

const fn row(name: &'static str, operations: u32, target: Target, what: &'static str) -> Row {
    Row {
        name,
        what,
        operations,
        target,
        threads: Threads::Anywhere,
    }
}

/// The same on one CPU.
const fn on_one_cpu(row: Row) -> Row {
    Row {
        threads: Threads::OnOneCpu,
        ..row
    }
}

/// For tasks that come to a current-thread runtime from another thread.
const WAKES: Target = Target::AtMost(0.9);

#[rustfmt::skip]
const SPAWN_1: Row = row("current-spawn-1", 20_000, WAKES, "a task is spawned from another thread and waited for: the runtime sleeps each time");
#[rustfmt::skip]
const SPAWN_16: Row = row("current-spawn-16", 100_000, WAKES, "16 tasks, then a wait until they have run");
#[rustfmt::skip]
const SPAWN_256: Row = row("current-spawn-256", 200_000, WAKES, "256 tasks, then a wait");
#[rustfmt::skip]
const SPAWN_STREAM: Row = row("current-spawn-stream", 200_000, WAKES, "tasks one after the other, at most 1024 of them waiting to run");
#[rustfmt::skip]
const NOTIFY_64: Row = row("current-notify-64", 200_000, WAKES, "64 sleeping tasks are notified from another thread, then a wait; an operation is one of them");

#[rustfmt::skip]
const ROWS: [Row; 17] = [
    SPAWN_1, SPAWN_16, SPAWN_256, SPAWN_STREAM, NOTIFY_64,
    on_one_cpu(SPAWN_1), on_one_cpu(SPAWN_16), on_one_cpu(SPAWN_256), on_one_cpu(SPAWN_STREAM), on_one_cpu(NOTIFY_64),
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

impl Row {
    fn full_name(&self) -> String {
        match self.threads {
            Threads::Anywhere => self.name.to_owned(),
            Threads::OnOneCpu => format!("{}-one-cpu", self.name),
        }
    }

    fn meaning(&self) -> String {
        match self.threads {
            Threads::Anywhere => self.what.to_owned(),
            Threads::OnOneCpu => format!("{}; both threads on one CPU", self.what),
        }
    }

    fn command(&self, program: &Path) -> Result<Command> {
        let mut command = match self.threads {
            Threads::Anywhere => Command::new(program),
            Threads::OnOneCpu => {
                let mut command = Command::new("taskset");
                command.args(["-c", &first_cpu()?]).arg(program);
                command
            }
        };
        command.arg(self.name).arg(self.operations.to_string());
        Ok(command)
    }
}

/// One that this process may run on: proc_pid_status(5).
fn first_cpu() -> Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = list.and_then(|list| list.trim().split([',', '-']).next());
    Ok(first.context("no Cpus_allowed_list")?.to_owned())
}

/// The rows that there are.
pub fn names() -> impl Iterator<Item = String> {
    ROWS.iter().map(Row::full_name)
}

pub fn run(
    programs: &Programs,
    arguments: &Arguments,
    report: &mut Report,
    counts: &mut Counts,
) -> Result<()> {
    let rounds = arguments.rounds(24, 3);
    report.section("tokio's runtimes, work from other threads");
    for row in ROWS.iter().filter(|row| arguments.wants(&row.full_name())) {
        let name = row.full_name();
        println!("{name}: {rounds} rounds");
        let result = measure::rounds(&name, rounds, |side| {
            let mut command = row.command(&programs.path(side, "runtimes"))?;
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
            Ok(result) => report.row(&name, &row.meaning(), row.target, &result),
            Err(error) => println!("FAILED  {name}: {error:#}"),
        }
    }
    Ok(())
}
