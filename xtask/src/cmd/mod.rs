//! The commands. A new one is a file here, a variant of [`Command`] and, if CI should run it, a
//! line in `ci.rs`.

mod bench;
mod check_targets;
mod ci;
mod clippy;
pub mod conformance;
mod coverage;
mod default_build;
mod dependants;
mod docs;
mod fmt;
mod forced_cfgs;
mod fuzz;
mod inject;
mod loom;
mod miri;
mod msrv;
mod mutants;
mod powerset;
mod qemu;
mod sanitize;
mod shell;
mod soak;
mod surface;
mod test;
mod wasi;
mod wine;

use anyhow::Result;
use clap::Subcommand;

use crate::counts::Counts;
use crate::workspace::Workspace;

#[derive(Subcommand)]
pub enum Command {
    /// Everything that CI runs, step by step; each step is a command of its own too
    Ci,
    /// The code is formatted
    Fmt,
    /// No lint fires, in any of the builds that matter
    Clippy,
    /// Every combination of features compiles
    Powerset,
    /// The tests, by the command that the README gives
    Test,
    /// The tests of ferrio as users build it: default features, debug and release
    DefaultBuild,
    /// The documentation builds, without a broken link
    Docs,
    /// The oldest supported compiler builds ferrio with the locked dependencies
    Msrv(msrv::Arguments),
    /// Model-checks the lock-free parts
    Loom,
    /// Compares the public surface with that of the newest mio 1.x
    Surface(surface::Arguments),
    /// The conformance suite, once or many times
    Conformance(conformance::Arguments),
    /// Random scripts on every backend, compared with a model of the contract
    Fuzz(fuzz::Arguments),
    /// An example whose system calls are made to fail, by strace
    Inject(inject::Arguments),
    /// ferrio under the cfgs that force another selector or waker
    ForcedCfgs,
    /// The tests of the build without an OS poll
    Shell,
    /// tokio's tests, servers under load and tokio's runtimes, on mio and on ferrio
    Dependants(dependants::Arguments),
    /// The tests on WASI, under wasmtime
    Wasi(wasi::Arguments),
    /// What `wasi` puts around a program of tests
    #[command(hide = true)]
    WasiOutside(wasi::outside::Arguments),
    /// The tests of the Windows build, under Wine
    Wine(wine::Arguments),
    /// The tests under Miri
    Miri(miri::Arguments),
    /// Changes the code, and looks whether a test notices
    Mutants(mutants::Arguments),
    /// How many lines the tests reach
    Coverage,
    /// The tests with a sanitizer: address, thread, leak or memory
    Sanitize(sanitize::Arguments),
    /// The tests on other processors, under qemu-user
    Qemu(qemu::Arguments),
    /// Type-checks and lints ferrio for the platforms in targets.toml, and compares that with build.rs
    CheckTargets(check_targets::Arguments),
    /// Holds many connections for a long time while others come and go, and checks everything
    Soak(soak::Arguments),
    /// Measures what needs a build of its own
    Bench(bench::Arguments),
}

impl Command {
    /// Runs the command and adds up what it checked. An error is what kept it from checking more.
    pub fn run(&self, workspace: &Workspace, counts: &mut Counts) -> Result<()> {
        match self {
            Self::Ci => ci::run(workspace, counts),
            Self::Fmt => fmt::run(workspace, counts),
            Self::Clippy => clippy::run(workspace, counts),
            Self::Powerset => powerset::run(workspace, counts),
            Self::Test => test::run(workspace, counts),
            Self::DefaultBuild => default_build::run(workspace, counts),
            Self::Docs => docs::run(workspace, counts),
            Self::Msrv(arguments) => msrv::run(workspace, arguments, counts),
            Self::Loom => loom::run(workspace, counts),
            Self::Surface(arguments) => surface::run(workspace, arguments, counts),
            Self::Conformance(arguments) => conformance::run(workspace, arguments, counts),
            Self::Fuzz(arguments) => fuzz::run(workspace, arguments, counts),
            Self::Inject(arguments) => inject::run(workspace, arguments, counts),
            Self::ForcedCfgs => forced_cfgs::run(workspace, counts),
            Self::Shell => shell::run(workspace, counts),
            Self::Dependants(arguments) => dependants::run(workspace, arguments, counts),
            Self::Wasi(arguments) => wasi::run(workspace, arguments, counts),
            Self::WasiOutside(arguments) => wasi::outside::run(arguments),
            Self::Wine(arguments) => wine::run(workspace, arguments, counts),
            Self::Miri(arguments) => miri::run(workspace, arguments, counts),
            Self::Mutants(arguments) => mutants::run(workspace, arguments, counts),
            Self::Coverage => coverage::run(workspace, counts),
            Self::Sanitize(arguments) => sanitize::run(workspace, arguments, counts),
            Self::Qemu(arguments) => qemu::run(workspace, arguments, counts),
            Self::CheckTargets(arguments) => check_targets::run(workspace, arguments, counts),
            Self::Soak(arguments) => soak::run(workspace, arguments, counts),
            Self::Bench(arguments) => bench::run(workspace, arguments, counts),
        }
    }

    /// As it is typed.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ci => "ci",
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Powerset => "powerset",
            Self::Test => "test",
            Self::DefaultBuild => "default-build",
            Self::Docs => "docs",
            Self::Msrv(_) => "msrv",
            Self::Loom => "loom",
            Self::Surface(_) => "surface",
            Self::Conformance(_) => "conformance",
            Self::Fuzz(_) => "fuzz",
            Self::Inject(_) => "inject",
            Self::ForcedCfgs => "forced-cfgs",
            Self::Shell => "shell",
            Self::Dependants(arguments) => arguments.name(),
            Self::Wasi(_) => "wasi",
            Self::WasiOutside(_) => "wasi-outside",
            Self::Wine(_) => "wine",
            Self::Miri(_) => "miri",
            Self::Mutants(_) => "mutants",
            Self::Coverage => "coverage",
            Self::Sanitize(arguments) => arguments.name(),
            Self::Qemu(_) => "qemu",
            Self::CheckTargets(_) => "check-targets",
            Self::Soak(_) => "soak",
            Self::Bench(_) => "bench",
        }
    }
}
