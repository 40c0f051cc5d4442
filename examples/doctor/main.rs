//! What this machine and sandbox offer to ferrio, and what ferrio makes of it.
//!
//! ```text
//! cargo run --example doctor                # for people
//! cargo run --example doctor -- --json      # for programs, and for bug reports
//! ```
//!
//! A library for readiness stands on system calls that old kernels lack, that containers refuse, and
//! that limits cut short; where one is missing ferrio does the next best thing or fails. This tells
//! which it is, here.
//!
//! Where to look:
//! * `calls.rs` asks the kernel for each system call; `linux.rs` is the list of them.
//! * `choice.rs` says what ferrio would choose, and why.
//! * `trial.rs` then tries ferrio itself.
//! * `facts.rs` reads kernel, sandbox and limits; `report.rs` prints it all.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

// Where there are no calls to ask for, there are no answers either.
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
mod calls;
mod choice;
mod facts;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
mod report;
mod trial;

/// Tells what this machine and sandbox offer to ferrio: selectors, wakers, system calls, limits; and
/// what ferrio would choose, and why.
///
/// Exit codes: 0, ferrio works here; 1, it doesn't; 2, the command line makes no sense.
#[derive(Parser)]
#[command(name = "doctor")]
struct Args {
    /// Print one object of JSON
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Before anything else, while there is one thread: each call is tried in a child process.
    let calls = calls::ask_all();
    let facts = facts::gather();
    let choice = choice::choose(&calls);
    let trial = trial::run(&calls);
    let report = report::Report {
        advice: facts::advise(&facts, &calls),
        calls,
        facts,
        choice,
        trial,
    };
    let text = if args.json {
        report.to_json()
    } else {
        report.to_text()
    };
    // Unlike `print!` this doesn't panic when nobody reads any more (`doctor | head`).
    let _ = std::io::stdout().write_all(text.as_bytes());
    if report.is_healthy() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
