//! How many lines of `src/` the tests on Linux reach: with every selector and waker, in the builds for
//! systems that lack what Linux has, on kqueue, simulated, and without an OS poll. Windows and WASI have
//! tests of their own, which are not measured.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::conformance::kqueue;
use super::forced_cfgs::without_flags;
use crate::counts::Counts;
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

/// How many of 100 lines have to be reached.
const ENOUGH: f64 = 90.0;

/// Not measured: other platforms, and the tests themselves.
const LEFT_OUT: [&str; 5] = ["/windows/", "/wasi", "/hermit", "tests.rs", "/tests/"];

/// Runs of the tests: flags for the compiler, and what cargo is told.
const RUNS: [(&str, &[&str]); 7] = [
    ("", &["-p", "ferrio", "--lib", "--all-features"]),
    // The build that users have, with one selector: a server does its I/O.
    ("", &["-p", "ferrio", "--lib", "--tests"]),
    (
        "",
        &[
            "-p",
            "ferrio-programs",
            "--test",
            "servers",
            "--",
            "proxy::",
        ],
    ),
    ("", &["-p", "ferrio-conformance", "--tests"]),
    (
        "",
        &[
            "-p",
            "ferrio",
            "--lib",
            "--no-default-features",
            "--features",
            "net,log",
        ],
    ),
    (
        "--cfg mio_unsupported_force_poll_poll",
        &["-p", "ferrio", "--lib", "--test", "forced"],
    ),
    (
        "--cfg mio_unsupported_force_waker_pipe",
        &["-p", "ferrio", "--lib", "--test", "forced"],
    ),
];

/// The runs that are made of the suite once more, in builds of another kind.
const SUITE: [&[&str]; 2] = [
    &["-p", "ferrio", "--lib", "--all-features"],
    &["-p", "ferrio-conformance", "--tests"],
];

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    install::cargo_command("llvm-cov")?;
    install::component_of_rustc(workspace, "llvm-tools")?;
    run::step(&mut llvm_cov(workspace, &["clean", "--workspace"]))?;
    for (flags, arguments) in RUNS {
        tests(workspace, flags, arguments, counts)?;
    }
    for arguments in SUITE {
        tests(workspace, &without_flags(), arguments, counts)?;
    }
    on_kqueue(workspace, counts)?;
    let file = workspace.target("coverage.json");
    let mut report = llvm_cov(workspace, &["report", "--json", "--summary-only"]);
    run::step(report.arg("--output-path").arg(&file))?;
    let files = read(&fs::read_to_string(file)?, workspace.root())?;
    judge(show(&files), counts);
    Ok(())
}

/// Too few lines are a failure of the command.
fn judge(share: f64, counts: &mut Counts) {
    counts.add(share >= ENOUGH);
    if share < ENOUGH {
        println!("FAILED  that is less than {ENOUGH} of 100 lines");
    }
}

fn llvm_cov(workspace: &Workspace, arguments: &[&str]) -> std::process::Command {
    let mut command = workspace.cargo(["llvm-cov"]);
    command
        .args(arguments)
        .env("CARGO_LLVM_COV_TARGET_DIR", workspace.target("coverage"))
        .env("CARGO_INCREMENTAL", "0");
    command
}

fn tests(
    workspace: &Workspace,
    flags: &str,
    arguments: &[&str],
    counts: &mut Counts,
) -> Result<()> {
    let mut command = llvm_cov(workspace, &["test", "--no-report", "--no-fail-fast"]);
    command.args(arguments);
    if !flags.is_empty() {
        command.env("RUSTFLAGS", rustflags(flags));
    }
    let report = run::tests(&mut command, counts)?;
    ensure!(report.counts.passed > 0, "not one test passed");
    Ok(())
}

fn on_kqueue(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let mut environment = kqueue::environment(workspace, None)?;
    environment.retain(|(name, _)| name != "CARGO_TARGET_DIR");
    for arguments in SUITE {
        let mut command = llvm_cov(workspace, &["test", "--no-report", "--no-fail-fast"]);
        command.args(arguments).envs(environment.iter().cloned());
        let report = run::tests(&mut command, counts)?;
        ensure!(report.counts.passed > 0, "not one test passed on kqueue");
    }
    Ok(())
}

/// A file of `src/`, and its lines.
#[derive(Debug, PartialEq)]
struct File {
    name: String,
    lines: u64,
    reached: u64,
}

/// Reads what `cargo llvm-cov` has written.
fn read(json: &str, root: &Path) -> Result<Vec<File>> {
    let json: Value = serde_json::from_str(json)?;
    let files = json["data"][0]["files"].as_array();
    let source = root.join("src");
    let mut found = Vec::new();
    for file in files.context("the report has no files")? {
        let name = file["filename"].as_str().context("a file has no name")?;
        let Ok(name) = Path::new(name).strip_prefix(&source) else {
            continue;
        };
        let name = format!("/{}", name.display());
        if LEFT_OUT.iter().any(|part| name.contains(part)) {
            continue;
        }
        let lines = &file["summary"]["lines"];
        let number = |what: &str| lines[what].as_u64().context("a file has no lines");
        found.push(File {
            name: name[1..].to_owned(),
            lines: number("count")?,
            reached: number("covered")?,
        });
    }
    ensure!(!found.is_empty(), "the report has no file of src/");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// A table; returns how many of 100 lines were reached.
fn show(files: &[File]) -> f64 {
    let share = |reached: u64, lines: u64| 100.0 * reached as f64 / lines.max(1) as f64;
    for file in files {
        println!(
            "{:<48} {:>5} of {:>5} lines  {:>5.1} %",
            file.name,
            file.reached,
            file.lines,
            share(file.reached, file.lines)
        );
    }
    let reached = files.iter().map(|file| file.reached).sum();
    let lines = files.iter().map(|file| file.lines).sum();
    let all = share(reached, lines);
    println!(
        "{:<48} {reached:>5} of {lines:>5} lines  {all:>5.1} %",
        "src/"
    );
    all
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    const REPORT: &str = r#"{"data":[{"files":[
        {"filename":"/r/src/poll.rs","summary":{"lines":{"count":10,"covered":9}}},
        {"filename":"/r/src/sys/windows/port.rs","summary":{"lines":{"count":50,"covered":0}}},
        {"filename":"/r/src/sys/poll/table_tests.rs","summary":{"lines":{"count":50,"covered":50}}},
        {"filename":"/r/conformance/src/lib.rs","summary":{"lines":{"count":5,"covered":5}}}
    ]}]}"#;

    #[test]
    fn only_lines_of_this_platform_count() {
        let files = read(REPORT, Path::new("/r")).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["poll.rs"]);
        assert_eq!(show(&files), 90.0);
        assert!(read(REPORT, Path::new("/elsewhere")).is_err());
    }

    #[test]
    fn too_few_lines_fail() {
        let mut counts = Counts::default();
        judge(90.0, &mut counts);
        assert_eq!((counts.passed, counts.failed), (1, 0));
        judge(89.99, &mut counts);
        assert_eq!((counts.passed, counts.failed), (1, 1));
    }
}
