//! Model-checks the lock-free parts. The cfg has a name of our own: `--cfg loom` reaches every
//! dependency, and some of them change under it.

use anyhow::{Result, ensure};

use crate::counts::Counts;
use crate::run;
use crate::workspace::{Workspace, rustflags};

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let mut test = workspace.cargo(["test", "--release", "-p", "ferrio", "--lib"]);
    // With the selector over poll(2), whose list of changes is one of those parts.
    test.args(["--features", "runtime-selector"]);
    test.env("RUSTFLAGS", rustflags("--cfg ferrio_loom -D warnings"))
        .env("CARGO_TARGET_DIR", workspace.target("loom"));
    let report = run::tests(&mut test, counts)?;
    ensure!(report.counts.passed > 0, "no model was checked");
    Ok(())
}
