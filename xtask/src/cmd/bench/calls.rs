//! How many system calls a registration makes under poll(2) while nobody polls, by strace(1).

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::strace::{self, Section};
use crate::counts::Counts;
use crate::install;
use crate::workspace::Workspace;

/// Of each kind.
const TIMES: usize = 1000;

/// What the program does: two contenders, three operations, two kinds of source.
const SECTIONS: usize = 2 * 3 * 2;

/// That the descriptor is open.
const CHECK: &str = "fcntl F_GETFD";

const REPORT: &str = "bench/report/calls.md";

const HEAD: &str = "\
# System calls per registration under poll(2)

Written by `cargo xtask bench calls`, by strace(1): the calls of 1000 operations, divided by 1000, while nobody
polls. Before that each source was registered and deregistered once, and the poll has polled.

| | operation | source | system calls each | promise | |
|---|---|---|---|---|---|
";

/// Counts, prints, judges, and writes the report.
pub fn count(workspace: &Workspace, program: &Path, counts: &mut Counts) -> Result<()> {
    install::package("strace", "strace", "https://strace.io")?;
    let directory = workspace.target("bench-poll");
    let mut command = Command::new(program);
    command.args(["--make-calls", &TIMES.to_string()]);
    let sections = strace::run(&mut command, &directory.join("strace"))?;
    ensure!(
        sections.len() == SECTIONS && sections.iter().all(|section| section.times == TIMES),
        "the trace has {} sections instead of {SECTIONS}",
        sections.len()
    );
    let mut report = HEAD.to_owned();
    for section in &sections {
        let promise = promise(&section.name);
        let kept = promise.map(|promise| promise.is_kept(section));
        kept.into_iter().for_each(|kept| counts.add(kept));
        let words: Vec<&str> = section.name.split(' ').collect();
        let _ = writeln!(
            report,
            "| {} | {} | {} |",
            words.join(" | "),
            described(section),
            match (promise, kept) {
                (Some(promise), Some(true)) => format!("{} | kept", promise.text()),
                (Some(promise), _) => format!("{} | BROKEN", promise.text()),
                (None, _) => "- | -".to_owned(),
            }
        );
    }
    print!("{report}");
    let path = workspace.root().join(REPORT);
    let parent = path.parent().context("no directory for the report")?;
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::write(&path, &report))
        .with_context(|| path.display().to_string())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// At most one, the look whether the descriptor is open.
    Check,
    Nothing,
}

/// mio has promised nothing.
fn promise(section: &str) -> Option<Promise> {
    let operation = section.strip_prefix("ferrio ")?;
    if operation.starts_with("register ") {
        Some(Promise::Check)
    } else {
        Some(Promise::Nothing)
    }
}

impl Promise {
    fn is_kept(self, section: &Section) -> bool {
        match self {
            Promise::Nothing => section.calls.is_empty(),
            Promise::Check => section
                .calls
                .iter()
                .all(|(name, &count)| name == CHECK && count <= section.times),
        }
    }

    fn text(self) -> String {
        match self {
            Promise::Check => format!("at most one `{CHECK}`"),
            Promise::Nothing => "none".to_owned(),
        }
    }
}

/// `2.000 (1.000 read, 1.000 write)`
fn described(section: &Section) -> String {
    let each = |count: usize| format!("{:.3}", count as f64 / section.times as f64);
    let total = each(section.calls.values().sum());
    if section.calls.is_empty() {
        return total;
    }
    let parts: Vec<String> = section
        .calls
        .iter()
        .map(|(name, &count)| format!("{} `{name}`", each(count)))
        .collect();
    format!("{total} ({})", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(name: &str, calls: &[(&str, usize)]) -> Section {
        let calls = calls.iter().map(|&(name, count)| (name.to_owned(), count));
        Section {
            name: name.to_owned(),
            times: 10,
            calls: calls.collect(),
        }
    }

    #[test]
    fn a_promise_is_broken_by_one_call_more() {
        let kept = |name: &str, calls: &[(&str, usize)]| {
            promise(name).map(|promise| promise.is_kept(&section(name, calls)))
        };
        assert_eq!(kept("ferrio register SourceFd", &[(CHECK, 10)]), Some(true));
        assert_eq!(kept("ferrio register SourceFd", &[]), Some(true));
        assert_eq!(
            kept("ferrio register SourceFd", &[(CHECK, 11)]),
            Some(false)
        );
        assert_eq!(
            kept("ferrio register SourceFd", &[("write", 1)]),
            Some(false)
        );
        assert_eq!(kept("ferrio reregister SourceFd", &[]), Some(true));
        assert_eq!(
            kept("ferrio reregister SourceFd", &[(CHECK, 1)]),
            Some(false)
        );
        assert_eq!(
            kept("ferrio deregister SourceFd", &[("write", 1)]),
            Some(false)
        );
        assert_eq!(kept("mio deregister SourceFd", &[("write", 1)]), None);
    }

    #[test]
    fn calls_are_given_for_one_operation() {
        let both = section("mio register SourceFd", &[("read", 5), ("write", 10)]);
        assert_eq!(described(&both), "1.500 (0.500 `read`, 1.000 `write`)");
        assert_eq!(described(&section("x", &[])), "0.000");
    }
}
