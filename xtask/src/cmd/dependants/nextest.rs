//! cargo-nextest: tokio's tests run in a process each, and are reported by name.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::junit::{self, Tests};
use super::{cargo_in, forced, lock};
use crate::run;
use crate::workspace::{Workspace, cargo};

/// Builds with the oldest compiler that ferrio builds with; newer ones ask for more.
const OLD_VERSION: &str = "0.9.100";

/// What nextest ends with if tests failed; anything else means that they did not run.
const TESTS_FAILED: i32 = 100;

/// Installs it, if it is not there.
pub fn install() -> Result<()> {
    let found = cargo()
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let install = |version: &[&str]| {
        let mut command = cargo();
        command.args(["install", "cargo-nextest", "--locked"]);
        run::step(command.args(version))
    };
    install(&[]).or_else(|error| {
        println!("{error:#}: trying an older one");
        install(&["--version", OLD_VERSION])
    })
}

/// Runs tests of a copy of tokio and says how each ended.
pub fn run(
    workspace: &Workspace,
    copy: &Path,
    force_poll: bool,
    arguments: &[String],
) -> Result<Tests> {
    let results = copy.join("nextest/default/junit.xml");
    if results.exists() {
        fs::remove_file(&results)?;
    }
    let config = workspace.root().join("dependants/nextest.toml");
    let mut command = cargo_in(workspace, copy, &["nextest", "run", "--features", "full"]);
    command
        .args(["--no-fail-fast", "--status-level", "fail", "--config-file"])
        .arg(config)
        .args(["--final-status-level", "fail", "--show-progress", "none"])
        .args(arguments)
        // Hundreds of test programs, which nobody debugs.
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    if force_poll {
        forced::apply(workspace, &mut command);
    }
    println!("$ {}", run::show(&command));
    let status = command.status().context("nextest could not be run")?;
    ensure!(
        matches!(status.code(), Some(0 | TESTS_FAILED)),
        "{}: {status}",
        run::show(&command)
    );
    let tests = junit::read(&lock::read(&results)?)?;
    ensure!(!tests.passed.is_empty(), "not one of tokio's tests passed");
    Ok(tests)
}
