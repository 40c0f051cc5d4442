//! Test programs, of the suite and of other packages: building them, and choosing their tests.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

/// Each suite has a test of this name that says how many of its cases a backend cannot run.
const SKIPS: &str = "skips_are_as_committed";
const SKIPPED: &str = "skipped by capability: ";

/// What to build.
pub struct Build<'a> {
    pub package: &'a str,
    /// Its directory, below the workspace's root.
    pub directory: &'a str,
    /// What else `cargo test` is told.
    pub arguments: Vec<String>,
    pub around: Around,
}

/// What surrounds the compiler and the programs, if they are not for this machine.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The toolchain that builds them, if it is not the one in use.
    pub toolchain: Option<String>,
    /// As rustc calls it.
    pub target: Option<String>,
    /// The program that runs those for it.
    pub runner: Option<PathBuf>,
    pub environment: Vec<(String, OsString)>,
}

/// One test program.
#[derive(Clone, Debug)]
pub struct Program {
    pub name: String,
    path: PathBuf,
    /// Where cargo would run it.
    directory: PathBuf,
    around: Around,
    /// The tests to run.
    pub tests: Vec<String>,
    /// Tests that only say which cases are skipped.
    skips: Vec<String>,
    /// How many of `tests` a lacking capability turns into nothing.
    pub skipped: usize,
}

/// Builds the programs and asks them for their tests.
pub fn build(workspace: &Workspace, build: &Build<'_>) -> Result<Vec<Program>> {
    let test = ["test", "--no-run", "-p", build.package];
    let mut command = match &build.around.toolchain {
        None => workspace.cargo(test),
        Some(toolchain) => workspace.cargo_of(toolchain, test),
    };
    command
        .args(&build.arguments)
        .arg("--message-format=json-render-diagnostics");
    build.around.cargo(&mut command);
    println!("$ {}", run::show(&command));
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the tests do not build: {}", output.status);
    }
    let mut programs = Vec::new();
    for (name, path) in executables(&String::from_utf8(output.stdout)?)? {
        let mut program = Program {
            name,
            path,
            directory: workspace.root().join(build.directory),
            around: build.around.clone(),
            tests: Vec::new(),
            skips: Vec::new(),
            skipped: 0,
        };
        let list = run::stdout(program.command().args(["--list", "--format", "terse"]))?;
        program.tests = listed(&list);
        let skips = program.tests.iter().filter(|test| last(test) == SKIPS);
        program.skips = skips.cloned().collect();
        if !program.tests.is_empty() {
            programs.push(program);
        }
    }
    ensure!(!programs.is_empty(), "{} has not one test", build.package);
    Ok(programs)
}

impl Around {
    /// Adds it to a cargo command.
    pub fn cargo(&self, command: &mut Command) {
        if let Some(target) = &self.target {
            command.args(["--target", target]);
        }
        command.envs(self.environment.iter().cloned());
    }
}

impl Program {
    /// The program with cargo's surroundings and no arguments.
    fn command(&self) -> Command {
        let mut command = match &self.around.runner {
            None => Command::new(&self.path),
            Some(runner) => {
                let mut command = Command::new(runner);
                command.arg(&self.path);
                command
            }
        };
        command
            .current_dir(&self.directory)
            .envs(self.around.environment.iter().cloned())
            .env("CARGO_MANIFEST_DIR", &self.directory)
            .stdin(Stdio::null());
        command
    }

    /// Runs the chosen tests.
    pub fn round(&self) -> Command {
        let mut command = self.command();
        command.arg("--exact").args(&self.tests);
        command
    }

    /// Keeps the tests that run on a backend named so.
    pub fn keep(&mut self, selector: &str) {
        self.tests.retain(|test| runs_on(test, selector));
    }

    /// Leaves out the tests that run on a backend named so.
    pub fn leave_out(&mut self, selector: &str) {
        self.tests.retain(|test| !runs_on(test, selector));
    }

    /// The same program with one variable more in its environment.
    pub fn with(&self, name: &str, value: &str) -> Program {
        let mut program = self.clone();
        let environment = &mut program.around.environment;
        environment.push((name.to_owned(), value.into()));
        program
    }

