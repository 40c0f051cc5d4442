//! Running the test programs again and again.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::programs::Program;
use crate::counts::Counts;
use crate::interrupt;
use crate::libtest::Report;

/// How to run.
pub struct Plan {
    pub repeat: usize,
    pub jobs: usize,
    pub keep_going: bool,
    pub limit: Duration,
    /// Where outputs go.
    pub directory: PathBuf,
}

/// How a run ended whose tests all reported, and some did not pass.
pub const FAILED: &str = "failed";

/// A run that did not end as it should.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Counted from 1.
    pub round: usize,
    pub program: String,
    pub how: String,
    pub tests: Vec<String>,
    pub log: PathBuf,
}

/// What the workers share.
struct Shared<'a> {
    programs: &'a [Program],
    plan: &'a Plan,
    next: AtomicUsize,
    stop: AtomicBool,
    results: Mutex<(Counts, Vec<Failure>)>,
    bar: ProgressBar,
}

/// The process groups that are running. They don't get to know of Ctrl-C by themselves.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Runs every program as often as planned; adds to `counts`, and tells what failed.
pub fn run(programs: &[Program], plan: &Plan, counts: &mut Counts) -> Result<Vec<Failure>> {
    if plan.directory.exists() {
        fs::remove_dir_all(&plan.directory)?;
    }
    fs::create_dir_all(&plan.directory)?;
    // Ctrl-C reaches this process only. The lock is kept, so that nothing is started any more.
    interrupt::before_end(|| {
        let running = lock(&RUNNING);
        running.iter().for_each(|group| drop(kill(*group)));
        std::mem::forget(running);
    })?;
    let shared = Shared {
        programs,
        plan,
        next: AtomicUsize::new(0),
        stop: AtomicBool::new(false),
        results: Mutex::default(),
        bar: bar(programs.len() * plan.repeat)?,
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..plan.jobs)
            .map(|worker| {
                let shared = &shared;
                scope.spawn(move || shared.work(worker))
            })
            .collect();
        for worker in workers {
            let Ok(done) = worker.join() else {
                bail!("a worker panicked");
            };
            done?;
        }
        Ok(())
    })?;
    shared.bar.finish_and_clear();
    let (total, mut failures) = shared
        .results
        .into_inner()
        .unwrap_or_else(|e| e.into_inner());
    failures.sort_by_key(|failure| failure.round);
    *counts += total;
    Ok(failures)
}

