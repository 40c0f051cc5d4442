//! Tests that fail because of what runs them, an emulator or a sanitizer, and not because of ferrio:
//! reading their table, and holding a run against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cmd::conformance::rounds::{FAILED, Failure};
use crate::counts::Counts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    limit: Vec<Limit>,
}

/// One thing that cannot be done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    reason: String,
    /// The targets that have these tests, or the tools that fail them; without it, all.
    only: Option<Vec<String>>,
    /// What a test says that fails for this reason: one of these.
    says: Vec<String>,
    /// `program test`
    pub tests: Vec<String>,
}

/// The limits for a target or a tool, of a table in the form of TOML.
pub fn of(table: &str, what: &str) -> Result<Vec<Limit>> {
    let mut limits = read(table)?;
    limits.retain(|limit| {
        let only = limit.only.as_ref();
        only.is_none_or(|targets| targets.iter().any(|name| name == what))
    });
    Ok(limits)
}

fn read(table: &str) -> Result<Vec<Limit>> {
    let Table { limit } = toml::from_str(table).context("the table of limits")?;
    let mut seen = BTreeSet::new();
    for limit in &limit {
        ensure!(!limit.says.is_empty(), "{}: says nothing", limit.reason);
        for test in &limit.tests {
            ensure!(seen.insert(test), "the limits name {test} twice");
        }
    }
    Ok(limit)
}

/// A run, held against the table.
#[derive(Debug)]
pub struct Outcome {
    /// Failed, and not as the table says.
    pub failures: Vec<Failure>,
    /// The number of tests that failed as the table says, by reason.
    limited: BTreeMap<String, usize>,
    /// In the table, and they passed.
    passed: Vec<String>,
    /// In the table, and there is no such test.
    unknown: Vec<String>,
}

impl Outcome {
    /// `all` are the tests that ran; `read` gives the content of a log.
    pub fn of(
        limits: &[Limit],
        all: &[String],
        failures: &[Failure],
        read: impl Fn(&Path) -> Result<String>,
    ) -> Result<Self> {
        let mut outcome = Self {
            failures: Vec::new(),
            limited: BTreeMap::new(),
            passed: Vec::new(),
            unknown: Vec::new(),
        };
        let mut failed = BTreeSet::new();
        for failure in failures {
            let log = read(&failure.log)?;
            let named = failure.tests.iter();
            failed.extend(named.map(|test| format!("{} {test}", failure.program)));
            outcome.sort(limits, failure, &log);
        }
        let all: BTreeSet<&String> = all.iter().collect();
        for test in limits.iter().flat_map(|limit| &limit.tests) {
            if !all.contains(test) {
                outcome.unknown.push(test.clone());
            } else if !failed.contains(test) {
                outcome.passed.push(test.clone());
            }
        }
        Ok(outcome)
    }

    /// Takes those tests out of a failure that failed as the table says.
    fn sort(&mut self, limits: &[Limit], failure: &Failure, log: &str) {
        let reason = |test: &String| {
            let name = format!("{} {test}", failure.program);
            let limit = limits.iter().find(|limit| limit.tests.contains(&name))?;
            let said = said(log, test);
            let expected = limit.says.iter().any(|says| said.contains(says));
            (failure.how == FAILED && expected).then(|| limit.reason.clone())
        };
        let mut others = Vec::new();
        for test in &failure.tests {
            match reason(test) {
                Some(reason) => *self.limited.entry(reason).or_default() += 1,
                None => others.push(test.clone()),
            }
        }
        // A program that ended badly without a failing test stays a failure.
        if !others.is_empty() || failure.tests.is_empty() {
            self.failures.push(Failure {
                tests: others,
                ..failure.clone()
            });
        }
    }

