//! What a run of libFuzzer has reached, as text.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::run;
use crate::workspace::Workspace;

/// Scripts of one sort on one backend.
#[derive(Clone, Debug, Deserialize)]
pub struct Reached {
    sort: String,
    backend: String,
    scripts: u64,
    pub operations: u64,
    would_block: u64,
    events: u64,
    due: u64,
    extras: u64,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sort,
            backend,
            scripts,
            operations,
            events,
            due,
            ..
        } = self;
        write!(
            f,
            "{backend}, {sort}: {operations} operations in {scripts} scripts; {events} events, {due} due"
        )
    }
}

#[derive(Deserialize)]
struct File {
    counts: Vec<Reached>,
}

/// Reads what the target has written.
pub fn reached(text: &str) -> Result<Vec<Reached>> {
    let file: File = serde_json::from_str(text).context("the counts of the target")?;
    Ok(file.counts)
}

/// A run with one seed.
pub struct Section {
    pub seed: u64,
    pub duration: Duration,
    pub reached: Vec<Reached>,
    pub failed: Option<String>,
}

/// The heading of a section: the command, and what it was run on.
pub fn head(workspace: &Workspace) -> Result<String> {
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        run::stdout(git.current_dir(workspace.root()).args(args))
    };
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--", "src", "build.rs"])?;
    let changes = match changed.trim() {
        "" => "",
        _ => " with changes in src",
    };
    let command: Vec<String> = std::env::args().skip(1).collect();
    let now = run::stdout(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
    Ok(format!(
        "## `cargo xtask {}`\n\nCommit {}{changes}, ended {}.\n\n",
        command.join(" "),
        commit.trim(),
        now.trim()
    ))
}

/// Adds what the sections say to the file.
pub fn append(workspace: &Workspace, file: &Path, sections: &[Section]) -> Result<()> {
    let before = if file.exists() {
        fs::read_to_string(file)?
    } else {
        String::new()
    };
    let text = format!("{before}\n{}{}", head(workspace)?, table(sections));
    fs::write(file, text).with_context(|| file.display().to_string())
}

fn table(sections: &[Section]) -> String {
    let mut text = String::new();
    let seeds: Vec<String> = sections.iter().map(seed).collect();
    let total: u64 = sections
        .iter()
        .flat_map(|section| &section.reached)
        .map(|reached| reached.operations)
        .sum();
    let failed = sections.iter().filter(|s| s.failed.is_some()).count();
    let _ = writeln!(
        text,
        "{total} operations; {failed} runs ended by a finding. Runs: {}.\n",
        seeds.join("; ")
    );
    text.push_str("| backend | scripts for | scripts | operations | answered WouldBlock | events | due at comparisons | permitted extra events |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---:|---:|\n");
    for ((sort, backend), sum) in sums(sections) {
        let cells: Vec<String> = sum.iter().map(u64::to_string).collect();
        let _ = writeln!(text, "| {backend} | {sort} | {} |", cells.join(" | "));
    }
    text
}

fn seed(section: &Section) -> String {
    let backends = section
        .reached
        .iter()
        .map(|reached| reached.backend.as_str());
    let name = backends.min().unwrap_or("nothing");
    let seconds = section.duration.as_secs();
    format!("{name} and the like, seed {}, {seconds} s", section.seed)
}

fn sums(sections: &[Section]) -> BTreeMap<(&str, &str), [u64; 6]> {
    let mut sums: BTreeMap<_, [u64; 6]> = BTreeMap::new();
    for reached in sections.iter().flat_map(|section| &section.reached) {
        let sum = sums
            .entry((reached.sort.as_str(), reached.backend.as_str()))
            .or_default();
        let more = [
            reached.scripts,
            reached.operations,
            reached.would_block,
            reached.events,
            reached.due,
            reached.extras,
        ];
        for (sum, more) in sum.iter_mut().zip(more) {
            *sum += more;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_several_seeds_are_added_up() {
        let text = r#"{"divergences":0,"counts":[{"sort":"one thread","backend":"poll_pipe","scripts":2,
            "operations":30,"would_block":4,"events":5,"due":6,"extras":0}]}"#;
        let section = |seed| Section {
            seed,
            duration: Duration::from_secs(1),
            reached: reached(text).unwrap(),
            failed: None,
        };
        let table = table(&[section(1), section(2)]);
        assert!(
            table.starts_with("60 operations; 0 runs ended by a finding."),
            "{table}"
        );
        assert!(
            table.contains("| poll_pipe | one thread | 4 | 60 | 8 | 10 | 12 | 0 |"),
            "{table}"
        );
    }
}
