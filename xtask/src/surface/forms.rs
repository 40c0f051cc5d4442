//! Items as comparable text: functions, types with their public fields, traits.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::generics::where_clause;
use super::json::{Rustdoc, field, flag, id_key, ids, inner, list, text, variant};
use super::types::{Render, header};

impl Render<'_> {
    /// An item by itself, its name included and its path left out.
    pub fn item(&mut self, item: &Value) -> Result<String> {
        let (kind, body) = inner(item)?;
        let name = text(item, "name")?;
        match kind {
            "function" => self.function(name, body),
            "struct" | "union" => self.structure(kind, name, body),
            "variant" => self.variant(name, body),
            "constant" | "static" | "assoc_const" => {
                self.scope.open_constant();
                let of = self.ty(field(body, "type")?)?;
                self.scope.close();
                let mutable = body.get("is_mutable") == Some(&Value::Bool(true));
                let keyword = match (kind, mutable) {
                    ("static", true) => "static mut",
                    ("static", false) => "static",
                    _ => "const",
                };
                Ok(format!("{keyword} {name}: {of}"))
            }
            "type_alias" => {
                let generics = field(body, "generics")?;
                self.open("T", generics)?;
                let parameters = self.parameters(generics)?;
                let of = self.ty(field(body, "type")?)?;
                self.scope.close();
                Ok(format!("type {name}{parameters} = {of}"))
            }
            "assoc_type" => {
                let bounds = self.bounds(field(body, "bounds")?)?.join(" + ");
                Ok(format!("type {name}: {bounds}"))
            }
            "trait_alias" => bail!("trait aliases are not understood"),
            other => bail!("items of the kind `{other}` are not understood"),
        }
    }

    fn function(&mut self, name: &str, body: &Value) -> Result<String> {
        let generics = field(body, "generics")?;
        self.open("F", generics)?;
        let parameters = self.parameters(generics)?;
        let sig = field(body, "sig")?;
        let mut inputs = Vec::new();
        for (position, input) in list(sig, "inputs")?.iter().enumerate() {
            let ty = self.ty(&input[1])?;
            if position == 0 && input[0] == "self" {
                self.scope.receiver_done();
                inputs.push(format!("self: {ty}"));
            } else {
                inputs.push(ty);
            }
        }
        self.scope.output_begins();
        let output = self.output(&sig["output"])?;
        self.scope.output_ends();
        let clause = where_clause(&self.predicates(generics)?);
        self.scope.close();
        let header = header(field(body, "header")?)?;
        let inputs = inputs.join(", ");
        Ok(format!(
            "{header}fn {name}{parameters}({inputs}){output}{clause}"
        ))
    }

    /// A struct or union with its public fields. Whether one without any is written with braces
    /// or as a tuple is nothing that users see.
    fn structure(&mut self, kind: &str, name: &str, body: &Value) -> Result<String> {
        let generics = field(body, "generics")?;
        self.open("T", generics)?;
        let parameters = self.parameters(generics)?;
        let fields = match body.get("kind") {
            Some(shape) => self.fields(shape)?,
            None => self.named_fields(body)?,
        };
        let clause = where_clause(&self.predicates(generics)?);
        self.scope.close();
        Ok(format!("{kind} {name}{parameters}{clause}{fields}"))
    }

    fn fields(&mut self, shape: &Value) -> Result<String> {
        let (shape, body) = variant(shape)?;
        match shape {
            "unit" | "plain" if body.is_null() => Ok(String::new()),
            "plain" | "struct" => self.named_fields(body),
            "tuple" => {
                let fields = body.as_array().context("a tuple without fields")?;
                if !fields.is_empty() && fields.iter().all(Value::is_null) {
                    return Ok(" { .. }".into());
                }
                let mut shown = Vec::new();
                for field in fields {
                    shown.push(match id_key(field) {
                        Some(id) => self.field(&id)?.1,
                        None => "private".into(),
                    });
                }
                Ok(format!("({})", shown.join(", ")))
            }
            other => bail!("fields of the kind `{other}` are not understood"),
        }
    }

    fn named_fields(&mut self, body: &Value) -> Result<String> {
        let mut shown = Vec::new();
        for id in ids(body, "fields")? {
            let (name, ty) = self.field(&id)?;
            shown.push(format!("{name}: {ty}"));
        }
        shown.sort();
        if flag(body, "has_stripped_fields")? {
            shown.push("..".into());
        }
        Ok(format!(" {{ {} }}", shown.join(", ")))
    }

    fn field(&mut self, id: &str) -> Result<(String, String)> {
        let item = self.doc.local(id)?;
        let (_, ty) = inner(item)?;
        Ok((text(item, "name")?.to_owned(), self.ty(ty)?))
    }

    fn variant(&mut self, name: &str, body: &Value) -> Result<String> {
        let fields = self.fields(field(body, "kind")?)?;
        let value = body["discriminant"]["value"].as_str();
        let value = value.map_or_else(String::new, |value| format!(" = {value}"));
        Ok(format!("variant {name}{fields}{value}"))
    }

    /// An enum; its variants are named where one more would break a user's `match`.
    pub fn enumeration(&mut self, item: &Value, body: &Value) -> Result<String> {
        let generics = field(body, "generics")?;
        self.open("T", generics)?;
        let parameters = self.parameters(generics)?;
        let clause = where_clause(&self.predicates(generics)?);
        self.scope.close();
        let mut variants: Vec<String> = described(self.doc, body, "variants")?
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        variants.sort();
        if attributes(item).contains("non_exhaustive") {
            variants = vec!["..".into()];
        }
        let (name, variants) = (text(item, "name")?, variants.join(", "));
        Ok(format!("enum {name}{parameters}{clause} {{ {variants} }}"))
    }

    /// A trait: supertraits, and which items implementors must provide.
    pub fn trait_header(&mut self, body: &Value) -> Result<String> {
        let generics = field(body, "generics")?;
        self.open("T", generics)?;
        let parameters = self.parameters(generics)?;
        let bounds = self.bounds(field(body, "bounds")?)?.join(" + ");
        let clause = where_clause(&self.predicates(generics)?);
        self.scope.close();
        let mut required = Vec::new();
        for (name, item) in described(self.doc, body, "items")? {
            let (kind, body) = inner(item)?;
            if !is_provided(kind, body) {
                required.push(name);
            }
        }
        required.sort();
        let unsafety = if flag(body, "is_unsafe")? {
            "unsafe "
        } else {
            ""
        };
        let auto = if flag(body, "is_auto")? { "auto " } else { "" };
        let dynamic = if flag(body, "is_dyn_compatible")? {
            "dyn-compatible"
        } else {
            "not dyn-compatible"
        };
        let required = required.join(", ");
        Ok(format!(
            "{unsafety}{auto}trait{parameters}: [{bounds}]{clause}, {dynamic}, requires [{required}]"
        ))
    }
}

