//! The documentation builds, without a broken link.

use anyhow::Result;

use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

const BUILDS: [&str; 3] = ["--workspace", "-p ferrio", "-p ferrio --all-features"];

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    for build in BUILDS {
        let mut doc = workspace.cargo(["doc", "--quiet", "--no-deps"]);
        doc.args(build.split(' '))
            .env("RUSTDOCFLAGS", "-D warnings");
        run::check(&format!("cargo doc --no-deps {build}"), &mut doc, counts)?;
    }
    Ok(())
}
