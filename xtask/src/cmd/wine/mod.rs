//! The tests of the Windows build, under Wine: ferrio's own, the conformance suite, and tokio on ferrio.
//!
//! cargo-nextest runs each test in a process of its own, a few at a time, and ends one that hangs.

mod prefix;
mod tests;

pub use self::tests::kept_to_unix;

use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;

use super::dependants::cargo_in;
use super::dependants::lock::{self, Side};
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

/// tokio, in `dependants/windows`.
const TOKIO: &str = "tokio-on-windows";

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    install::target(workspace, TARGET)?;
    nextest::install()?;
    let prefix = Prefix::new(workspace)?;
    let _server = prefix.serve()?;
    let all = PACKAGES.into_iter().chain([TOKIO]);
    let wanted = |package: &&str| arguments.package.as_deref().is_none_or(|p| p == *package);
    let chosen: Vec<&str> = all.filter(wanted).collect();
    ensure!(!chosen.is_empty(), "no such package has tests for Windows");
    for package in chosen {
        let done = cargo(workspace, package).and_then(|cargo| {
            let run = tests::Run {
                workspace,
                prefix: &prefix,
                package,
                arguments: &arguments.nextest,
            };
            run.all(cargo, counts)
        });
        if let Err(error) = done {
            counts.failed += 1;
            println!("FAILED  {package}: {error:#}");
        }
    }
    Ok(())
}

/// Begins `cargo nextest run` for a package.
fn cargo(workspace: &Workspace, package: &str) -> Result<Command> {
    let nextest = ["nextest", "run", "-p", package];
    if package != TOKIO {
        return Ok(workspace.cargo(nextest));
    }
    let directory = workspace.root().join("dependants/windows");
    lock::check(workspace, Side::Ferrio, &directory)?;
    Ok(cargo_in(workspace, &directory, &nextest))
}
