//! System calls that fail in the kernel's place: the example `echo` under `strace -e inject=`.
//!
//! The hook in `src/sys/unix/os/` is not compiled into the example, so this judges the build that users
//! have, from outside: the exit code, the message, that nothing hangs, panics or is left open.

mod table;

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::counts::Counts;
use crate::workspace::Workspace;
use crate::{install, run};
use table::{Errno, Row, TABLE, Then};

#[derive(Args, Clone, Debug, Default)]
pub struct Arguments {
    /// Only these system calls, such as `epoll_ctl`; without any, all that the table has
    calls: Vec<String>,
}

/// How long one run may take. It takes a second.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a run is repeated that has not come to the call: whether a poll has less than a millisecond
/// left, and asks for it, is chance.
const TRIES: usize = 30;

/// One run of the example.
struct Case {
    row: &'static Row,
    errno: Errno,
    when: &'static str,
}

/// What a run has shown.
struct Outcome {
    status: ExitStatus,
    stdout: String,
    stderr: String,
    /// How many calls have failed by order.
    injected: usize,
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "strace is a program of Linux's");
    let cases = cases(&arguments.calls)?;
    install::package("strace", "strace", "https://strace.io")?;
    let directory = workspace.target("inject");
    fs::create_dir_all(&directory)?;
    let mut cargo = workspace.cargo(["build", "--quiet", "-p", "ferrio", "--example", "echo"]);
    run::step(cargo.env("CARGO_TARGET_DIR", &directory))?;
    let program = directory.join("debug/examples/echo");
    probe(&directory)?;

    let queue = Mutex::new(cases.into_iter().enumerate().collect::<VecDeque<_>>());
    let total = Mutex::new(counts);
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no panic beside it").pop_front();
                    let Some((number, case)) = next else { break };
                    let log = directory.join(format!("strace-{number}.log"));
                    let verdict = case.hit(&program, &log).and_then(|out| case.judge(&out));
                    let mut counts = total.lock().expect("no panic beside it");
                    counts.add(verdict.is_ok());
                    if let Err(error) = verdict {
                        println!("FAILED  {}: {error:#}", case.name());
                    } else {
                        // What failed can be looked at.
                        let _ = fs::remove_file(&log);
                    }
                }
            });
        }
    });
    Ok(())
}

/// The runs for these calls.
fn cases(calls: &[String]) -> Result<Vec<Case>> {
    let known: BTreeSet<&str> = TABLE.iter().map(|row| row.call).collect();
    for call in calls {
        ensure!(
            known.contains(&call.as_str()),
            "no row of the table is about `{call}`; there are {}",
            known.into_iter().collect::<Vec<_>>().join(", ")
        );
    }
    let mut cases = Vec::new();
    for row in TABLE {
        if calls.is_empty() || calls.iter().any(|call| call == row.call) {
            for &errno in row.errnos {
                let of = |&when| Case { row, errno, when };
                cases.extend(row.when.iter().map(of));
            }
        }
    }
    Ok(cases)
}

/// Whether strace may trace here: some containers do not let it.
fn probe(directory: &Path) -> Result<()> {
    let log = directory.join("probe.log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&log).arg("true");
    let done = run::stdout(&mut strace);
    done.context("strace cannot trace here: ptrace(2) has to be allowed")?;
    let _ = fs::remove_file(log);
    Ok(())
}

impl Case {
    fn name(&self) -> String {
        let (name, _) = self.errno;
        format!("{}:error={name}:when={}", self.row.call, self.when)
    }

    /// The first run that comes to the call.
    fn hit(&self, program: &Path, log: &PathBuf) -> Result<Outcome> {
        let mut outcome = self.run(program, log)?;
        for _ in 1..TRIES {
            if outcome.injected > 0 {
                break;
            }
            outcome = self.run(program, log)?;
        }
        Ok(outcome)
    }

    fn run(&self, program: &Path, log: &PathBuf) -> Result<Outcome> {
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o"])
            .arg(log)
            .arg(format!("--trace={}", self.row.call))
            .arg(format!("--inject={}", self.name()))
            .arg(program)
            .args(["--connections", "6", "--seconds", "1", "--json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = strace.spawn().context("strace could not be run")?;
        let status = ended(&mut child)?;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        // Both are short: they have waited in their pipes.
        let out = child.stdout.take().context("no output to read")?;
        { out }.read_to_string(&mut stdout)?;
        let errors = child.stderr.take().context("no errors to read")?;
        { errors }.read_to_string(&mut stderr)?;
        let log = fs::read(log).context("strace has written nothing")?;
        let log = String::from_utf8_lossy(&log);
        Ok(Outcome {
            status,
            stdout,
            stderr,
            injected: log.lines().filter(|l| l.ends_with("(INJECTED)")).count(),
        })
    }

    /// Whether the example did what it is to do.
    fn judge(&self, outcome: &Outcome) -> Result<()> {
        let Outcome {
            status,
            stdout,
            stderr,
            injected,
        } = outcome;
        ensure!(*injected > 0, "the call was never made to fail");
        ensure!(
            status.signal().is_none(),
            "ended by {status}: {}",
            stderr.trim()
        );
        ensure!(
            !stderr.contains("panicked"),
            "it panicked: {}",
            stderr.trim()
        );
        let code = match self.row.then {
            Then::Serves | Then::ServesAnotherWay => 0,
            Then::Loses => 1,
            Then::Stops => 2,
        };
        let said = format!("{}{}", stdout.trim(), stderr.trim());
        ensure!(
            status.code() == Some(code),
            "{status} in the place of {code}: {said}"
        );
        if self.row.then == Then::Stops {
            let (name, number) = self.errno;
            ensure!(
                stderr.starts_with("echo: ") && stderr.contains(&format!("(os error {number})")),
                "it does not say {name}: {said}"
            );
            return Ok(());
        }
        let report: Value = serde_json::from_str(stdout).context("no report")?;
        ensure!(report["descriptors_left_open"] == 0, "left open: {report}");
        ensure!(report["requests"] != 0, "nothing was served: {report}");
        let lost = report["errors"].as_u64().context("a number of errors")?;
        match self.row.then {
            Then::Loses => ensure!(
                lost > 0 && report["first_error"].is_string(),
                "it does not say what was lost: {report}"
            ),
            _ => ensure!(lost == 0, "connections were lost: {report}"),
        }
        if self.row.then == Then::ServesAnotherWay {
            ensure!(*injected == 1, "asked {injected} times for what is refused");
        }
        Ok(())
    }
}

/// Waits for the end. What hangs is ended with all that it has started.
fn ended(child: &mut Child) -> Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > LIMIT {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = child.wait();
            bail!("it hangs: nothing after {} s", LIMIT.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_the_table_has_not_got_is_explained() {
        let error = cases(&["fork".to_owned()]).err().map(|e| e.to_string());
        let error = error.unwrap_or_default();
        assert!(
            error.contains("`fork`") && error.contains("epoll_ctl"),
            "{error}"
        );
        assert!(cases(&["accept4".to_owned()]).is_ok_and(|cases| cases.len() > 10));
        assert!(cases(&[]).is_ok_and(|cases| cases.len() > 60));
    }

    #[test]
    fn no_run_is_in_the_table_twice() {
        let all = cases(&[]).map(|cases| cases.iter().map(Case::name).collect::<Vec<_>>());
        let all = all.unwrap_or_default();
        let different: BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }
}
