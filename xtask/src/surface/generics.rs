//! Generic parameters and where clauses.
//!
//! A bound means the same inline and in a where clause, so all of them end in one sorted set.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::json::{field, flag, list, text, variant};
use super::types::Render;

/// Where clauses, one bound each.
pub type Predicates = BTreeSet<String>;

impl Render<'_> {
    /// Opens the binder of an item with these generics.
    pub fn open(&mut self, prefix: &'static str, generics: &Value) -> Result<()> {
        let mut names = Vec::new();
        for param in list(generics, "params")? {
            if !is_synthetic(param)? {
                names.push(text(param, "name")?);
            }
        }
        self.scope.open(prefix, names);
        Ok(())
    }

    /// `<T0, const T1: usize>`: the parameters that a caller can name, in their order. Lifetimes
    /// are left out; they show where they are used.
    pub fn parameters(&mut self, generics: &Value) -> Result<String> {
        let mut shown = Vec::new();
        for param in list(generics, "params")? {
            let (kind, body) = variant(field(param, "kind")?)?;
            if kind == "lifetime" || is_synthetic(param)? {
                continue;
            }
            let name = self.scope.parameter(text(param, "name")?);
            shown.push(match kind {
                "type" => match &body["default"] {
                    Value::Null => name,
                    default => format!("{name} = {}", self.ty(default)?),
                },
                "const" => format!("const {name}: {}", self.ty(field(body, "type")?)?),
                other => bail!("parameters of the kind `{other}` are not understood"),
            });
        }
        Ok(match shown.as_slice() {
            [] => String::new(),
            shown => format!("<{}>", shown.join(", ")),
        })
    }

    /// All bounds on the parameters.
    pub fn predicates(&mut self, generics: &Value) -> Result<Predicates> {
        let mut predicates = Predicates::new();
        for param in list(generics, "params")? {
            let (kind, body) = variant(field(param, "kind")?)?;
            let name = text(param, "name")?;
            if kind == "lifetime" {
                self.outlives(name, list(body, "outlives")?, &mut predicates)?;
            } else if kind == "type" && !is_synthetic(param)? {
                let name = self.scope.parameter(name);
                self.bounded(&name, field(body, "bounds")?, &mut predicates)?;
            }
        }
        for predicate in list(generics, "where_predicates")? {
            self.predicate(predicate, &mut predicates)?;
        }
        Ok(predicates)
    }

    fn predicate(&mut self, predicate: &Value, into: &mut Predicates) -> Result<()> {
        let (kind, body) = variant(predicate)?;
        match kind {
            "bound_predicate" => {
                let names = super::types::parameter_names(field(body, "generic_params")?)?;
                self.scope.open("H", names);
                let done = self
                    .ty(field(body, "type")?)
                    .and_then(|ty| self.bounded(&ty, field(body, "bounds")?, into));
                self.scope.close();
                done
            }
            "lifetime_predicate" => {
                self.outlives(text(body, "lifetime")?, list(body, "outlives")?, into)
            }
            "eq_predicate" => {
                let (lhs, rhs) = (field(body, "lhs")?, field(body, "rhs")?);
                into.insert(format!("{} = {}", self.ty(lhs)?, self.term(rhs)?));
                Ok(())
            }
            other => bail!("predicates of the kind `{other}` are not understood"),
        }
    }

    fn bounded(&mut self, ty: &str, bounds: &Value, into: &mut Predicates) -> Result<()> {
        let bounds = self.bounds(bounds)?;
        into.extend(bounds.iter().map(|bound| format!("{ty}: {bound}")));
        Ok(())
    }

    fn outlives(&mut self, name: &str, longer: &[Value], into: &mut Predicates) -> Result<()> {
        for other in longer {
            let other = other.as_str().context("a lifetime that is no text")?;
            let (a, b) = (
                self.scope.lifetime(Some(name)),
                self.scope.lifetime(Some(other)),
            );
            into.insert(format!("{a}: {b}"));
        }
        Ok(())
    }
}

/// ` where A: B, C: D`, or nothing.
pub fn where_clause(predicates: &Predicates) -> String {
    if predicates.is_empty() {
        return String::new();
    }
    let predicates: Vec<&str> = predicates.iter().map(String::as_str).collect();
    format!(" where {}", predicates.join(", "))
}

/// The parameter that rustdoc makes of an `impl Trait` argument: the argument itself shows it.
fn is_synthetic(param: &Value) -> Result<bool> {
    match variant(field(param, "kind")?)? {
        ("type", body) => flag(body, "is_synthetic"),
        _ => Ok(false),
    }
}
