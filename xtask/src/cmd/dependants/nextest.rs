//! tokio's tests, by cargo-nextest.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{cargo_in, forced, lock};
use crate::nextest::TESTS_FAILED;
use crate::nextest::junit::{self, Tests};
use crate::run;
use crate::workspace::Workspace;

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
