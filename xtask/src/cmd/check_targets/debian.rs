//! Debian's Rust, for what rustup cannot give. Its standard libraries are built from source.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::run;

/// The newest that a stable Debian carries, kept for its web browsers; `rustc` itself stays as old as
/// the release.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"];

const PROGRAMS: &str = "/usr/bin";

/// What the packages bring and the checks need.
const FILES: [&str; 4] = [
    "/usr/bin/cargo",
    "/usr/bin/rustc",
    "/usr/bin/cargo-clippy",
    "/usr/lib/rustlib/src/rust/library/std/Cargo.toml",
];

/// Makes the packages available.
pub fn install() -> Result<()> {
    if missing().is_empty() {
        return Ok(());
    }
    let install = || {
        let mut apt = Command::new("apt-get");
        apt.args(["install", "--yes", "--no-install-recommends"]);
        apt.args(PACKAGES).env("DEBIAN_FRONTEND", "noninteractive");
        run::step(&mut apt)
    };
    install()
        .or_else(|_| {
            run::step(Command::new("apt-get").args(["update", "-qq"]))?;
            install()
        })
        .with_context(|| format!("Debian's packages {}", PACKAGES.join(", ")))?;
    let missing = missing();
    ensure!(
        missing.is_empty(),
        "Debian's packages brought no {}",
        missing.join(", ")
    );
    Ok(())
}

fn missing() -> Vec<&'static str> {
    let files = FILES.into_iter();
    files.filter(|file| !Path::new(file).exists()).collect()
}

/// One of its programs.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(Path::new(PROGRAMS).join(name));
    command.env("PATH", path()).stdin(Stdio::null());
    // What the cargo that runs this program set for its own toolchain.
    for name in ["RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
        command.env_remove(name);
    }
    command
}

/// Cargo finds rustc and clippy on it, where rustup's proxies may come first.
fn path() -> OsString {
    let mut path = OsString::from(PROGRAMS);
    if let Some(rest) = env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_programs_come_first_and_rustup_has_no_say() {
        let cargo = program("cargo");
        assert_eq!(cargo.get_program(), "/usr/bin/cargo");
        let set = |name: &str| cargo.get_envs().find(|(key, _)| *key == name).unwrap().1;
        assert!(
            set("PATH")
                .unwrap()
                .to_string_lossy()
                .starts_with("/usr/bin:")
        );
        assert_eq!(set("RUSTUP_TOOLCHAIN"), None);
        assert_eq!(set("RUSTC"), None);
    }
}
