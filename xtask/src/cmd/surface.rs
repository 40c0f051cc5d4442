//! Compares the public surface with that of the newest mio 1.x, under the same features and for the
//! same targets.

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::install;
use crate::surface::compare::Comparison;
use crate::surface::fetch::{self, Build};
use crate::workspace::Workspace;

#[derive(Args, Default)]
pub struct Arguments {
    /// Only for this target, with every feature set; may be repeated
    #[arg(long, value_name = "TARGET")]
    target: Vec<String>,
    /// List the items that only ferrio has
    #[arg(long)]
    additions: bool,
}

/// Everything, then each smaller build that users make.
const FEATURES: [&str; 5] = [
    "os-poll,os-ext,net,log",
    "os-poll,os-ext",
    "os-poll,net",
    "os-poll",
    "",
];

/// Systems with another selector, and items that the host may not have, such as `Interest::AIO`.
const TARGETS: [&str; 5] = [
    "x86_64-apple-darwin",
    "x86_64-unknown-freebsd",
    "x86_64-pc-windows-gnu",
    "wasm32-wasip1",
    "wasm32-wasip2",
];

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let mio = fetch::Mio::resolve(workspace)?;
    for build in builds(&arguments.target) {
        compare(workspace, &mio, build, arguments.additions, counts)?;
    }
    Ok(())
}

/// The host and then the other systems, or what was asked for.
fn builds(asked: &[String]) -> Vec<Build<'_>> {
    let asked = asked.iter().map(|target| Some(target.as_str()));
    let mut targets: Vec<Option<&str>> = asked.collect();
    if targets.is_empty() {
        targets.push(None);
        targets.extend(TARGETS.map(Some));
    }
    let of = |target| FEATURES.map(|features| Build { target, features });
    targets.into_iter().flat_map(of).collect()
}

fn compare(
    workspace: &Workspace,
    mio: &fetch::Mio,
    build: Build<'_>,
    additions: bool,
    counts: &mut Counts,
) -> Result<()> {
    let features = build.features;
    let system = build.target.unwrap_or("the host");
    if let Some(target) = build.target {
        install::target(workspace, target)?;
    }
    let mio = mio.rustdoc(workspace, build)?;
    let ferrio = fetch::ferrio(workspace, build)?;
    let comparison = Comparison::of(&mio, &ferrio)
        .with_context(|| format!("for {system} with the features [{features}]"))?;
    ensure!(
        comparison.same > 0,
        "not one item is the same: that is no comparison"
    );
    println!(
        "{system} [{features}]: {} items as in mio {}, {} missing, {} different, {} added",
        comparison.same,
        mio.version(),
        comparison.missing.len(),
        comparison.differing.len(),
        comparison.added.len(),
    );
    print!("{comparison}");
    if additions {
        for (path, form) in &comparison.added {
            println!("  added    {path}\n    ferrio: {form}");
        }
    }
    counts.passed += comparison.same;
    counts.failed += comparison.failures();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_and_five_other_systems_are_compared_unless_told() {
        let targets = |asked: &[String]| -> Vec<Option<String>> {
            let builds = builds(asked);
            let mut targets: Vec<_> = builds.iter().map(|b| b.target.map(str::to_owned)).collect();
            assert_eq!(targets.len() % FEATURES.len(), 0);
            targets.dedup();
            targets
        };
        let all = targets(&[]);
        assert_eq!(all[0], None);
        assert_eq!(all.len(), 6);
        let one = "x86_64-unknown-netbsd".to_owned();
        assert_eq!(targets(std::slice::from_ref(&one)), [Some(one)]);
    }
}