/// The members of an item that the file describes, by name.
pub fn described<'a>(
    doc: &'a Rustdoc,
    body: &Value,
    members: &str,
) -> Result<Vec<(String, &'a Value)>> {
    let mut found = Vec::new();
    for id in ids(body, members)? {
        if let Some(item) = doc.get(&id) {
            found.push((text(item, "name")?.to_owned(), item));
        }
    }
    Ok(found)
}

/// Whether a trait has a default for this item.
pub fn is_provided(kind: &str, body: &Value) -> bool {
    match kind {
        "function" => body["has_body"] == true,
        "assoc_const" => !body["value"].is_null(),
        "assoc_type" => !body["type"].is_null(),
        _ => false,
    }
}

/// The attributes that users feel. Rustdoc has written them as source text, as the compiler's
/// debug output and as objects of their own.
pub fn attributes(item: &Value) -> String {
    let mut found = BTreeSet::new();
    if !item["deprecation"].is_null() {
        found.insert("#[deprecated] ");
    }
    for attr in item["attrs"].as_array().into_iter().flatten() {
        let name = match attr {
            Value::String(text) => text.as_str(),
            Value::Object(map) => match map.iter().next() {
                Some((key, Value::String(text))) if key == "other" => text,
                Some((key, _)) => key,
                None => continue,
            },
            _ => continue,
        };
        let is = |word: &str, debug: &str| {
            name == word
                || name.starts_with(&format!("#[{word}"))
                || name.starts_with(&format!("#[attr = {debug}"))
        };
        if is("must_use", "MustUse") {
            found.insert("#[must_use] ");
        }
        if is("non_exhaustive", "NonExhaustive") {
            found.insert("#[non_exhaustive] ");
        }
    }
    found.into_iter().collect()
}
