//! Type-checks and lints ferrio for the platforms in `targets.toml`, and compares what that says of
//! them with what `build.rs` makes of them.

mod build_script;
mod table;
mod toolchain;

use anyhow::{Context, Result};
use clap::Args;

use self::build_script::BuildScript;
use self::table::{How, Target};
use self::toolchain::Toolchain;
use crate::counts::Counts;
use crate::run;
use crate::workspace::{Workspace, rustflags};

#[derive(Args, Default)]
pub struct Arguments {
    /// Targets from targets.toml; without any, all of them
    #[arg(conflicts_with = "quick")]
    targets: Vec<String>,
    /// Only the targets that CI checks; the table is compared for all of them
    #[arg(long)]
    quick: bool,
    /// Keep the standard libraries that were built, some 150 MB each, for the next time
    #[arg(long)]
    keep: bool,
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
        compare(workspace, &script, target, counts)?;
    }
    for target in targets {
        if arguments.quick && !target.quick {
            continue;
        }
        println!("{}: {}", target.name, target.note);
        if target.how == How::None {
            println!("skipped {}", target.name);
            counts.skipped += 1;
            continue;
        }
        // The other targets are worth knowing about, too.
        if let Err(error) = check(workspace, target, &table.features, arguments.keep, counts) {
            println!("FAILED  {}: {error:#}", target.name);
            counts.failed += 1;
        }
    }
    Ok(())
}

/// The row against what `build.rs` makes of the target.
fn compare(
    workspace: &Workspace,
    script: &BuildScript,
    target: &Target,
    counts: &mut Counts,
) -> Result<()> {
    let facts = script
        .facts(workspace, &target.name)
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

/// All builds of one target.
fn check(
    workspace: &Workspace,
    target: &Target,
    features: &[String],
    keep: bool,
    counts: &mut Counts,
) -> Result<()> {
    let toolchain = Toolchain::install(workspace, target)?;
    for features in features {
        for command in ["check", "clippy"] {
            let mut cargo = toolchain.cargo();
            cargo
                .args([command, "--quiet", "-p", "ferrio"])
                .args(["--target", &target.name, "--no-default-features"])
                .args(["--features", features])
                .env("RUSTFLAGS", rustflags("-D warnings"))
                // Much smaller, and nobody debugs these.
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
                .env("CARGO_INCREMENTAL", "0");
            if target.how == How::BuildStd {
                // An unstable option, which the stable toolchain takes under this variable.
                cargo
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("RUSTC_BOOTSTRAP", "1");
            }
            let label = format!("{} {command} [{features}]", target.name);
            run::check(&label, &mut cargo, counts)?;
        }
    }
    if target.how == How::BuildStd && !keep {
        toolchain.forget(&target.name)?;
    }
    Ok(())
}
