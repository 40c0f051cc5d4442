//! Contract rows 28 and 29 as far as the text of the library shows them: what can panic stands on a
//! list with its reason, and every `unsafe` says what makes it sound. (That a block does one thing is
//! clippy's to check: `multiple_unsafe_ops_per_block`.)
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

/// Panics that stay, each by file and text, with the reason why no input reaches it.
const PANICS: &[(&str, &str, &str)] = &[
    (
        "src/interest.rs",
        "None => panic!(\"an Interest is never empty\"),",
        "the union of interests has a bit set, because each of them has",
    ),
    (
        "src/sys/unix/selector/mod.rs",
        "Backend::Poll(_) => self.hub.bell.get().expect(\"made in `new`\").as_fd(),",
        "`new` makes the bell before this backend, and nothing takes it away",
    ),
];

/// What can panic. Tests and constant evaluation may.
const PANICKING: &[&str] = &[
    ".unwrap()",
    ".unwrap_err()",
    ".expect(",
    ".expect_err(",
    "panic!(",
    "unreachable!(",
    "unreachable_unchecked",
    "todo!(",
    "unimplemented!(",
    "assert!(",
    "assert_eq!(",
    "assert_ne!(",
];

struct Line {
    /// From 1.
    number: usize,
    text: String,
    /// Without comments; empty in test code.
    code: String,
}

struct Source {
    /// From the root of the repository.
    name: String,
    lines: Vec<Line>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_path_buf()
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The library's sources. Files of tests are left out.
fn sources() -> Vec<Source> {
    let root = root();
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    files.sort();
    assert!(files.len() > 20, "only {files:?}");
    files
        .into_iter()
        .map(|file| {
            let name = file.strip_prefix(&root).expect("below the root");
            let text = fs::read_to_string(&file).expect("text");
            Source {
                name: name.to_string_lossy().replace('\\', "/"),
                lines: lines(&text),
            }
        })
        .filter(|source| !source.name.ends_with("tests.rs") && !source.name.contains("/tests/"))
        .collect()
}

/// Splits a file, and blanks the items under `#[cfg(test)]`, `#[cfg(all(test, ...))]` or `#[test]`.
fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    // The braces that are open in a test item; `Some(0)` before its first.
    let mut test_item: Option<usize> = None;
    for (index, text) in text.lines().enumerate() {
        let mut code = without_comment(text).to_string();
        if test_item.is_none() && begins_test_item(&code) {
            test_item = Some(0);
        }
        if let Some(depth) = &mut test_item {
            let opens = code.matches('{').count();
            let closes = code.matches('}').count();
            let was_open = *depth > 0 || opens > 0;
            *depth = (*depth + opens).saturating_sub(closes);
            let ends = *depth == 0 && (was_open || code.trim_end().ends_with(';'));
            if ends {
                test_item = None;
            }
            code.clear();
        }
        lines.push(Line {
            number: index + 1,
            text: text.to_string(),
            code,
        });
    }
    lines
}

fn begins_test_item(code: &str) -> bool {
    let code = code.trim();
    code == "#[test]" || code == "#[cfg(test)]" || code.starts_with("#[cfg(all(test")
}

/// The text before `//`, unless that stands in a string.
fn without_comment(text: &str) -> &str {
    let mut from = 0;
    while let Some(position) = text[from..].find("//").map(|found| from + found) {
        if text[..position].matches('"').count() % 2 == 0 {
            return &text[..position];
        }
        from = position + 2;
    }
    text
}

