//! Where things are, and cargo.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

/// The repository that is checked.
pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Asks cargo where it builds.
    pub fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = root.parent().context("xtask has no parent directory")?;
        let mut command = cargo();
        command.current_dir(root);
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Value = serde_json::from_str(&crate::run::stdout(&mut command)?)?;
        let target = metadata["target_directory"].as_str();
        Ok(Self {
            root: root.to_owned(),
            target: target.context("cargo names no target directory")?.into(),
        })
    }

    /// The root of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `target/NAME`, for what a command keeps. Builds with flags of their own go there too, so
    /// that they don't evict the ordinary ones from cargo's cache.
    pub fn target(&self, name: &str) -> PathBuf {
        self.target.join(name)
    }

    /// `cargo ARGS` in the repository's root.
    pub fn cargo<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root).args(args);
        command
    }

    /// The same with the cargo of another toolchain.
    pub fn cargo_of<S: AsRef<OsStr>>(
        &self,
        toolchain: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new("rustup");
        command.args(["run", toolchain, "cargo"]).args(args);
        command.current_dir(&self.root).stdin(Stdio::null());
        command
    }
}

/// The cargo that runs this program, so that one toolchain does everything.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.stdin(Stdio::null());
    command
}

/// `RUSTFLAGS` as they are, with `flags` behind them.
pub fn rustflags(flags: &str) -> String {
    match env::var("RUSTFLAGS") {
        Ok(given) if !given.trim().is_empty() => format!("{given} {flags}"),
        _ => flags.to_owned(),
    }
}
