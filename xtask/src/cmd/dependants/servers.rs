//! The servers under load.

use std::process::Command;

use anyhow::{Result, ensure};

use super::Arguments;
use super::lock::Side;
use super::measure::{self, Sample, Target};
use super::programs::Programs;
use super::report::Report;
use super::server::Server;
use super::wrk;
use crate::counts::Counts;

struct Row {
    name: &'static str,
    what: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// Requests that each connection sends at a time.
    depth: u32,
}

const ROWS: [Row; 4] = [
    Row {
        name: "axum-current",
        what: "axum on tokio's current-thread runtime; an operation is a request",
        program: "axum-hello",
        arguments: &["current"],
        depth: 1,
    },
    Row {
        name: "axum-multi",
        what: "axum on tokio's multi-thread runtime, two workers",
        program: "axum-hello",
        arguments: &["multi"],
        depth: 1,
    },
    Row {
        name: "raw-http",
        what: "HTTP on nothing but mio",
        program: "raw-http",
        arguments: &[],
        depth: 1,
    },
    Row {
        name: "raw-http-pipelined",
        what: "the same, each connection with 16 requests at a time",
        program: "raw-http",
        arguments: &[],
        depth: 16,
    },
];

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
    wrk::install()?;
    let rounds = arguments.rounds(20, 3);
    let seconds = 1;
    report.section("Servers under wrk: two threads, 64 connections");
    for row in ROWS.iter().filter(|row| arguments.wants(row.name)) {
        println!("{}: {rounds} rounds of {} s", row.name, 6 * seconds);
        let result = measure::rounds(row.name, rounds, |side| once(programs, row, side, seconds));
        counts.add(result.is_ok());
        match result {
            Ok(result) => report.row(row.name, row.what, Target::Parity, &result),
            Err(error) => println!("FAILED  {}: {error:#}", row.name),
        }
    }
    Ok(())
}

/// A server from its start to its end.
fn once(programs: &Programs, row: &Row, side: Side, seconds: u32) -> Result<Sample> {
    let mut command = Command::new(programs.path(side, row.program));
    let mut server = Server::start(command.args(row.arguments))?;
    server.greet()?;
    let before = server.cpu_ns()?;
    let summary = wrk::run(&programs.load, server.address, seconds, row.depth)?;
    let cpu_ns = server.cpu_ns()? - before;
    // The load is over: what the server still does is not for a request.
    server.stop()?;
    ensure!(summary.seconds > 0.0, "wrk took no time");
    let requests = summary.requests as f64;
    Ok(Sample {
        cpu_ns: cpu_ns as f64 / requests,
        rate: requests / summary.seconds,
    })
}
