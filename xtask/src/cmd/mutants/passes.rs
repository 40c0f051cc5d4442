//! The tests that look, in their order: the quick ones first.

use std::ffi::OsString;

use anyhow::{Context, Result};

use crate::cmd::conformance::kqueue;
use crate::cmd::forced_cfgs;
use crate::install;
use crate::run;
use crate::workspace::{Workspace, rustflags};

/// What differs from an ordinary build.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    Ordinary,
    /// kqueue(2), simulated.
    Kqueue,
    /// Without what other systems lack.
    Without,
    /// With loom's synchronisation.
    Loom,
}

/// One run of cargo-mutants.
pub struct Pass {
    pub name: &'static str,
    build: Build,
    /// The changes that it tests, by the beginning of their files' names.
    files: &'static [&'static str],
    /// The package whose tests run.
    pub package: &'static str,
    /// How many seconds one test program may compute, several times what it does: an endless loop ends
    /// then, and a machine that is busy, or halted, counts for nothing.
    computes: u32,
    /// How many seconds all of them may take on a busy machine.
    pub limit: u32,
    /// What else cargo-mutants is told.
    pub arguments: &'static [&'static str],
    /// Of that package. Without, its unit tests.
    pub suites: &'static [&'static str],
}

/// The code of which other builds have nothing.
const KQUEUE: [&str; 2] = ["src/sys/unix/selector/kqueue/", "src/sys/unix/os/kqueue.rs"];

/// Where builds without epoll differ otherwise.
const DIFFERS: [&str; 9] = [
    "src/sys/unix/selector/kqueue/",
    "src/sys/unix/os/kqueue.rs",
    "src/sys/unix/selector/mod.rs",
    "src/sys/unix/os/mod.rs",
    "src/sys/unix/os/error.rs",
    "src/sys/unix/os/fd.rs",
    "src/sys/unix/os/pipe.rs",
    "src/sys/unix/os/refusal.rs",
    "src/sys/unix/os/socket.rs",
];

/// What passes of the behaviour suite have in common.
const SUITES: Pass = Pass {
    name: "",
    build: Build::Ordinary,
    files: &["src/"],
    package: "ferrio-conformance",
    computes: 60,
    limit: 180,
    arguments: &[],
    suites: &[],
};

pub const PASSES: [Pass; 9] = [
    Pass {
        name: "unit",
        build: Build::Ordinary,
        files: &["src/"],
        package: "ferrio",
        computes: 10,
        limit: 90,
        arguments: &["--all-features", "-C=--lib"],
        suites: &[],
    },
    Pass {
        name: "first-suites",
        suites: &[
            "fallbacks",
            "poll_changes",
            "registration",
            "scripts",
            "wake",
        ],
        ..SUITES
    },
    Pass {
        name: "suites",
        suites: &[
            "late_pipes",
            "lifetime",
            "poll_edges",
            "poll_faults",
            "poll_wakes",
            "rollback",
            "spurious",
            "time",
            "tokens",
            "wakers",
        ],
        ..SUITES
    },
    Pass {
        name: "more-suites",
        suites: &[
            "addresses",
            "backlog",
            "birth",
            "closed",
            "deregistration",
            "fairness",
            "faults_accept",
            "faults_sockets",
            "fork",
            "fork_threads",
            "levels",
            "limits",
            "nested",
            "outer",
            "pipes",
            "poll_descriptors",
            "poll_numbers",
            "profiles",
            "raw",
            "rearm_local",
            "rearm_net",
            "sockets_tcp",
            "sockets_unix",
            "spin",
            "wake_calls",
            "waker_fallback",
        ],
        ..SUITES
    },
    Pass {
        name: "interposed",
        build: Build::Ordinary,
        files: &["src/sys/unix/os/epoll", "src/sys/unix/selector/epoll.rs"],
        package: "ferrio",
        computes: 60,
        limit: 90,
        arguments: &["--all-features", "-C=--test=interposed"],
        suites: &[],
    },
    Pass {
        name: "kqueue-unit",
        build: Build::Kqueue,
        files: &DIFFERS,
        package: "ferrio",
        computes: 10,
        limit: 90,
        arguments: &["--cap-lints=true", "--all-features", "-C=--lib"],
        suites: &[],
    },
    Pass {
        name: "kqueue-suites",
        build: Build::Kqueue,
        files: &DIFFERS,
        arguments: &["--cap-lints=true"],
        suites: &[
            "closed_local",
            "fallbacks",
            "late_pipes",
            "lifetime",
            "nested",
            "pipes",
            "raw",
            "rearm_local",
            "registration",
            "rollback",
            "scripts",
            "spurious",
            "time",
            "tokens",
            "wake",
            "wakers",
        ],
        ..SUITES
    },
    Pass {
        name: "without",
        build: Build::Without,
        files: &["src/sys/unix/os/"],
        suites: &[
            "birth",
            "faults_accept",
            "sockets_tcp",
            "sockets_unix",
            "pipes",
            "wake",
        ],
        ..SUITES
    },
    Pass {
        name: "loom",
        build: Build::Loom,
        files: &["src/notify", "src/sys/poll/"],
        package: "ferrio",
        computes: 250,
        limit: 300,
        arguments: &[
            "--features=runtime-selector",
            "--profile=release",
            "-C=--lib",
        ],
        suites: &[],
    },
];

