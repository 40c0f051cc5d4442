//! The benchmark with all that belongs to it. `cargo run --release -p ferrio-bench` is its greatest part, and needs none
//! of this.

mod calls;
mod readme;
mod strace;

use anyhow::Result;
use clap::Subcommand;

use super::dependants;
use crate::counts::Counts;
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

#[derive(clap::Args, Clone, Debug, Default)]
pub struct Arguments {
    /// [default: all]
    #[command(subcommand)]
    which: Option<Which>,
}

#[derive(Clone, Debug, Default, Subcommand)]
enum Which {
    /// Everything: installs libuv and libevent, counts system calls, measures tokio's programs and every row, writes
    /// the reports and the README's tables
    #[default]
    All,
    /// Installs libuv and libevent, which the benchmark measures where it finds them
    Libraries,
    /// Counts the system calls of registrations under poll(2), and fails on one too many
    Calls,
    /// Measures the rows on poll(2)
    Poll {
        /// For the benchmark itself, behind `--`: for example `-- --quick`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Writes the README's tables from the reports' CSV files
    Readme,
}

impl Arguments {
    /// What CI needs before it builds the benchmark.
    pub fn libraries() -> Self {
        Self {
            which: Some(Which::Libraries),
        }
    }
}

/// Reaches ferrio and mio alike. The program refuses to run without it.
const FORCE_POLL: &str = "--cfg mio_unsupported_force_poll_poll";
const PROGRAM: &str = "ferrio-bench-poll";

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    match arguments.which.clone().unwrap_or_default() {
        Which::All => all(workspace, counts),
        Which::Libraries => libraries(counts),
        Which::Calls => count_calls(workspace, counts),
        Which::Poll { arguments } => {
            let rows = ["--rows".to_owned(), "poll-".to_owned()];
            bench(workspace, rows.into_iter().chain(arguments), counts)
        }
        Which::Readme => readme::write(workspace, counts),
    }
}

fn all(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    libraries(counts)?;
    count_calls(workspace, counts)?;
    dependants::run(workspace, &dependants::Arguments::bench(), counts)?;
    bench(workspace, ["--all".to_owned()], counts)?;
    readme::write(workspace, counts)
}

fn libraries(counts: &mut Counts) -> Result<()> {
    let packages = ["libuv1-dev", "libevent-dev", "pkg-config"];
    install::packages(&packages, "https://libuv.org, https://libevent.org")?;
    counts.add(true);
    Ok(())
}

fn count_calls(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    // Where ferrio-bench builds it, too.
    let target = workspace.target("bench-poll");
    let mut build = workspace.cargo(["build", "--release", "-p", "ferrio-bench", "--bin", PROGRAM]);
    build
        .env("RUSTFLAGS", rustflags(FORCE_POLL))
        .env("CARGO_TARGET_DIR", &target);
    run::step(&mut build)?;
    calls::count(workspace, &target.join("release").join(PROGRAM), counts)
}

fn bench(
    workspace: &Workspace,
    arguments: impl IntoIterator<Item = String>,
    counts: &mut Counts,
) -> Result<()> {
    let mut bench = workspace.cargo(["run", "--release", "-p", "ferrio-bench", "--"]);
    run::step(bench.args(arguments))?;
    counts.add(true);
    Ok(())
}
