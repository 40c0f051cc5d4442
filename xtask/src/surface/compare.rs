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
                Some(ours) if is_freer(theirs, ours) => {
                    result.added.push((title(key), ours.clone()));
                }
                Some(ours) => {
                    let forms = (title(key), theirs.clone(), ours.clone());
                    result.differing.push(forms);
                }
                // Whether a type has a destructor is no promise: nobody can call it.
                None if is_destructor(key) => {}
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

/// An auto trait that only ferrio's type has, such as `UnwindSafe`.
fn is_freer(theirs: &str, ours: &str) -> bool {
    (theirs, ours) == ("not implemented", "implemented")
}

fn is_destructor((path, space): &(String, Space)) -> bool {
    matches!(space, Space::Impl) && path.starts_with("core::ops::drop::Drop for ")
}

fn title((path, space): &(String, Space)) -> String {
    match space {
        Space::Impl => format!("impl {path}"),
        Space::Macro => format!("{path}!"),
        _ => path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREAD_SAFE: &str = "core::marker::Send for mio::Poll";

    fn surface(items: &[(&str, &str)]) -> Surface {
        let items = items.iter();
        let items =
            items.map(|(path, form)| (((*path).to_owned(), Space::Impl), (*form).to_owned()));
        Surface {
            items: items.collect(),
            names: BTreeSet::new(),
        }
    }

    #[test]
    fn an_auto_trait_more_is_an_addition_and_one_less_is_not() {
        let without = surface(&[(THREAD_SAFE, "not implemented")]);
        let with = surface(&[(THREAD_SAFE, "implemented")]);
        let more = Comparison::between(&without, &with);
        assert_eq!((more.failures(), more.added.len()), (0, 1));
        assert_eq!(Comparison::between(&with, &without).failures(), 1);
    }

    #[test]
    fn a_destructor_is_not_missed_and_another_trait_is() {
        let of = |name: &str| surface(&[(&format!("core::{name} for mio::Poll"), "implemented")]);
        let nothing = surface(&[]);
        let destructor = Comparison::between(&of("ops::drop::Drop"), &nothing);
        assert_eq!(destructor.failures(), 0);
        assert_eq!(
            Comparison::between(&of("fmt::Debug"), &nothing).failures(),
            1
        );
    }
}
