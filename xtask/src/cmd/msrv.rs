//! The oldest supported compiler builds ferrio with the locked dependencies.
//!
//! The compiler comes from rustup. Where rustup cannot get it, Debian's packages of the same
//! version are unpacked below the target directory; nothing is installed.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::workspace::Workspace;
use crate::{install, run};

#[derive(Args, Default)]
pub struct Arguments {
    /// Take the compiler from Debian's packages, as if rustup did not have it
    #[arg(long)]
    debian: bool,
}

const FEATURES: [&str; 6] = [
    "",
    "net",
    "os-poll",
    "os-poll,net",
    "os-poll,os-ext,net,log",
    "os-poll,os-ext,net,log,runtime-selector,fault-injection",
];

/// Debian has each compiler that a browser needs as packages of their own.
const PACKAGES: [&str; 2] = ["rustc-web", "cargo-web"];

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let version = version(workspace)?;
    let cargo = Cargo::find(workspace, &version, arguments.debian)?;
    let check = |arguments: &[&str]| {
        let mut command = cargo.command(workspace)?;
        command
            .args(["check", "--quiet", "--locked"])
            .args(arguments);
        anyhow::Ok(command)
    };
    for features in FEATURES {
        let mut command = check(&["-p", "ferrio", "--no-default-features"])?;
        command.args(["--features", features]);
        run::check(
            &format!("[{features}] with {version}"),
            &mut command,
            counts,
        )?;
    }
    let mut everything = check(&["--workspace", "--all-targets"])?;
    let label = format!("the workspace with {version}");
    run::check(&label, &mut everything, counts)?;
    let mut test = cargo.command(workspace)?;
    test.args(["test", "--locked", "-p", "ferrio", "--lib"]);
    let report = run::tests(&mut test, counts)?;
    ensure!(report.counts.passed > 0, "not one test ran");
    Ok(())
}

/// The `rust-version` of the workspace, as a full version.
fn version(workspace: &Workspace) -> Result<String> {
    let manifest = std::fs::read_to_string(workspace.root().join("Cargo.toml"))?;
    let manifest: toml::Table = manifest.parse()?;
    let version = manifest
        .get("workspace")
        .and_then(|table| table.get("package")?.get("rust-version")?.as_str())
        .context("Cargo.toml has no workspace.package.rust-version")?;
    Ok(full_version(version))
}

/// rustup takes `1.85` for the newest 1.85.x; the promise is the first.
fn full_version(version: &str) -> String {
    match version.matches('.').count() {
        1 => format!("{version}.0"),
        _ => version.to_owned(),
    }
}

/// An old cargo with its rustc.
enum Cargo {
    Rustup { version: String },
    Debian { root: PathBuf },
}

impl Cargo {
    fn find(workspace: &Workspace, version: &str, debian: bool) -> Result<Self> {
        let cargo = if debian {
            Self::unpack(workspace)?
        } else if let Err(error) = install::toolchain(version) {
            println!("rustup has no {version} ({error:#}): trying Debian's packages");
            Self::unpack(workspace)?
        } else {
            let version = version.to_owned();
            Self::Rustup { version }
        };
        let found = run::stdout(cargo.command(workspace)?.arg("--version"))?;
        ensure!(
            found.starts_with(&format!("cargo {version} ")),
            "{version} is promised, and this is {found}"
        );
        Ok(cargo)
    }

    /// Downloads the packages with whatever they depend on that is not installed, and unpacks.
    fn unpack(workspace: &Workspace) -> Result<Self> {
        let directory = workspace.target("msrv-debian");
        if directory.exists() {
            // Packages of an earlier version would be unpacked over these.
            std::fs::remove_dir_all(&directory)?;
        }
        std::fs::create_dir_all(&directory)?;
        let list = || {
            let mut apt = Command::new("apt-get");
            apt.args(["install", "--print-uris", "-qq", "--no-install-recommends"]);
            run::stdout(apt.args(PACKAGES))
        };
        let packages = list().or_else(|_| {
            run::step(Command::new("apt-get").args(["update", "-qq"]))?;
            list()
        })?;
        let names = package_names(&packages);
        ensure!(!names.is_empty(), "apt-get names no packages: {packages}");
        let mut download = Command::new("apt-get");
        download.args(["download", "-qq"]).args(&names);
        run::step(download.current_dir(&directory))?;
        let root = directory.join("root");
        for file in directory.read_dir()? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "deb") {
                run::step(Command::new("dpkg").arg("-x").arg(&file).arg(&root))?;
            }
        }
        Ok(Self::Debian { root })
    }

    fn command(&self, workspace: &Workspace) -> Result<Command> {
        let mut command = match self {
            Self::Rustup { version } => {
                let mut command = Command::new("rustup");
                command.args(["run", version, "cargo"]);
                command
            }
            Self::Debian { root } => {
                let mut command = Command::new(root.join("usr/bin/cargo"));
                command
                    .env("RUSTC", root.join("usr/bin/rustc"))
                    .env("RUSTDOC", root.join("usr/bin/rustdoc"))
                    .env("LD_LIBRARY_PATH", library_path(root)?);
                command
            }
        };
        command
            .current_dir(workspace.root())
            .stdin(Stdio::null())
            .env("CARGO_TARGET_DIR", workspace.target("msrv"));
        Ok(command)
    }
}

/// Where unpacked Debian packages have their libraries, before those of the system.
fn library_path(root: &Path) -> Result<OsString> {
    let multiarch = format!("{}-linux-gnu", env::consts::ARCH);
    let mut directories = Vec::new();
    for directory in ["usr/lib", "lib"].map(|directory| root.join(directory)) {
        directories.push(directory.join(&multiarch));
        directories.push(directory);
    }
    if let Some(path) = env::var_os("LD_LIBRARY_PATH") {
        directories.extend(env::split_paths(&path));
    }
    Ok(env::join_paths(directories)?)
}

/// The names in lines of the form `'URI' NAME_VERSION_ARCH.deb SIZE HASH`.
fn package_names(uris: &str) -> Vec<&str> {
    uris.lines()
        .filter_map(|line| line.split_whitespace().nth(1)?.split('_').next())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_from_apts_list() {
        let uris = "'http://mirror/h/libhttp-parser2.9_2.9.4-5_amd64.deb' \
            libhttp-parser2.9_2.9.4-5_amd64.deb 21972 MD5Sum:00\n\
            'http://mirror/r/rustc-web_1.85.0%2bdfsg3-1_amd64.deb' \
            rustc-web_1.85.0+dfsg3-1_amd64.deb 3846064 MD5Sum:00\n";
        assert_eq!(package_names(uris), ["libhttp-parser2.9", "rustc-web"]);
        assert!(package_names("").is_empty());
    }

    #[test]
    fn the_first_release_of_a_version_is_meant() {
        assert_eq!(full_version("1.85"), "1.85.0");
        assert_eq!(full_version("1.85.1"), "1.85.1");
    }
}
