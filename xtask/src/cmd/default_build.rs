//! The tests of ferrio as users build it. The workspace's own test command unifies the features
//! of all members, `runtime-selector` among them, so it never builds this one.

use anyhow::{Context, Result, ensure};

use crate::counts::Counts;
use crate::libtest::Report;
use crate::run;
use crate::workspace::Workspace;

/// Its tests exist in release builds only; without a check, a slip in its cfg would pass unseen.
const RELEASE_ONLY: &str = "tests/size.rs";

pub fn run(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    run::tests(&mut workspace.cargo(["test", "-p", "ferrio"]), counts)?;
    let mut release = workspace.cargo(["test", "-p", "ferrio", "--release"]);
    let report = run::tests(&mut release, counts)?;
    let source = std::fs::read_to_string(workspace.root().join(RELEASE_ONLY))
        .with_context(|| format!("{RELEASE_ONLY} could not be read"))?;
    all_ran(&source, &report)
}

/// Every test in `source` is among those that passed.
fn all_ran(source: &str, report: &Report) -> Result<()> {
    let names = test_names(source);
    ensure!(!names.is_empty(), "{RELEASE_ONLY} has no tests");
    for name in names {
        // A test in a module has the module's name before its own.
        let mut passed = report.passed.iter();
        ensure!(
            passed.any(|passed| passed.rsplit("::").next() == Some(name)),
            "{RELEASE_ONLY}: {name} did not run"
        );
    }
    Ok(())
}

/// The functions that stand below a `#[test]`.
fn test_names(source: &str) -> Vec<&str> {
    let mut lines = source.lines().map(str::trim);
    let mut names = Vec::new();
    while lines.any(|line| line == "#[test]") {
        let function = lines.find_map(|line| line.strip_prefix("fn "));
        names.extend(function.and_then(|line| line.split('(').next()));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "#[test]\nfn a_is_small() {\n}\n#[test]\n#[cfg(x)]\nfn b_is_small() {}\n";

    #[test]
    fn tests_are_found_in_their_source() {
        assert_eq!(test_names(SOURCE), ["a_is_small", "b_is_small"]);
    }

    #[test]
    fn a_test_that_did_not_run_is_an_error() {
        let both = Report::of("test a_is_small ... ok\ntest unix::b_is_small ... ok\n");
        assert!(all_ran(SOURCE, &both).is_ok());
        let one = Report::of("test a_is_small ... ok\n");
        assert!(all_ran(SOURCE, &one).is_err());
        assert!(all_ran("", &both).is_err());
    }
}
