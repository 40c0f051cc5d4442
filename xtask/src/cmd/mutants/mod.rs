//! cargo-mutants: changes one thing in the code that decides whether a wake arrives, and looks whether a
//! test notices. It works on copies of the tree.
//!
//! What `passes.rs` lists is done one after the other: the unit tests see every change, the slower
//! tests only those that nothing has noticed so far. A change that nobody notices is a survivor, and is
//! in `survivors.toml` with the reason, or fails this.

mod outcomes;
mod passes;
mod standstill;
mod survivors;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::counts::Counts;
use crate::install;
use crate::run;
use crate::workspace::Workspace;
use outcomes::{Outcome, Outcomes};
use passes::{PASSES, Pass};
use standstill::Standstill;
use survivors::Survivors;

/// How many of 100 changes have to be noticed.
const ENOUGH: f64 = 85.0;

/// What is changed.
const FILES: [&str; 5] = [
    "src/notify.rs",
    "src/notify/*.rs",
    "src/sys/unix/selector/**",
    "src/sys/poll/**",
    "src/sys/unix/os/**",
];

/// Tests, what makes calls fail for tests, and the state that sources don't need.
const LEFT_OUT: [&str; 4] = [
    "**/*_tests.rs",
    "**/tests.rs",
    "src/sys/unix/os/fault.rs",
    "src/sys/unix/selector/stateless_io_source.rs",
];

/// Tests that stand in the file of what they test.
const TESTS: &str = "--exclude-re=tests::";

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Only one of several equal parts, such as `1/8`: all of them take more than an hour
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// How many changes are tested at a time, each in a copy of its own
    #[arg(long, value_name = "N", default_value = "2", conflicts_with = "report",
        value_parser = clap::value_parser!(u8).range(1..))]
    jobs: u8,
    /// Go on where a run on the same tree was interrupted
    #[arg(long)]
    resume: bool,
    /// Only tell what a run on the same tree has seen so far
    #[arg(long, conflicts_with = "resume")]
    report: bool,
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    install::cargo_command("mutants")?;
    let survivors = Survivors::read()?;
    // Before anything is removed: it fails if there is no such part.
    let changes = changes(workspace, arguments)?;
    let directory = workspace.target("mutants");
    if !(arguments.resume || arguments.report) && directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let mut outcomes = Outcomes::new(changes);
    for pass in &PASSES {
        pass_over(workspace, arguments, pass, &directory, &mut outcomes)?;
    }
    outcomes.table().iter().for_each(|line| println!("{line}"));
    judge(&outcomes, &survivors, counts);
    Ok(())
}

/// All that can be changed, as cargo-mutants names it: `file:line:column: what is changed`.
fn changes(workspace: &Workspace, arguments: &Arguments) -> Result<Vec<String>> {
    let mut command = workspace.cargo(["mutants", "--list", "-p", "ferrio"]);
    command.args(FILES.map(|file| format!("--file={file}")));
    command.args(LEFT_OUT.map(|file| format!("--exclude={file}")));
    command.arg(TESTS);
    if let Some(shard) = &arguments.shard {
        command.args(["--shard", shard]);
    }
    let list = run::stdout(&mut command)?;
    let list: Vec<String> = list.lines().map(str::to_owned).collect();
    ensure!(!list.is_empty(), "there is nothing to change");
    Ok(list)
}

/// Tests what nothing has noticed so far, and what concerns this pass.
fn pass_over(
    workspace: &Workspace,
    arguments: &Arguments,
    pass: &Pass,
    directory: &Path,
    outcomes: &mut Outcomes,
) -> Result<()> {
    let asked: Vec<String> = outcomes
        .unnoticed()
        .filter(|change| pass.concerns(change))
        .map(str::to_owned)
        .collect();
    let results = directory.join(pass.name);
    let mut known = outcomes::read(&results)?;
    let left = |known: &[(String, Outcome)]| -> Vec<String> {
        let is_known = |change: &String| known.iter().any(|(other, _)| other == change);
        asked
            .iter()
            .filter(|change| !is_known(change))
            .cloned()
            .collect()
    };
    let new = left(&known);
    if arguments.report {
        outcomes.leave_open(&new);
        return note(outcomes, known, pass);
    }
    println!(
        "{}: {} changes, {} of them new",
        pass.name,
        asked.len(),
        new.len()
    );
    if !new.is_empty() {
        let standstill = Standstill::watch();
        mutate(workspace, pass, &results, arguments.jobs, &new)?;
        if standstill.happened() {
            // What hung may just have been halted.
            let hung = outcomes::forget_hung(&results)?;
            if !hung.is_empty() {
                println!("the machine stood still: {} once more, alone", hung.len());
                mutate(workspace, pass, &results, 1, &hung)?;
            }
        }
        known = outcomes::read(&results)?;
        let missing = left(&known).len();
        ensure!(missing == 0, "{missing} changes have not been tested");
    }
    note(outcomes, known, pass)
}

