//! Two surfaces side by side.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result};

use super::items::Surface;
use super::json::Rustdoc;
use super::names::Space;

/// How ferrio's surface differs from mio's.
pub struct Comparison {
    /// Items of both, in the same form.
    pub same: usize,
    /// Items that only mio has: where, what.
    pub missing: Vec<(String, String)>,
    /// Items in two forms: where, mio's, ferrio's.
    pub differing: Vec<(String, String, String)>,
    /// Items that only ferrio has: where, what.
    pub added: Vec<(String, String)>,
}

impl Comparison {
    /// Compares two crates, each as rustdoc describes it.
    pub fn of(mio: &Rustdoc, ferrio: &Rustdoc) -> Result<Self> {
        let mio = Surface::read(mio, &BTreeSet::new()).context("mio's surface")?;
        let ferrio = Surface::read(ferrio, &mio.names).context("ferrio's surface")?;
        Ok(Self::between(&mio, &ferrio))
    }

    fn between(mio: &Surface, ferrio: &Surface) -> Self {
        let mut result = Self {
            same: 0,
            missing: Vec::new(),
            differing: Vec::new(),
            added: Vec::new(),
        };
        for (key, theirs) in &mio.items {
            match ferrio.items.get(key) {
                Some(ours) if ours == theirs => result.same += 1,
                Some(ours) => {
                    let forms = (title(key), theirs.clone(), ours.clone());
                    result.differing.push(forms);
                }
                None => result.missing.push((title(key), theirs.clone())),
            }
        }
        for (key, ours) in &ferrio.items {
            if !mio.items.contains_key(key) {
                result.added.push((title(key), ours.clone()));
            }
        }
        result
    }

    /// How many items are missing or differ.
    pub fn failures(&self) -> usize {
        self.missing.len() + self.differing.len()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, form) in &self.missing {
            writeln!(f, "  missing  {path}\n    mio:    {form}")?;
        }
        for (path, theirs, ours) in &self.differing {
            writeln!(
                f,
                "  differs  {path}\n    mio:    {theirs}\n    ferrio: {ours}"
            )?;
        }
        Ok(())
    }
}

fn title((path, space): &(String, Space)) -> String {
    match space {
        Space::Impl => format!("impl {path}"),
        Space::Macro => format!("{path}!"),
        _ => path.clone(),
    }
}
