//! The tests of the Windows build, under Wine: ferrio's own, and the conformance suite.
//!
//! cargo-nextest runs each test in a process of its own, a few at a time, and ends one that hangs.

mod prefix;
mod tests;

use anyhow::Result;
use clap::Args;

use crate::counts::Counts;
use crate::workspace::Workspace;
use crate::{install, nextest};
use prefix::Prefix;

/// Links with mingw-w64, and runs on Windows as it is.
pub const TARGET: &str = "x86_64-pc-windows-gnu";

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Only tests of this package
    #[arg(long, short, value_name = "PACKAGE")]
    package: Option<String>,
    /// What else nextest is told, such as a test's name
    #[arg(last = true)]
    nextest: Vec<String>,
}

/// The packages whose tests run on Windows, each built by itself: together they would share their
/// features, and ferrio would not be what users build.
const PACKAGES: [&str; 2] = ["ferrio", "ferrio-conformance"];

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    install::target(workspace, TARGET)?;
    nextest::install()?;
    let prefix = Prefix::new(workspace)?;
    let _server = prefix.serve()?;
    let wanted = |package: &str| arguments.package.as_deref().is_none_or(|p| p == package);
    for package in PACKAGES.into_iter().filter(|package| wanted(package)) {
        let run = tests::Run {
            workspace,
            prefix: &prefix,
            package,
            arguments: &arguments.nextest,
        };
        if let Err(error) = run.all(counts) {
            counts.failed += 1;
            println!("FAILED  {package}: {error:#}");
        }
    }
    Ok(())
}
