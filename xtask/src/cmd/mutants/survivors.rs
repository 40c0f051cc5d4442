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
    /// `file: what was changed`, without the line; as often as it survives.
    changes: Vec<String>,
}

pub struct Survivors(Vec<Group>);

impl Survivors {
    pub fn read() -> Result<Self> {
        Self::of(TABLE)
    }

    pub fn of(table: &str) -> Result<Self> {
        let Table { survivor } = toml::from_str(table).context("survivors.toml")?;
        for group in &survivor {
            ensure!(!group.reason.is_empty(), "{:?}: why?", group.changes);
        }
        Ok(Self(survivor))
    }

    /// All of them, to be taken one by one.
    pub fn explanations(&self) -> Explanations<'_> {
        let groups = self.0.iter();
        let all = groups.flat_map(|group| {
            group
                .changes
                .iter()
                .map(|change| (&**change, &*group.reason))
        });
        Explanations(all.collect())
    }
}

/// Those that have not been used yet: one may not speak for two.
pub struct Explanations<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Explanations<'a> {
    /// Why a change survives, as cargo-mutants calls it: `file:line:column: what was changed`.
    pub fn take(&mut self, change: &str) -> Option<&'a str> {
        let name = without_place(change)?;
        let index = self.0.iter().position(|(change, _)| *change == name)?;
        Some(self.0.swap_remove(index).1)
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
        let mut explanations = survivors.explanations();
        let mut reason = |change| explanations.take(change);
        assert_eq!(reason("src/a.rs:3:7: replace | with & in f"), None);
        assert_eq!(reason("src/b.rs:3:7: replace | with ^ in f"), None);
        assert_eq!(reason("src/a.rs:3:7: replace | with ^ in f"), Some("r"));
        assert_eq!(reason("src/a.rs:4:7: replace | with ^ in f"), None);
        assert!(Survivors::read().is_ok());
    }
}
