//! The tests of the build without an OS poll.

use anyhow::{Result, ensure};

use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    for features in ["", "net"] {
        let mut test = workspace.cargo(["test", "-p", "ferrio", "--no-default-features"]);
        test.args(["--features", features]);
        let report = run::tests(&mut test, counts)?;
        ensure!(
            report.counts.passed > 0,
            "the build with the features [{features}] ran not one test"
        );
    }
    Ok(())
}
