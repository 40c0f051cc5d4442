//! What `build.rs` makes of a target: it is compiled and run as cargo would run it, for which the
//! target needs no standard library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::table::{Facts, NOTHING};
use crate::workspace::Workspace;
use crate::{install, run};

pub struct BuildScript {
    program: PathBuf,
}

impl BuildScript {
    pub fn compile(workspace: &Workspace) -> Result<Self> {
        let directory = workspace.target("targets");
        std::fs::create_dir_all(&directory)?;
        let program = directory.join("build-script");
        let mut rustc = install::rustc(workspace);
        rustc.args(["--edition", "2024", "-o"]).arg(&program);
        run::step(rustc.arg("build.rs"))?;
        Ok(Self { program })
    }

    /// For a build with the default features, without any cfg from the environment. `cfgs` is what
    /// rustc says of the target.
    pub fn facts(&self, cfgs: &str) -> Result<Facts> {
        let mut script = Command::new(&self.program);
        script
            .env_clear()
            .env("CARGO_FEATURE_OS_POLL", "1")
            .envs(variables(cfgs));
        facts(&run::stdout(&mut script)?)
    }
}

/// The variables that cargo makes of rustc's list of cfgs: `CARGO_CFG_NAME`, several values joined by
/// commas, none where the cfg has none.
fn variables(cfgs: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::<String, String>::new();
    for line in cfgs.lines() {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let name = format!("CARGO_CFG_{}", name.to_uppercase().replace('-', "_"));
        let all = variables.entry(name).or_default();
        if !all.is_empty() {
            all.push(',');
        }
        all.push_str(value.trim_matches('"'));
    }
    variables
}

/// What the lines that are meant for cargo say.
fn facts(output: &str) -> Result<Facts> {
    let cfgs: Vec<&str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("cargo::rustc-cfg="))
        .collect();
    let with = |prefix: &str| {
        let names = cfgs.iter().filter_map(|cfg| cfg.strip_prefix(prefix));
        names.map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let only = |prefix: &str| {
        let mut names = with(prefix);
        ensure!(names.len() < 2, "an ordinary build has {names:?}");
        Ok(names.pop_first().unwrap_or_else(|| NOTHING.to_owned()))
    };
    if !cfgs
        .iter()
        .any(|cfg| ["sys_unix", "sys_windows", "sys_wasi", "sys_shell"].contains(cfg))
    {
        bail!("neither sys_unix nor sys_windows nor sys_wasi nor sys_shell: {output}");
    }
    Ok(Facts {
        selector: only("sel_")?,
        waker: only("waker_")?,
        capabilities: with("has_"),
    })
}

/// The names in the list `CAPABILITIES` of `build.rs`, without `has_`.
pub fn capabilities(build_rs: &str) -> Result<BTreeSet<String>> {
    let list = build_rs
        .split_once("const CAPABILITIES")
        .and_then(|(_, rest)| rest.split_once("];"))
        .context("build.rs has no list CAPABILITIES")?;
    let names = list.0.lines().filter_map(|line| {
        let quoted = line.trim().strip_prefix("\"has_")?;
        Some(quoted.split_once('"')?.0.to_owned())
    });
    let names: BTreeSet<String> = names.collect();
    ensure!(!names.is_empty(), "CAPABILITIES in build.rs is empty");
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD_RS: &str = include_str!("../../../../build.rs");
    const TARGETS: &str = include_str!("../../../../targets.toml");

    #[test]
    fn cfgs_become_variables() {
        let cfgs = "target_os=\"linux\"\nunix\ntarget_feature=\"sse\"\ntarget_feature=\"sse2\"\n";
        let variables = variables(cfgs);
        assert_eq!(variables["CARGO_CFG_TARGET_OS"], "linux");
        assert_eq!(variables["CARGO_CFG_UNIX"], "");
        assert_eq!(variables["CARGO_CFG_TARGET_FEATURE"], "sse,sse2");
        assert_eq!(variables.len(), 3);
    }

    #[test]
    fn facts_are_read_from_what_cargo_is_told() {
        let lines = "cargo::rerun-if-changed=build.rs\ncargo::rustc-check-cfg=cfg(has_pipe)\n\
            cargo::rustc-cfg=has_epoll\ncargo::rustc-cfg=sys_unix\ncargo::rustc-cfg=sel_epoll\n\
            cargo::rustc-cfg=waker_eventfd\n";
        let derived = facts(lines).unwrap();
        assert_eq!(derived.selector, "epoll");
        assert_eq!(derived.waker, "eventfd");
        assert_eq!(derived.capabilities, ["epoll".to_owned()].into());
        let shell = facts("cargo::rustc-cfg=sys_shell\n").unwrap();
        assert_eq!(shell.selector, NOTHING);
        assert!(facts("").is_err());
        assert!(facts(&format!("{lines}cargo::rustc-cfg=sel_poll\n")).is_err());
    }

    #[test]
    fn the_list_of_capabilities_is_found() {
        let names = capabilities(BUILD_RS).unwrap();
        assert!(names.contains("epoll") && names.contains("nosigpipe"));
        assert!(!names.contains("loom"));
        assert!(capabilities("fn main() {}").is_err());
    }

    /// A row of build.rs that nothing checks could say anything.
    #[test]
    fn every_system_of_build_rs_is_in_targets_toml() {
        let mut systems = Vec::new();
        for row in BUILD_RS.split("os: &[").skip(1) {
            let list = row.split_once(']').unwrap().0;
            systems.extend(list.split('"').skip(1).step_by(2));
        }
        assert!(systems.contains(&"linux") && systems.contains(&"visionos"));
        for system in systems {
            let name = match system {
                "macos" => "darwin",
                name => name,
            };
            let found = TARGETS
                .lines()
                .any(|line| line.starts_with("name = ") && line.contains(name));
            assert!(found, "targets.toml has no target for {system}");
        }
    }
}
