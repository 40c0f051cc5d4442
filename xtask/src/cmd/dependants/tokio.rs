//! tokio's own tests, as its package on crates.io has them: what passes with mio passes with ferrio.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::lock::{self, Side};
use super::{cargo_in, directory, forced, nextest, programs};
use crate::counts::Counts;
use crate::nextest::junit::Tests;
use crate::run;
use crate::workspace::Workspace;

/// How the names of those integration tests begin that CI runs. `tcp_accept` and `udp` are names.
const SUBSET: [&str; 7] = ["io_", "net_", "process_", "signal_", "tcp_", "udp", "uds_"];

/// It wants a directory that it may not look into. There is none for root.
const NOT_AS_ROOT: &str = "tokio::fs_try_exists try_exists";

pub fn run(
    workspace: &Workspace,
    subset: bool,
    force_poll: bool,
    counts: &mut Counts,
) -> Result<()> {
    crate::nextest::install()?;
    let package = package(workspace)?;
    let mut arguments = Vec::new();
    if subset {
        for test in chosen(&tests(&package)?)? {
            arguments.extend(["--test".to_owned(), test]);
        }
    } else if is_root()? {
        println!("skipped {NOT_AS_ROOT}: nothing is forbidden to root, which it relies on");
        counts.skipped += 1;
        arguments.push("-E".to_owned());
        arguments.push("not (binary(=fs_try_exists) & test(=try_exists))".to_owned());
    }
    let [mio, ferrio] = Side::BOTH.map(|side| prepare(workspace, side, &package));
    let (mio, ferrio) = (mio?, ferrio?);
    if force_poll {
        forced::check(workspace, &ferrio)?;
    }
    let mio = nextest::run(workspace, &mio, force_poll, &arguments)?;
    let ferrio = nextest::run(workspace, &ferrio, force_poll, &arguments)?;
    compare(&mio, &ferrio, counts);
    Ok(())
}

/// Counts a test that passed with mio as passed or failed, by what it did with ferrio.
fn compare(mio: &Tests, ferrio: &Tests, counts: &mut Counts) {
    let of = |tests: &Tests| format!("{} of {}", tests.passed.len(), total(tests));
    println!(
        "tokio's tests: {} passed with mio, {} with ferrio",
        of(mio),
        of(ferrio)
    );
    for test in &mio.passed {
        let passes = ferrio.passed.contains(test);
        counts.add(passes);
        if !passes {
            let how = match ferrio.failed.contains(test) {
                true => "fails",
                false => "is not there",
            };
            println!("FAILED  {test}: passes with mio, {how} with ferrio");
        }
    }
    for test in &mio.failed {
        counts.skipped += 1;
        let how = match ferrio.passed.contains(test) {
            true => "passes with ferrio",
            false => "nor with ferrio",
        };
        println!("skipped {test}: does not pass with mio, {how}");
    }
}

fn total(tests: &Tests) -> usize {
    tests.passed.len() + tests.failed.len()
}

/// The package of tokio that the programs in dependants/ depend on, where cargo keeps its source.
fn package(workspace: &Workspace) -> Result<PathBuf> {
    let metadata = run::stdout(&mut cargo_in(
        workspace,
        &programs::package(workspace, Side::Mio),
        &["metadata", "--locked", "--format-version", "1"],
    ))?;
    let manifest = lock::manifest_of(&serde_json::from_str(&metadata)?, "tokio")?;
    let directory = Path::new(&manifest).parent();
    Ok(directory.context("tokio has no directory")?.to_owned())
}

/// The integration tests that a package has.
fn tests(package: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for file in package.join("tests").read_dir()? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(
                path.file_stem()
                    .and_then(|stem| stem.to_str()?.parse().ok()),
            );
        }
    }
    Ok(names)
}

fn chosen(tests: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let mut chosen = BTreeSet::new();
    for prefix in SUBSET {
        let matching = tests.iter().filter(|test| test.starts_with(prefix));
        let before = chosen.len();
        chosen.extend(matching.cloned());
        ensure!(chosen.len() > before, "tokio has no tests named {prefix}*");
    }
    Ok(chosen)
}

/// A copy of the package that builds on this side's mio; that it does is checked.
fn prepare(workspace: &Workspace, side: Side, package: &Path) -> Result<PathBuf> {
    let copy = patched_copy(workspace, side, package)?;
    // With this, cargo completes the lock file.
    let mut metadata = cargo_in(workspace, &copy, &["metadata", "--format-version", "1"]);
    run::stdout(&mut metadata)?;
    lock::check(workspace, side, &copy)?;
    Ok(copy)
}

/// A copy on which tokio's own helpers build, too.
fn patched_copy(workspace: &Workspace, side: Side, package: &Path) -> Result<PathBuf> {
    let copy = directory(workspace).join(format!("tokio-{}", side.name()));
    let name = package.file_name().context("tokio has no name")?;
    let marker = copy.join("copied-from");
    if fs::read_to_string(&marker).ok().as_deref() != name.to_str() && copy.exists() {
        // Another version's files, or half of this one's.
        fs::remove_dir_all(&copy)?;
    }
    synchronize(package, &copy)?;
    let manifest = lock::read(&package.join("Cargo.toml"))?;
    let patched = format!("{manifest}{}", patch(side, workspace.root()));
    write(&copy.join("Cargo.toml"), patched.as_bytes())?;
    let lock = unlocked(side, &lock::read(&package.join("Cargo.lock"))?)?;
    write(&copy.join("Cargo.lock"), lock.as_bytes())?;
    fs::write(marker, name.as_encoded_bytes())?;
    Ok(copy)
}

