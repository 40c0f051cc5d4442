//! Reads a rustdoc JSON file.
//!
//! The format carries a version that changes with nearly every compiler release, and the crate
//! that models it follows each change. What is compared here needs few of its fields, so the file
//! is read as plain JSON. Whatever is not understood is an error: a silent gap would let a lost
//! item pass.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// One crate as rustdoc describes it.
pub struct Rustdoc {
    root: String,
    version: String,
    index: Map<String, Value>,
    paths: Map<String, Value>,
}

impl Rustdoc {
    /// Parses the text of a rustdoc JSON file.
    pub fn parse(text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text).context("this is not JSON")?;
        Self::from_value(value)
    }

    /// Takes the parsed file apart, and checks that it has the shape that the rest relies on.
    pub fn from_value(mut value: Value) -> Result<Self> {
        let format = value
            .get("format_version")
            .map_or_else(|| "none".into(), Value::to_string);
        let root = value.get("root").and_then(id_key);
        let version = value["crate_version"].as_str().unwrap_or("?").to_owned();
        let (index, paths) = (take_map(&mut value, "index"), take_map(&mut value, "paths"));
        let (Some(root), Some(index), Some(paths)) = (root, index, paths) else {
            bail!("rustdoc JSON format {format} is not understood: root, index or paths is missing")
        };
        let doc = Self {
            root,
            version,
            index,
            paths,
        };
        let (kind, _) = doc
            .local(doc.root())
            .and_then(inner)
            .with_context(|| format!("rustdoc JSON format {format} is not understood"))?;
        ensure!(
            kind == "module",
            "the root of the crate is a {kind}, not a module"
        );
        Ok(doc)
    }

    /// The id of the crate's root module.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The crate's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every item in the file, public or met on the way.
    pub fn items(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.index.iter()
    }

    /// The item with this id, if the file describes it.
    pub fn get(&self, id: &str) -> Option<&Value> {
        self.index.get(id)
    }

    /// The item with this id, which must be there.
    pub fn local(&self, id: &str) -> Result<&Value> {
        self.get(id)
            .with_context(|| format!("item {id} is not in the index"))
    }

    /// Whether the item belongs to the documented crate itself.
    pub fn is_local(&self, id: &str) -> bool {
        let crate_id = self
            .paths
            .get(id)
            .or_else(|| self.index.get(id))
            .map(|item| &item["crate_id"]);
        crate_id == Some(&Value::from(0))
    }

    /// Where the item is defined: crate, modules, name. For items of other crates this identifies
    /// them, whatever path or alias the source named them by.
    pub fn definition(&self, id: &str) -> Option<Vec<&str>> {
        self.paths
            .get(id)?
            .get("path")?
            .as_array()?
            .iter()
            .map(Value::as_str)
            .collect()
    }
}

/// An id as a key of `index` and `paths`: a number in today's format, a string in older ones.
pub fn id_key(id: &Value) -> Option<String> {
    match id {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// The kind of an item and its kind-specific part.
pub fn inner(item: &Value) -> Result<(&str, &Value)> {
    variant(field(item, "inner")?)
}

/// Takes `{"kind": content}` apart; a plain string is a kind without content.
pub fn variant(value: &Value) -> Result<(&str, &Value)> {
    match value {
        Value::String(kind) => Ok((kind, &Value::Null)),
        Value::Object(map) if map.len() == 1 => {
            let (kind, content) = map.iter().next().context("an empty object")?;
            Ok((kind, content))
        }
        other => bail!("expected one kind, found {other}"),
    }
}

/// The field `name`, which must be there.
pub fn field<'v>(value: &'v Value, name: &str) -> Result<&'v Value> {
    value
        .get(name)
        .with_context(|| format!("no field `{name}` in {value}"))
}

/// The first of several names for a field, one for each version of the format.
pub fn either<'v>(value: &'v Value, names: &[&str]) -> Result<&'v Value> {
    names
        .iter()
        .find_map(|name| value.get(name))
        .with_context(|| format!("none of the fields {names:?} in {value}"))
}

/// The text of the field `name`.
pub fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str> {
    field(value, name)?
        .as_str()
        .with_context(|| format!("`{name}` is not a string in {value}"))
}

/// The flag `name`.
pub fn flag(value: &Value, name: &str) -> Result<bool> {
    field(value, name)?
        .as_bool()
        .with_context(|| format!("`{name}` is not a boolean in {value}"))
}

/// The list `name`.
pub fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value]> {
    let value = field(value, name)?;
    let list = value.as_array().map(Vec::as_slice);
    list.with_context(|| format!("`{name}` is not a list: {value}"))
}

/// The list of ids `name`.
pub fn ids(value: &Value, name: &str) -> Result<Vec<String>> {
    list(value, name)?
        .iter()
        .map(|id| id_key(id).with_context(|| format!("`{name}` holds {id}, not an id")))
        .collect()
}

fn take_map(value: &mut Value, name: &str) -> Option<Map<String, Value>> {
    match value.get_mut(name)?.take() {
        Value::Object(map) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_shape_is_an_error() {
        for text in ["", "[]", "{}", r#"{"root":0,"index":{},"paths":{}}"#] {
            assert!(Rustdoc::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn ids_are_numbers_or_strings() {
        assert_eq!(id_key(&json!(7)).as_deref(), Some("7"));
        assert_eq!(id_key(&json!("0:7")).as_deref(), Some("0:7"));
        assert_eq!(id_key(&json!(null)), None);
    }

    #[test]
    fn a_kind_may_have_no_content() {
        let object = json!({"struct": {"a": 1}});
        assert_eq!(variant(&object).unwrap(), ("struct", &json!({"a": 1})));
        assert_eq!(variant(&json!("infer")).unwrap().0, "infer");
        assert!(variant(&json!({"a": 1, "b": 2})).is_err());
    }
}
