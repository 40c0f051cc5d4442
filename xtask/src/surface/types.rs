//! Writes types, bounds and generics as text in which equal means equal: every type is named by
//! what it is, not by how the source spelled it.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::json::{Rustdoc, either, field, flag, id_key, inner, list, text, variant};
use super::names::{CRATE, Names};
use super::scope::Scope;

/// Renders parts of one crate.
pub struct Render<'a> {
    pub doc: &'a Rustdoc,
    pub names: &'a Names,
    pub scope: Scope,
    /// What `Self` stands for; in a trait, itself.
    pub self_type: Option<String>,
}

impl<'a> Render<'a> {
    /// A renderer outside of any item.
    pub fn new(doc: &'a Rustdoc, names: &'a Names) -> Self {
        Self {
            doc,
            names,
            scope: Scope::default(),
            self_type: None,
        }
    }

    /// A type.
    pub fn ty(&mut self, ty: &Value) -> Result<String> {
        let (kind, body) = variant(ty)?;
        Ok(match kind {
            "resolved_path" => self.path(body)?,
            "generic" => self.generic(body.as_str().context("a generic without a name")?),
            "primitive" => body
                .as_str()
                .context("a primitive without a name")?
                .to_owned(),
            "borrowed_ref" => {
                let lifetime = self.scope.lifetime(body["lifetime"].as_str());
                let mutable = mutability(body)?;
                format!("&{lifetime} {mutable}{}", self.ty(field(body, "type")?)?)
            }
            "raw_pointer" => {
                let kind = if mutability(body)?.is_empty() {
                    "const"
                } else {
                    "mut"
                };
                format!("*{kind} {}", self.ty(field(body, "type")?)?)
            }
            "tuple" => format!("({})", self.types(body)?.join(", ")),
            "slice" => format!("[{}]", self.ty(body)?),
            "array" => {
                let (ty, len) = (self.ty(field(body, "type")?)?, text(body, "len")?);
                format!("[{ty}; {len}]")
            }
            "impl_trait" => format!("impl {}", self.bounds(body)?.join(" + ")),
            "dyn_trait" => self.dyn_trait(body)?,
            "function_pointer" => self.function_pointer(body)?,
            "qualified_path" => self.projection(body)?,
            "infer" => "_".into(),
            "pat" => self.ty(field(body, "type")?)?,
            other => bail!("types of the kind `{other}` are not understood"),
        })
    }

    /// A list of types.
    pub fn types(&mut self, types: &Value) -> Result<Vec<String>> {
        let types = types.as_array().context("expected a list of types")?;
        types.iter().map(|ty| self.ty(ty)).collect()
    }

    /// `name` without generic arguments, by the path that identifies the item.
    pub fn item_path(&self, id: &str, spelled: &str) -> String {
        if let Some(path) = self.names.canonical(id) {
            return path.to_owned();
        }
        if self.doc.is_local(id) {
            let name = spelled.rsplit("::").next().unwrap_or(spelled);
            return format!("{CRATE}::(private)::{name}");
        }
        let Some(path) = self.doc.definition(id) else {
            return spelled.to_owned();
        };
        match path.as_slice() {
            // Named by the source through an alias and directly; where it lives depends on the
            // compiler's version.
            [.., "io", "error", "Error"] => "io::Error".into(),
            path => path.join("::"),
        }
    }

    /// A path with its arguments: a type or a trait.
    pub fn path(&mut self, path: &Value) -> Result<String> {
        let spelled = either(path, &["path", "name"])?;
        let spelled = spelled.as_str().context("a path that is no text")?;
        let id = id_key(field(path, "id")?).with_context(|| format!("`{spelled}` has no id"))?;
        let mut args = match path.get("args") {
            None | Some(Value::Null) => Arguments::default(),
            Some(args) => self.arguments(args)?,
        };
        if let Some(expanded) = self.own_alias(&id, path)? {
            return Ok(expanded);
        }
        let name = self.item_path(&id, spelled);
        if let Some(expanded) = expand_alias(&name, &args.list) {
            return Ok(expanded);
        }
        self.add_hidden_lifetimes(&id, &mut args)?;
        Ok(format!("{name}{}", args.text()))
    }

    /// Bounds, sorted: their order means nothing.
    pub fn bounds(&mut self, bounds: &Value) -> Result<Vec<String>> {
        let bounds = bounds.as_array().context("expected a list of bounds")?;
        let mut bounds = bounds
            .iter()
            .map(|b| self.bound(b))
            .collect::<Result<Vec<_>>>()?;
        bounds.sort();
        bounds.dedup();
        Ok(bounds)
    }

