//! What became of each change.
//!
//! Each pass has a directory: cargo-mutants writes its lists below `mutants.out`, `decided.txt` holds what
//! they said in runs that have ended, or were interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result};

const DECIDED: &str = "decided.txt";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A test failed.
    Caught,
    /// A test did not end.
    Hung,
    /// It doesn't compile.
    Unviable,
    /// Nothing noticed it.
    Missed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Caught, Self::Hung, Self::Unviable, Self::Missed];

    /// As cargo-mutants names its lists.
    fn name(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Hung => "timeout",
            Self::Unviable => "unviable",
            Self::Missed => "missed",
        }
    }
}

/// What a pass has decided so far.
pub fn read(results: &Path) -> Result<Vec<(String, Outcome)>> {
    keep(results)?;
    let mut decided = Vec::new();
    for line in text(&results.join(DECIDED))?.lines() {
        let (name, change) = line.split_once(' ').context(DECIDED)?;
        let outcome = Outcome::ALL
            .into_iter()
            .find(|outcome| outcome.name() == name);
        decided.push((change.to_owned(), outcome.context(DECIDED)?));
    }
    Ok(decided)
}

/// Moves what cargo-mutants has written to what is decided.
pub fn keep(results: &Path) -> Result<()> {
    let lists = results.join("mutants.out");
    if !lists.exists() {
        return Ok(());
    }
    let mut lines = String::new();
    for outcome in Outcome::ALL {
        let list = text(&lists.join(format!("{}.txt", outcome.name())))?;
        for change in list.lines() {
            lines.push_str(&format!("{} {change}\n", outcome.name()));
        }
    }
    let mut options = fs::OpenOptions::new();
    let file = options
        .create(true)
        .append(true)
        .open(results.join(DECIDED));
    file?.write_all(lines.as_bytes())?;
    fs::remove_dir_all(lists)?;
    Ok(())
}

/// Takes back what hung, and names it.
pub fn forget_hung(results: &Path) -> Result<Vec<String>> {
    let (hung, others): (Vec<_>, Vec<_>) = read(results)?
        .into_iter()
        .partition(|(_, outcome)| *outcome == Outcome::Hung);
    let lines: String = others
        .iter()
        .map(|(change, outcome)| format!("{} {change}\n", outcome.name()))
        .collect();
    fs::write(results.join(DECIDED), lines)?;
    Ok(hung.into_iter().map(|(change, _)| change).collect())
}

/// The empty text if there is no such file.
fn text(file: &Path) -> Result<String> {
    match fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        result => result.with_context(|| file.display().to_string()),
    }
}

/// All changes, and what the passes have said so far.
pub struct Outcomes {
    all: BTreeMap<String, Option<(Outcome, &'static str)>>,
    /// Those for which some pass is still to come.
    open: BTreeSet<String>,
}

impl Outcomes {
    pub fn new(changes: Vec<String>) -> Self {
        Self {
            all: changes.into_iter().map(|change| (change, None)).collect(),
            open: BTreeSet::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// What one pass says. The first that notices a change has the last word.
    pub fn note(&mut self, change: &str, outcome: Outcome, pass: &'static str) {
        if let Some(entry) = self.all.get_mut(change) {
            let is_open = entry.is_none_or(|(outcome, _)| outcome == Outcome::Missed);
            if is_open {
                *entry = Some((outcome, pass));
            }
        }
    }

    /// What survives, or has not been tested yet.
    pub fn unnoticed(&self) -> impl Iterator<Item = &str> {
        let is_open = |entry: &Option<(Outcome, _)>| {
            entry.is_none_or(|(outcome, _)| outcome == Outcome::Missed)
        };
        let open = self.all.iter().filter(move |(_, entry)| is_open(entry));
        open.map(|(change, _)| change.as_str())
    }

    /// What no pass has noticed, and all have run that it concerns.
    pub fn survivors(&self) -> impl Iterator<Item = &str> {
        self.unnoticed()
            .filter(|&change| !self.open.contains(change))
    }

    /// Says that a pass has yet to test these.
    pub fn leave_open(&mut self, changes: &[String]) {
        self.open.extend(changes.iter().cloned());
    }

    /// How many changes may still be noticed.
    pub fn open(&self) -> usize {
        let is_open = |change: &&str| self.open.contains(*change);
        self.unnoticed().filter(is_open).count()
    }

    pub fn number(&self, asked: Outcome) -> usize {
        let outcomes = self.all.values().flatten();
        outcomes.filter(|(outcome, _)| *outcome == asked).count()
    }

    pub fn noticed(&self) -> usize {
        self.number(Outcome::Caught) + self.number(Outcome::Hung)
    }

    /// How many each pass noticed, and how many there are of each file.
    pub fn table(&self) -> Vec<String> {
        let mut passes: BTreeMap<&str, usize> = BTreeMap::new();
        let mut files: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (change, entry) in &self.all {
            let Some((outcome, pass)) = entry else {
                continue;
            };
            if *outcome == Outcome::Unviable {
                continue;
            }
            let (noticed, all) = files
                .entry(change.split(':').next().unwrap_or(""))
                .or_default();
            *all += 1;
            if *outcome != Outcome::Missed {
                *noticed += 1;
                *passes.entry(pass).or_default() += 1;
            }
        }
        let passes = passes
            .iter()
            .map(|(pass, number)| format!("{number:5}  noticed first by {pass}"));
        let files = files
            .iter()
            .map(|(file, (noticed, all))| format!("{noticed:5} of {all:4}  {file}"));
        passes.chain(files).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_notices_has_the_last_word() {
        let mut outcomes = Outcomes::new(vec!["a: x".into(), "b: x".into(), "c: x".into()]);
        outcomes.note("a: x", Outcome::Missed, "unit");
        outcomes.note("b: x", Outcome::Missed, "unit");
        outcomes.note("b: x", Outcome::Hung, "suites");
        outcomes.note("b: x", Outcome::Missed, "kqueue");
        outcomes.note("not asked about", Outcome::Caught, "unit");
        assert_eq!(outcomes.unnoticed().collect::<Vec<_>>(), ["a: x", "c: x"]);
        assert_eq!((outcomes.noticed(), outcomes.len()), (1, 3));
        outcomes.leave_open(&["b: x".into(), "c: x".into()]);
        assert_eq!(outcomes.survivors().collect::<Vec<_>>(), ["a: x"]);
        assert_eq!(outcomes.open(), 1);
        assert_eq!(
            outcomes.table(),
            [
                "    1  noticed first by suites",
                "    0 of    1  a",
                "    1 of    1  b"
            ]
        );
    }
}
