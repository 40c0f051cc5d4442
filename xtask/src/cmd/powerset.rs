//! Every combination of features compiles without a warning.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::counts::Counts;
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

/// ferrio's features, and the one that each of them switches on.
const FEATURES: [(&str, Option<&str>); 6] = [
    ("os-poll", None),
    ("os-ext", Some("os-poll")),
    ("net", None),
    ("log", None),
    ("runtime-selector", Some("os-poll")),
    ("fault-injection", None),
];

/// A target that has no operating system at all.
const BARE: &str = "wasm32-unknown-unknown";

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    for features in combinations() {
        check(workspace, None, &features, counts)?;
    }
    install::target(workspace, BARE)?;
    for features in ["", "net", "os-poll,os-ext,net,log"] {
        check(workspace, Some(BARE), features, counts)?;
    }
    Ok(())
}

fn check(
    workspace: &Workspace,
    target: Option<&str>,
    features: &str,
    counts: &mut Counts,
) -> Result<()> {
    let mut check = workspace.cargo(["check", "--quiet", "-p", "ferrio"]);
    check
        .args(["--no-default-features", "--features", features])
        .env("RUSTFLAGS", rustflags("-D warnings"))
        .env("CARGO_TARGET_DIR", workspace.target("powerset"));
    let mut label = format!("[{features}]");
    if let Some(target) = target {
        check.args(["--target", target]);
        label = format!("{label} on {target}");
    }
    run::check(&label, &mut check, counts)
}

/// All sets of features, without those that differ only in what is implied anyway.
fn combinations() -> BTreeSet<String> {
    let mut combinations = BTreeSet::new();
    for bits in 0..1_u32 << FEATURES.len() {
        let chosen = |name: &str| {
            FEATURES
                .iter()
                .enumerate()
                .any(|(bit, (feature, _))| *feature == name && bits & (1 << bit) != 0)
        };
        let implied = |name: &str| {
            FEATURES
                .iter()
                .any(|(feature, implies)| *implies == Some(name) && chosen(feature))
        };
        let set: Vec<&str> = FEATURES
            .iter()
            .map(|(feature, _)| *feature)
            .filter(|feature| chosen(feature) || implied(feature))
            .collect();
        combinations.insert(set.join(","));
    }
    combinations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_closed_under_implication() {
        let all = combinations();
        // With os-poll 2^5 sets, without it 2^3: os-ext and runtime-selector bring it.
        assert_eq!(all.len(), 40);
        assert!(all.contains(""));
        assert!(all.contains("net"));
        assert!(all.contains("os-poll,os-ext"));
        assert!(!all.contains("os-ext"));
    }

    #[test]
    fn the_table_is_that_of_the_manifest() {
        let manifest = include_str!("../../../Cargo.toml");
        let manifest: toml::Table = manifest.parse().unwrap();
        let features = manifest["features"].as_table().unwrap();
        let mut names: Vec<&str> = features.keys().map(String::as_str).collect();
        names.retain(|name| *name != "default");
        names.sort_unstable();
        let mut ours = FEATURES.map(|(name, _)| name);
        ours.sort_unstable();
        assert_eq!(names, ours);
        for (name, implies) in FEATURES {
            let listed = features[name].as_array().unwrap().iter();
            let listed = listed.filter_map(|f| f.as_str()).find(|f| ours.contains(f));
            assert_eq!(listed, implies, "{name}");
        }
    }
}