    /// Asks the suites how many cases the backend cannot run. Such a case passes as far as the
    /// test harness knows.
    pub fn count_skips(&mut self, selector: Option<&str>) -> Result<()> {
        if self.skips.is_empty() {
            return Ok(());
        }
        let mut command = self.command();
        command.args(["--exact", "--nocapture"]).args(&self.skips);
        self.skipped = skipped(&run::stdout(&mut command)?, selector)?;
        Ok(())
    }

    /// What the harness counted, with the skipped cases moved to where they belong.
    pub fn corrected(&self, mut counts: Counts) -> Counts {
        let skipped = self.skipped.min(counts.passed);
        counts.passed -= skipped;
        counts.skipped += skipped;
        counts
    }
}

/// Names and paths of the test programs in cargo's messages.
fn executables(messages: &str) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line).context("cargo's messages")?;
        if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
            continue;
        }
        if let (Some(name), Some(path)) = (
            message["target"]["name"].as_str(),
            message["executable"].as_str(),
        ) {
            found.push((name.to_owned(), path.into()));
        }
    }
    found.sort();
    Ok(found)
}

/// The tests in the output of `--list --format terse`.
fn listed(list: &str) -> Vec<String> {
    list.lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect()
}

/// Cases are named `suite::backend::case`. The case itself may have any name.
fn runs_on(test: &str, selector: &str) -> bool {
    let modules = test.rsplit_once("::").map_or("", |(modules, _)| modules);
    modules
        .split("::")
        .any(|module| is_backend(module, selector))
}

/// `epoll` and `epoll_eventfd` are both names for the backend `epoll_eventfd`.
fn is_backend(module: &str, selector: &str) -> bool {
    let rest = module.strip_prefix(selector);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// Adds up lines of the form `skipped by capability: SUITE BACKEND NUMBER`.
pub fn skipped(output: &str, selector: Option<&str>) -> Result<usize> {
    let mut sum = 0;
    for line in output.lines() {
        let Some((_, line)) = line.split_once(SKIPPED) else {
            continue;
        };
        let [_, backend, number] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            bail!("`{SKIPPED}{line}` is not understood");
        };
        if selector.is_none_or(|selector| is_backend(backend, selector)) {
            sum += number.parse::<usize>().with_context(|| line.to_owned())?;
        }
    }
    Ok(sum)
}

fn last(test: &str) -> &str {
    test.rsplit("::").next().unwrap_or(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_cargos_messages() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"name":"ferrio"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","target":{"name":"waker"},"profile":{"test":true},"executable":"/t/waker-1"}
{"reason":"compiler-artifact","target":{"name":"tcp"},"profile":{"test":true},"executable":"/t/tcp-1"}
{"reason":"build-finished","success":true}
"#;
        let names: Vec<String> = executables(messages)
            .unwrap()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["tcp", "waker"]);
        assert!(executables("{not json").is_err());
    }

    #[test]
    fn a_selector_is_a_module_not_a_part_of_a_name() {
        assert!(runs_on("waker::epoll_eventfd::wakes", "epoll"));
        assert!(runs_on("waker::epoll_eventfd::wakes", "epoll_eventfd"));
        assert!(!runs_on("waker::poll_pipe::epoll_is_absent", "epoll"));
        assert!(!runs_on("waker::epoll_eventfd::wakes", "poll"));
        assert!(!runs_on("waker::epoll_eventfd::wakes", "epoll_event"));
        assert!(!runs_on("every_row_has_a_test", "every"));
    }

    #[test]
    fn tests_are_read_from_a_terse_list() {
        let list = "tcp::epoll_eventfd::accept: test\nbench_it: benchmark\n\n";
        assert_eq!(listed(list), ["tcp::epoll_eventfd::accept"]);
    }

    #[test]
    fn skips_are_added_up_for_the_selector() {
        let output = "test a::skips_are_as_committed ... skipped by capability: a epoll_eventfd 1\n\
            skipped by capability: a poll_pipe 2\nok\nskipped by capability: b poll_eventfd 4\n";
        assert_eq!(skipped(output, None).unwrap(), 7);
        assert_eq!(skipped(output, Some("epoll")).unwrap(), 1);
        assert_eq!(skipped(output, Some("poll")).unwrap(), 6);
        assert!(skipped("skipped by capability: many", None).is_err());
    }
}
