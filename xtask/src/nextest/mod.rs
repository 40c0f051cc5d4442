//! cargo-nextest: runs each test in a process of its own, ends one that hangs, and reports by name.

pub mod junit;

use std::process::Stdio;

use anyhow::Result;

use crate::run;
use crate::workspace::cargo;

/// Builds with the oldest compiler that ferrio builds with; newer ones ask for more.
const OLD_VERSION: &str = "0.9.100";

/// What nextest ends with if tests failed; anything else but 0 means that they did not run.
pub const TESTS_FAILED: i32 = 100;

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
