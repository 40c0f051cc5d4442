//! The code is formatted.

use anyhow::Result;

use crate::counts::Counts;
use crate::workspace::Workspace;
use crate::{install, run};

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    install::component(workspace, "rustfmt", "fmt")?;
    let mut fmt = workspace.cargo(["fmt", "--all", "--check", "--", "--color=never"]);
    run::check("cargo fmt --all --check", &mut fmt, counts)
}