/// What is behind the manifest of a copy: it is no member of the workspace around it, its
/// dev-dependencies that depend on tokio get the copy, and mio is what it is to be.
fn patch(side: Side, root: &Path) -> String {
    let mut text = "\n[workspace]\n\n[patch.crates-io]\ntokio = { path = \".\" }\n".to_owned();
    if side == Side::Ferrio {
        let compat = root.join("compat/mio");
        let path = toml::Value::from(compat.to_string_lossy().into_owned());
        text.push_str(&format!("mio = {{ path = {path} }}\n"));
    }
    text
}

/// tokio's own lock file without what the patches replace: cargo keeps to what is locked, even if
/// a patch has something newer. All else stays as tokio was released with.
fn unlocked(side: Side, lock: &str) -> Result<String> {
    let mut table: toml::Table = lock.parse()?;
    let packages = table
        .get_mut("package")
        .and_then(|list| list.as_array_mut());
    let packages = packages.context("a lock file without packages")?;
    packages.retain(|package| {
        let name = package.get("name").and_then(|name| name.as_str());
        let from_registry = package.get("source").is_some();
        !(from_registry && (name == Some("tokio") || (name == Some("mio") && side == Side::Ferrio)))
    });
    Ok(toml::to_string(&table)?)
}

/// Copies a directory's files, except for those that are there already: what cargo has built of
/// them stays good.
fn synchronize(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in from.read_dir()? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            synchronize(&entry.path(), &target)?;
        } else if !["Cargo.toml", "Cargo.lock"]
            .map(Into::into)
            .contains(&entry.file_name())
        {
            write(&target, &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).ok().as_deref() != Some(content) {
        fs::write(path, content)
            .with_context(|| format!("{} could not be written", path.display()))?;
    }
    Ok(())
}

fn is_root() -> Result<bool> {
    Ok(run::stdout(Command::new("id").arg("-u"))?.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_prefix_that_matches_nothing_is_an_error() {
        let mut names = set(&[
            "fs_file",
            "io_read",
            "net_panic",
            "process_smoke",
            "signal_twice",
            "tcp_accept",
            "tcp_echo",
            "udp",
            "uds_cred",
        ]);
        let chosen_ones = chosen(&names).unwrap();
        assert_eq!(chosen_ones.len(), 8);
        assert!(!chosen_ones.contains("fs_file"));
        names.remove("udp");
        assert!(chosen(&names).unwrap_err().to_string().contains("udp*"));
    }

    #[test]
    fn what_passes_with_mio_alone_is_a_failure() {
        let mio = Tests {
            passed: set(&["both", "mio alone", "gone"]),
            failed: set(&["neither", "ferrio alone"]),
            ..Tests::default()
        };
        let ferrio = Tests {
            passed: set(&["both", "ferrio alone", "new"]),
            failed: set(&["mio alone", "neither"]),
            ..Tests::default()
        };
        let mut counts = Counts::default();
        compare(&mio, &ferrio, &mut counts);
        assert_eq!(counts.to_string(), "1 passed, 2 failed, 2 skipped");
    }

    #[test]
    fn only_what_is_replaced_is_unlocked() {
        let lock = "version = 4\n\n[[package]]\nname = \"mio\"\nversion = \"1.2.4\"\n\
            source = \"registry+x\"\n\n[[package]]\nname = \"tokio\"\nversion = \"1.54.1\"\n\n\
            [[package]]\nname = \"tokio\"\nversion = \"1.54.0\"\nsource = \"registry+x\"\n\n\
            [[package]]\nname = \"libc\"\nversion = \"0.2.1\"\nsource = \"registry+x\"\n";
        let left = |side| {
            let text = unlocked(side, lock).unwrap();
            assert!(text.starts_with("version = 4\n"), "{text}");
            let packages = lock::packages(&text).unwrap();
            let of = |package: &toml::Table, key| package[key].as_str().unwrap().to_owned();
            let list: Vec<String> = packages
                .iter()
                .map(|package| format!("{} {}", of(package, "name"), of(package, "version")))
                .collect();
            list.join(", ")
        };
        assert_eq!(left(Side::Mio), "mio 1.2.4, tokio 1.54.1, libc 0.2.1");
        assert_eq!(left(Side::Ferrio), "tokio 1.54.1, libc 0.2.1");
    }

    #[test]
    fn a_patch_is_toml_whatever_the_path() {
        let text = patch(Side::Ferrio, Path::new("/a \"b\"\\c"));
        let table: toml::Table = text.parse().unwrap();
        let mio = table["patch"]["crates-io"]["mio"]["path"].as_str();
        assert_eq!(mio, Some("/a \"b\"\\c/compat/mio"));
        let table: toml::Table = patch(Side::Mio, Path::new("/a")).parse().unwrap();
        assert!(table["patch"]["crates-io"].get("mio").is_none());
    }
}
