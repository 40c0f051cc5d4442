//! `targets.toml`: what it may say, and whether that is so.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The feature sets to check, comma-separated each.
    pub features: Vec<String>,
    target: Vec<Target>,
}

/// One platform.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// As rustc calls it.
    pub name: String,
    pub how: How,
    /// The toolchain, where the one in use will not do.
    pub toolchain: Option<String>,
    /// Checked in CI as well.
    #[serde(default)]
    pub quick: bool,
    /// The default selector and waker of an ordinary build with all default features.
    selector: String,
    waker: String,
    capabilities: BTreeSet<String>,
    /// What is known about ferrio there, and from what; for `none`, why it can't be checked.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// With the standard library that rustup has for the target.
    Check,
    /// With a standard library built from source: rustup has none.
    BuildStd,
    /// Not at all: there is no standard library to be had.
    None,
}

/// What `build.rs` decides about a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub selector: String,
    pub waker: String,
    pub capabilities: BTreeSet<String>,
}

/// What stands for no selector, and no waker.
pub const NOTHING: &str = "none";

const SELECTORS: [&str; 6] = ["epoll", "kqueue", "poll", "poll_oneoff", "iocp", NOTHING];
const WAKERS: [&str; 7] = [
    "eventfd", "kqueue", "pipe", "udp", "packet", "flag", NOTHING,
];

/// Reads the table; `known` are the capabilities that there are.
pub fn parse(text: &str, known: &BTreeSet<String>) -> Result<Table> {
    let table: Table = toml::from_str(text)?;
    ensure!(!table.features.is_empty(), "there is no feature set");
    let mut names = BTreeSet::new();
    for target in &table.target {
        let name = &target.name;
        ensure!(names.insert(name), "{name} has two rows");
        target
            .check(known)
            .with_context(|| format!("the row of {name}"))?;
    }
    Ok(table)
}

impl Target {
    fn check(&self, known: &BTreeSet<String>) -> Result<()> {
        let Self {
            selector,
            waker,
            capabilities,
            ..
        } = self;
        ensure!(!self.note.trim().is_empty(), "has no note");
        ensure!(
            SELECTORS.contains(&selector.as_str()),
            "there is no selector {selector:?}, only {}",
            SELECTORS.join(", ")
        );
        ensure!(
            WAKERS.contains(&waker.as_str()),
            "there is no waker {waker:?}, only {}",
            WAKERS.join(", ")
        );
        for name in capabilities {
            let all = || known.iter().cloned().collect::<Vec<_>>().join(", ");
            ensure!(
                known.contains(name),
                "build.rs knows no capability {name:?}, only {}",
                all()
            );
        }
        Ok(())
    }
}

impl Table {
    /// The targets of these names; without any, all.
    pub fn choose(&self, names: &[String]) -> Result<Vec<&Target>> {
        if names.is_empty() {
            return Ok(self.target.iter().collect());
        }
        let find = |name: &String| {
            let found = self.target.iter().find(|target| target.name == *name);
            found.with_context(|| format!("targets.toml has no target {name}"))
        };
        names.iter().map(find).collect()
    }
}