    fn bound(&mut self, bound: &Value) -> Result<String> {
        let (kind, body) = variant(bound)?;
        match kind {
            "trait_bound" => {
                let names = parameter_names(field(body, "generic_params")?)?;
                self.scope.open("H", names);
                let path = self.path(field(body, "trait")?);
                self.scope.close();
                let relaxed = matches!(text(body, "modifier")?, "maybe");
                Ok(format!("{}{}", if relaxed { "?" } else { "" }, path?))
            }
            "outlives" => Ok(self.scope.lifetime(body.as_str())),
            "use" => Ok(format!("use<{body}>")),
            other => bail!("bounds of the kind `{other}` are not understood"),
        }
    }

    fn generic(&mut self, name: &str) -> String {
        match &self.self_type {
            Some(ty) if name == "Self" => ty.clone(),
            _ => self.scope.parameter(name),
        }
    }

    fn dyn_trait(&mut self, body: &Value) -> Result<String> {
        let mut parts = Vec::new();
        for bound in list(body, "traits")? {
            self.scope
                .open("H", parameter_names(field(bound, "generic_params")?)?);
            let path = self.path(field(bound, "trait")?);
            self.scope.close();
            parts.push(path?);
        }
        // The first trait is the principal one; the others are auto traits in any order.
        if let Some(rest) = parts.get_mut(1..) {
            rest.sort();
        }
        if let Some(lifetime) = body["lifetime"].as_str() {
            parts.push(self.scope.lifetime(Some(lifetime)));
        }
        Ok(format!("dyn {}", parts.join(" + ")))
    }

    fn function_pointer(&mut self, body: &Value) -> Result<String> {
        let names = parameter_names(field(body, "generic_params")?)?;
        let sig = either(body, &["sig", "decl"])?;
        let header = header(field(body, "header")?)?;
        self.scope.open("H", names);
        let text = self.plain_signature(sig);
        self.scope.close();
        Ok(format!("{header}fn{}", text?))
    }

    /// `(A, B) -> C`, names left out.
    fn plain_signature(&mut self, sig: &Value) -> Result<String> {
        let mut inputs = Vec::new();
        for input in list(sig, "inputs")? {
            inputs.push(self.ty(&input[1])?);
        }
        self.scope.output_begins();
        let output = self.output(&sig["output"])?;
        Ok(format!("({}){output}", inputs.join(", ")))
    }

    /// ` -> T`, or nothing for `()`.
    pub fn output(&mut self, output: &Value) -> Result<String> {
        let output = match output {
            Value::Null => return Ok(String::new()),
            output => self.ty(output)?,
        };
        Ok(match output.as_str() {
            "()" => String::new(),
            output => format!(" -> {output}"),
        })
    }

    /// `<T as Trait>::Name`.
    fn projection(&mut self, body: &Value) -> Result<String> {
        let owner = self.ty(field(body, "self_type")?)?;
        let name = text(body, "name")?;
        let args = match body.get("args") {
            None | Some(Value::Null) => String::new(),
            Some(args) => self.arguments(args)?.text(),
        };
        let of = match body.get("trait") {
            Some(of @ Value::Object(_)) if id_key(&of["id"]).is_some() => self.path(of)?,
            _ => return Ok(format!("{owner}::{name}{args}")),
        };
        Ok(format!("<{owner} as {of}>::{name}{args}"))
    }

    fn arguments(&mut self, args: &Value) -> Result<Arguments> {
        let (kind, body) = variant(args)?;
        match kind {
            "angle_bracketed" => {
                let mut arguments = Arguments::default();
                for arg in list(body, "args")? {
                    let (kind, body) = variant(arg)?;
                    arguments.list.push(match kind {
                        "lifetime" => self.scope.lifetime(body.as_str()),
                        "type" => self.ty(body)?,
                        "const" => self.scope.parameter(text(body, "expr")?),
                        "infer" => "_".into(),
                        other => bail!("arguments of the kind `{other}` are not understood"),
                    });
                }
                for constraint in list(body, "constraints")? {
                    arguments.list.push(self.constraint(constraint)?);
                }
                Ok(arguments)
            }
            "parenthesized" => {
                self.scope.open("H", []);
                let inputs = self.types(field(body, "inputs")?);
                self.scope.output_begins();
                let output = self.output(&body["output"]);
                self.scope.close();
                Ok(Arguments::call(&inputs?, &output?))
            }
            other => bail!("arguments of the kind `{other}` are not understood"),
        }
    }

