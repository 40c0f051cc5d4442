//! Which mio a build has. A patch that does not apply, because its version is too low or a lock file
//! names another, is passed over by cargo with no more than a warning: so this is checked.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::cargo_in;
use crate::run;
use crate::workspace::Workspace;

/// What a program is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The baseline, from crates.io.
    Mio,
    /// compat/mio of this repository.
    Ferrio,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Mio, Self::Ferrio];

    pub fn name(self) -> &'static str {
        match self {
            Self::Mio => "mio",
            Self::Ferrio => "ferrio",
        }
    }
}

/// An error unless the package has one mio, and the right one.
pub fn check(workspace: &Workspace, side: Side, package: &Path) -> Result<()> {
    let compat = workspace.root().join("compat/mio/Cargo.toml");
    let manifest: toml::Table = read(&compat)?.parse()?;
    let version = manifest
        .get("package")
        .and_then(|package| package.get("version")?.as_str())
        .context("compat/mio has no version")?;
    let lock = package.join("Cargo.lock");
    let found = judge(side, &read(&lock)?, version)
        .with_context(|| format!("{} has the wrong mio", lock.display()))?;
    // The lock file says that it is a path, and not which.
    let from = built_from(workspace, package)?;
    let ours = Path::new(&from) == compat;
    ensure!(
        ours == (side == Side::Ferrio),
        "mio would be built from {from}"
    );
    println!("ok      {} locks mio {found} and no other", lock.display());
    Ok(())
}

/// The version of the one mio in a lock file, if it is that which this side should have.
fn judge(side: Side, lock: &str, compat: &str) -> Result<String> {
    let packages = packages(lock)?;
    let of = |package: &toml::Table, key: &str| Some(package.get(key)?.as_str()?.to_owned());
    let mios: Vec<_> = packages
        .iter()
        .filter(|package| of(package, "name").as_deref() == Some("mio"))
        .map(|package| (of(package, "version"), of(package, "source")))
        .collect();
    match (side, &mios[..]) {
        (Side::Ferrio, [(Some(version), None)]) if version == compat => {}
        (Side::Mio, [(Some(_), Some(source))]) if source.starts_with("registry+") => {}
        (Side::Ferrio, _) => bail!("wanted only {compat} from this repository, not {mios:?}"),
        (Side::Mio, _) => bail!("wanted only one from the registry, not {mios:?}"),
    }
    let found = mios.into_iter().next().and_then(|(version, _)| version);
    found.context("mio has no version")
}

/// The manifest of the mio that cargo would build.
fn built_from(workspace: &Workspace, package: &Path) -> Result<String> {
    let metadata = run::stdout(&mut cargo_in(
        workspace,
        package,
        &["metadata", "--locked", "--format-version", "1"],
    ))?;
    manifest_of(&serde_json::from_str(&metadata)?, "mio")
}

/// Where `cargo metadata` says that the one package of this name is.
pub fn manifest_of(metadata: &Value, name: &str) -> Result<String> {
    let packages = metadata["packages"].as_array();
    let mut found = packages
        .into_iter()
        .flatten()
        .filter(|package| package["name"] == name)
        .filter_map(|package| package["manifest_path"].as_str());
    match (found.next(), found.next()) {
        (Some(manifest), None) => Ok(manifest.to_owned()),
        (None, _) => bail!("there is no {name}"),
        (Some(_), Some(_)) => bail!("there is more than one {name}"),
    }
}

/// The `[[package]]` tables of a lock file.
pub fn packages(lock: &str) -> Result<Vec<toml::Table>> {
    let lock: toml::Table = lock.parse()?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let packages = packages.context("a lock file without packages")?;
    Ok(packages
        .iter()
        .filter_map(|package| package.as_table().cloned())
        .collect())
}

pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} could not be read", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "[[package]]\nname = \"mio\"\nversion = \"1.2.99\"\n";
    const THEIRS: &str = "[[package]]\nname = \"mio\"\nversion = \"1.2.4\"\n\
        source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    const OTHER: &str = "[[package]]\nname = \"libc\"\nversion = \"0.2.180\"\n";

    #[test]
    fn each_side_has_its_own_mio() {
        let found = judge(Side::Ferrio, &format!("{OTHER}{OURS}"), "1.2.99");
        assert_eq!(found.unwrap(), "1.2.99");
        let found = judge(Side::Mio, &format!("{OTHER}{THEIRS}"), "1.2.99");
        assert_eq!(found.unwrap(), "1.2.4");
    }

    #[test]
    fn a_patch_that_did_not_apply_is_seen() {
        let unused = format!("{THEIRS}\n[[patch.unused]]\nname = \"mio\"\nversion = \"1.2.99\"\n");
        assert!(judge(Side::Ferrio, &unused, "1.2.99").is_err());
        assert!(judge(Side::Ferrio, &format!("{OURS}{THEIRS}"), "1.2.99").is_err());
        assert!(judge(Side::Ferrio, OURS, "1.2.98").is_err());
        assert!(judge(Side::Ferrio, OTHER, "1.2.99").is_err());
    }

    #[test]
    fn a_baseline_that_is_none_is_seen() {
        assert!(judge(Side::Mio, OURS, "1.2.99").is_err());
        assert!(judge(Side::Mio, &format!("{OURS}{THEIRS}"), "1.2.99").is_err());
        assert!(judge(Side::Mio, OTHER, "1.2.99").is_err());
    }

    #[test]
    fn a_package_is_found_if_there_is_one() {
        let metadata = serde_json::json!({"packages": [
            {"name": "mio", "manifest_path": "/a/Cargo.toml"},
            {"name": "log", "manifest_path": "/b/Cargo.toml"},
            {"name": "log", "manifest_path": "/c/Cargo.toml"},
        ]});
        assert_eq!(manifest_of(&metadata, "mio").unwrap(), "/a/Cargo.toml");
        assert!(manifest_of(&metadata, "log").is_err());
        assert!(manifest_of(&metadata, "libc").is_err());
    }
}
