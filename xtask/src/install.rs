//! Installs what a command lacks, through rustup.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;
use crate::workspace::Workspace;

/// Makes the standard library for `target` available to the toolchain in use.
pub fn target(workspace: &Workspace, target: &str) -> Result<()> {
    let mut rustc = rustc(workspace);
    rustc.args(["--print", "target-libdir", "--target", target]);
    let installed = run::stdout(&mut rustc)?;
    if has_std(Path::new(installed.trim())) {
        return Ok(());
    }
    rustup(&["target", "add", target])
}

/// Makes a component available: `probe` is the cargo command that it brings.
pub fn component(workspace: &Workspace, component: &str, probe: &str) -> Result<()> {
    let found = workspace
        .cargo([probe, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    rustup(&["component", "add", component])
}

/// Makes the sources of the standard library available, to build it from.
pub fn std_sources(workspace: &Workspace) -> Result<()> {
    let sysroot = run::stdout(rustc(workspace).args(["--print", "sysroot"]))?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    if sources.exists() {
        return Ok(());
    }
    rustup(&["component", "add", "rust-src"])
}

/// Makes a component without a command available to the toolchain in use.
pub fn component_of_rustc(workspace: &Workspace, component: &str) -> Result<()> {
    let mut list = Command::new("rustup");
    list.args(["component", "list", "--installed"]);
    let installed = run::stdout(list.current_dir(workspace.root()))?;
    if missing(&installed, &[component]).is_empty() {
        return Ok(());
    }
    rustup(&["component", "add", component])
}

/// Makes another toolchain available.
pub fn toolchain(version: &str) -> Result<()> {
    let found = Command::new("rustup")
        .args(["run", version, "cargo", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    rustup(&["toolchain", "install", version, "--profile", "minimal"])
}

/// The toolchain with Miri and the sanitizers, which no stable one has.
pub const NIGHTLY: &str = "nightly";

/// Makes that toolchain available, with components.
pub fn nightly(components: &[&str]) -> Result<()> {
    toolchain(NIGHTLY)?;
    toolchain_components(NIGHTLY, components)
}

/// Makes a program of crates.io available: `cargo COMMAND`, from the package `cargo-COMMAND`.
pub fn cargo_command(command: &str) -> Result<()> {
    let found = crate::workspace::cargo()
        .args([command, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let package = format!("cargo-{command}");
    let mut install = crate::workspace::cargo();
    run::step(install.args(["install", &package, "--locked"]))
}

/// Makes components of another toolchain available.
pub fn toolchain_components(version: &str, components: &[&str]) -> Result<()> {
    let list = ["component", "list", "--toolchain", version, "--installed"];
    let installed = run::stdout(Command::new("rustup").args(list))?;
    let missing = missing(&installed, components);
    if missing.is_empty() {
        return Ok(());
    }
    let add = ["component", "add", "--toolchain", version];
    rustup(&[add.as_slice(), missing.as_slice()].concat())
}

/// Those of `components` that are not among the lines of `installed`, where some have the host's name
/// behind theirs.
fn missing<'c>(installed: &str, components: &[&'c str]) -> Vec<&'c str> {
    let has = |component: &str| {
        let names = installed
            .lines()
            .filter_map(|line| line.strip_prefix(component));
        names
            .into_iter()
            .any(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    components
        .iter()
        .copied()
        .filter(|name| !has(name))
        .collect()
}

/// Makes a program available, from the package manager that Debian and its kin have.
pub fn package(program: &str, package: &str, home: &str) -> Result<()> {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{program} could not be run")),
    }
    packages(&[package], home).with_context(|| format!("{program} is needed"))
}

/// Installs packages of Debian and its kin.
pub fn packages(packages: &[&str], home: &str) -> Result<()> {
    let install = || {
        let mut install = Command::new("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive");
        run::step(install.args(["install", "--yes"]).args(packages))
    };
    install()
        .or_else(|_| {
            run::step(Command::new("apt-get").args(["update", "-qq"]))?;
            install()
        })
        .with_context(|| format!("{} is needed: {home}", packages.join(" ")))
}

/// The compiler that cargo uses here.
pub fn rustc(workspace: &Workspace) -> Command {
    let beside = std::env::var_os("CARGO").map(|cargo| Path::new(&cargo).with_file_name("rustc"));
    let mut rustc = match beside {
        Some(rustc) if rustc.exists() => Command::new(rustc),
        _ => Command::new("rustc"),
    };
    rustc.current_dir(workspace.root());
    rustc
}

fn has_std(libdir: &Path) -> bool {
    let Ok(files) = libdir.read_dir() else {
        return false;
    };
    files
        .flatten()
        .any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
}

fn rustup(args: &[&str]) -> Result<()> {
    let mut command = Command::new("rustup");
    command.args(args);
    let shown = run::show(&command);
    command.env("RUST_BACKTRACE", "0");
    println!("$ {shown}");
    let mut child = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{shown}` is needed, and rustup is not here"))?;
    let mut said = String::new();
    let errors = child.stderr.take().context("no output to read")?;
    for line in BufReader::new(errors).lines() {
        let line = line?;
        eprintln!("{line}");
        said.push_str(&line);
        said.push('\n');
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{shown}: {status}: {}", reason(&said));
    }
    Ok(())
}

/// Why rustup failed: its error, and the cause that it names last.
fn reason(said: &str) -> String {
    let mut lines = said.lines().map(str::trim);
    let error = lines.find_map(|line| line.strip_prefix("error: "));
    let mut causes = lines.filter(|line| !line.is_empty() && !line.starts_with("note:"));
    let parts: Vec<&str> = error.into_iter().chain(causes.next_back()).collect();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_found_with_and_without_the_host() {
        let installed =
            "cargo-x86_64-unknown-linux-gnu\nclippy-x86_64-unknown-linux-gnu\nrust-src\n";
        assert!(missing(installed, &["clippy", "rust-src"]).is_empty());
        assert_eq!(missing(installed, &["miri", "cargo"]), ["miri"]);
        assert_eq!(missing("", &["clippy"]), ["clippy"]);
    }

    #[test]
    fn the_reason_is_the_error_and_its_last_cause() {
        let said =
            "info: downloading\nerror: download failed\n\nCaused by:\n    0: no file\n    1: 404\n";
        assert_eq!(reason(said), "download failed: 1: 404");
        assert_eq!(
            reason("error: no artifacts\nnote: see there\n"),
            "no artifacts"
        );
        assert_eq!(reason(""), "");
    }
}
