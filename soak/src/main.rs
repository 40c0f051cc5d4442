//! Many connections, for a long time: `cargo xtask soak`. README.md says what is checked.

#[cfg(target_os = "linux")]
mod allocator;
#[cfg(target_os = "linux")]
mod cli;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod message;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod table;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("soak: it reads procfs, and so runs on Linux only");
    ExitCode::from(2)
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use clap::Parser as _;

    let cli = cli::Cli::parse();
    let done = match &cli.part {
        Some(cli::Part::Serve(options)) => serve::run(options).map(|()| ExitCode::SUCCESS),
        Some(cli::Part::Load(options)) => load::run(options).map(|()| ExitCode::SUCCESS),
        None => soak(&cli.run),
    };
    done.unwrap_or_else(|error| {
        eprintln!("soak: {error:#}");
        ExitCode::from(2)
    })
}

#[cfg(target_os = "linux")]
fn soak(run: &cli::Run) -> anyhow::Result<ExitCode> {
    use anyhow::Context as _;

    let plan = run.plan()?;
    let file = plan.output.clone();
    let cannot = || format!("cannot write {}", file.display());
    report::check_writable(&file).with_context(cannot)?;
    let report = driver::run(plan)?;
    print!("{}", report.text());
    report.write(&file).with_context(cannot)?;
    println!("written to {}", file.display());
    Ok(match report.failures() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