/// Where a row and `build.rs` disagree, a line for each point.
pub fn differences(claimed: &Target, derived: &Facts) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, says, is) in [
        ("selector", &claimed.selector, &derived.selector),
        ("waker", &claimed.waker, &derived.waker),
    ] {
        if says != is {
            lines.push(format!("{what}: targets.toml has {says}, build.rs {is}"));
        }
    }
    for name in claimed.capabilities.difference(&derived.capabilities) {
        lines.push(format!("targets.toml has {name}, build.rs has not"));
    }
    for name in derived.capabilities.difference(&claimed.capabilities) {
        lines.push(format!("build.rs has {name}, targets.toml has not"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::build_script;
    use super::*;

    const BUILD_RS: &str = include_str!("../../../../build.rs");
    const ROW: &str = "features = ['', 'net']\n[[target]]\nname = 'x86_64-unknown-linux-gnu'\n\
        how = 'check'\nselector = 'epoll'\nwaker = 'eventfd'\ncapabilities = ['epoll', 'pipe']\n\
        note = 'tested'\n";

    fn known() -> BTreeSet<String> {
        build_script::capabilities(BUILD_RS).unwrap()
    }

    fn error(text: &str) -> String {
        format!("{:#}", parse(text, &known()).unwrap_err())
    }

    #[test]
    fn rows_are_read() {
        let table = parse(ROW, &known()).unwrap();
        assert_eq!(table.features, ["", "net"]);
        let target = &table.target[0];
        assert_eq!(target.how, How::Check);
        assert_eq!(target.selector, "epoll");
        assert!(!target.quick);
        for (how, meant) in [("build-std", How::BuildStd), ("none", How::None)] {
            let text = ROW.replace("'check'", &format!("'{how}'"));
            assert_eq!(parse(&text, &known()).unwrap().target[0].how, meant);
        }
    }

    #[test]
    fn a_malformed_table_is_an_error_that_names_the_place() {
        assert!(parse("no table", &known()).is_err());
        assert!(error(&ROW.replace("'', 'net'", "")).contains("no feature set"));
        assert!(error(&ROW.replace("tested", " ")).contains("has no note"));
        assert!(error(&ROW.replace("'check'", "'hope'")).contains("hope"));
        assert!(error(&ROW.replace("note", "notes")).contains("note"));
        assert!(error(&ROW.replace("waker", "walker")).contains("waker"));
        let twice = format!("{ROW}{}", &ROW[ROW.find("[[").unwrap()..]);
        assert!(error(&twice).contains("two rows"));
    }

    #[test]
    fn unknown_facts_are_errors_that_name_the_row_and_the_choice() {
        let text = error(&ROW.replace("'pipe'", "'pype'"));
        assert!(text.contains("x86_64-unknown-linux-gnu"), "{text}");
        assert!(text.contains("pype") && text.contains("ppoll"), "{text}");
        let text = error(&ROW.replace("selector = 'epoll'", "selector = 'select'"));
        assert!(text.contains("select") && text.contains("poll"), "{text}");
        let text = error(&ROW.replace("'eventfd'", "'bell'"));
        assert!(text.contains("bell") && text.contains("udp"), "{text}");
    }

    #[test]
    fn an_unknown_target_is_an_error() {
        let table = parse(ROW, &known()).unwrap();
        let choose = |name: &str| table.choose(&[name.to_owned()]);
        assert_eq!(choose("x86_64-unknown-linux-gnu").unwrap().len(), 1);
        assert!(choose("pdp11").unwrap_err().to_string().contains("pdp11"));
        assert_eq!(table.choose(&[]).unwrap().len(), 1);
    }

    #[test]
    fn a_lie_in_either_place_is_a_difference() {
        let table = parse(ROW, &known()).unwrap();
        let target = &table.target[0];
        let truth = Facts {
            selector: target.selector.clone(),
            waker: target.waker.clone(),
            capabilities: target.capabilities.clone(),
        };
        assert!(differences(target, &truth).is_empty());

        let mut more = truth.clone();
        more.capabilities.insert("ppoll".to_owned());
        let lines = differences(target, &more);
        assert_eq!(lines, ["build.rs has ppoll, targets.toml has not"]);

        let mut less = truth.clone();
        less.capabilities.remove("pipe");
        let lines = differences(target, &less);
        assert_eq!(lines, ["targets.toml has pipe, build.rs has not"]);

        let mut other = truth;
        other.selector = "poll".to_owned();
        other.waker = "pipe".to_owned();
        let lines = differences(target, &other);
        let selector = "selector: targets.toml has epoll, build.rs poll";
        let waker = "waker: targets.toml has eventfd, build.rs pipe";
        assert_eq!(lines, [selector, waker]);
    }

    #[test]
    fn the_committed_table_is_valid() {
        let table = parse(include_str!("../../../../targets.toml"), &known()).unwrap();
        assert!(table.target.iter().any(|target| target.quick));
        for target in &table.target {
            let shell = target.selector == NOTHING;
            assert_eq!(shell, target.waker == NOTHING, "{}", target.name);
            assert_eq!(shell, target.capabilities.is_empty());
        }
    }
}
