//! The tests of the build without an OS poll.

use anyhow::{Result, ensure};

use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

/// In tests/shell.rs, which is empty where ferrio can poll.
const REFUSED: &str = "a_poll_is_refused_whatever_it_is_made_of";

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    for features in ["", "net"] {
        let mut test = workspace.cargo(["test", "-p", "ferrio", "--no-default-features"]);
        // The examples in the documentation and in examples/ need a Poll, which is refused here.
        test.args(["--features", features, "--lib", "--test", "shell"]);
        let report = run::tests(&mut test, counts)?;
        ensure!(
            report.passed.iter().any(|name| name == REFUSED),
            "{REFUSED} did not run with the features [{features}]"
        );
    }
    Ok(())
}
