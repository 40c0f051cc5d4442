//! A run that goes wrong in one way must say in which, and end with exit code 1. Without that, a
//! soak that finds nothing would prove nothing.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A small run, so that a debug build on a busy machine keeps up.
const SMALL: [&str; 5] = [
    "--connections=200",
    "--churn=50",
    "--requests=400",
    "--patience=2",
    "--seed=7",
];

struct Soak {
    output: Output,
    report: PathBuf,
}

fn soak(name: &str, arguments: &[&str]) -> Soak {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.md"));
    let output = Command::new(env!("CARGO_BIN_EXE_ferrio-soak"))
        .args(SMALL)
        .args(arguments)
        .arg("--output")
        .arg(&report)
        .output()
        .expect("the program runs");
    Soak { output, report }
}

impl Soak {
    fn text(&self) -> String {
        let Output { stdout, stderr, .. } = &self.output;
        String::from_utf8_lossy(stdout).into_owned() + &String::from_utf8_lossy(stderr)
    }

    /// The number in a row of the report.
    #[track_caller]
    fn row(&self, name: &str) -> u64 {
        let report = std::fs::read_to_string(&self.report).expect("a report");
        let row = report
            .lines()
            .find_map(|line| line.strip_prefix(&format!("| {name} | ")));
        let row = row.unwrap_or_else(|| panic!("no row {name} in {report}"));
        let digits: String = row.chars().filter(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    }

    /// It has failed in this way, and has said so in these words.
    #[track_caller]
    fn assert_found(&self, kind: &str, words: &[&str]) {
        let text = self.text();
        assert_eq!(self.output.status.code(), Some(1), "{text}");
        assert!(self.row(kind) > 0, "{text}");
        for word in words {
            assert!(text.contains(word), "no {word:?} in {text}");
        }
    }
}

#[test]
fn a_good_run_ends_with_nothing_wrong_and_has_done_something() {
    let mut selectors = vec!["epoll"];
    if ferrio::SelectorKind::available().len() > 1 {
        selectors.push("poll");
    }
    for selector in selectors {
        let soak = soak(selector, &["--seconds=10", "--selector", selector]);
        assert_eq!(soak.output.status.code(), Some(0), "{}", soak.text());
        for kind in ["wrong bytes", "lost wakes", "stale tokens", "panics"] {
            assert_eq!(soak.row(kind), 0);
        }
        for (count, least) in [
            ("requests received and checked", 3000),
            ("connections replaced", 450),
            ("reset by the client", 100),
            ("reset by the server", 20),
            ("rounds of wakes, each waited for", 1000),
            ("registrations renewed", 30),
            (
                "registrations and deregistrations beside a blocked poll",
                200,
            ),
        ] {
            assert!(soak.row(count) >= least, "{count}: {}", soak.text());
        }
    }
}

#[test]
fn a_dropped_wake_is_found_and_its_waker_named() {
    let soak = soak("wake", &["--seconds=10", "--sabotage=wake"]);
    soak.assert_found(
        "lost wakes",
        &[
            "waker 0 has woken the quiet poll",
            "has been in the kernel for",
        ],
    );
    assert_eq!(soak.row("lost wakes"), 1, "{}", soak.text());
}

#[test]
fn a_skipped_deregister_is_found() {
    let soak = soak("deregister", &["--seconds=10", "--sabotage=deregister"]);
    soak.assert_found("stale tokens", &["was reported by poll"]);
}

#[test]
fn a_leaked_descriptor_is_found() {
    let soak = soak("descriptor", &["--seconds=12", "--sabotage=descriptor"]);
    soak.assert_found(
        "growth of memory or descriptors",
        &["the server had between", "descriptors besides"],
    );
}

#[test]
fn a_changed_byte_is_found_and_its_connection_named() {
    let soak = soak("byte", &["--seconds=10", "--sabotage=byte"]);
    soak.assert_found("wrong bytes", &["downwards: byte ", "connection "]);
}

#[test]
fn growing_memory_is_found() {
    let soak = soak("memory", &["--seconds=12", "--sabotage=memory"]);
    soak.assert_found(
        "growth of memory or descriptors",
        &["live allocations of the server"],
    );
}

#[test]
fn a_panic_is_found() {
    let soak = soak("panic", &["--seconds=10", "--sabotage=panic"]);
    soak.assert_found("panics", &["asked to"]);
}

#[test]
fn what_it_cannot_do_it_says_in_one_line() {
    for (arguments, why) in [
        (
            &["--connections=1000000"][..],
            "the hard limit (ulimit -Hn)",
        ),
        (
            &["--churn=1000"],
            "--churn 1000 a second is more than the 200",
        ),
        (
            &["--output=/dev/null/x.md", "--seconds=10"],
            "/dev/null/x.md",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_ferrio-soak"))
            .args(
                SMALL
                    .iter()
                    .filter(|given| !arguments.iter().any(|own| same_option(own, given))),
            )
            .args(arguments)
            .output()
            .expect("the program runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        let said: Vec<&str> = errors
            .lines()
            .filter(|line| line.starts_with("soak: "))
            .collect();
        assert!(said.len() == 1 && said[0].contains(why), "{errors}");
    }
}

fn same_option(one: &str, other: &str) -> bool {
    one.split('=').next() == other.split('=').next()
}

#[test]
fn bad_options_are_refused() {
    for bad in [
        "--minutes=0",
        "--selector=fastest",
        "--connections=many",
        "--nonsense",
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_ferrio-soak"))
            .arg(bad)
            .output();
        let output = output.expect("the program runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{bad}: {errors}");
        assert!(errors.starts_with("error: "), "{bad}: {errors}");
    }
}