#[test]
fn nothing_in_the_library_panics_but_what_is_listed() {
    let mut found = Vec::new();
    let mut used = vec![false; PANICS.len()];
    for source in sources() {
        let mut constant = false;
        for line in &source.lines {
            // `const _: () = assert!(...)` is evaluated by the compiler.
            constant |= line.code.starts_with("const _: () =");
            let panics = PANICKING.iter().any(|what| line.code.contains(what));
            if panics && !constant {
                let listed = PANICS
                    .iter()
                    .position(|(file, text, _)| *file == source.name && *text == line.code.trim());
                match listed {
                    Some(index) => used[index] = true,
                    None => found.push(format!(
                        "{}:{}: {}",
                        source.name,
                        line.number,
                        line.code.trim()
                    )),
                }
            }
            constant &= !line.code.trim_end().ends_with(';');
        }
    }
    assert!(found.is_empty(), "not on the list:\n{}", found.join("\n"));
    for (used, listed) in used.iter().zip(PANICS) {
        assert!(used, "on the list, and gone: {listed:?}");
    }
}

#[test]
fn every_unsafe_says_why_it_is_sound() {
    let mut found = Vec::new();
    let mut number = 0;
    for source in sources() {
        for (index, line) in source.lines.iter().enumerate() {
            let is_unsafe = ["unsafe {", "unsafe impl ", "unsafe extern "]
                .iter()
                .any(|word| line.code.contains(word));
            if !is_unsafe {
                continue;
            }
            number += 1;
            if !has_safety_comment(&source.lines[..index]) {
                found.push(format!(
                    "{}:{}: {}",
                    source.name,
                    line.number,
                    line.text.trim()
                ));
            }
        }
    }
    assert!(
        number > 10,
        "only {number} were found, is this test looking?"
    );
    assert!(found.is_empty(), "no SAFETY comment:\n{}", found.join("\n"));
}

/// Whether the lines end with a comment that says SAFETY, or with the beginning of the statement
/// that such a comment precedes.
fn has_safety_comment(before: &[Line]) -> bool {
    for line in before.iter().rev() {
        let text = line.text.trim();
        if text.starts_with("//") {
            if text.starts_with("// SAFETY: ") {
                return true;
            }
        } else if text.is_empty() || text.ends_with([';', '}', '{']) {
            return false;
        }
    }
    false
}

#[test]
fn unsafe_functions_document_their_contract() {
    for source in sources() {
        for (index, line) in source.lines.iter().enumerate() {
            // The methods of a trait like FromRawFd have the trait's contract, and are not `pub`.
            let code = line.code.as_str();
            let declares = code.contains("unsafe fn ")
                && (code.trim().starts_with("pub") || code.starts_with("unsafe"));
            let documented = source.lines[..index]
                .iter()
                .rev()
                .take_while(|line| line.text.trim().starts_with(['/', '#']))
                .any(|line| line.text.contains("# Safety"));
            assert!(
                !declares || documented,
                "{}:{}: no # Safety section",
                source.name,
                line.number
            );
        }
    }
}

/// `build.rs` is the one place that knows operating systems by name.
#[test]
fn the_library_names_no_operating_system() {
    for source in sources() {
        for line in &source.lines {
            let names = [
                "target_os",
                "cfg(unix",
                "cfg(windows",
                "target_family",
                "target_vendor",
            ]
            .iter()
            .any(|name| line.code.contains(name));
            assert!(
                !names,
                "{}:{}: {}",
                source.name,
                line.number,
                line.text.trim()
            );
        }
    }
}

#[test]
fn this_test_sees_what_it_looks_for() {
    let text = "let a = b.unwrap(); // fine\n\
                #[cfg(test)]\n\
                mod tests {\n    fn f() { x.unwrap() }\n}\n\
                let url = \"https://x\"; y.expect(\"z\"); // .unwrap()\n";
    let split = lines(text);
    let panics: Vec<usize> = split
        .iter()
        .filter(|line| PANICKING.iter().any(|what| line.code.contains(what)))
        .map(|line| line.number)
        .collect();
    assert_eq!(panics, [1, 6]);
    assert!(!split[5].code.contains(".unwrap()"));
    let commented = lines("// SAFETY: good\nlet x =\n");
    assert!(has_safety_comment(&commented));
    let other = lines("// SAFETY: good\nlet x = 1;\n");
    assert!(!has_safety_comment(&other));
}
