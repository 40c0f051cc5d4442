//! ferrio under the cfgs that force another selector or waker. They reach every crate through
//! RUSTFLAGS, so each has a target directory of its own.

use anyhow::{Result, ensure};

use crate::counts::Counts;
use crate::run;
use crate::workspace::{Workspace, rustflags};

const CFGS: [(&str, &str); 2] = [
    ("mio_unsupported_force_poll_poll", "forced-poll"),
    ("mio_unsupported_force_waker_pipe", "forced-pipe"),
];

/// In tests/forced.rs, which is empty without the cfgs.
const FORCED: &str = "a_forced_backend_is_used_or_refused";

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    for (cfg, directory) in CFGS {
        let flags = rustflags(&format!("--cfg {cfg} -D warnings"));
        let cargo = |command: &str| {
            let mut cargo = workspace.cargo([command, "-p", "ferrio"]);
            cargo
                .env("RUSTFLAGS", &flags)
                .env("CARGO_TARGET_DIR", workspace.target(directory));
            cargo
        };
        let mut check = cargo("check");
        check.args(["--quiet", "--all-features"]);
        run::check(
            &format!("cargo check --all-features, {cfg}"),
            &mut check,
            counts,
        )?;
        // The examples in the documentation use the default backend, which may be missing here.
        let mut test = cargo("test");
        test.args(["--lib", "--test", "forced"]);
        let report = run::tests(&mut test, counts)?;
        ensure!(
            report.passed.iter().any(|name| name == FORCED),
            "{FORCED} did not run under {cfg}"
        );
    }
    Ok(())
}
