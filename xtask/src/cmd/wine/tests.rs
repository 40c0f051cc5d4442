//! One package's tests, by nextest.

use std::fs;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, ensure};

use super::TARGET;
use super::prefix::Prefix;
use crate::cmd::conformance::programs::skipped;
use crate::counts::Counts;
use crate::nextest::TESTS_FAILED;
use crate::nextest::junit::{self, Tests};
use crate::workspace::Workspace;
use crate::{interrupt, run};

const CONFIG: &str = include_str!("nextest.toml");
const RUNNER: &str = "CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER";

/// What to run.
#[derive(Copy, Clone)]
pub struct Run<'a> {
    pub workspace: &'a Workspace,
    pub prefix: &'a Prefix,
    pub package: &'a str,
    pub arguments: &'a [String],
}

impl Run<'_> {
    /// Runs the tests, by a command that has begun, and counts them.
    pub fn all(self, mut command: Command, counts: &mut Counts) -> Result<()> {
        let store = self.workspace.target("wine").join(self.package);
        fs::create_dir_all(&store)?;
        let results = store.join("default/junit.xml");
        if results.exists() {
            fs::remove_file(&results)?;
        }
        let config = store.join("nextest.toml");
        let text = CONFIG.replace("target/wine", &store.display().to_string());
        fs::write(&config, text)?;
        command
            .args(["--target", TARGET, "--lib", "--tests", "--config-file"])
            .arg(config)
            .args(["--status-level", "fail", "--final-status-level", "fail"])
            .args(["--show-progress", "none"])
            .args(self.arguments)
            .env(RUNNER, self.prefix.runner()?);
        self.prefix.surround(&mut command);
        println!("$ {}", run::show(&command));
        let status = wait(&mut command)?;
        ensure!(
            matches!(status, Some(0 | TESTS_FAILED)),
            "{}: {status:?}",
            run::show(&command)
        );
        let text = fs::read_to_string(&results).context("nextest wrote no results")?;
        let tests = junit::read(&text)?;
        ensure!(!tests.passed.is_empty(), "not one test passed");
        let found = count(&tests)?;
        println!("{}: {found}", self.package);
        *counts += found;
        Ok(())
    }
}

/// A case that is skipped by capability passes, as far as nextest knows; of one that is not compiled
/// for Windows it knows nothing.
fn count(tests: &Tests) -> Result<Counts> {
    let skipped = skipped(&tests.printed, None)?;
    Ok(Counts {
        passed: tests.passed.len().saturating_sub(skipped),
        failed: tests.failed.len(),
        skipped: skipped + tests.ignored + kept_to_unix(&tests.printed)?,
    })
}

/// Adds up lines of the form `kept to Unix: SUITE NUMBER`.
pub fn kept_to_unix(output: &str) -> Result<usize> {
    let mut sum = 0;
    for line in output.lines() {
        let Some((_, line)) = line.split_once("kept to Unix: ") else {
            continue;
        };
        let number = line.split_whitespace().nth(1);
        let number = number.with_context(|| format!("`{line}` has no number"))?;
        sum += number.parse::<usize>().with_context(|| line.to_owned())?;
    }
    Ok(sum)
}

/// Runs nextest to its end: the code that it ends with.
fn wait(command: &mut Command) -> Result<Option<i32>> {
    static RUNNING: Mutex<Option<u32>> = Mutex::new(None);
    fn lock() -> MutexGuard<'static, Option<u32>> {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
    }
    // Without it, nextest would start what is left of the tests, and those a server of their own.
    interrupt::before_end(|| {
        if let Some(nextest) = *lock() {
            let mut kill = Command::new("sh");
            kill.args(["-c", &format!("kill -KILL {nextest}")]);
            let _ = run::stdout(&mut kill);
        }
    })?;
    let mut child: Child = command.spawn().context("nextest could not be run")?;
    *lock() = Some(child.id());
    let status = child.wait();
    *lock() = None;
    Ok(status?.code())
}

#[cfg(test)]
mod units {
    use super::*;

    #[test]
    fn what_a_capability_skips_has_not_passed() {
        let tests = Tests {
            passed: ["a", "b", "c"].map(str::to_owned).into(),
            failed: ["d".to_owned()].into(),
            ignored: 1,
            printed: "skipped by capability: time iocp_packet 2\nkept to Unix: fork 8\n".to_owned(),
        };
        let counts = count(&tests).unwrap();
        assert_eq!(counts.to_string(), "1 passed, 1 failed, 11 skipped");
    }
}
