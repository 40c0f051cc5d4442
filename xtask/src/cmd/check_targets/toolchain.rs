//! The cargo that checks a target, with what it lacks installed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::table::{How, Target};
use crate::install;
use crate::workspace::Workspace;

pub struct Toolchain<'a> {
    workspace: &'a Workspace,
    /// None: the one that runs this program.
    name: Option<&'a str>,
    directory: PathBuf,
}

impl<'a> Toolchain<'a> {
    pub fn install(workspace: &'a Workspace, target: &'a Target) -> Result<Self> {
        let name = target.toolchain.as_deref();
        if let Some(name) = name {
            install::toolchain(name)?;
            install::toolchain_components(name, &["clippy", "rust-src"])?;
        } else {
            install::component(workspace, "clippy", "clippy")?;
            match target.how {
                How::Check => install::target(workspace, &target.name)?,
                How::BuildStd => install::std_sources(workspace)?,
                How::None => {}
            }
        }
        let directory = match name {
            Some(name) => format!("targets-{name}"),
            None => "targets".to_owned(),
        };
        let directory = workspace.target(&directory);
        Ok(Self {
            workspace,
            name,
            directory,
        })
    }

    pub fn cargo(&self) -> Command {
        let mut cargo = match self.name {
            Some(name) => {
                let mut rustup = Command::new("rustup");
                rustup
                    .args(["run", name, "cargo"])
                    .current_dir(self.workspace.root())
                    .stdin(Stdio::null());
                rustup
            }
            None => self.workspace.cargo([""; 0]),
        };
        cargo.env("CARGO_TARGET_DIR", &self.directory);
        cargo
    }

    /// Removes what was built for a target.
    pub fn forget(&self, target: &str) -> Result<()> {
        std::fs::remove_dir_all(self.directory.join(target))?;
        Ok(())
    }
}