impl Pass {
    /// Whether a change is in a file that this build compiles, and whose tests these are.
    pub fn concerns(&self, change: &str) -> bool {
        let is_in = |files: &[&str]| files.iter().any(|file| change.starts_with(file));
        is_in(self.files) && (self.build == Build::Kqueue || !is_in(&KQUEUE))
    }

    pub fn environment(&self, workspace: &Workspace) -> Result<Vec<(String, OsString)>> {
        let host = host(workspace)?.replace('-', "_").to_uppercase();
        let mut environment = self.flags(workspace)?;
        environment.push((
            format!("CARGO_TARGET_{host}_RUNNER"),
            format!("prlimit --cpu={}", self.computes).into(),
        ));
        Ok(environment)
    }

    fn flags(&self, workspace: &Workspace) -> Result<Vec<(String, OsString)>> {
        let flags = |flags: &str| vec![("RUSTFLAGS".to_owned(), rustflags(flags).into())];
        Ok(match self.build {
            Build::Ordinary => Vec::new(),
            // It forbids warnings, which some changes make.
            Build::Kqueue => kqueue::environment(workspace, None)?,
            Build::Without => flags(&forced_cfgs::without_flags()),
            Build::Loom => flags("--cfg ferrio_loom"),
        })
    }
}

/// The target that is built for, as rustc calls it.
fn host(workspace: &Workspace) -> Result<String> {
    let version = run::stdout(install::rustc(workspace).arg("-vV"))?;
    let mut lines = version.lines();
    let host = lines.find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_seen_by_a_build_that_has_it() {
        let passes = |change: &str| -> Vec<&str> {
            let concerned = PASSES.iter().filter(|pass| pass.concerns(change));
            concerned.map(|pass| pass.name).collect()
        };
        let kqueue = ["kqueue-unit", "kqueue-suites"];
        assert_eq!(passes("src/sys/unix/os/kqueue.rs:1:1: x"), kqueue);
        assert_eq!(passes("src/sys/unix/selector/kqueue/mod.rs:1:1: x"), kqueue);
        assert_eq!(
            passes("src/notify/turn.rs:1:1: x"),
            ["unit", "first-suites", "suites", "more-suites", "loom"]
        );
        assert_eq!(
            passes("src/sys/unix/os/epoll.rs:1:1: x"),
            [
                "unit",
                "first-suites",
                "suites",
                "more-suites",
                "interposed",
                "without"
            ]
        );
    }
}
