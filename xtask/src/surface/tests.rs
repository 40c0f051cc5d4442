//! A small crate written by hand, and what becomes of it when one thing is changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::compare::Comparison;
use super::items::Surface;
use super::json::Rustdoc;

/// ```ignore
/// mod poll { #[must_use] pub struct Poll { .. } }          // private module, id 9
/// pub use poll::Poll;
/// pub mod net { pub struct TcpStream { .. } }
/// pub trait Source: Send { fn register(&mut self); fn name(&self) -> &str { .. } }
/// impl Poll {
///     pub fn events<'a>(&'a self, timeout: u32) -> io::Result<&'a Poll>;
///     pub fn from_std<S: Source>(stream: std::net::TcpStream, source: S);
/// }
/// // auto trait: Poll is Send
/// ```
fn sample(name: &str) -> Value {
    json!({
        "root": 0, "crate_version": "1.2.3", "format_version": 57,
        "index": {
            "0": item(0, name, json!({"module": {"is_crate": true, "items": [1, 5, 6, 10, 11, 12]}})),
            "1": item(1, Value::Null, json!({"use": {
                "source": "poll::Poll", "name": "Poll", "id": 2, "is_glob": false}})),
            "2": item(2, "Poll", json!({"struct": {
                "kind": {"plain": {"fields": [], "has_stripped_fields": true}},
                "generics": generics(), "impls": [10, 11, 12]}})),
            "3": function(3, "events", json!({
                "inputs": [["self", reference(json!("'a"), json!({"generic": "Self"}))],
                           ["timeout", {"primitive": "u32"}]],
                "output": path(101, "io::Result", vec![reference(json!("'a"), path(2, "Poll", vec![]))]),
            }), vec![json!({"name": "'a", "kind": {"lifetime": {"outlives": []}}})]),
            "4": function(4, "from_std", json!({
                "inputs": [["stream", path(102, "net::TcpStream", vec![])],
                           ["source", {"generic": "S"}]],
                "output": null,
            }), vec![json!({"name": "S", "kind": {"type": {
                "bounds": [bound(6, "Source")], "default": null, "is_synthetic": false}}})]),
            "5": item(5, "net", json!({"module": {"is_crate": false, "items": [7]}})),
            "6": item(6, "Source", json!({"trait": {
                "is_auto": false, "is_unsafe": false, "is_dyn_compatible": true, "items": [13, 14],
                "generics": generics(), "bounds": [bound(100, "Send")]}})),
            "7": item(7, "TcpStream", json!({"struct": {
                "kind": {"tuple": [null]}, "generics": generics(), "impls": []}})),
            "10": item(10, Value::Null, block(Value::Null, vec![3, 4], false)),
            "11": item(11, Value::Null, block(json!({"path": "Send", "id": 100, "args": null}), vec![], true)),
            "12": item(12, Value::Null, block(json!({"path": "Freeze", "id": 103, "args": null}), vec![], true)),
            "13": function(13, "register", json!({
                "inputs": [["self", reference(Value::Null, json!({"generic": "Self"}))]], "output": null,
            }), vec![]),
            "14": with_body(function(14, "name", json!({
                "inputs": [["self", reference(Value::Null, json!({"generic": "Self"}))]],
                "output": reference(Value::Null, json!({"primitive": "str"})),
            }), vec![])),
        },
        "paths": {
            "2": {"crate_id": 0, "path": [name, "poll", "Poll"], "kind": "struct"},
            "6": {"crate_id": 0, "path": [name, "Source"], "kind": "trait"},
            "7": {"crate_id": 0, "path": [name, "net", "TcpStream"], "kind": "struct"},
            "100": {"crate_id": 2, "path": ["core", "marker", "Send"], "kind": "trait"},
            "101": {"crate_id": 1, "path": ["std", "io", "error", "Result"], "kind": "type_alias"},
            "102": {"crate_id": 1, "path": ["std", "net", "tcp", "TcpStream"], "kind": "struct"},
            "103": {"crate_id": 2, "path": ["core", "marker", "Freeze"], "kind": "trait"},
            "104": {"crate_id": 2, "path": ["core", "result", "Result"], "kind": "enum"},
            "105": {"crate_id": 1, "path": ["std", "io", "error", "Error"], "kind": "struct"},
        },
    })
}

