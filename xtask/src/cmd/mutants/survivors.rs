//! Changes that no test can notice, or that none notices yet: `survivors.toml`.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

const TABLE: &str = include_str!("survivors.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    survivor: Vec<Group>,
}

/// Those that survive for one reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    reason: String,
    /// `file: what was changed`, without the line.
    changes: Vec<String>,
}

pub struct Survivors(Vec<Group>);

impl Survivors {
    pub fn read() -> Result<Self> {
        Self::of(TABLE)
    }

    fn of(table: &str) -> Result<Self> {
        let Table { survivor } = toml::from_str(table).context("survivors.toml")?;
        for group in &survivor {
            ensure!(!group.reason.is_empty(), "{:?}: why?", group.changes);
        }
        Ok(Self(survivor))
    }

    /// Why a change survives, as cargo-mutants calls it: `file:line:column: what was changed`.
    pub fn reason(&self, change: &str) -> Option<&str> {
        let name = without_place(change)?;
        let group = self.0.iter().find(|group| group.changes.contains(&name))?;
        Some(&group.reason)
    }
}

/// Lines come and go.
fn without_place(change: &str) -> Option<String> {
    let (place, what) = change.split_once(": ")?;
    let file = place.split(':').next()?;
    Some(format!("{file}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survivor_is_known_wherever_its_line_is() {
        let table = "[[survivor]]\nreason = 'r'\nchanges = ['src/a.rs: replace | with ^ in f']";
        let survivors = Survivors::of(table).unwrap();
        assert_eq!(
            survivors.reason("src/a.rs:3:7: replace | with ^ in f"),
            Some("r")
        );
        assert_eq!(
            survivors.reason("src/a.rs:3:7: replace | with & in f"),
            None
        );
        assert_eq!(
            survivors.reason("src/b.rs:3:7: replace | with ^ in f"),
            None
        );
        assert!(Survivors::read().is_ok());
    }
}
