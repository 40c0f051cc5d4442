//! What does not run on Windows is on the list in `src/unix_only.rs`, what does not on WASI in
//! `src/wasi/mod.rs` as well, with the reason, and nothing else.

use std::collections::BTreeMap;

use ferrio_conformance::unix_only::{Kept, UNIX_ONLY};
use ferrio_conformance::wasi;

/// Names and texts of the files in `tests/`: on WASI there is no directory to be read.
macro_rules! texts {
    ($($name:ident)+) => {
        &[$((stringify!($name), include_str!(concat!(stringify!($name), ".rs")))),+]
    };
}

const TEXTS: &[(&str, &str)] = texts! {
    addresses afd_faults backlog birth closed closed_local coverage deregistration differential
    fairness fallbacks faults_accept faults_each faults_sockets fork fork_threads harness
    hostile late_pipes levels lifetime limits memory named_pipe_blocked named_pipe_faults nested
    outer pipes poll_changes poll_descriptors poll_edges poll_faults poll_numbers poll_wakes profiles raw
    rearm_local rearm_net registration rollback scripts sockets_tcp sockets_udp sockets_unix
    spin spurious statics threads tidy time tokens unix_only vocabulary wake wake_calls wake_races
    waker_fallback wakers
};

/// Where a file, a case or a test is compiled.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
enum On {
    #[default]
    All,
    /// `cfg(unix)`
    Unix,
    /// `cfg(any(unix, windows))`
    AllButWasi,
}

impl On {
    /// What an attribute says about it.
    fn of(attribute: &str) -> Option<On> {
        match attribute {
            "cfg(unix)" => Some(On::Unix),
            "cfg(any(unix, windows))" => Some(On::AllButWasi),
            _ => None,
        }
    }
}

/// What a file holds.
#[derive(Debug, Default, PartialEq)]
struct File {
    whole: On,
    /// Its tests and cases.
    cases: BTreeMap<String, On>,
}

impl File {
    fn parse(text: &str) -> File {
        let inner = |line: &str| On::of(line.strip_prefix("#![")?.strip_suffix(']')?);
        let mut file = File {
            whole: text.lines().find_map(inner).unwrap_or_default(),
            ..File::default()
        };
        let (mut listing, mut test, mut on) = (false, false, On::All);
        for line in text.lines().map(str::trim) {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            let name = |text: &str| text.chars().take_while(|&c| is_name(c)).collect::<String>();
            let outer = |line: &str| On::of(line.strip_prefix("#[")?.strip_suffix(']')?);
            if line.starts_with("conformance! {") {
                listing = true;
            } else if line == "} }" {
                listing = false;
            } else if let Some(kept) = outer(line) {
                on = kept;
                continue;
            } else if line == "#[test]" {
                test = true;
                continue;
            } else if listing && line.starts_with(is_name) {
                file.cases.insert(name(line), on);
            } else if let Some(function) = line.strip_prefix("fn ").filter(|_| test) {
                file.cases.insert(name(function), on);
            }
            (test, on) = (false, On::All);
        }
        file
    }

    /// The names of the cases that are kept to systems.
    fn kept(&self, to: On) -> Vec<&str> {
        let cases = self.cases.iter().filter(|(_, on)| **on == to);
        cases.map(|(name, _)| name.as_str()).collect()
    }
}

fn files() -> BTreeMap<&'static str, File> {
    let parse = |&(name, text): &(&'static str, &str)| (name, File::parse(text));
    TEXTS.iter().map(parse).collect()
}

#[cfg(any(unix, windows))]
#[test]
fn every_file_is_looked_at() {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&tests).expect("the directory of the tests") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().expect("a name").to_string_lossy();
            found.push(name.into_owned());
        }
    }
    found.sort_unstable();
    let listed: Vec<_> = TEXTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, listed);
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
        let mut expected = match listed.get(name) {
            Some(Kept::All) => {
                assert_eq!(file.whole, On::Unix, "{name} is listed, and runs elsewhere");
                continue;
            }
            Some(Kept::Cases(cases)) => cases.to_vec(),
            None => Vec::new(),
        };
        assert_ne!(file.whole, On::Unix, "{name} is not listed");
        expected.sort_unstable();
        assert_eq!(file.kept(On::Unix), expected, "in {name}");
    }
    for name in listed.keys() {
        assert!(files.contains_key(name), "there is no {name}");
    }
}

/// And what WASI leaves out beyond that, in `src/wasi/mod.rs`.
#[test]
fn the_list_for_wasi_is_what_the_files_say() {
    let files = files();
    let found: Vec<_> = files
        .iter()
        .filter(|(_, file)| file.whole == On::AllButWasi)
        .map(|(name, _)| *name)
        .collect();
    let listed: Vec<_> = wasi::FILES.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, listed, "whole files, in order");
    for (name, file) in &files {
        let mut expected: Vec<_> = wasi::CASES
            .iter()
            .filter(|(file, ..)| file == name)
            .flat_map(|(_, cases, _)| cases.iter().copied())
            .collect();
        expected.sort_unstable();
        assert_eq!(file.kept(On::AllButWasi), expected, "in {name}");
    }
    for (name, ..) in wasi::CASES {
        assert!(files.contains_key(name), "there is no {name}");
    }
}

#[test]
fn each_reason_is_one() {
    let unix = UNIX_ONLY.iter().map(|(file, _, reason)| (file, reason));
    let files = wasi::FILES.iter().map(|(file, reason)| (file, reason));
    let cases = wasi::CASES.iter().map(|(file, _, reason)| (file, reason));
    for (file, reason) in unix.chain(files).chain(cases) {
        assert!(reason.len() > 4, "{file}: {reason:?}");
    }
}

/// The numbers that `cargo xtask wine` and `cargo xtask wasi` add up. A case counts once, however many
/// backends Unix has.
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
    for (name, reason) in wasi::FILES {
        for case in files[*name].cases.keys() {
            println!("kept from WASI: {name} {case}: {reason}");
        }
    }
    for (name, cases, reason) in wasi::CASES {
        for case in *cases {
            println!("kept from WASI: {name} {case}: {reason}");
        }
    }
}

#[test]
fn cases_and_tests_are_found() {
    let text = "#![cfg(unix)]\nconformance! { suite {\n    a,\n    #[cfg(unix)]\n    b needs Fast,\n} }\n\
        #[cfg(unix)]\nfn b() {}\n#[test]\nfn c() {}\n#[cfg(unix)]\n#[test]\nfn d() {}\nfn e() {}\n\
        #[cfg(any(unix, windows))]\n#[test]\nfn f() {}\n";
    let file = File::parse(text);
    assert_eq!(file.whole, On::Unix);
    assert_eq!(file.cases.len(), 5);
    assert_eq!(file.kept(On::Unix), ["b", "d"]);
    assert_eq!(file.kept(On::AllButWasi), ["f"]);
    assert_eq!(File::parse("").whole, On::All);
}
