//! The benchmarks that need a build of their own. `cargo run --release -p ferrio-bench` is the one that
//! doesn't.

mod calls;
mod strace;

use anyhow::Result;
use clap::Subcommand;

use crate::counts::Counts;
use crate::run;
use crate::workspace::{Workspace, rustflags};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// poll(2) against poll(2): counts the system calls of registrations, then measures
    Poll {
        /// Only count the system calls
        #[arg(long)]
        calls: bool,
        /// For the benchmark itself, behind `--`: for example `-- --quick --rows echo`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

/// Reaches ferrio and mio alike. The program refuses to run without it.
const FORCE_POLL: &str = "--cfg mio_unsupported_force_poll_poll";
const PROGRAM: &str = "ferrio-bench-poll";

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let Which::Poll { calls, arguments } = &arguments.which;
    let target = workspace.target("bench-poll");
    let mut build = workspace.cargo(["build", "--release", "-p", "ferrio-bench", "--bin", PROGRAM]);
    build
        .env("RUSTFLAGS", rustflags(FORCE_POLL))
        .env("CARGO_TARGET_DIR", &target);
    run::step(&mut build)?;
    let program = target.join("release").join(PROGRAM);
    calls::count(workspace, &program, counts)?;
    if *calls {
        return Ok(());
    }
    // It asks cargo for the versions, and so has to be where the workspace is.
    let mut bench = std::process::Command::new(program);
    bench.args(arguments).current_dir(workspace.root());
    run::step(&mut bench)?;
    counts.add(true);
    Ok(())
}