fn item(id: u32, name: impl Into<Value>, inner: Value) -> Value {
    json!({"id": id, "crate_id": 0, "name": name.into(), "visibility": "public",
           "attrs": [], "deprecation": null, "inner": inner})
}

fn function(id: u32, name: &str, sig: Value, params: Vec<Value>) -> Value {
    item(
        id,
        name,
        json!({"function": {
            "sig": sig, "has_body": false,
            "generics": {"params": params, "where_predicates": []},
            "header": {"is_const": false, "is_unsafe": false, "is_async": false, "abi": "Rust"}}}),
    )
}

fn with_body(mut function: Value) -> Value {
    function["inner"]["function"]["has_body"] = true.into();
    function
}

fn block(of: Value, items: Vec<u32>, synthetic: bool) -> Value {
    json!({"impl": {
        "is_unsafe": false, "generics": generics(), "trait": of, "for": path(2, "Poll", vec![]),
        "items": items, "is_negative": false, "is_synthetic": synthetic, "blanket_impl": null}})
}

fn generics() -> Value {
    json!({"params": [], "where_predicates": []})
}

fn reference(lifetime: Value, to: Value) -> Value {
    json!({"borrowed_ref": {"lifetime": lifetime, "is_mutable": false, "type": to}})
}

fn path(id: u32, spelled: &str, args: Vec<Value>) -> Value {
    let args: Vec<Value> = args.into_iter().map(|ty| json!({"type": ty})).collect();
    json!({"resolved_path": {"path": spelled, "id": id,
           "args": {"angle_bracketed": {"args": args, "constraints": []}}}})
}

fn bound(id: u32, spelled: &str) -> Value {
    json!({"trait_bound": {"trait": {"path": spelled, "id": id, "args": null},
           "generic_params": [], "modifier": "none"}})
}

/// mio's surface against that of a ferrio with one change.
fn compare(change: impl FnOnce(&mut Value)) -> Comparison {
    let mut ferrio = sample("ferrio");
    change(&mut ferrio);
    let mio = Rustdoc::from_value(sample("mio")).unwrap();
    Comparison::of(&mio, &Rustdoc::from_value(ferrio).unwrap()).unwrap()
}

fn function_of(crate_: &mut Value, id: u32) -> &mut Value {
    &mut crate_["index"][id.to_string()]["inner"]["function"]
}

#[track_caller]
fn assert_differs(at: &str, change: impl FnOnce(&mut Value)) {
    let result = compare(change);
    let paths: Vec<&str> = result
        .differing
        .iter()
        .map(|(path, ..)| path.as_str())
        .collect();
    assert_eq!(paths, [at], "{result}");
    assert!(result.missing.is_empty(), "{result}");
}

#[track_caller]
fn assert_missing(at: &str, change: impl FnOnce(&mut Value)) {
    let result = compare(change);
    let paths: Vec<&str> = result
        .missing
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(paths, [at], "{result}");
    assert!(result.differing.is_empty(), "{result}");
}

#[track_caller]
fn assert_same(change: impl FnOnce(&mut Value)) {
    let result = compare(change);
    assert_eq!(result.failures(), 0, "{result}");
}

