//! The tests on WASI, under wasmtime: the conformance suite under preview 2, and what can be under
//! preview 1, where clients from outside talk to a program on a listener that the host has opened.

mod libraries;
pub mod outside;
mod programs;
mod visitors;
mod wasmtime;

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::libraries::Libraries;
use super::dependants::cargo_in;
use super::dependants::lock::{self, Side};
use crate::cmd::conformance::programs::skipped;
use crate::cmd::wine::kept_to_unix;
use crate::counts::Counts;
use crate::nextest::TESTS_FAILED;
use crate::nextest::junit;
use crate::workspace::Workspace;
use crate::{nextest, run};

const P1: &str = "wasm32-wasip1";
const P2: &str = "wasm32-wasip2";

/// The last that speaks preview 1 itself: newer ones refuse `-Spreview2=n`.
const WASMTIME_FOR_P1: &str = "36.0.9";
const WASMTIME_FOR_P2: &str = "49.0.4";

/// The tests that need no network, and those that are about having none.
const HOST: &str = "wasi_host";

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Build std on Debian's wasi-libc, as is done where rustup has none for WASI
    #[arg(long)]
    debian: bool,
    /// What else nextest is told under preview 2, such as a test's name
    #[arg(last = true)]
    nextest: Vec<String>,
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let libraries = Libraries::find(workspace, &[P1, P2], arguments.debian)?;
    nextest::install()?;
    let store = workspace.target("wasi");
    fs::create_dir_all(&store)?;
    let old = wasmtime::install(&store, WASMTIME_FOR_P1)?;
    let new = wasmtime::install(&store, WASMTIME_FOR_P2)?;
    let runner = |program: &Path, options: &str| format!("{} run {options}", program.display());
    let network = runner(&new, "-Sinherit-network");
    let mut suite = vec!["-p", "ferrio-conformance"];
    suite.extend(arguments.nextest.iter().map(String::as_str));
    let with_listeners = format!(
        "{} wasi-outside {}",
        env::current_exe()?.display(),
        old.display()
    );
    let host = vec!["-p", "ferrio", "--test", HOST];
    let parts = [
        (P2, network, suite.clone()),
        (P1, with_listeners, suite),
        (P2, runner(&new, "--dir=."), host.clone()),
        (P1, runner(&old, "-Spreview2=n --dir=."), host.clone()),
    ];
    for (target, runner, arguments) in parts {
        if let Err(error) = tests(workspace, &libraries, target, &runner, &arguments, counts) {
            counts.failed += 1;
            println!("FAILED  {target}: {error:#}");
        }
    }
    let servers = [
        (
            "a listener that the host has opened",
            preopened(workspace, &libraries, &old),
        ),
        ("tokio", tokio(workspace, &libraries, &new)),
        ("examples/echo", echo(workspace, &libraries, &new)),
        (
            "tests that wait, preview 2",
            waiting(workspace, &libraries, P2, &new, &["--dir=."]),
        ),
        (
            "tests that wait, preview 1",
            waiting(
                workspace,
                &libraries,
                P1,
                &old,
                &["-Spreview2=n", "--dir=."],
            ),
        ),
    ];
    for (name, served) in servers {
        counts.add(served.is_ok());
        match served {
            Ok(()) => println!("ok      clients from outside: {name}"),
            Err(error) => println!("FAILED  clients from outside: {name}: {error:#}"),
        }
    }
    Ok(())
}

