//! Has rustdoc describe the two crates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::json::Rustdoc;
use crate::run;
use crate::workspace::{Workspace, cargo};

/// What a crate is built for.
#[derive(Clone, Copy)]
pub struct Build<'a> {
    /// As rustc calls it; without one, for the host.
    pub target: Option<&'a str>,
    /// Separated by commas.
    pub features: &'a str,
}

/// The newest mio 1.x, as the dependency of a package made for that purpose.
pub struct Mio {
    package: PathBuf,
}

impl Mio {
    /// Makes the package and lets cargo resolve it anew.
    pub fn resolve(workspace: &Workspace) -> Result<Self> {
        let package = workspace.target("surface").join("package");
        fs::create_dir_all(package.join("src"))?;
        fs::write(package.join("src/lib.rs"), "")?;
        fs::write(package.join("Cargo.toml"), manifest(""))?;
        let mut update = cargo();
        update.args(["update", "--quiet"]).current_dir(&package);
        run::step(&mut update).context("the newest mio could not be resolved")?;
        Ok(Self { package })
    }

    /// mio with the features of a build.
    pub fn rustdoc(&self, workspace: &Workspace, build: Build<'_>) -> Result<Rustdoc> {
        fs::write(self.package.join("Cargo.toml"), manifest(build.features))?;
        let mut command = cargo();
        command
            .args(["rustdoc", "--quiet", "--package", "mio"])
            .current_dir(&self.package);
        describe(workspace, command, "mio", build)
    }
}

/// The ferrio in this repository with the features of a build.
pub fn ferrio(workspace: &Workspace, build: Build<'_>) -> Result<Rustdoc> {
    let mut command = workspace.cargo(["rustdoc", "--quiet", "--package", "ferrio", "--lib"]);
    command.args(["--no-default-features", "--features", build.features]);
    describe(workspace, command, "ferrio", build)
}

/// The features stand in the manifest: cargo takes none on the command line for a dependency.
fn manifest(features: &str) -> String {
    let features: Vec<&str> = features.split(',').filter(|f| !f.is_empty()).collect();
    format!(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n\
         mio = {{ version = \"1\", default-features = false, features = {features:?} }}\n\n\
         # Not a member of the workspace around it.\n[workspace]\n"
    )
}

/// One for each build: rustdoc's output has the same name for all of them.
fn build_directory(workspace: &Workspace, name: &str, build: Build<'_>) -> PathBuf {
    let features = build.features.replace(',', "_");
    let target = build.target.unwrap_or("host");
    workspace
        .target("surface")
        .join(format!("{name}-{features}-{target}"))
}

/// Where cargo puts what it documents for this target.
fn documentation(directory: &Path, target: Option<&str>) -> PathBuf {
    match target {
        Some(target) => directory.join(target).join("doc"),
        None => directory.join("doc"),
    }
}

/// Runs rustdoc for its JSON. The option is unstable; the stable toolchain takes it under
/// `RUSTC_BOOTSTRAP`, and both crates are described by the same toolchain.
fn describe(
    workspace: &Workspace,
    mut command: Command,
    name: &str,
    build: Build<'_>,
) -> Result<Rustdoc> {
    let directory = build_directory(workspace, name, build);
    let documentation = documentation(&directory, build.target);
    let file = documentation.join(format!("{name}.json"));
    // What an earlier run left must not be taken for this one's, whatever cargo thinks is fresh.
    if file.exists() {
        fs::remove_dir_all(&directory)?;
    }
    if let Some(target) = build.target {
        command.args(["--target", target]);
    }
    command
        .arg("--target-dir")
        .arg(&directory)
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        // Links to what a feature left out are no matter here; `docs` judges the documentation.
        .args(["--cap-lints", "allow"])
        .env("RUSTC_BOOTSTRAP", "1");
    run::step(&mut command)?;
    let text = fs::read_to_string(&file)
        .with_context(|| format!("rustdoc left nothing at {}", file.display()))?;
    Rustdoc::parse(&text).with_context(|| format!("in {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_asks_for_the_features() {
        let table: toml::Table = manifest("os-poll,net").parse().unwrap();
        let mio = &table["dependencies"]["mio"];
        assert_eq!(mio["default-features"].as_bool(), Some(false));
        assert_eq!(mio["features"].as_array().unwrap().len(), 2);
        let table: toml::Table = manifest("").parse().unwrap();
        assert!(
            table["dependencies"]["mio"]["features"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn the_documentation_of_a_target_has_its_own_place() {
        let directory = Path::new("here");
        assert_eq!(documentation(directory, None), Path::new("here/doc"));
        let freebsd = documentation(directory, Some("x86_64-unknown-freebsd"));
        assert_eq!(freebsd, Path::new("here/x86_64-unknown-freebsd/doc"));
    }
}
