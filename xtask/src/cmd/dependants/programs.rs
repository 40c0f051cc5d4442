//! The programs in dependants/, each built twice: on mio and on ferrio.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::lock::{self, Side};
use super::{cargo_in, directory};
use crate::counts::Counts;
use crate::workspace::Workspace;
use crate::{install, run};

const NAMES: [&str; 3] = ["axum-hello", "raw-http", "runtimes"];

/// The ready programs.
pub struct Programs {
    directory: PathBuf,
    /// What wrk is told to do.
    pub load: PathBuf,
}

/// Where the manifest of the programs on this mio is.
pub fn package(workspace: &Workspace, side: Side) -> PathBuf {
    workspace.root().join("dependants").join(side.name())
}

impl Programs {
    /// Builds them, and runs the tests that they have.
    pub fn build(workspace: &Workspace, counts: &mut Counts) -> Result<Self> {
        let programs = Self {
            directory: directory(workspace).join("bin"),
            load: workspace.root().join("dependants/load.lua"),
        };
        same_but_for_mio(workspace)?;
        // Before anything is built: with a wrong one it isn't worth waiting for.
        for side in Side::BOTH {
            lock::check(workspace, side, &package(workspace, side))?;
        }
        for side in Side::BOTH {
            let package = package(workspace, side);
            let cargo = |arguments| cargo_in(workspace, &package, arguments);
            run::step(&mut cargo(&["build", "--release", "--locked", "--bins"]))?;
            programs.keep(workspace, side)?;
            let mut test = cargo(&["test", "--release", "--locked"]);
            let report = run::tests(&mut test, counts)?;
            ensure!(report.counts.passed > 0, "not one test ran");
        }
        for name in NAMES {
            let [mio, ferrio] = Side::BOTH.map(|side| fs::read(programs.path(side, name)));
            ensure!(mio? != ferrio?, "{name} is the same program on both");
        }
        check_style(workspace, counts)?;
        Ok(programs)
    }

    pub fn path(&self, side: Side, name: &str) -> PathBuf {
        self.directory.join(side.name()).join(name)
    }

    /// The two sides build in one place, so that the second overwrites what the first has built.
    fn keep(&self, workspace: &Workspace, side: Side) -> Result<()> {
        let built = directory(workspace).join("build/release");
        for name in NAMES {
            let (from, to) = (built.join(name), self.path(side, name));
            fs::create_dir_all(to.parent().context("no directory")?)?;
            fs::copy(&from, &to).with_context(|| format!("{} was not built", from.display()))?;
        }
        Ok(())
    }
}

fn check_style(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    install::component(workspace, "rustfmt", "fmt")?;
    install::component(workspace, "clippy", "clippy")?;
    let package = package(workspace, Side::Ferrio);
    let mut fmt = cargo_in(workspace, &package, &["fmt", "--check"]);
    run::check("the programs' format", &mut fmt, counts)?;
    let clippy = ["clippy", "--quiet", "--locked", "--all-targets"];
    let mut clippy = cargo_in(workspace, &package, &clippy);
    clippy.args(["--", "-D", "warnings"]);
    run::check("the programs' lints", &mut clippy, counts)
}

/// An error if the two builds differ in anything but the mio below them.
fn same_but_for_mio(workspace: &Workspace) -> Result<()> {
    let [mio, ferrio] = Side::BOTH.map(|side| package(workspace, side));
    let manifests = (read(&mio, "Cargo.toml")?, read(&ferrio, "Cargo.toml")?);
    ensure!(
        common(&manifests.0)? == common(&manifests.1)?,
        "the manifests in dependants/ differ in more than their names and the patch"
    );
    let locks = (read(&mio, "Cargo.lock")?, read(&ferrio, "Cargo.lock")?);
    let other = differing(&locks.0, &locks.1)?;
    ensure!(
        other.is_empty(),
        "the lock files in dependants/ do not agree on {}",
        other.join(", ")
    );
    println!("ok      the programs are built from the same sources and packages, mio aside");
    Ok(())
}

