//! cargo-mutants: changes one thing in the code that decides whether a wake arrives, and looks whether a
//! test notices. It works on copies of the tree.
//!
//! A change that nobody notices is a survivor, and is in `survivors.toml` with the reason, or fails
//! this. Files that only other systems compile are not changed: their tests are elsewhere.

mod survivors;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::install;
use crate::run;
use crate::workspace::Workspace;
use survivors::Survivors;

/// How many of 100 changes have to be noticed.
const ENOUGH: f64 = 85.0;

/// What is changed.
const FILES: [&str; 4] = [
    "src/notify.rs",
    "src/sys/unix/selector/*.rs",
    "src/sys/poll/**",
    "src/sys/unix/os/**",
];

/// What the build that is tested doesn't have, and tests.
const NOT_COMPILED: [&str; 4] = [
    "src/sys/unix/os/kqueue.rs",
    "src/sys/unix/selector/stateless_io_source.rs",
    "**/*_tests.rs",
    "src/sys/unix/os/fault.rs",
];

/// The suites that notice nearly everything, and are quick.
const SUITES: [&str; 15] = [
    "fallbacks",
    "late_pipes",
    "lifetime",
    "poll_changes",
    "poll_edges",
    "poll_faults",
    "poll_wakes",
    "registration",
    "rollback",
    "scripts",
    "spurious",
    "time",
    "tokens",
    "wake",
    "wakers",
];

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Only one of several equal parts, such as `1/8`: all of them take hours
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// How many changes are tested at a time, each in a copy of its own
    #[arg(long, value_name = "N", default_value = "2")]
    jobs: usize,
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    install::cargo_command("mutants")?;
    let survivors = Survivors::read()?;
    let directory = workspace.target("mutants");
    fs::create_dir_all(&directory)?;
    let mut command = workspace.cargo(["mutants", "-p", "ferrio"]);
    command
        .args(["--test-package", "ferrio,ferrio-conformance"])
        .args(["--no-times", "--timeout", "40", "--build-timeout", "300"])
        .args(["--jobs", &arguments.jobs.to_string()])
        .args(["-C=--lib", "-C=--package=ferrio-conformance"])
        .arg("--output")
        .arg(&directory)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("CARGO_TARGET_DIR");
    command.args(FILES.map(|file| format!("--file={file}")));
    command.args(NOT_COMPILED.map(|file| format!("--exclude={file}")));
    command.args(SUITES.map(|suite| format!("-C=--test={suite}")));
    if let Some(shard) = &arguments.shard {
        command.args(["--shard", shard]);
    }
    println!("$ {}", run::show(&command));
    // It ends with an error if anything survived, which is judged below.
    command.status().context("cargo-mutants could not be run")?;
    judge(&directory.join("mutants.out"), &survivors, counts)
}

/// Counts what was noticed, what was not, and what should have been.
fn judge(results: &Path, survivors: &Survivors, counts: &mut Counts) -> Result<()> {
    let list = |name: &str| -> Result<Vec<String>> {
        let text = fs::read_to_string(results.join(name))
            .with_context(|| format!("cargo-mutants wrote no {name}"))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let (caught, hung) = (list("caught.txt")?, list("timeout.txt")?);
    let (missed, unviable) = (list("missed.txt")?, list("unviable.txt")?);
    let noticed = caught.len() + hung.len();
    let all = noticed + missed.len();
    ensure!(all > 0, "nothing was changed");
    let share = 100.0 * noticed as f64 / all as f64;
    println!(
        "{} changes: {} failed a test, {} hung one, {} survived, {share:.1} % noticed; {} more do \
         not compile",
        all,
        caught.len(),
        hung.len(),
        missed.len(),
        unviable.len()
    );
    counts.passed += noticed;
    counts.add(share >= ENOUGH);
    for change in &missed {
        match survivors.reason(change) {
            Some(reason) => {
                counts.skipped += 1;
                println!("survived  {change}: {reason}");
            }
            None => {
                counts.failed += 1;
                println!("SURVIVED  {change}: nobody knows why");
            }
        }
    }
    Ok(())
}
