//! What is run under Miri, and what is not: `limits.toml`.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::workspace::Workspace;

const TABLE: &str = include_str!("limits.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Suites of which every test is run that no limit names.
    run: Vec<String>,
    /// The backend that they are run on.
    pub backend: String,
    /// Tests of ferrio that take a minute or more.
    slow: Vec<String>,
    limit: Vec<Limit>,
    leave_out: Vec<LeftOut>,
}

/// Tests that Miri cannot run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limit {
    reason: String,
    /// `program test`; the test may be the beginning of several tests' names.
    tests: Vec<String>,
}

/// Suites that Miri cannot run, or that would take it hours.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    reason: String,
    suites: Vec<String>,
}

impl Table {
    /// Reads it, and makes sure that it names each suite that there is, once.
    pub fn read(workspace: &Workspace) -> Result<Self> {
        let table: Self = toml::from_str(TABLE).context("xtask/src/cmd/miri/limits.toml")?;
        let mut there = BTreeSet::new();
        for file in std::fs::read_dir(workspace.root().join("conformance/tests"))? {
            let name = file?.file_name().to_string_lossy().into_owned();
            if let Some(suite) = name.strip_suffix(".rs") {
                there.insert(suite.to_owned());
            }
        }
        table.check(&there)?;
        Ok(table)
    }

    fn check(&self, there: &BTreeSet<String>) -> Result<()> {
        let mut named = BTreeSet::new();
        let left_out = self.leave_out.iter().flat_map(|group| &group.suites);
        for suite in self.run.iter().chain(left_out) {
            ensure!(named.insert(suite.clone()), "{suite} is named twice");
        }
        let missing: Vec<&String> = there.difference(&named).collect();
        ensure!(missing.is_empty(), "not named: {missing:?}");
        let unknown: Vec<&String> = named.difference(there).collect();
        ensure!(unknown.is_empty(), "there is no suite {unknown:?}");
        for limit in &self.limit {
            ensure!(!limit.reason.is_empty(), "{:?}: no reason", limit.tests);
        }
        Ok(())
    }

    pub fn suites(&self) -> impl Iterator<Item = &str> {
        self.run.iter().map(String::as_str)
    }

    /// The tests of a program that are not run.
    pub fn skipped(&self, program: &str) -> Vec<&str> {
        let all = self.limit.iter().flat_map(|limit| &limit.tests);
        all.filter_map(|test| test.split_once(' '))
            .filter(|(of, _)| *of == program)
            .map(|(_, test)| test)
            .collect()
    }

    /// ferrio's tests that take a minute or more.
    pub fn slow(&self) -> impl Iterator<Item = &str> {
        self.slow.iter().map(String::as_str)
    }

    /// The tests that are not run of the suites that are.
    pub fn skipped_in_suites(&self) -> Vec<&str> {
        self.suites()
            .flat_map(|suite| self.skipped(suite))
            .collect()
    }

    /// The suites that are not run, and why.
    pub fn left_out(&self) -> Vec<(&str, &str)> {
        let groups = self.leave_out.iter();
        let pairs = groups.flat_map(|group| {
            let suites = group.suites.iter();
            suites.map(|suite| (suite.as_str(), group.reason.as_str()))
        });
        pairs.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "run = ['wake']\nbackend = 'b'\nslow = ['x::z']\n\
        [[limit]]\nreason = 'r'\ntests = ['wake a::b', 'ferrio x::y']\n\
        [[leave_out]]\nreason = 'fork'\nsuites = ['fork']\n";

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn each_suite_is_named_once() {
        let table: Table = toml::from_str(SMALL).unwrap();
        assert!(table.check(&names(&["wake", "fork"])).is_ok());
        assert!(table.check(&names(&["wake", "fork", "new"])).is_err());
        assert!(table.check(&names(&["wake"])).is_err());
    }

    #[test]
    fn what_is_skipped_belongs_to_its_program() {
        let table: Table = toml::from_str(SMALL).unwrap();
        assert_eq!(table.skipped("ferrio"), ["x::y"]);
        assert!(table.slow().eq(["x::z"]));
        assert_eq!(table.skipped_in_suites(), ["a::b"]);
        assert_eq!(table.left_out(), [("fork", "fork")]);
    }

    #[test]
    fn the_table_is_that_of_the_suites() {
        let workspace = Workspace::find().unwrap();
        assert!(Table::read(&workspace).is_ok());
    }
}