impl Shared<'_> {
    /// Takes runs until there is none left: all programs of a round before those of the next.
    fn work(&self, worker: usize) -> Result<()> {
        let total = self.programs.len() * self.plan.repeat;
        while !self.stop.load(Ordering::Relaxed) {
            let run = self.next.fetch_add(1, Ordering::Relaxed);
            if run >= total {
                break;
            }
            let program = &self.programs[run % self.programs.len()];
            let round = run / self.programs.len() + 1;
            if let Err(error) = self.one(worker, round, program) {
                // The others should not go on for minutes before this is reported.
                self.stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
            self.bar.inc(1);
        }
        Ok(())
    }

    fn one(&self, worker: usize, round: usize, program: &Program) -> Result<()> {
        let file = |kind: &str| self.plan.directory.join(format!("running-{worker}.{kind}"));
        let (out, err) = (file("out"), file("err"));
        let ended = watch(&mut program.round(), &out, &err, self.plan.limit)?;
        let output = String::from_utf8_lossy(&fs::read(&out)?).into_owned();
        let report = Report::of(&output);
        let verdict = verdict(&program.tests, &report, ended, self.plan.limit);
        let mut counts = program.corrected(report.distinct());
        let failure = match verdict {
            None => None,
            Some((how, tests)) => {
                counts.failed = counts.failed.max(tests.len()).max(1);
                let log = self
                    .plan
                    .directory
                    .join(format!("{round}-{}.log", program.name));
                let errors = fs::read(&err)?;
                let errors = String::from_utf8_lossy(&errors);
                fs::write(&log, format!("{output}\n--- standard error\n{errors}"))?;
                Some(Failure {
                    round,
                    program: program.name.clone(),
                    how,
                    tests,
                    log,
                })
            }
        };
        fs::remove_file(&out)?;
        fs::remove_file(&err)?;
        let mut results = lock(&self.results);
        results.0 += counts;
        if let Some(failure) = failure {
            results.1.push(failure);
            if !self.plan.keep_going {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// What is wrong with a run, and with which tests; `None` if every test reported that it passed.
fn verdict(
    expected: &[String],
    report: &Report,
    ended: Option<ExitStatus>,
    limit: Duration,
) -> Option<(String, Vec<String>)> {
    let done = [&report.passed, &report.failed, &report.ignored];
    let done: HashSet<&String> = done.into_iter().flatten().collect();
    let silent = || -> Vec<String> {
        let silent = expected.iter().filter(|test| !done.contains(test));
        silent.cloned().collect()
    };
    match ended {
        None => Some((format!("hung for {} s", limit.as_secs()), silent())),
        Some(_) if !report.failed.is_empty() => {
            let mut failed = report.failed.clone();
            failed.sort();
            failed.dedup();
            Some((FAILED.into(), failed))
        }
        Some(status) if !status.success() => Some((status.to_string(), silent())),
        Some(_) if !silent().is_empty() => Some(("did not report".into(), silent())),
        Some(_) => None,
    }
}

/// Runs a program to its end; `None` if it had to be killed.
fn watch(
    command: &mut Command,
    out: &Path,
    err: &Path,
    limit: Duration,
) -> Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let command = command
        .stdout(File::create(out)?)
        .stderr(File::create(err)?)
        // A group of its own, so that the processes it started can be ended with it.
        .process_group(0);
    let mut child = {
        let mut running = lock(&RUNNING);
        let child = command.spawn().context("a test program could not be run")?;
        running.push(child.id());
        child
    };
    let ended = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if begun.elapsed() > limit {
            kill(child.id())?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    lock(&RUNNING).retain(|group| *group != child.id());
    Ok(ended)
}

/// Ends a process group.
fn kill(group: u32) -> Result<()> {
    // The shell's own `kill`: a small system may have no program of that name.
    let mut kill = Command::new("sh");
    kill.args(["-c", &format!("kill -KILL -{group}")]);
    crate::run::stdout(&mut kill).map(drop)
}

/// A worker that panicked ends the run anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bar(runs: usize) -> Result<ProgressBar> {
    let style = "{bar:40} {pos}/{len} runs, {elapsed} gone, {eta} to go";
    let bar = ProgressBar::new(runs.try_into()?);
    Ok(bar.with_style(ProgressStyle::with_template(style)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    fn judge(output: &str, status: Option<i32>) -> Option<(String, Vec<String>)> {
        let expected = ["a::x".to_owned(), "a::y".to_owned()];
        let status = status.map(ExitStatus::from_raw);
        verdict(
            &expected,
            &Report::of(output),
            status,
            Duration::from_secs(9),
        )
    }

    #[test]
    fn a_clean_run_has_no_verdict() {
        assert!(judge("test a::x ... ok\ntest a::y ... ignored\n", Some(0)).is_none());
    }

    #[test]
    fn a_failed_test_is_named() {
        let (how, tests) =
            judge("test a::x ... FAILED\ntest a::y ... ok\n", Some(101 << 8)).unwrap();
        assert_eq!((how.as_str(), tests), ("failed", vec!["a::x".to_owned()]));
    }

    #[test]
    fn a_crash_and_a_hang_name_the_tests_that_said_nothing() {
        let (how, tests) = judge("test a::x ... ok\n", Some(6)).unwrap();
        assert!(how.contains("signal"), "{how}");
        assert_eq!(tests, ["a::y"]);
        let (how, tests) = judge("test a::x ... ok\n", None).unwrap();
        assert_eq!(how, "hung for 9 s");
        assert_eq!(tests, ["a::y"]);
    }

    #[test]
    fn a_test_that_never_ran_is_a_failure() {
        let (how, tests) = judge("test a::x ... ok\n", Some(0)).unwrap();
        assert_eq!(
            (how.as_str(), tests),
            ("did not report", vec!["a::y".to_owned()])
        );
    }

    #[test]
    fn a_program_is_killed_with_its_children() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & echo $!; wait"]);
        let mut shell = shell
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        // The child holds the other end of this pipe: it ends when the child does.
        let mut output = BufReader::new(shell.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        kill(shell.id()).unwrap();
        shell.wait().unwrap();
        assert_eq!(output.read_to_end(&mut Vec::new()).unwrap(), 0);
    }

    #[test]
    fn a_program_over_its_limit_has_no_status() {
        let directory = std::env::temp_dir().join(format!("xtask-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (out, err) = (directory.join("out"), directory.join("err"));
        let mut endless = Command::new("sleep");
        let ended = watch(endless.arg("1000"), &out, &err, Duration::ZERO).unwrap();
        assert!(ended.is_none());
        let mut quick = Command::new("true");
        let ended = watch(&mut quick, &out, &err, Duration::from_secs(60)).unwrap();
        assert!(ended.is_some_and(|status| status.success()));
        fs::remove_dir_all(&directory).unwrap();
    }
}
