//! Reads the results that nextest writes, in JUnit's format.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use roxmltree::{Document, Node};

/// The tests of one run, each by its program and its name.
#[derive(Debug, Default)]
pub struct Tests {
    pub passed: BTreeSet<String>,
    pub failed: BTreeSet<String>,
    /// How many did not run because they say so themselves.
    pub ignored: usize,
    /// What tests that passed have printed, where nextest was told to keep it.
    pub printed: String,
}

/// Reads a file's content.
pub fn read(text: &str) -> Result<Tests> {
    let document = Document::parse(text)?;
    let mut tests = Tests::default();
    for case in document.descendants() {
        if !case.has_tag_name("testcase") {
            continue;
        }
        let program = case.attribute("classname").context("a test of nothing")?;
        let name = case.attribute("name").context("a test without a name")?;
        let test = format!("{program} {name}");
        let failed = |node: Node<'_, '_>| ["failure", "error"].contains(&node.tag_name().name());
        if case.children().any(failed) {
            tests.failed.insert(test);
        } else if case.children().any(|node| node.has_tag_name("skipped")) {
            tests.ignored += 1;
        } else {
            tests.passed.insert(test);
            let printed = case
                .children()
                .filter(|node| node.has_tag_name("system-out"));
            for text in printed.filter_map(|node| node.text()) {
                tests.printed.push_str(text);
                tests.printed.push('\n');
            }
        }
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_apart_by_how_they_ended() {
        let tests = read(
            r#"<?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="nextest-run" tests="4" failures="1" errors="1">
                <testsuite name="tokio::udp" tests="3">
                    <testcase name="split" classname="tokio::udp" time="0.1"/>
                    <testcase name="peek" classname="tokio::udp" time="0.1">
                        <failure type="test failure">failed</failure>
                        <system-out>text</system-out>
                    </testcase>
                    <testcase name="later" classname="tokio::udp"><skipped/></testcase>
                </testsuite>
                <testsuite name="tokio" tests="2">
                    <testcase name="a::b" classname="tokio"><system-out>x</system-out></testcase>
                    <testcase name="split" classname="tokio"><error type="e">e</error></testcase>
                </testsuite>
            </testsuites>"#,
        )
        .unwrap();
        let passed: Vec<&str> = tests.passed.iter().map(String::as_str).collect();
        let failed: Vec<&str> = tests.failed.iter().map(String::as_str).collect();
        assert_eq!(passed, ["tokio a::b", "tokio::udp split"]);
        assert_eq!(failed, ["tokio split", "tokio::udp peek"]);
        assert_eq!(tests.ignored, 1);
        assert_eq!(tests.printed, "x\n");
    }

    #[test]
    fn half_a_file_is_an_error() {
        assert!(read("<testsuites><testsuite name=\"a\">").is_err());
        assert!(read("<testsuites><testcase name=\"a\"/></testsuites>").is_err());
    }
}
