//! No lint fires, in any of the builds that matter.

use anyhow::Result;

use crate::counts::Counts;
use crate::workspace::Workspace;
use crate::{install, run};

/// One command would unify the features of all members, and so never see the other builds.
const BUILDS: [&str; 5] = [
    "--workspace --all-targets",
    "-p ferrio --all-targets",
    "-p ferrio --all-targets --no-default-features",
    "-p ferrio --all-targets --no-default-features --features net",
    "-p ferrio --all-targets --no-default-features --features os-poll,net",
];

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    install::component(workspace, "clippy", "clippy")?;
    for build in BUILDS {
        let mut clippy = workspace.cargo(["clippy", "--quiet"]);
        clippy.args(build.split(' ')).args(["--", "-D", "warnings"]);
        run::check(&format!("cargo clippy {build}"), &mut clippy, counts)?;
    }
    Ok(())
}