    /// What the programs counted, as the table counts.
    pub fn correct(&self, counts: &mut Counts) {
        let limited = self.limited.values().sum::<usize>().min(counts.failed);
        counts.failed -= limited;
        counts.skipped += limited;
        let passed = self.passed.len().min(counts.passed);
        counts.passed -= passed;
        counts.failed += self.passed.len() + self.unknown.len();
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (reason, number) in &self.limited {
            writeln!(f, "{number} skipped: {reason}")?;
        }
        for test in &self.passed {
            writeln!(f, "{test}: passes, take it out of the limits")?;
        }
        for test in &self.unknown {
            writeln!(f, "{test}: in the limits, and there is no such test")?;
        }
        Ok(())
    }
}

/// What a failed test has printed, in the output of its program.
fn said<'l>(log: &'l str, test: &str) -> &'l str {
    let heading = format!("\n---- {test} stdout ----\n");
    let said = log.split_once(&heading).map_or("", |(_, said)| said);
    said.split_once("\n---- ").map_or(said, |(said, _)| said)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\nfailures:\n\n---- a::x stdout ----\nno such call\n\n\
        ---- a::y stdout ----\nsomething else\n\n\nfailures:\n    a::x\n    a::y\n";

    fn limits(tests: &[&str]) -> Vec<Limit> {
        let tests = tests.iter().map(|test| (*test).to_owned()).collect();
        vec![Limit {
            reason: "calls".into(),
            only: None,
            says: vec!["no such call".into()],
            tests,
        }]
    }

    fn outcome(limits: &[Limit], how: &str, failed: &[&str]) -> Outcome {
        let all = ["p a::x", "p a::y", "p a::z"].map(str::to_owned);
        let failures: Vec<Failure> = match failed {
            [] => Vec::new(),
            failed => vec![Failure {
                round: 1,
                program: "p".into(),
                how: how.into(),
                tests: failed.iter().map(|test| (*test).to_owned()).collect(),
                log: "p.log".into(),
            }],
        };
        Outcome::of(limits, &all, &failures, |_| Ok(LOG.to_owned())).unwrap()
    }

    #[test]
    fn the_table_is_understood() {
        let table = "[[limit]]\nreason = 'r'\nonly = ['x']\nsays = ['s']\ntests = ['a b']";
        assert_eq!(of(table, "x").unwrap().len(), 1);
        assert!(of(table, "y").unwrap().is_empty());
        let twice = "[[limit]]\nreason = 'r'\nsays = ['s']\ntests = ['a b', 'a b']";
        assert!(read(twice).is_err());
        assert!(read("[[limit]]\nreason = 'r'\nsays = []\ntests = ['a b']").is_err());
    }

    #[test]
    fn a_limit_is_skipped_and_anything_else_is_a_failure() {
        let outcome = outcome(&limits(&["p a::x"]), FAILED, &["a::x", "a::y"]);
        assert_eq!(outcome.failures.len(), 1);
        assert_eq!(outcome.failures[0].tests, ["a::y"]);
        let mut counts = Counts {
            passed: 1,
            failed: 2,
            skipped: 0,
        };
        outcome.correct(&mut counts);
        assert_eq!(counts.to_string(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(outcome.to_string(), "1 skipped: calls\n");
    }

    #[test]
    fn a_limit_that_fails_for_another_reason_is_a_failure() {
        let other = outcome(&limits(&["p a::y"]), FAILED, &["a::y"]);
        assert_eq!(other.failures[0].tests, ["a::y"]);
        let hung = outcome(&limits(&["p a::x"]), "hung for 9 s", &["a::x"]);
        assert_eq!(hung.failures[0].tests, ["a::x"]);
    }

    #[test]
    fn a_limit_that_is_none_any_more_is_a_failure() {
        let outcome = outcome(&limits(&["p a::z", "p a::gone"]), FAILED, &[]);
        let mut counts = Counts {
            passed: 3,
            ..Counts::default()
        };
        outcome.correct(&mut counts);
        assert_eq!(counts.to_string(), "2 passed, 2 failed, 0 skipped");
        let text = outcome.to_string();
        assert!(text.contains("p a::z: passes") && text.contains("p a::gone: in the limits"));
    }
}
