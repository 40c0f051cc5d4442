//! The tests under Miri, an interpreter that sees each use of memory that the language forbids: all of
//! ferrio's own that make no system call, or only those that Miri knows, and suites of the behaviour
//! suite that live on Unix pairs, pipes and wakers.
//!
//! What is not run is named in `limits.toml`, with the reason. Miri ends at the first call that it does
//! not know, so a test cannot be tried and found wanting; it is left out, and counted as skipped.

mod table;

use anyhow::{Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::workspace::Workspace;
use crate::{install, run};
use table::Table;

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Only ferrio's own tests, and of those not what takes a minute: what CI has time for
    #[arg(long)]
    quick: bool,
    /// Only tests whose name contains this
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Miri's random seed: another one is another order of threads
    #[arg(long, value_name = "SEED", default_value = "0")]
    seed: u64,
}

impl Arguments {
    /// What fits into CI.
    pub fn ci() -> Self {
        Self {
            quick: true,
            ..Self::default()
        }
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    install::nightly(&["miri", "rust-src"])?;
    let table = Table::read(workspace)?;
    let units = ["-p", "ferrio", "--lib", "--all-features"];
    let mut skipped = table.skipped("ferrio");
    if arguments.quick {
        skipped.extend(table.slow());
    }
    let passed = test(workspace, arguments, (&units, None), &skipped, counts)?;
    if arguments.quick {
        return something_was_run(arguments, passed);
    }
    let mut units = vec!["-p", "ferrio-conformance"];
    for suite in table.suites() {
        units.extend(["--test", suite]);
    }
    let skipped = table.skipped_in_suites();
    let what = (units.as_slice(), Some(table.backend.as_str()));
    let passed = passed + test(workspace, arguments, what, &skipped, counts)?;
    something_was_run(arguments, passed)?;
    let left_out = table.left_out();
    println!("{} suites are not run under Miri:", left_out.len());
    for (suite, reason) in left_out {
        println!("  {suite}: {reason}");
    }
    Ok(())
}

/// A name may fit tests of one program only, but of one it has to.
fn something_was_run(arguments: &Arguments, passed: usize) -> Result<()> {
    let name = arguments.name.as_deref().unwrap_or_default();
    ensure!(
        passed > 0,
        "no test with {name:?} in its name passed under Miri"
    );
    Ok(())
}

/// Runs the tests of some programs on a backend, all but those that are named. Says how many passed.
fn test(
    workspace: &Workspace,
    arguments: &Arguments,
    (what, backend): (&[&str], Option<&str>),
    skipped: &[&str],
    counts: &mut Counts,
) -> Result<usize> {
    let mut miri = workspace.cargo_of(install::NIGHTLY, ["miri", "test"]);
    miri.args(what)
        .arg("--no-fail-fast")
        .env("CARGO_TARGET_DIR", workspace.target("miri"))
        .env("CARGO_INCREMENTAL", "0")
        .env("MIRIFLAGS", flags(arguments.seed))
        // How long each took, to see what costs the time.
        .args(["--", "-Zunstable-options", "--report-time"]);
    if let Some(name) = arguments.name.as_deref().or(backend) {
        miri.arg(name);
    }
    for test in skipped {
        miri.args(["--skip", test]);
    }
    let mut found = Counts::default();
    let report = run::tests(&mut miri, &mut found)?;
    ensure!(
        report.counts.passed > 0 || arguments.name.is_some(),
        "not one test passed under Miri"
    );
    found.skipped += skipped.len();
    *counts += found;
    Ok(report.counts.passed)
}

/// Without isolation: tests look at the clock, at the environment, and make descriptors.
fn flags(seed: u64) -> String {
    format!("-Zmiri-disable-isolation -Zmiri-seed={seed}")
}