fn read(package: &Path, name: &str) -> Result<String> {
    lock::read(&package.join(name))
}

/// What two manifests should have in common.
fn common(manifest: &str) -> Result<toml::Table> {
    let mut table: toml::Table = manifest.parse()?;
    table.remove("patch");
    let package = table
        .get_mut("package")
        .and_then(|table| table.as_table_mut());
    let package = package.context("a manifest without a package")?;
    for own in ["name", "description"] {
        package.remove(own);
    }
    Ok(table)
}

/// The packages that ferrio's programs have in a version that mio's have not. The other way round
/// there are a few, which only mio depends on.
fn differing(mio: &str, ferrio: &str) -> Result<Vec<String>> {
    let mio = lock::packages(mio)?;
    let of = |package: &toml::Table, key: &str| {
        package.get(key).and_then(|v| v.as_str().map(str::to_owned))
    };
    let id = |package: &toml::Table| {
        (
            of(package, "name"),
            of(package, "version"),
            of(package, "source"),
        )
    };
    let known: Vec<_> = mio.iter().map(id).collect();
    let ferrio = lock::packages(ferrio)?;
    // What ferrio needs on other platforms, and the other side has in no version.
    let own = |package: &toml::Table| {
        let name = of(package, "name");
        let needed = ferrio
            .iter()
            .filter(|user| of(user, "name").as_deref() == Some("ferrio"))
            .filter_map(|user| user.get("dependencies")?.as_array())
            .flatten()
            .any(|needed| needed.as_str() == name.as_deref());
        needed && !known.iter().any(|(other, ..)| *other == name)
    };
    Ok(ferrio
        .iter()
        // Those in this repository have no source: ferrio, its mio, and the programs.
        .filter(|package| package.contains_key("source") && !known.contains(&id(package)))
        .filter(|package| !own(package))
        .filter_map(|package| of(package, "name"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_patch_are_a_manifests_own() {
        let mio = "[package]\nname = \"a\"\nedition = \"2024\"\n[dependencies]\nmio = \"1\"\n";
        let ferrio = "[package]\nname = \"b\"\nedition = \"2024\"\n[dependencies]\nmio = \"1\"\n\
            [patch.crates-io]\nmio = { path = \"..\" }\n";
        assert_eq!(common(mio).unwrap(), common(ferrio).unwrap());
        let other = ferrio.replace("mio = \"1\"", "mio = \"1.1\"");
        assert_ne!(common(mio).unwrap(), common(&other).unwrap());
        assert!(common("[workspace]\n").is_err());
    }

    #[test]
    fn a_package_in_two_versions_is_named() {
        let package = |name: &str, version: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"r\"\n")
        };
        let ours = "[[package]]\nname = \"mio\"\nversion = \"1.2.99\"\n";
        let mio = [
            package("mio", "1.2.4"),
            package("libc", "0.2.1"),
            package("log", "0.4.1"),
        ];
        let same = [ours.to_owned(), package("libc", "0.2.1")];
        assert!(differing(&mio.concat(), &same.concat()).unwrap().is_empty());
        let other = [ours.to_owned(), package("libc", "0.2.2")];
        assert_eq!(differing(&mio.concat(), &other.concat()).unwrap(), ["libc"]);
        // What ferrio needs for another platform is its own; what it has in another version is not.
        let ferrio = "[[package]]\nname = \"ferrio\"\nversion = \"0\"\ndependencies = [\"libc\", \"wasip1\"]\n";
        let wasi = "[[package]]\nname = \"wasip1\"\nversion = \"1\"\nsource = \"registry\"\n";
        let with = |libc: &str| format!("{}{ferrio}{wasi}{libc}", same.concat());
        assert!(differing(&mio.concat(), &with("")).unwrap().is_empty());
        let newer = "[[package]]\nname = \"libc\"\nversion = \"9\"\nsource = \"registry\"\n";
        assert_eq!(differing(&mio.concat(), &with(newer)).unwrap(), ["libc"]);
    }
}
