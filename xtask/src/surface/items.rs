//! The public surface of a crate: a map from paths to what is there, as comparable text.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::forms::{attributes, described, is_provided};
use super::generics::where_clause;
use super::json::{Rustdoc, field, flag, id_key, inner, variant};
use super::names::{Names, Space, Target};
use super::types::Render;

/// Everything that users of a crate can name or rely on.
pub struct Surface {
    pub items: BTreeMap<(String, Space), String>,
    /// The paths by which items are called in `items`.
    pub names: BTreeSet<String>,
}

impl Surface {
    /// Reads the surface of `doc`. `preferred` are the paths to call items by where there is a
    /// choice: those of the crate to compare with.
    pub fn read(doc: &Rustdoc, preferred: &BTreeSet<String>) -> Result<Self> {
        let names = Names::collect(doc, preferred)?;
        let mut surface = Self {
            items: BTreeMap::new(),
            names: names.preferred(),
        };
        for ((path, space), target) in &names.entries {
            let form = match target {
                Target::Foreign(definition) => format!("re-export of {definition}"),
                Target::Own(id) => match names.canonical(id) {
                    Some(name) if name != path => format!("re-export of {name}"),
                    _ => surface
                        .definition(doc, &names, path, id)
                        .with_context(|| format!("in {path}"))?,
                },
            };
            surface.items.insert((path.clone(), *space), form);
        }
        for (id, item) in doc.items() {
            if let ("impl", body) = inner(item)? {
                let mut render = Render::new(doc, &names);
                surface
                    .block(&mut render, body)
                    .with_context(|| format!("in the impl block {id}"))?;
            }
        }
        ensure!(surface.items.len() > 1, "not one public item was found");
        Ok(surface)
    }

    fn definition(&mut self, doc: &Rustdoc, names: &Names, path: &str, id: &str) -> Result<String> {
        let item = doc.local(id)?;
        let (kind, body) = inner(item)?;
        let mut render = Render::new(doc, names);
        let form = match kind {
            "module" | "macro" | "proc_macro" | "extern_type" | "primitive" => {
                kind.replace('_', " ")
            }
            "trait" => {
                let form = render.trait_header(body)?;
                self.trait_items(&mut render, path, body)?;
                form
            }
            "enum" => {
                let form = render.enumeration(item, body)?;
                self.variants(&mut render, path, body)?;
                form
            }
            _ => render.item(item)?,
        };
        Ok(format!("{}{form}", attributes(item)))
    }

    fn trait_items(&mut self, render: &mut Render<'_>, path: &str, body: &Value) -> Result<()> {
        render.open("T", field(body, "generics")?)?;
        for (name, item) in described(render.doc, body, "items")? {
            let (kind, item_body) = inner(item)?;
            let given = if is_provided(kind, item_body) {
                "provided"
            } else {
                "required"
            };
            let form = format!("{given} {}{}", attributes(item), render.item(item)?);
            self.items.insert((join(path, &name), space(kind)), form);
        }
        render.scope.close();
        Ok(())
    }

    fn variants(&mut self, render: &mut Render<'_>, path: &str, body: &Value) -> Result<()> {
        for (name, item) in described(render.doc, body, "variants")? {
            let form = format!("{}{}", attributes(item), render.item(item)?);
            self.items.insert((join(path, &name), Space::Type), form);
        }
        Ok(())
    }

    fn block(&mut self, render: &mut Render<'_>, body: &Value) -> Result<()> {
        // A blanket impl is shown at each type that it covers; the impl itself is elsewhere.
        if !body["blanket_impl"].is_null() {
            return Ok(());
        }
        let generics = field(body, "generics")?;
        render.open("I", generics)?;
        let owner = render.ty(field(body, "for")?)?;
        let result = match &body["trait"] {
            Value::Null => self.inherent(render, body, &owner),
            of => self.trait_impl(render, body, of, &owner),
        };
        render.scope.close();
        result
    }

    /// The methods and constants of a type.
    fn inherent(&mut self, render: &mut Render<'_>, body: &Value, owner: &str) -> Result<()> {
        let (_, of) = variant(field(body, "for")?)?;
        let path = id_key(&of["id"]).and_then(|id| render.names.canonical(&id));
        let Some(path) = path.map(str::to_owned) else {
            return Ok(());
        };
        let clause = where_clause(&render.predicates(field(body, "generics")?)?);
        // For `impl Poll` the path says it all; `impl Iter<'a>` or `impl<T: Send> X<T>` adds to it.
        let prefix = if owner == path && clause.is_empty() {
            String::new()
        } else {
            format!("impl {owner}{clause}: ")
        };
        render.self_type = Some(owner.to_owned());
        for (name, item) in described(render.doc, body, "items")? {
            if item["visibility"] != "public" {
                continue;
            }
            let form = format!("{prefix}{}{}", attributes(item), render.item(item)?);
            let space = space(inner(item)?.0);
            self.items.insert((join(&path, &name), space), form);
        }
        Ok(())
    }

    fn trait_impl(
        &mut self,
        render: &mut Render<'_>,
        body: &Value,
        of: &Value,
        owner: &str,
    ) -> Result<()> {
        render.self_type = Some(owner.to_owned());
        let of = render.path(of)?;
        // The compiler's own, unstable and not nameable.
        let internal = ["Freeze", "UnsafeUnpin"].map(|name| format!("core::marker::{name}"));
        let private = |text: &str| text.contains("::(private)::");
        if private(owner) || private(&of) || internal.contains(&of) {
            return Ok(());
        }
        let clause = where_clause(&render.predicates(field(body, "generics")?)?);
        let negative = if flag(body, "is_negative")? {
            "not implemented"
        } else {
            "implemented"
        };
        let mut form = format!("{negative}{clause}");
        let mut types = Vec::new();
        for (name, item) in described(render.doc, body, "items")? {
            if let ("assoc_type", assoc) = inner(item)? {
                types.push(format!("{name} = {}", render.ty(field(assoc, "type")?)?));
            }
        }
        types.sort();
        if !types.is_empty() {
            form.push_str(&format!(" with {}", types.join(", ")));
        }
        let key = (format!("{of} for {owner}"), Space::Impl);
        self.items.insert(key, form);
        Ok(())
    }
}

fn space(kind: &str) -> Space {
    match kind {
        "assoc_type" => Space::Type,
        _ => Space::Value,
    }
}

fn join(path: &str, name: &str) -> String {
    format!("{path}::{name}")
}
