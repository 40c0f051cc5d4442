//! Compares the public surface with that of the newest mio 1.x, under the same features.

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::surface::compare::Comparison;
use crate::surface::fetch;
use crate::workspace::Workspace;

#[derive(Args, Default)]
pub struct Arguments {
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

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let mio = fetch::Mio::resolve(workspace)?;
    for features in FEATURES {
        let mio = mio.rustdoc(workspace, features)?;
        let ferrio = fetch::ferrio(workspace, features)?;
        let comparison = Comparison::of(&mio, &ferrio)
            .with_context(|| format!("with the features [{features}]"))?;
        ensure!(
            comparison.same > 0,
            "not one item is the same: that is no comparison"
        );
        println!(
            "[{features}]: {} items as in mio {}, {} missing, {} different, {} added",
            comparison.same,
            mio.version(),
            comparison.missing.len(),
            comparison.differing.len(),
            comparison.added.len(),
        );
        print!("{comparison}");
        if arguments.additions {
            for (path, form) in &comparison.added {
                println!("  added    {path}\n    ferrio: {form}");
            }
        }
        counts.passed += comparison.same;
        counts.failed += comparison.failures();
    }
    Ok(())
}
