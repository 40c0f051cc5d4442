//! The cargo that checks a target, with what it lacks installed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::debian;
use super::table::{How, Target};
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

pub struct Toolchain<'a> {
    workspace: &'a Workspace,
    programs: Programs<'a>,
    /// The standard library is built from source.
    build_std: bool,
    directory: PathBuf,
    /// Why this is not what targets.toml asks for.
    pub instead: Option<String>,
}

enum Programs<'a> {
    /// Those that run this program.
    These,
    /// Those of another toolchain.
    Rustup(&'a str),
    Debian,
}

impl<'a> Toolchain<'a> {
    /// What targets.toml asks for, or what comes closest to it; an error says why there is neither.
    pub fn install(workspace: &'a Workspace, target: &'a Target, debian: bool) -> Result<Self> {
        if debian {
            return Self::debian(workspace, None);
        }
        let asked = match target.toolchain.as_deref() {
            Some(name) => Self::named(workspace, name),
            None if target.how == How::BuildStd => Self::source(workspace, None),
            None => Self::prebuilt(workspace, target),
        };
        asked.or_else(|error| {
            let why = format!("{error:#}");
            println!("{}: {why}; trying Debian's Rust", target.name);
            Self::debian(workspace, Some(why.clone())).context(why)
        })
    }

    fn new(workspace: &'a Workspace, programs: Programs<'a>, instead: Option<String>) -> Self {
        let directory = match programs {
            Programs::These => "targets".to_owned(),
            Programs::Rustup(name) => format!("targets-{name}"),
            Programs::Debian => "targets-debian".to_owned(),
        };
        Self {
            workspace,
            programs,
            build_std: true,
            directory: workspace.target(&directory),
            instead,
        }
    }

    /// With rustup's standard library. Where it has none today, with its sources.
    fn prebuilt(workspace: &'a Workspace, target: &Target) -> Result<Self> {
        install::component(workspace, "clippy", "clippy")?;
        if let Err(error) = install::target(workspace, &target.name) {
            let why = format!("{error:#}");
            println!("{}: {why}; building it", target.name);
            return Self::source(workspace, Some(why.clone())).context(why);
        }
        let mut toolchain = Self::new(workspace, Programs::These, None);
        toolchain.build_std = false;
        Ok(toolchain)
    }

    fn source(workspace: &'a Workspace, instead: Option<String>) -> Result<Self> {
        install::component(workspace, "clippy", "clippy")?;
        install::std_sources(workspace)?;
        Ok(Self::new(workspace, Programs::These, instead))
    }

    fn named(workspace: &'a Workspace, name: &'a str) -> Result<Self> {
        install::toolchain(name)?;
        install::toolchain_components(name, &["clippy", "rust-src"])?;
        Ok(Self::new(workspace, Programs::Rustup(name), None))
    }

    fn debian(workspace: &'a Workspace, instead: Option<String>) -> Result<Self> {
        debian::install()?;
        Ok(Self::new(workspace, Programs::Debian, instead))
    }

    /// The compiler's name and version.
    pub fn version(&self) -> Result<String> {
        let mut rustc = match self.programs {
            Programs::These => install::rustc(self.workspace),
            Programs::Rustup(name) => rustup(name, "rustc"),
            Programs::Debian => debian::program("rustc"),
        };
        let version = run::stdout(rustc.arg("--version"))?;
        let by = match self.programs {
            Programs::Debian => "Debian's ",
            _ => "",
        };
        Ok(format!("{by}{}", version.trim()))
    }

    /// `cargo COMMAND` for a target, in the repository's root.
    pub fn cargo(&self, command: &str, target: &str) -> Command {
        let mut cargo = match self.programs {
            Programs::These => self.workspace.cargo([""; 0]),
            Programs::Rustup(name) => rustup(name, "cargo"),
            Programs::Debian => debian::program("cargo"),
        };
        cargo
            .args([command, "--quiet", "--target", target])
            .current_dir(self.workspace.root())
            .env("CARGO_TARGET_DIR", &self.directory)
            .env("RUSTFLAGS", rustflags("-D warnings"))
            // Much smaller, and nobody debugs these.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "0");
        if self.build_std {
            // An unstable option, which a stable toolchain takes under this variable.
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1");
        }
        cargo
    }

    /// Builds the standard library, if that has to be done, and nothing with it. If it does not compile:
    /// why.
    pub fn std_problem(&self, target: &str) -> Result<Option<String>> {
        if !self.build_std {
            return Ok(None);
        }
        let package = self.directory.join("nothing");
        std::fs::create_dir_all(package.join("src"))?;
        std::fs::write(package.join("src/lib.rs"), "")?;
        std::fs::write(package.join("Cargo.toml"), NOTHING)?;
        let mut cargo = self.cargo("check", target);
        let output = cargo.current_dir(package).output()?;
        if output.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        println!("$ {}\n{text}", run::show(&cargo));
        Ok(Some(first_error(&text)))
    }

    /// Removes what was built for a target, if that is much.
    pub fn forget(&self, target: &str) -> Result<()> {
        let built = self.directory.join(target);
        if self.build_std && built.exists() {
            std::fs::remove_dir_all(built)?;
        }
        Ok(())
    }
}

/// What rustc says of a target: the one in use or, if that doesn't know the target, the one that
/// targets.toml names. None if it would have to be `fetch`ed and must not.
pub fn cfgs(workspace: &Workspace, target: &Target, fetch: bool) -> Result<Option<String>> {
    let print = ["--print", "cfg", "--target", &target.name];
    let here = run::stdout(install::rustc(workspace).args(print));
    match (here, target.toolchain.as_deref()) {
        (Err(_), Some(_)) if !fetch => Ok(None),
        (Err(_), Some(name)) => {
            install::toolchain(name)?;
            run::stdout(rustup(name, "rustc").args(print)).map(Some)
        }
        (here, _) => here.map(Some),
    }
}

/// A package without a line of code, which is no member of the workspace around it.
const NOTHING: &str = "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
    [workspace]\n";

fn rustup(toolchain: &str, program: &str) -> Command {
    let mut rustup = Command::new("rustup");
    rustup.args(["run", toolchain, program]);
    rustup.stdin(Stdio::null());
    rustup
}

/// The first thing that a compiler complained of, and where.
fn first_error(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    let Some(error) = lines.find(|line| line.starts_with("error")) else {
        return text.trim().to_owned();
    };
    match lines.next().and_then(|line| line.strip_prefix("--> ")) {
        Some(place) => format!("{error} ({place})"),
        None => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_found() {
        let text = "warning: nothing\nerror[E0609]: no field `st_atim`\n   --> std/src/fs.rs:5:9\n\
            error: could not compile `std`\n";
        let place = "error[E0609]: no field `st_atim` (std/src/fs.rs:5:9)";
        assert_eq!(first_error(text), place);
        assert_eq!(first_error("error: a\nerror: b"), "error: a");
        assert_eq!(first_error(" killed \n"), "killed");
    }
}