    /// `Item = T` or `Item: Bound`.
    fn constraint(&mut self, constraint: &Value) -> Result<String> {
        let name = text(constraint, "name")?;
        let (kind, body) = variant(field(constraint, "binding")?)?;
        match kind {
            "equality" => Ok(format!("{name} = {}", self.term(body)?)),
            "constraint" => Ok(format!("{name}: {}", self.bounds(body)?.join(" + "))),
            other => bail!("bindings of the kind `{other}` are not understood"),
        }
    }

    /// A type or a constant.
    pub fn term(&mut self, term: &Value) -> Result<String> {
        let (kind, body) = variant(term)?;
        match kind {
            "type" => self.ty(body),
            "constant" => Ok(text(body, "expr")?.to_owned()),
            other => bail!("terms of the kind `{other}` are not understood"),
        }
    }

    /// An alias of the crate's own, replaced by what it stands for.
    fn own_alias(&mut self, id: &str, path: &Value) -> Result<Option<String>> {
        let Some(item) = self.doc.get(id).filter(|_| self.doc.is_local(id)) else {
            return Ok(None);
        };
        let ("type_alias", alias) = inner(item)? else {
            return Ok(None);
        };
        let params = list(field(alias, "generics")?, "params")?;
        if !params.is_empty() {
            bail!("the alias {path} has parameters: not understood");
        }
        self.ty(field(alias, "type")?).map(Some)
    }

    /// `Iter` in place of `Iter<'_>` is allowed; the lifetimes are there all the same.
    fn add_hidden_lifetimes(&mut self, id: &str, args: &mut Arguments) -> Result<()> {
        let Some(item) = self.doc.get(id).filter(|_| self.doc.is_local(id)) else {
            return Ok(());
        };
        let (_, body) = inner(item)?;
        let Some(generics) = body.get("generics") else {
            return Ok(());
        };
        let lifetimes = list(generics, "params")?
            .iter()
            .filter(|param| param["kind"].get("lifetime").is_some())
            .count();
        let given = args.list.iter().filter(|arg| arg.starts_with('\'')).count();
        if given == 0 {
            for _ in 0..lifetimes {
                let lifetime = self.scope.lifetime(None);
                args.list.insert(0, lifetime);
            }
        }
        Ok(())
    }
}

/// Generic arguments.
#[derive(Default)]
struct Arguments {
    list: Vec<String>,
    call: Option<String>,
}

impl Arguments {
    fn call(inputs: &[String], output: &str) -> Self {
        Self {
            list: Vec::new(),
            call: Some(format!("({}){output}", inputs.join(", "))),
        }
    }

    fn text(&self) -> String {
        match (&self.call, self.list.is_empty()) {
            (Some(call), _) => call.clone(),
            (None, true) => String::new(),
            (None, false) => format!("<{}>", self.list.join(", ")),
        }
    }
}

/// Aliases of the standard library that signatures use.
fn expand_alias(path: &str, args: &[String]) -> Option<String> {
    let result = |ok: &str, error: &str| Some(format!("core::result::Result<{ok}, {error}>"));
    match (path.split("::").collect::<Vec<_>>().as_slice(), args) {
        ([_, "io", "error", "Result"], [ok]) => result(ok, "io::Error"),
        (["core", "fmt", "Result"], []) => result("()", "core::fmt::Error"),
        ([.., "raw", "RawFd"], []) => Some("i32".into()),
        _ => None,
    }
}

fn mutability(body: &Value) -> Result<&'static str> {
    let mutable = either(body, &["is_mutable", "mutable"])?;
    let mutable = mutable.as_bool().context("mutability is no boolean")?;
    Ok(if mutable { "mut " } else { "" })
}

/// The names that a binder declares.
pub fn parameter_names(params: &Value) -> Result<Vec<&str>> {
    let params = params.as_array().context("expected generic parameters")?;
    params.iter().map(|param| text(param, "name")).collect()
}

/// `const unsafe async extern "C" `, as far as it applies.
pub fn header(header: &Value) -> Result<String> {
    let mut text = String::new();
    for (name, keyword) in [
        ("is_const", "const "),
        ("is_async", "async "),
        ("is_unsafe", "unsafe "),
    ] {
        if flag(header, name)? {
            text.push_str(keyword);
        }
    }
    match field(header, "abi")? {
        Value::String(abi) if abi == "Rust" => {}
        abi => text.push_str(&format!("extern {abi} ")),
    }
    Ok(text)
}
