//! The suite on kqueue(2), on Linux: a library that is named kqueue takes the kernel's place.
//!
//! The project's own is `conformance/kqueue-sim`. Another one, such as libkqueue, is tried with
//! `--library DIRECTORY`. Either way the build differs from others by `--cfg ferrio_kqueue` alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::programs::{self, Around, Program};
use super::{Arguments, suite};
use crate::run;
use crate::workspace::{Workspace, rustflags};

/// Whether a run on this selector is one on such a library.
pub fn is_asked(selector: Option<&str>) -> bool {
    cfg!(target_os = "linux")
        && selector.is_some_and(|name| name.split('_').any(|part| part == "kqueue"))
}

/// The directory of the library: the given one, or that of our own, built first.
fn library(workspace: &Workspace, given: Option<&Path>) -> Result<PathBuf> {
    let directory = match given {
        Some(directory) => directory.canonicalize()?,
        None => {
            let target = workspace.target("kqueue-sim");
            let mut cargo = workspace.cargo(["build", "--quiet", "-p", "kqueue-sim"]);
            run::step(cargo.env("CARGO_TARGET_DIR", &target))?;
            target.join("debug")
        }
    };
    ensure!(
        directory.join("libkqueue.so").exists() || directory.join("libkqueue.a").exists(),
        "there is no libkqueue in {}",
        directory.display()
    );
    Ok(directory)
}

/// The environment of a build for the library, and of the programs that were built. The library is
/// the one in the `given` directory, or our own.
pub fn environment(workspace: &Workspace, given: Option<&Path>) -> Result<Vec<(String, OsString)>> {
    let directory = library(workspace, given)?;
    let flags = rustflags(&format!(
        "--cfg ferrio_kqueue -L native={} -D warnings",
        directory.display()
    ));
    let mut path = directory.into_os_string();
    if let Some(others) = std::env::var_os("LD_LIBRARY_PATH") {
        path.push(":");
        path.push(others);
    }
    Ok(vec![
        ("RUSTFLAGS".into(), flags.into()),
        ("CARGO_TARGET_DIR".into(), workspace.target("kqueue").into()),
        ("LD_LIBRARY_PATH".into(), path),
    ])
}

/// The suite and ferrio's own unit tests, built for the library.
pub fn build(workspace: &Workspace, arguments: &Arguments) -> Result<Vec<Program>> {
    let around = Around {
        environment: environment(workspace, arguments.library.as_deref())?,
        ..Around::default()
    };
    let mut build = suite(arguments.release);
    build.around = around;
    let mut all = programs::build(workspace, &build)?;
    build.package = "ferrio";
    build.directory = "";
    build.arguments.retain(|argument| argument != "--tests");
    build
        .arguments
        .extend(["--lib", "--all-features"].map(str::to_owned));
    all.extend(programs::build(workspace, &build)?);
    for program in &mut all {
        // That one needs no kqueue, and runs with the rest.
        program.leave_out("poll_pipe");
    }
    Ok(all)
}

/// What is run once more where the library can answer as OS X 10.10 does: the cases about pipes.
pub fn about_pipes(programs: &[Program]) -> Vec<Program> {
    const SUITES: [&str; 4] = ["closed_local", "late_pipes", "lifetime", "pipes"];
    let chosen = programs
        .iter()
        .filter(|program| SUITES.contains(&&*program.name));
    chosen
        .map(|program| program.with("KQUEUE_SIM_READER_GONE", "EPIPE"))
        .collect()
}
