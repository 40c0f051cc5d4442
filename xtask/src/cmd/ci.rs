//! Everything that CI runs, in order. A failed step does not keep the others from running.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Command;
use crate::counts::Counts;
use crate::workspace::Workspace;

/// Cheap steps first, so that a slip shows early.
fn steps() -> Vec<Command> {
    vec![
        Command::Fmt,
        // Found when the benchmark is built, which the next steps do.
        Command::Bench(super::bench::Arguments::libraries()),
        Command::Clippy,
        Command::Powerset,
        Command::Test,
        Command::DefaultBuild,
        Command::Docs,
        Command::Msrv(super::msrv::Arguments::default()),
        Command::Loom,
        Command::Miri(super::miri::Arguments::ci()),
        Command::Sanitize(super::sanitize::Arguments::ci()),
        Command::Surface(super::surface::Arguments::default()),
        Command::Conformance(super::conformance::Arguments::default()),
        Command::Conformance(super::conformance::Arguments::kqueue()),
        Command::Fuzz(super::fuzz::Arguments::default()),
        Command::Fuzz(super::fuzz::Arguments::kqueue()),
        Command::Fuzz(super::fuzz::Arguments::libfuzzer()),
        Command::Inject(super::inject::Arguments::default()),
        Command::ForcedCfgs,
        Command::Shell,
        Command::Soak(super::soak::Arguments::ci()),
        Command::Qemu(super::qemu::Arguments::ci()),
        Command::Wasi(super::wasi::Arguments::default()),
        Command::Wine(super::wine::Arguments::default()),
        Command::CheckTargets(super::check_targets::Arguments::ci()),
        Command::Dependants(super::dependants::Arguments::ci(false)),
        Command::Dependants(super::dependants::Arguments::ci(true)),
    ]
}

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let begun = Instant::now();
    let mut summary = Vec::new();
    for step in steps() {
        let name = step.name();
        println!("\n=== {name}");
        let (begun, mut step_counts) = (Instant::now(), Counts::default());
        if let Err(error) = step.run(workspace, &mut step_counts) {
            step_counts.failed += 1;
            println!("error: {error:#}");
        }
        let line = line(name, begun.elapsed(), &step_counts);
        println!("=== {line}");
        summary.push(line);
        *counts += step_counts;
    }
    println!("\n=== summary");
    for line in summary {
        println!("{line}");
    }
    println!("{}", line("all", begun.elapsed(), counts));
    Ok(())
}

fn line(name: &str, duration: Duration, counts: &Counts) -> String {
    let outcome = if counts.failed == 0 { "ok" } else { "FAILED" };
    let seconds = duration.as_secs_f64();
    format!("{outcome:<6}  {name:<14} {seconds:>7.1} s  {counts}")
}
