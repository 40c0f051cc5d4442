//! The sanitizers: what the compiler and the programs are told, and a program with a fault for each.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use clap::ValueEnum;

use super::reports::Reports;
use crate::workspace::Workspace;
use crate::{install, run};

/// What a program ends with in which a sanitizer has found something.
const FOUND: i32 = 86;

#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sanitizer {
    /// Memory that is used after it was freed, or beyond its end
    Address,
    /// Races between threads
    Thread,
    /// Memory that is never freed
    Leak,
    /// Memory that is read before anything was written to it
    Memory,
}

impl Sanitizer {
    #[cfg(test)]
    pub const ALL: [Self; 4] = [Self::Address, Self::Thread, Self::Leak, Self::Memory];

    /// As rustc calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Thread => "thread",
            Self::Leak => "leak",
            Self::Memory => "memory",
        }
    }

    /// As the command is typed.
    pub fn command(self) -> &'static str {
        match self {
            Self::Address => "sanitize address",
            Self::Thread => "sanitize thread",
            Self::Leak => "sanitize leak",
            Self::Memory => "sanitize memory",
        }
    }

    pub fn full_name(self) -> &'static str {
        match self {
            Self::Address => "AddressSanitizer",
            Self::Thread => "ThreadSanitizer",
            Self::Leak => "LeakSanitizer",
            Self::Memory => "MemorySanitizer",
        }
    }

    /// What the compiler is told.
    pub fn flags(self) -> Vec<String> {
        let mut flags = vec![
            format!("-Zsanitizer={}", self.name()),
            // Whole stacks in the reports.
            "-Cforce-frame-pointers=yes".to_owned(),
        ];
        if self == Self::Memory {
            flags.push("-Zsanitizer-memory-track-origins".to_owned());
        }
        if self == Self::Thread {
            // It puts a function in front of libc's epoll_wait, and ferrio doesn't pass by it with
            // the precise one: the suite is to expect what happens then. build.rs sees to
            // MemorySanitizer itself.
            flags.extend(["--cfg", "ferrio_without=\"epoll_pwait2\""].map(str::to_owned));
        }
        flags
    }

    /// What the programs are told.
    pub fn environment(self, workspace: &Workspace, reports: &Reports) -> Vec<(String, OsString)> {
        let suppressions = workspace.root().join("xtask/src/cmd/sanitize");
        // What was suppressed is no report.
        let mut options = format!(
            "exitcode={FOUND}:print_suppressions=0:log_path={}",
            reports.prefix()
        );
        let names: &[&str] = match self {
            // The part of it that looks for leaks has suppressions of its own.
            Self::Address => &["ASAN_OPTIONS", "LSAN_OPTIONS"],
            Self::Thread => {
                let file = suppressions.join("races.txt");
                options += &format!(":suppressions={}", file.display());
                // A child of a process with threads may start some itself: there it looks for
                // nothing any more.
                options += ":die_after_fork=0";
                &["TSAN_OPTIONS"]
            }
            Self::Leak => &["LSAN_OPTIONS"],
            Self::Memory => &["MSAN_OPTIONS"],
        };
        let options = names.iter().map(|name| {
            let more = match *name {
                "LSAN_OPTIONS" => {
                    format!(":suppressions={}", suppressions.join("leaks.txt").display())
                }
                _ => String::new(),
            };
            ((*name).to_owned(), format!("{options}{more}").into())
        });
        // For `conformance/src/sanitizer.rs`.
        let name = ("FERRIO_SANITIZER".to_owned(), self.name().into());
        options.chain([name]).collect()
    }

    /// What it says of the fault in `probes/faults.rs`.
    fn complaint(self) -> &'static str {
        match self {
            Self::Address => "heap-use-after-free",
            Self::Thread => "data race",
            Self::Leak => "detected memory leaks",
            Self::Memory => "use-of-uninitialized-value",
        }
    }

    /// Builds and runs a program with a fault in it, and one without: the first must be reported, the
    /// second must not.
    pub fn must_see_a_fault(
        self,
        workspace: &Workspace,
        directory: &Path,
        reports: &Reports,
    ) -> Result<()> {
        for (fault, expected) in [(self.name(), Some(FOUND)), ("none", Some(0))] {
            let program = self.build_fault(workspace, directory, fault)?;
            let mut command = Command::new(program);
            command.envs(self.environment(workspace, reports));
            let status = command.output()?.status;
            let said = reports.take()?.join("\n");
            ensure!(
                status.code() == expected && said.contains(self.complaint()) == (fault != "none"),
                "{} on a program with the fault `{fault}`: {status}: {said}",
                self.full_name()
            );
        }
        println!(
            "ok      {} sees a fault, and none where none is",
            self.full_name()
        );
        Ok(())
    }

    fn build_fault(
        self,
        workspace: &Workspace,
        directory: &Path,
        fault: &str,
    ) -> Result<std::path::PathBuf> {
        let directory = directory.join("faults");
        fs::create_dir_all(&directory)?;
        let program = directory.join(fault);
        let mut rustc = Command::new("rustup");
        rustc
            .args(["run", install::NIGHTLY, "rustc", "--edition", "2024"])
            .arg(workspace.root().join("xtask/probes/faults.rs"))
            .args(self.flags())
            .args(["-Cdebuginfo=1", "--cfg", &format!("fault=\"{fault}\"")])
            // The standard library as it comes: for so small a program it need not be built.
            .arg("-Cunsafe-allow-abi-mismatch=sanitizer")
            .arg("-o")
            .arg(&program);
        run::step(&mut rustc)?;
        Ok(program)
    }
}
