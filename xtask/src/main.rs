//! Every check that a contributor or CI runs, one command each: `cargo xtask help`.
//!
//! A command installs what it lacks, ends non-zero when anything failed or could not be run, and
//! closes with one line of counts.

mod cmd;
mod counts;
mod install;
mod interrupt;
mod libtest;
mod limits;
mod nextest;
mod run;
mod surface;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use counts::Counts;
use workspace::Workspace;

#[derive(Parser)]
#[command(about = "ferrio's checks, one command each", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: cmd::Command,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let mut counts = Counts::default();
    let done = Workspace::find().and_then(|workspace| command.run(&workspace, &mut counts));
    if let Err(error) = done {
        counts.failed += 1;
        eprintln!("error: {error:#}");
    }
    println!("{}: {counts}", command.name());
    if counts.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
