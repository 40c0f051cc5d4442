//! ferrio under the cfgs that force another selector or waker, the behaviour suite under those that
//! take away what other systems lack, and what looks for libc's functions in programs that are linked in
//! other ways. All reach every crate through RUSTFLAGS, so each build has a target directory of its own.

use anyhow::{Context, Result, ensure};

use crate::counts::Counts;
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

const CFGS: [(&str, &str); 2] = [
    ("mio_unsupported_force_poll_poll", "forced-poll"),
    ("mio_unsupported_force_waker_pipe", "forced-pipe"),
];

/// In tests/forced.rs, which is empty without the cfgs.
const FORCED: &str = "a_forced_backend_is_used";

/// What Linux has and other systems have not: macOS none of the first three, so that flags follow by
/// fcntl(2); illumos not the fourth, so that its eventfd is read after each event. The last is what macOS
/// and most BSDs can switch off for a socket.
const WITHOUT: [&str; 5] = ["accept4", "sock_flags", "pipe2", "eventfd_edges", "sigpipe"];

/// Ways of linking in which the address of a function of libc's does not tell what object it is in.
const LINKED: [(&str, &str); 2] = [
    ("-C relocation-model=static", "linked-in-place"),
    ("-C target-feature=+crt-static", "linked-static"),
];

/// The other libc, which is linked statically anyway.
const MUSL: &str = "x86_64-unknown-linux-musl";

/// In tests/interposed.rs.
const INTERPOSED: &str = "a_function_in_front_of_libcs_is_called_and_its_errors_arrive";

/// In conformance/tests/birth.rs, for builds without the first three only.
const LACKING: &str = "a_build_that_does_without_lacks_them";

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    for (cfg, directory) in CFGS {
        let flags = rustflags(&format!("--cfg {cfg} -D warnings"));
        let cargo_for = |package: &str, command: &str| {
            let mut cargo = workspace.cargo([command, "-p", package]);
            cargo
                .env("RUSTFLAGS", &flags)
                // It would go before the other.
                .env_remove("CARGO_ENCODED_RUSTFLAGS")
                .env("CARGO_TARGET_DIR", workspace.target(directory));
            cargo
        };
        let cargo = |command: &str| cargo_for("ferrio", command);
        let mut check = cargo("check");
        check.args(["--quiet", "--all-features", "--all-targets"]);
        run::check(
            &format!("cargo check --all-features --all-targets, {cfg}"),
            &mut check,
            counts,
        )?;
        // First all there are: the library's, those beside it, the examples', the documentation's.
        // Then those that have more to do if the build has the other backends too.
        for arguments in [
            &["--no-fail-fast"][..],
            &["--all-features", "--lib", "--test", "forced"],
        ] {
            let report = run::tests(cargo("test").args(arguments), counts)?;
            ensure!(
                report.passed.iter().any(|name| name == FORCED),
                "{FORCED} did not run under {cfg}"
            );
        }
        // Programs that know nothing of it.
        run::tests(&mut cargo_for("ferrio-programs", "test"), counts)?;
    }
    without(workspace, counts)?;
    linked(workspace, counts)
}

/// What the compiler is told in that build.
pub fn without_flags() -> String {
    WITHOUT
        .map(|name| format!("--cfg ferrio_without=\"{name}\""))
        .join(" ")
}

/// The library and the suite only: what stands around them knows its target too well.
fn without(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let flags = rustflags(&format!("{} -D warnings", without_flags()));
    let tests = |arguments: &[&str], counts: &mut Counts| {
        let mut cargo = workspace.cargo(["test", "--no-fail-fast"]);
        cargo
            .args(arguments)
            .env("RUSTFLAGS", &flags)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("CARGO_TARGET_DIR", workspace.target("without"));
        run::tests(&mut cargo, counts)
    };
    tests(&["-p", "ferrio", "--all-features", "--lib"], counts)?;
    let report = tests(&["-p", "ferrio-conformance", "--lib", "--tests"], counts)?;
    ensure!(
        report.passed.iter().any(|name| name == LACKING),
        "{LACKING} did not run"
    );
    Ok(())
}

/// With a target that is named, or the compiler's own parts were to be linked so as well.
fn linked(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let version = run::stdout(install::rustc(workspace).arg("-vV"))?;
    let mut lines = version.lines();
    let host = lines.find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not name its host")?;
    if host == "x86_64-unknown-linux-gnu" {
        // The calls that ferrio makes in libc's place are those that this one makes, too.
        install::target(workspace, MUSL)?;
        let mut cargo = workspace.cargo(["test", "-p", "ferrio", "--target", MUSL, "--lib"]);
        run::tests(&mut cargo, counts)?;
    }
    for (flags, directory) in LINKED {
        let mut cargo = workspace.cargo(["test", "-p", "ferrio", "--target", host]);
        cargo
            .args(["--lib", "--test", "interposed"])
            .env("RUSTFLAGS", rustflags(flags))
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env("CARGO_TARGET_DIR", workspace.target(directory));
        let report = run::tests(&mut cargo, counts)?;
        ensure!(
            report.passed.iter().any(|name| name == INTERPOSED),
            "{INTERPOSED} did not run with {flags}"
        );
    }
    Ok(())
}
