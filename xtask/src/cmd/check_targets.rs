//! Type-checks ferrio for the platforms in `targets.toml`.

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;

use crate::counts::Counts;
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

#[derive(Args)]
pub struct Arguments {
    /// Targets from targets.toml; without any, all of them
    targets: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    target: Vec<Target>,
}

/// One platform.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Target {
    /// As rustc calls it.
    name: String,
    /// The feature sets to check, comma-separated each.
    features: Vec<String>,
    how: How,
    /// What is known about ferrio there, and from what.
    note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum How {
    /// With the standard library that rustup has for the target.
    Check,
    /// With a standard library built from source: rustup has none.
    BuildStd,
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let path = workspace.root().join("targets.toml");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    let table = parse(&text).with_context(|| format!("in {}", path.display()))?;
    for target in choose(&table, &arguments.targets)? {
        println!("{}: {}", target.name, target.note);
        check(workspace, target, counts)?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<Target>> {
    let table: Table = toml::from_str(text)?;
    for target in &table.target {
        let name = &target.name;
        ensure!(!target.features.is_empty(), "{name} has no feature set");
        ensure!(!target.note.trim().is_empty(), "{name} has no note");
    }
    Ok(table.target)
}

fn choose<'t>(table: &'t [Target], names: &[String]) -> Result<Vec<&'t Target>> {
    if names.is_empty() {
        return Ok(table.iter().collect());
    }
    let find = |name: &String| {
        let found = table.iter().find(|target| target.name == *name);
        found.with_context(|| format!("targets.toml has no target {name}"))
    };
    names.iter().map(find).collect()
}

fn check(workspace: &Workspace, target: &Target, counts: &mut Counts) -> Result<()> {
    match target.how {
        How::Check => install::target(workspace, &target.name)?,
        How::BuildStd => install::std_sources(workspace)?,
    }
    for features in &target.features {
        let mut check = workspace.cargo(["check", "--quiet", "-p", "ferrio"]);
        check
            .args(["--target", &target.name, "--no-default-features"])
            .args(["--features", features])
            .env("RUSTFLAGS", rustflags("-D warnings"))
            .env("CARGO_TARGET_DIR", workspace.target("targets"));
        if target.how == How::BuildStd {
            // An unstable option, which the stable toolchain takes under this variable.
            check
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1");
        }
        run::check(&format!("{} [{features}]", target.name), &mut check, counts)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "[[target]]\nname = 'x86_64-unknown-linux-gnu'\nhow = 'check'\n\
        features = ['', 'net']\nnote = 'tested'\n";

    #[test]
    fn rows_are_read() {
        let table = parse(ROW).unwrap();
        assert_eq!(table[0].how, How::Check);
        assert_eq!(table[0].features, ["", "net"]);
        let table = parse(&ROW.replace("'check'", "'build-std'")).unwrap();
        assert_eq!(table[0].how, How::BuildStd);
    }

    #[test]
    fn a_row_that_would_check_nothing_is_an_error() {
        assert!(parse(&ROW.replace("'', 'net'", "")).is_err());
        assert!(parse(&ROW.replace("tested", " ")).is_err());
        assert!(parse(&ROW.replace("'check'", "'hope'")).is_err());
        assert!(parse(&ROW.replace("note", "notes")).is_err());
    }

    #[test]
    fn an_unknown_target_is_an_error() {
        let table = parse(ROW).unwrap();
        let choose = |name: &str| choose(&table, &[name.to_owned()]);
        assert_eq!(choose("x86_64-unknown-linux-gnu").unwrap().len(), 1);
        assert!(choose("pdp11").is_err());
    }

    #[test]
    fn the_committed_table_is_valid() {
        let table = parse(include_str!("../../../targets.toml")).unwrap();
        let mut names: Vec<_> = table.iter().map(|target| &target.name).collect();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "a target has two rows");
    }
}
