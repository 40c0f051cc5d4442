//! What does not run on Windows is on the list in `src/unix_only.rs`, with the reason, and nothing else.

#![cfg(any(unix, windows))]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ferrio_conformance::unix_only::{Kept, UNIX_ONLY};
use ferrio_conformance::wasi;

const KEPT: &str = "#[cfg(unix)]";

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
struct File {
    /// The whole file is kept to Unix.
    kept: bool,
    /// Its tests and cases, and whether each of them is.
    cases: BTreeMap<String, bool>,
}

impl File {
    fn parse(text: &str) -> File {
        let mut file = File {
            kept: text.lines().any(|line| line == "#![cfg(unix)]"),
            ..File::default()
        };
        let (mut listing, mut test, mut kept) = (false, false, false);
        for line in text.lines().map(str::trim) {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            let name = |text: &str| text.chars().take_while(|&c| is_name(c)).collect::<String>();
            if line.starts_with("conformance! {") {
                listing = true;
            } else if line == "} }" {
                listing = false;
            } else if line == KEPT {
                kept = true;
                continue;
            } else if line == "#[test]" {
                test = true;
                continue;
            } else if listing && line.starts_with(is_name) {
                file.cases.insert(name(line), kept);
            } else if let Some(function) = line.strip_prefix("fn ").filter(|_| test) {
                file.cases.insert(name(function), kept);
            }
            (test, kept) = (false, false);
        }
        file
    }

    /// The names of the cases that are kept to Unix.
    fn kept_cases(&self) -> Vec<&str> {
        let cases = self.cases.iter().filter(|(_, kept)| **kept);
        cases.map(|(name, _)| name.as_str()).collect()
    }
}

fn files() -> BTreeMap<String, File> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(&tests).expect("the directory of the tests") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("text");
            files.insert(name.into_owned(), File::parse(&text));
        }
    }
    files
}

#[test]
fn the_list_is_what_the_files_say() {
    let files = files();
    let listed: BTreeMap<_, _> = UNIX_ONLY
        .iter()
        .map(|(file, kept, _)| (*file, kept))
        .collect();
    assert_eq!(listed.len(), UNIX_ONLY.len(), "a file is listed twice");
    for (name, file) in &files {
        let mut expected = match listed.get(name.as_str()) {
            Some(Kept::All) => {
                assert!(file.kept, "{name} is listed, and runs everywhere");
                continue;
            }
            Some(Kept::Cases(cases)) => cases.to_vec(),
            None => Vec::new(),
        };
        assert!(!file.kept, "{name} is not listed");
        expected.sort_unstable();
        assert_eq!(file.kept_cases(), expected, "in {name}");
    }
    for name in listed.keys() {
        assert!(files.contains_key(*name), "there is no {name}");
    }
}

/// And for WASI, in `src/wasi/mod.rs`: whole files, and cases that say so when they are skipped.
#[test]
fn what_wasi_leaves_out_is_listed_and_counted() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = files();
    let gated = |name: &&String| {
        let text = fs::read_to_string(tests.join(format!("{name}.rs"))).expect("text");
        text.lines()
            .any(|line| line == "#![cfg(any(unix, windows))]")
    };
    let found: Vec<&String> = files.keys().filter(gated).collect();
    let listed: Vec<&str> = wasi::FILES.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, listed, "in src/wasi/mod.rs, in order");
    for (suite, cases, reason) in wasi::CASES {
        assert!(reason.len() > 4, "{suite}: {reason:?}");
        let file = files.get(*suite).expect("a file for each suite");
        for case in *cases {
            assert!(file.cases.contains_key(*case), "{suite} has no {case}");
        }
        println!("WASI leaves out: {suite} {}", cases.len());
    }
}

#[test]
fn each_reason_is_one() {
    for (file, _, reason) in UNIX_ONLY {
        assert!(reason.len() > 4, "{file}: {reason:?}");
    }
}

/// The numbers that `cargo xtask wine` adds up. A case counts once, however many backends Unix has.
#[test]
fn what_is_left_out_is_counted() {
    let files = files();
    for (name, kept, _) in UNIX_ONLY {
        let number = match kept {
            Kept::All => files[*name].cases.len(),
            Kept::Cases(cases) => cases.len(),
        };
        assert!(number > 0, "{name} leaves nothing out");
        println!("kept to Unix: {name} {number}");
    }
}

#[test]
fn cases_and_tests_are_found() {
    let text = "#![cfg(unix)]\nconformance! { suite {\n    a,\n    #[cfg(unix)]\n    b needs Fast,\n} }\n\
        #[cfg(unix)]\nfn b() {}\n#[test]\nfn c() {}\n#[cfg(unix)]\n#[test]\nfn d() {}\nfn e() {}\n";
    let file = File::parse(text);
    assert!(file.kept);
    assert_eq!(file.cases.len(), 4);
    assert_eq!(file.kept_cases(), ["b", "d"]);
}