#[test]
fn the_surface_is_what_the_crate_offers() {
    let doc = Rustdoc::from_value(sample("mio")).unwrap();
    let surface = Surface::read(&doc, &BTreeSet::new()).unwrap();
    let lines: Vec<String> = surface
        .items
        .iter()
        .map(|((path, _), form)| format!("{path} = {form}"))
        .collect();
    assert_eq!(
        lines,
        [
            "core::marker::Send for mio::Poll = implemented",
            "mio = module",
            "mio::Poll = struct Poll { .. }",
            "mio::Poll::events = fn events(self: &'f0 mio::Poll, u32) \
                -> core::result::Result<&'f0 mio::Poll, io::Error>",
            "mio::Poll::from_std = fn from_std<F0>(std::net::tcp::TcpStream, F0) \
                where F0: mio::Source",
            "mio::Source = trait: [core::marker::Send], dyn-compatible, requires [register]",
            "mio::Source::name = provided fn name(self: &'f0 Self) -> &'f0 str",
            "mio::Source::register = required fn register(self: &'f0 Self)",
            "mio::net = module",
            "mio::net::TcpStream = struct TcpStream { .. }",
        ]
    );
}

#[test]
fn the_crates_name_and_private_modules_make_no_difference() {
    assert_same(|_| {});
    assert_same(|ferrio| ferrio["paths"]["2"]["path"] = json!(["ferrio", "inner", "deep", "Poll"]));
}

#[test]
fn a_missing_method_is_found() {
    assert_missing("mio::Poll::from_std", |ferrio| {
        ferrio["index"]["10"]["inner"]["impl"]["items"] = json!([3]);
    });
}

#[test]
fn a_missing_type_is_found_with_all_that_it_offers() {
    let result = compare(|ferrio| {
        ferrio["index"]["0"]["inner"]["module"]["items"] = json!([5, 6]);
    });
    let missing: Vec<&str> = result
        .missing
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(
        missing,
        [
            "impl core::marker::Send for mio::Poll",
            "mio::Poll",
            "mio::Poll::events",
            "mio::Poll::from_std"
        ]
    );
}

#[test]
fn a_changed_signature_is_found() {
    assert_differs("mio::Poll::events", |ferrio| {
        function_of(ferrio, 3)["sig"]["inputs"][1][1] = json!({"primitive": "u64"});
    });
    assert_differs("mio::Poll::events", |ferrio| {
        function_of(ferrio, 3)["header"]["is_const"] = true.into();
    });
    assert_differs("mio::Poll::from_std", |ferrio| {
        function_of(ferrio, 4)["generics"]["params"][0]["kind"]["type"]["bounds"] = json!([]);
    });
}

#[test]
fn a_namesake_is_another_type() {
    assert_differs("mio::Poll::from_std", |ferrio| {
        function_of(ferrio, 4)["sig"]["inputs"][0][1] = path(7, "net::TcpStream", vec![]);
    });
}

#[test]
fn a_lost_auto_trait_is_found() {
    let send = "impl core::marker::Send for mio::Poll";
    assert_differs(send, |ferrio| {
        ferrio["index"]["11"]["inner"]["impl"]["is_negative"] = true.into();
    });
    assert_missing(send, |ferrio| {
        ferrio["index"].as_object_mut().unwrap().remove("11");
    });
}

#[test]
fn a_trait_that_asks_for_more_is_found() {
    let result = compare(|ferrio| function_of(ferrio, 14)["has_body"] = false.into());
    let paths: Vec<&str> = result
        .differing
        .iter()
        .map(|(path, ..)| path.as_str())
        .collect();
    assert_eq!(paths, ["mio::Source", "mio::Source::name"]);
    assert_differs("mio::Source", |ferrio| {
        ferrio["index"]["6"]["inner"]["trait"]["bounds"] = json!([]);
    });
}

#[test]
fn attributes_are_compared_in_every_spelling() {
    for attr in [
        json!("#[must_use = \"or else\"]"),
        json!({"must_use": {"reason": null}}),
        json!({"other": "#[must_use]"}),
        json!({"other": "#[attr = MustUse]"}),
    ] {
        assert_differs("mio::Poll", |ferrio| {
            ferrio["index"]["2"]["attrs"] = json!([attr]);
        });
    }
    for attr in ["non_exhaustive", "#[non_exhaustive]"] {
        assert_differs("mio::Poll", |ferrio| {
            ferrio["index"]["2"]["attrs"] = json!([attr]);
        });
    }
    assert_same(|ferrio| ferrio["index"]["2"]["attrs"] = json!(["#[doc(alias = \"x\")]"]));
}