fn note(outcomes: &mut Outcomes, known: Vec<(String, Outcome)>, pass: &Pass) -> Result<()> {
    for (change, outcome) in known {
        outcomes.note(&change, outcome, pass.name);
    }
    Ok(())
}

/// Runs cargo-mutants, and adds what it has seen to the pass's results.
fn mutate(
    workspace: &Workspace,
    pass: &Pass,
    results: &Path,
    jobs: u8,
    changes: &[String],
) -> Result<()> {
    fs::create_dir_all(results)?;
    let mut command = command(workspace, pass)?;
    command.args(["--jobs", &jobs.to_string()]);
    command.arg("--output").arg(results);
    println!("$ {} --re ...", run::show(&command));
    command.args(
        changes
            .iter()
            .map(|change| format!("--re=^{}$", literally(change))),
    );
    // It ends with an error if anything survived, which is judged at the end.
    command.status().context("cargo-mutants could not be run")?;
    outcomes::keep(results)
}

fn command(workspace: &Workspace, pass: &Pass) -> Result<Command> {
    let mut command = workspace.cargo(["mutants", "-p", "ferrio"]);
    command
        .args(["--test-package", pass.package])
        // Which builds the changed package only.
        .arg(format!("-C=--package={}", pass.package))
        .args(["--no-times", "--shuffle"])
        .args(["--timeout", &pass.limit.to_string()])
        .args(["--build-timeout", "300"])
        .args(FILES.map(|file| format!("--file={file}")))
        .args(pass.arguments)
        .args(pass.suites.iter().map(|suite| format!("-C=--test={suite}")))
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .envs(pass.environment(workspace)?)
        .env_remove("CARGO_TARGET_DIR");
    Ok(command)
}

/// A regular expression that fits `text` only.
fn literally(text: &str) -> String {
    let mut expression = String::new();
    for character in text.chars() {
        // Of others, `\<` for example, a backslash makes something else.
        if r"\.+*?()|[]{}^$#&-~".contains(character) {
            expression.push('\\');
        }
        expression.push(character);
    }
    expression
}

/// Says what was noticed, what was not, and what should have been.
fn judge(outcomes: &Outcomes, survivors: &Survivors, counts: &mut Counts) {
    let (mut explained, mut unexplained) = (Vec::new(), Vec::new());
    let mut explanations = survivors.explanations();
    for change in outcomes.survivors() {
        match explanations.take(change) {
            Some(reason) => explained.push(format!("survived  {change}: {reason}")),
            None => unexplained.push(format!("SURVIVED  {change}: nobody knows why")),
        }
    }
    let lines = explained.iter().chain(&unexplained);
    lines.for_each(|line| println!("{line}"));
    let (noticed, survived) = (outcomes.noticed(), explained.len() + unexplained.len());
    // As long as it isn't known, a change counts as one that survives.
    let all = noticed + survived + outcomes.open();
    let share = 100.0 * noticed as f64 / all.max(1) as f64;
    println!(
        "{} changes: {} not tested to the end; {} do not compile; {} fail a test, {} hang one, {survived} survive, {} of \
         them unexplained: {share:.1} % noticed, {ENOUGH} % needed",
        outcomes.len(),
        outcomes.open(),
        outcomes.number(Outcome::Unviable),
        outcomes.number(Outcome::Caught),
        outcomes.number(Outcome::Hung),
        unexplained.len(),
    );
    counts.passed += noticed;
    counts.skipped += explained.len();
    counts.failed += unexplained.len() + outcomes.open();
    counts.add(share >= ENOUGH);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_literally() {
        assert_eq!(
            literally("a.rs:1: replace |= with < in <impl A>::f"),
            r"a\.rs:1: replace \|= with < in <impl A>::f"
        );
    }

    #[test]
    fn too_few_or_unexplained_is_a_failure() {
        let judged = |noticed: usize, survivor: &str| {
            let mut changes: Vec<String> =
                (0..noticed).map(|n| format!("src/a.rs:{n}:1: n")).collect();
            changes.push(survivor.to_owned());
            let mut outcomes = Outcomes::new(changes.clone());
            for change in &changes[..noticed] {
                outcomes.note(change, Outcome::Caught, "unit");
            }
            outcomes.note(survivor, Outcome::Missed, "unit");
            let table = "[[survivor]]\nreason = 'r'\nchanges = ['src/a.rs: x']";
            let mut counts = Counts::default();
            judge(&outcomes, &Survivors::of(table).unwrap(), &mut counts);
            (counts.passed, counts.failed, counts.skipped)
        };
        assert_eq!(judged(9, "src/a.rs:3:3: x"), (10, 0, 1));
        assert_eq!(judged(9, "src/a.rs:3:3: y"), (10, 1, 0));
        assert_eq!(judged(1, "src/a.rs:3:3: x"), (1, 1, 1));
    }
}