/// Runs tests of the suite, each in a sandbox of its own, and counts them.
fn tests(
    workspace: &Workspace,
    libraries: &Libraries,
    target: &str,
    runner: &str,
    arguments: &[&str],
    counts: &mut Counts,
) -> Result<()> {
    let store = workspace.target("wasi");
    let results = store.join("default/junit.xml");
    if results.exists() {
        fs::remove_file(&results)?;
    }
    let config = store.join("nextest.toml");
    let text = include_str!("nextest.toml").replace("target/wasi", &store.display().to_string());
    fs::write(&config, text)?;
    let variable = target.to_uppercase().replace('-', "_");
    let mut command = workspace.cargo(["nextest", "run"]);
    command
        .args(["--target", target, "--config-file"])
        .arg(config)
        .args(["--status-level", "fail", "--final-status-level", "fail"])
        .args(["--show-progress", "none"])
        .args(arguments)
        .env(format!("CARGO_TARGET_{variable}_RUNNER"), runner);
    libraries.apply(&mut command, target, "");
    println!("$ {}", run::show(&command));
    let status = command.status()?.code();
    ensure!(
        matches!(status, Some(0 | TESTS_FAILED)),
        "nextest: {status:?}"
    );
    let tests = junit::read(&fs::read_to_string(&results)?)?;
    ensure!(!tests.passed.is_empty(), "not one test passed");
    // What is skipped passes, as far as nextest knows. What is not compiled is only said to be.
    let skipped = skipped(&tests.printed, None)?;
    let left_out = kept_to_unix(&tests.printed)? + kept_from_wasi(&tests.printed);
    let found = Counts {
        passed: tests.passed.len().saturating_sub(skipped),
        failed: tests.failed.len(),
        skipped: skipped + left_out + tests.ignored,
    };
    println!("{target}: {found}");
    *counts += found;
    Ok(())
}

/// The suite says of each test and case that WASI cannot compile that it is left out, by a line.
fn kept_from_wasi(output: &str) -> usize {
    let lines = output.lines();
    lines
        .filter(|line| line.contains("kept from WASI: "))
        .count()
}

/// `examples/preopened` under preview 1, which fails if an event told of nothing.
fn preopened(workspace: &Workspace, libraries: &Libraries, wasmtime: &Path) -> Result<()> {
    let mut build = workspace.cargo(["build", "--example", "preopened", "--target", P1]);
    libraries.apply(&mut build, P1, "");
    run::step(&mut build)?;
    let builds = libraries.builds(workspace, P1);
    let program = builds.join("debug/examples/preopened.wasm");
    visitors::visit(|address| {
        let mut command = Command::new(wasmtime);
        command
            .args(["run", "-Spreview2=n", &format!("-Stcplisten={address}")])
            .arg(program);
        command
    })
}

/// A server on tokio over compat/mio, under preview 2.
fn tokio(workspace: &Workspace, libraries: &Libraries, wasmtime: &Path) -> Result<()> {
    let directory = workspace.root().join("dependants/wasi");
    lock::check(workspace, Side::Ferrio, &directory)?;
    let target = workspace.target("wasi").join("tokio");
    let mut build = cargo_in(
        workspace,
        &directory,
        &["build", "--locked", "--target", P2],
    );
    libraries.apply(&mut build, P2, "--cfg tokio_unstable");
    build.env("CARGO_TARGET_DIR", &target);
    run::step(&mut build)?;
    let program = target.join(P2).join("debug/tokio-on-wasi.wasm");
    visitors::visit(|address| {
        let mut command = Command::new(wasmtime);
        command
            .args(["run", "-Sinherit-network"])
            .arg(program)
            .arg(address);
        command
    })
}

/// `examples/echo` under preview 2.
fn echo(workspace: &Workspace, libraries: &Libraries, wasmtime: &Path) -> Result<()> {
    let mut build = workspace.cargo(["build", "--example", "echo", "--target", P2]);
    libraries.apply(&mut build, P2, "");
    run::step(&mut build)?;
    let builds = libraries.builds(workspace, P2);
    programs::echo(wasmtime, &builds.join("debug/examples/echo.wasm"))
}

/// The tests that nextest leaves out, because somebody outside has to act.
fn waiting(
    workspace: &Workspace,
    libraries: &Libraries,
    target: &str,
    wasmtime: &Path,
    options: &[&str],
) -> Result<()> {
    let mut build = workspace.cargo(["test", "--no-run", "--test", HOST, "--target", target]);
    build.args(["--message-format", "json"]);
    libraries.apply(&mut build, target, "");
    let messages = run::stdout(&mut build)?;
    let tests = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let ours = message["target"]["name"] == HOST;
        ours.then(|| Some(message["executable"].as_str()?.to_owned()))?
    });
    let tests = tests.with_context(|| format!("cargo names no program of {HOST}"))?;
    programs::waiting(wasmtime, options, Path::new(&tests))
}

#[cfg(test)]
mod units {
    use super::kept_from_wasi;

    #[test]
    fn what_wasi_leaves_out_is_counted_by_case() {
        let printed = "kept from WASI: wake a: threads\nrunning\n kept from WASI: time b: x\n";
        assert_eq!(kept_from_wasi(printed), 2);
    }
}