#[test]
fn spelling_makes_no_difference() {
    // `Result<T, io::Error>` in place of `io::Result<T>`.
    assert_same(|ferrio| {
        let ok = reference(json!("'a"), path(2, "Poll", vec![]));
        let error = path(105, "io::Error", vec![]);
        function_of(ferrio, 3)["sig"]["output"] = path(104, "Result", vec![ok, error]);
    });
    // A bound in a where clause, and other names for parameters and arguments.
    assert_same(|ferrio| {
        let from_std = function_of(ferrio, 4);
        from_std["sig"]["inputs"][1] = json!(["s", {"generic": "T"}]);
        from_std["generics"] = json!({
            "params": [{"name": "T", "kind": {"type": {
                "bounds": [], "default": null, "is_synthetic": false}}}],
            "where_predicates": [{"bound_predicate": {
                "type": {"generic": "T"}, "bounds": [bound(6, "Source")], "generic_params": []}}]});
    });
    // Elided lifetimes.
    assert_same(|ferrio| {
        let events = function_of(ferrio, 3);
        events["generics"] = generics();
        events["sig"]["inputs"][0][1] = reference(Value::Null, json!({"generic": "Self"}));
        let ok = reference(Value::Null, path(2, "Poll", vec![]));
        events["sig"]["output"] = path(101, "io::Result", vec![ok]);
    });
    // Private fields in a tuple or in braces.
    assert_same(|ferrio| {
        ferrio["index"]["2"]["inner"]["struct"]["kind"] = json!({"tuple": [null, null]});
    });
}

#[test]
fn additions_are_no_failure() {
    let result = compare(|ferrio| {
        ferrio["index"]["0"]["inner"]["module"]["items"] = json!([1, 5, 6, 20]);
        ferrio["index"]["20"] = function(20, "more", json!({"inputs": [], "output": null}), vec![]);
    });
    assert_eq!(result.failures(), 0, "{result}");
    assert_eq!(
        result.added,
        [("mio::more".to_owned(), "fn more()".to_owned())]
    );
}

#[test]
fn a_second_path_must_lead_to_the_same_item() {
    // Both crates offer `net::Poll`; ferrio's is another struct.
    let mut mio = sample("mio");
    mio["index"]["5"]["inner"]["module"]["items"] = json!([7, 1]);
    let mut ferrio = sample("ferrio");
    ferrio["index"]["5"]["inner"]["module"]["items"] = json!([7, 8]);
    ferrio["index"]["8"] = ferrio["index"]["2"].clone();
    let (mio, ferrio) = (Rustdoc::from_value(mio), Rustdoc::from_value(ferrio));
    let result = Comparison::of(&mio.unwrap(), &ferrio.unwrap()).unwrap();
    assert_eq!(result.differing[0].0, "mio::net::Poll", "{result}");
}

#[test]
fn what_is_not_understood_is_an_error() {
    let broken = |change: &dyn Fn(&mut Value)| {
        let mut doc = sample("mio");
        change(&mut doc);
        let doc = Rustdoc::from_value(doc).unwrap();
        Surface::read(&doc, &BTreeSet::new()).is_err()
    };
    assert!(!broken(&|_| {}));
    assert!(broken(
        &|doc| doc["index"]["2"]["inner"] = json!({"novelty": {}})
    ));
    assert!(broken(&|doc| {
        function_of(doc, 3)["sig"]["inputs"][1][1] = json!({"novelty": {}});
    }));
    assert!(broken(
        &|doc| doc["index"]["0"]["inner"]["module"]["items"] = json!([])
    ));
}
