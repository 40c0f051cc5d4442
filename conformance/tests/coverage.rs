//! Checks COVERAGE.md: every row of the contract and of the checklist is there, and everything that
//! a row names exists. The tests that COMPATIBILITY.md names exist too.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const CONTRACT_ROWS: u32 = 29;
const CHECKLIST_ROWS: u32 = 130;

/// Where a row's promise is kept.
#[derive(Debug, PartialEq)]
enum Place {
    Tests { file: String, names: Vec<String> },
    Code { file: String, text: String },
    NotInThisVersion(String),
}

#[derive(Debug)]
struct Row {
    number: u32,
    places: Vec<Place>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

/// The rows under the heading `title`.
fn section(text: &str, title: &str) -> Vec<Row> {
    text.lines()
        .skip_while(|line| *line != title)
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| ") && !line.starts_with("| row"))
        .map(row)
        .collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [number, promise, places] = cells[..] else {
        panic!("not three cells: {line}");
    };
    assert!(promise.len() > 10, "no promise in {line}");
    Row {
        number: number.parse().expect(line),
        places: places.split("; ").map(place).collect(),
    }
}

fn place(text: &str) -> Place {
    if let Some(what) = text.strip_prefix("not in this version: ") {
        return Place::NotInThisVersion(what.to_string());
    }
    let code = text.strip_prefix("code ");
    let (file, rest) = code
        .unwrap_or(text)
        .strip_prefix('`')
        .and_then(|text| text.split_once("`: "))
        .unwrap_or_else(|| panic!("no file in {text:?}"));
    let file = file.to_string();
    if code.is_some() {
        let text = rest
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or_else(|| panic!("no quoted text in {text:?}"))
            .to_string();
        return Place::Code { file, text };
    }
    let names = rest
        .split(", ")
        .map(|name| {
            name.strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'))
                .unwrap_or_else(|| panic!("{name:?} is no name, in {text:?}"))
                .to_string()
        })
        .collect();
    Place::Tests { file, names }
}

/// The names of the tests in a source file: functions under `#[test]`, and listed cases.
fn tests_in(file: &str) -> Vec<String> {
    let path = if file.contains('/') {
        root().join(file)
    } else {
        root().join("conformance/tests").join(file)
    };
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let mut tests = Vec::new();
    let mut listing = false;
    let mut attribute = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("conformance! {") {
            listing = true;
        } else if line == "} }" {
            listing = false;
        } else if listing {
            let name = line.trim_end_matches(',').split(' ').next();
            tests.extend(name.map(str::to_string));
        } else if line == "#[test]" {
            attribute = true;
        } else if let Some(name) = line.strip_prefix("fn ").filter(|_| attribute) {
            let end = name.find('(').expect("a function");
            tests.push(name[..end].to_string());
            attribute = false;
        }
    }
    tests.retain(|name| text.contains(&format!("fn {name}(")));
    tests
}

fn coverage() -> String {
    let path = root().join("conformance/COVERAGE.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

fn assert_complete(rows: &[Row], last: u32) {
    let mut seen = BTreeMap::new();
    for row in rows {
        *seen.entry(row.number).or_insert(0) += 1;
    }
    for number in 1..=last {
        assert_eq!(seen.remove(&number), Some(1), "row {number}");
    }
    assert!(seen.is_empty(), "rows that nobody knows: {seen:?}");
}

#[test]
fn every_row_of_the_contract_is_tested() {
    let rows = section(&coverage(), "## The contract");
    assert_complete(&rows, CONTRACT_ROWS);
    for row in rows {
        let tested = row
            .places
            .iter()
            .any(|place| matches!(place, Place::Tests { .. }));
        assert!(tested, "contract row {} has no test", row.number);
    }
}

#[test]
fn every_row_of_the_checklist_is_covered() {
    let rows = section(&coverage(), "## The checklist");
    assert_complete(&rows, CHECKLIST_ROWS);
}

#[test]
fn everything_named_exists() {
    let text = coverage();
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    let contract = section(&text, "## The contract");
    let checklist = section(&text, "## The checklist");
    for row in contract.iter().chain(&checklist) {
        for place in &row.places {
            match place {
                Place::Tests { file, names } => {
                    let tests = known.entry(file.clone()).or_insert_with(|| tests_in(file));
                    missing.extend(
                        names
                            .iter()
                            .filter(|name| !tests.contains(name))
                            .map(|name| format!("row {}: {file}: {name}", row.number)),
                    );
                }
                Place::Code { file, text } => {
                    let code = fs::read_to_string(root().join(file)).unwrap_or_default();
                    if !code.contains(text) {
                        missing.push(format!("row {}: {file}: {text:?}", row.number));
                    }
                }
                Place::NotInThisVersion(what) => assert!(!what.is_empty()),
            }
        }
    }
    assert!(missing.is_empty(), "not there:\n{}", missing.join("\n"));
    assert!(known.len() > 20, "only {} files are named", known.len());
}

/// The files of tests that a text names, as "`file.rs`: `one`, `another`", each with the names.
fn named_tests(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(".rs`: `") {
        let file = text[..at + 3].rsplit('`').next().expect("one at least");
        let mut names = Vec::new();
        let mut rest = &text[at + ".rs`: `".len()..];
        while let Some((name, after)) = rest.split_once('`') {
            names.push(name);
            let Some(next) = after.strip_prefix(", `") else {
                break;
            };
            rest = next;
        }
        // "`a.rs`: `one`, `b.rs`: `two`": the last name was the next file.
        names.retain(|name| !name.ends_with(".rs"));
        found.push((file, names));
    }
    found
}

#[test]
fn tests_that_the_comparison_with_mio_names_exist() {
    let path = root().join("COMPATIBILITY.md");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let named = named_tests(&text);
    assert!(named.len() > 20, "only {} are named", named.len());
    for (file, names) in named {
        let tests = tests_in(file);
        for name in names {
            assert!(tests.iter().any(|test| test == name), "{file}: {name}");
        }
    }
}

#[test]
fn this_test_reads_what_is_written() {
    assert_eq!(
        place("`a.rs`: `b`, `c`"),
        Place::Tests {
            file: "a.rs".into(),
            names: vec!["b".into(), "c".into()],
        }
    );
    assert_eq!(
        place("code `src/a.rs`: \"some text\""),
        Place::Code {
            file: "src/a.rs".into(),
            text: "some text".into(),
        }
    );
    assert_eq!(
        place("not in this version: kqueue"),
        Place::NotInThisVersion("kqueue".into())
    );
    assert_eq!(
        named_tests("x `a.rs`: `b`, `c`; `d/e.rs`: `f`, `g.rs`: `h` |"),
        [
            ("a.rs", vec!["b", "c"]),
            ("d/e.rs", vec!["f"]),
            ("g.rs", vec!["h"])
        ]
    );
    let own = tests_in("coverage.rs");
    assert!(
        own.contains(&"everything_named_exists".to_string()),
        "{own:?}"
    );
    assert!(!own.contains(&"tests_in".to_string()), "{own:?}");
    let cases = tests_in("registration.rs");
    assert!(cases.contains(&"double_register_changes_nothing".to_string()));
    assert!(!cases.contains(&"expect".to_string()));
}
