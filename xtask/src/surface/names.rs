//! Public names: which paths lead to which item.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::json::{Rustdoc, flag, id_key, ids, inner, text};

/// The crate's name in everything that is compared or printed, whichever crate it is.
pub const CRATE: &str = "mio";

/// Rust's name spaces: `pipe` may be a module and a function at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    Type,
    Value,
    Macro,
    Impl,
}

/// What a public path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An item of the crate, by its id.
    Own(String),
    /// An item of another crate, by the path of its definition.
    Foreign(String),
}

/// All public paths of a crate.
#[derive(Default)]
pub struct Names {
    /// Path and name space to what is found there.
    pub entries: BTreeMap<(String, Space), Target>,
    /// Item to the one path that it is called by.
    canonical: HashMap<String, String>,
}

impl Names {
    /// Walks the modules of `doc` from its root. Where an item has several paths, one that is in
    /// `preferred` names it, else the shortest.
    pub fn collect(doc: &Rustdoc, preferred: &BTreeSet<String>) -> Result<Self> {
        let mut names = Self::default();
        let mut walk = Walk {
            doc,
            names: &mut names,
            open: Vec::new(),
        };
        walk.module(doc.root(), CRATE)?;
        let mut paths: HashMap<String, Vec<String>> = HashMap::new();
        for ((path, _), target) in &names.entries {
            if let Target::Own(id) = target {
                paths.entry(id.clone()).or_default().push(path.clone());
            }
        }
        for (id, paths) in paths {
            let rank = |path: &String| {
                let depth = path.matches("::").count();
                (!preferred.contains(path), depth, path.clone())
            };
            let best = paths.into_iter().min_by_key(rank);
            names.canonical.insert(id, best.context("no path")?);
        }
        Ok(names)
    }

    /// The path that the item with this id is called by, if it is public.
    pub fn canonical(&self, id: &str) -> Option<&str> {
        self.canonical.get(id).map(String::as_str)
    }

    /// The paths that name items, to be preferred when the other crate is walked.
    pub fn preferred(&self) -> BTreeSet<String> {
        self.canonical.values().cloned().collect()
    }
}

struct Walk<'a> {
    doc: &'a Rustdoc,
    names: &'a mut Names,
    /// The modules being walked; a re-export of one of them would never end.
    open: Vec<String>,
}

impl Walk<'_> {
    fn module(&mut self, id: &str, path: &str) -> Result<()> {
        self.own(id, path, Space::Type);
        if self.open.iter().any(|open| open == id) {
            return Ok(());
        }
        self.open.push(id.to_owned());
        self.content(id, path)?;
        self.open.pop();
        Ok(())
    }

    /// The items of a module, or the variants of an enum that a glob brings in.
    fn content(&mut self, id: &str, path: &str) -> Result<()> {
        let (kind, body) = inner(self.doc.local(id)?)?;
        let content = match kind {
            "module" => ids(body, "items")?,
            "enum" => ids(body, "variants")?,
            other => bail!("a glob of a {other}"),
        };
        for child in content {
            // What rustdoc stripped, hidden items among it, is listed but not described.
            if let Some(item) = self.doc.get(&child) {
                self.item(&child, item, path)?;
            }
        }
        Ok(())
    }

    fn item(&mut self, id: &str, item: &Value, path: &str) -> Result<()> {
        let (kind, body) = inner(item)?;
        // Impl blocks and variants have the visibility `default`: theirs is their type's.
        if item["visibility"] != "public" && kind != "variant" {
            return Ok(());
        }
        match kind {
            "impl" => Ok(()),
            "use" => self.import(body, path),
            "extern_crate" => {
                let name = body["rename"].as_str().or_else(|| body["name"].as_str());
                let name = name.context("an extern crate without a name")?;
                let source = text(body, "name")?.to_owned();
                self.add(&join(path, name), Space::Type, Target::Foreign(source));
                Ok(())
            }
            _ => self.named(id, &join(path, text(item, "name")?)),
        }
    }

    /// Records an item at `path`, and what is inside if it is a module.
    fn named(&mut self, id: &str, path: &str) -> Result<()> {
        let (kind, _) = inner(self.doc.local(id)?)?;
        if kind == "module" {
            return self.module(id, path);
        }
        for space in spaces(kind)? {
            self.own(id, path, *space);
        }
        Ok(())
    }

    fn import(&mut self, body: &Value, path: &str) -> Result<()> {
        let source = text(body, "source")?;
        let id = body.get("id").and_then(id_key);
        let target = id.filter(|id| self.doc.get(id).is_some());
        let hidden = |id: String| self.doc.is_local(&id);
        if target.is_none() && body.get("id").and_then(id_key).is_some_and(hidden) {
            // The crate's own, but stripped from the file: a hidden item.
            return Ok(());
        }
        match (target, flag(body, "is_glob")?) {
            (Some(id), true) => self.content(&id, path),
            (Some(id), false) => {
                let path = join(path, text(body, "name")?);
                match inner(self.doc.local(&id)?)? {
                    ("use", import) => self.import_as(import, &path),
                    _ => self.named(&id, &path),
                }
            }
            (None, _) => self.foreign(body, source, path),
        }
    }

    /// A re-export of a re-export.
    fn import_as(&mut self, body: &Value, path: &str) -> Result<()> {
        match body.get("id").and_then(id_key) {
            Some(id) if self.doc.get(&id).is_some() => self.named(&id, path),
            _ => self.foreign_at(body, path),
        }
    }

    fn foreign(&mut self, body: &Value, source: &str, path: &str) -> Result<()> {
        if flag(body, "is_glob")? {
            let target = Target::Foreign(format!("{source}::*"));
            self.add(&join(path, &format!("* of {source}")), Space::Type, target);
            return Ok(());
        }
        self.foreign_at(body, &join(path, text(body, "name")?))
    }

    fn foreign_at(&mut self, body: &Value, path: &str) -> Result<()> {
        let source = text(body, "source")?;
        let definition = body
            .get("id")
            .and_then(id_key)
            .and_then(|id| self.doc.definition(&id).map(|path| path.join("::")));
        let definition = definition.with_context(|| format!("what is `{source}`?"))?;
        self.add(path, Space::Type, Target::Foreign(definition));
        Ok(())
    }

    fn own(&mut self, id: &str, path: &str, space: Space) {
        self.add(path, space, Target::Own(id.to_owned()));
    }

    fn add(&mut self, path: &str, space: Space, target: Target) {
        self.names.entries.insert((path.to_owned(), space), target);
    }
}

fn join(path: &str, name: &str) -> String {
    format!("{path}::{name}")
}

/// The name spaces that an item of this kind has a name in.
fn spaces(kind: &str) -> Result<&'static [Space]> {
    Ok(match kind {
        "struct" | "union" | "enum" | "trait" | "trait_alias" | "type_alias" | "extern_type"
        | "primitive" | "variant" => &[Space::Type],
        "function" | "constant" | "static" => &[Space::Value],
        "macro" | "proc_macro" => &[Space::Macro],
        other => bail!("items of the kind `{other}` are not understood"),
    })
}
