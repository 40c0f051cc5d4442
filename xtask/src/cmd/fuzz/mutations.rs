//! Breaks a copy of the library in the ways that `fuzz/mutations.toml` names, one at a time. libFuzzer has
//! to notice each within the time it is given.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{Arguments, libfuzzer};
use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

#[derive(Deserialize)]
struct Mutations {
    mutation: Vec<Mutation>,
}

/// A text that stands in a file once, and what takes its place.
#[derive(Deserialize)]
struct Mutation {
    name: String,
    file: String,
    from: String,
    to: String,
}

/// What the copy needs of the repository.
const PARTS: &[&str] = &["Cargo.toml", "build.rs", "src", "conformance", "fuzz"];

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    ensure!(
        arguments.seed.len() <= 1,
        "each mutation is run with one seed only"
    );
    let text = fs::read_to_string(workspace.root().join("fuzz/mutations.toml"))?;
    let mutations: Mutations = toml::from_str(&text)?;
    let tree = workspace.target("fuzz-mutations").join("tree");
    copy(workspace.root(), &tree)?;
    let arguments = Arguments {
        seed: vec![arguments.seeds()[0]],
        minutes: Some(arguments.minutes.unwrap_or(2.0)),
        ..arguments.clone()
    };
    for mutation in &mutations.mutation {
        let name = &mutation.name;
        let begun = Instant::now();
        let found = one(workspace, &tree, mutation, &arguments);
        let seconds = begun.elapsed().as_secs();
        counts.add(matches!(found, Ok(true)));
        match found {
            Ok(true) => println!("noticed     {name} ({seconds} s with the build)"),
            Ok(false) => println!("NOT NOTICED {name} ({seconds} s)"),
            Err(error) => println!("FAILED      {name}: {error:#}"),
        }
    }
    Ok(())
}

/// Whether it was noticed.
fn one(
    workspace: &Workspace,
    tree: &Path,
    mutation: &Mutation,
    arguments: &Arguments,
) -> Result<bool> {
    let file = tree.join(&mutation.file);
    let whole = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let times = whole.matches(&mutation.from).count();
    ensure!(times == 1, "{:?} is there {times} times", mutation.from);
    fs::write(&file, whole.replace(&mutation.from, &mutation.to))?;
    let home = workspace.target("fuzz-mutations").join("build");
    let target = libfuzzer::build_in(tree, &home, "");
    fs::write(&file, whole)?;
    let section = libfuzzer::one(&target?, arguments, arguments.seed[0])?;
    Ok(section.failed.is_some())
}

/// Packages beside the library and the suite are not built, so they are no members there.
fn copy(root: &Path, tree: &Path) -> Result<()> {
    if tree.exists() {
        fs::remove_dir_all(tree)?;
    }
    fs::create_dir_all(tree)?;
    for part in PARTS {
        run::step(Command::new("cp").arg("-r").arg(root.join(part)).arg(tree))?;
    }
    let manifest = tree.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    let members = text.lines().find(|line| line.starts_with("members = "));
    let members = members.context("the workspace has no members")?;
    fs::write(
        &manifest,
        text.replace(members, "members = [\"conformance\"]"),
    )?;
    Ok(())
}
