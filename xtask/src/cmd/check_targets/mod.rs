//! Type-checks and lints ferrio for the platforms in `targets.toml`, and compares what that says of
//! them with what `build.rs` makes of them.

mod build_script;
mod debian;
mod table;
mod toolchain;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::build_script::BuildScript;
use self::table::{How, Target};
use self::toolchain::Toolchain;
use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

#[derive(Args, Default)]
pub struct Arguments {
    /// Targets from targets.toml; without any, all of them
    #[arg(conflicts_with = "quick")]
    targets: Vec<String>,
    /// Only the targets that CI checks; the table is compared for all that the compiler knows
    #[arg(long)]
    quick: bool,
    /// Keep the standard libraries that were built, some 150 MB each, for the next time
    #[arg(long)]
    keep: bool,
    /// Use Debian's Rust, as is done where rustup can't give what is needed
    #[arg(long)]
    debian: bool,
}

impl Arguments {
    /// What takes an acceptable time.
    pub fn ci() -> Self {
        let quick = true;
        Self {
            quick,
            ..Self::default()
        }
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let path = workspace.root().join("targets.toml");
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path)
            .with_context(|| format!("{} could not be read", path.display()))
    };
    let build_rs = read(&workspace.root().join("build.rs"))?;
    let known = build_script::capabilities(&build_rs)?;
    let table =
        table::parse(&read(&path)?, &known).with_context(|| format!("in {}", path.display()))?;
    let targets = table.choose(&arguments.targets)?;
    let script = BuildScript::compile(workspace)?;
    for target in &targets {
        // The other rows are worth comparing, too.
        if let Err(error) = compare(workspace, &script, target, !arguments.quick, counts) {
            println!("FAILED  {}: {error:#}", target.name);
            counts.failed += 1;
        }
    }
    let mut missing = Vec::new();
    for target in targets {
        if arguments.quick && !target.quick {
            continue;
        }
        println!("{}: {}", target.name, target.note);
        if target.how == How::None {
            println!("skipped {}", target.name);
            counts.skipped += 1;
            missing.push(format!("{}: not tried: {}", target.name, target.note));
            continue;
        }
        // The other targets are worth knowing about, too.
        match check(workspace, target, &table.features, arguments, counts) {
            Ok(std) => missing.extend(std),
            Err(error) => {
                let line = format!("{}: {error:#}", target.name);
                println!("FAILED  {line}");
                counts.failed += 1;
                missing.push(line);
            }
        }
    }
    if !missing.is_empty() {
        println!("Standard libraries that were not to be had as targets.toml asks:");
        missing.iter().for_each(|line| println!("  {line}"));
    }
    Ok(())
}

/// The row against what `build.rs` makes of the target. Toolchains are fetched for that only if it is
/// to be checked as well.
fn compare(
    workspace: &Workspace,
    script: &BuildScript,
    target: &Target,
    fetch: bool,
    counts: &mut Counts,
) -> Result<()> {
    let Some(cfgs) = toolchain::cfgs(workspace, target, fetch)? else {
        println!(
            "skipped {}: the compiler in use does not know it",
            target.name
        );
        counts.skipped += 1;
        return Ok(());
    };
    let facts = script
        .facts(&cfgs)
        .with_context(|| format!("build.rs for {}", target.name))?;
    let differences = table::differences(target, &facts);
    counts.add(differences.is_empty());
    if differences.is_empty() {
        println!("ok      {} is as targets.toml says", target.name);
    } else {
        println!("FAILED  {} is not as targets.toml says", target.name);
        for difference in differences {
            println!("        {difference}");
        }
    }
    Ok(())
}

/// All builds of one target. An error if there is no standard library for it; a line if it is another
/// than targets.toml asks for.
fn check(
    workspace: &Workspace,
    target: &Target,
    features: &[String],
    arguments: &Arguments,
    counts: &mut Counts,
) -> Result<Option<String>> {
    let name = &target.name;
    let toolchain = Toolchain::install(workspace, target, arguments.debian)?;
    if let Some(problem) = toolchain.std_problem(name)? {
        toolchain.forget(name)?;
        let instead = toolchain.instead.iter();
        let instead: String = instead.map(|why| format!("{why}; ")).collect();
        bail!(
            "{instead}std does not compile with {}: {problem}",
            toolchain.version()?
        );
    }
    for features in features {
        for command in ["check", "clippy"] {
            let mut cargo = toolchain.cargo(command, name);
            cargo
                .args(["-p", "ferrio", "--no-default-features"])
                .args(["--features", features]);
            let label = format!("{name} {command} [{features}]");
            run::check(&label, &mut cargo, counts)?;
        }
    }
    if !arguments.keep {
        toolchain.forget(name)?;
    }
    match &toolchain.instead {
        Some(why) => Ok(Some(format!(
            "{name}: {why}; built by {}",
            toolchain.version()?
        ))),
        None => Ok(None),
    }
}
