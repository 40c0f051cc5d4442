//! The rows that need the build for poll(2), in a process of their own. This process tells it when to run a round, and
//! waits: so the two alternate within every round of a row, as contenders of one process do.
//!
//! What is said goes line by line. Of the parent: `build ROW CONTENDER`, `round NUMBER`, `drop NUMBER`; of the child:
//! `built NUMBER`, `span CPU WALL`, `dropped`, or `error TEXT`. The end of its input ends the child.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use clap::ValueEnum;

use crate::clock::Span;
use crate::contender::Id;
use crate::pin::Cpus;
use crate::rows::{self, Env, Row, Workload};
use crate::suite::{self, Suite};
use crate::{descriptors, target_directory};

const PROGRAM: &str = "ferrio-bench-poll";
const FORCE_POLL: &str = "--cfg mio_unsupported_force_poll_poll";

/// The program for poll(2), running.
#[derive(Clone)]
pub struct Program(Rc<RefCell<Process>>);

struct Process {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Program {
    /// Builds it, which takes a while the first time, and starts it.
    pub fn start(cpus: Option<Cpus>) -> io::Result<Program> {
        let target = target_directory()?.join("bench-poll");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        flags.push(' ');
        flags.push_str(FORCE_POLL);
        let status = Command::new(cargo)
            .args(["build", "--release", "--locked", "--bin", PROGRAM])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("RUSTFLAGS", flags.trim())
            .env("CARGO_TARGET_DIR", &target)
            .stdin(Stdio::null())
            .status()?;
        if !status.success() {
            return Err(io::Error::other(format!(
                "{PROGRAM} can't be built: {status}"
            )));
        }
        let cpus = cpus.map_or("-".to_owned(), |cpus| {
            format!("{},{}", cpus.main, cpus.helper)
        });
        let mut child = Command::new(target.join("release").join(PROGRAM))
            .args(["--serve", &cpus])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take();
        let answers = child.stdout.take();
        let answers = answers.ok_or_else(|| io::Error::other("no output to read"))?;
        Ok(Program(Rc::new(RefCell::new(Process {
            child,
            questions,
            answers: BufReader::new(answers),
        }))))
    }

    /// Sets a row up there.
    pub fn build(&self, row: &Row, contender: Id) -> io::Result<Box<dyn Workload>> {
        let question = format!("build {} {}", row.name, contender.name());
        let number = self.ask(&question, "built")?;
        Ok(Box::new(Remote {
            program: self.clone(),
            number,
        }))
    }

    fn ask(&self, question: &str, answer: &str) -> io::Result<String> {
        let mut process = self.0.borrow_mut();
        let ended = || io::Error::other(format!("{PROGRAM} has ended"));
        let questions = process.questions.as_mut().ok_or_else(ended)?;
        writeln!(questions, "{question}").map_err(|_| ended())?;
        let mut line = String::new();
        if process.answers.read_line(&mut line)? == 0 {
            return Err(ended());
        }
        let line = line.trim_end();
        match line.strip_prefix(answer) {
            Some(rest) => Ok(rest.trim().to_owned()),
            None => Err(io::Error::other(
                line.trim_start_matches("error ").to_owned(),
            )),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.questions.take();
        // There would be nobody to tell.
        let _ = self.child.wait();
    }
}

/// A workload there.
struct Remote {
    program: Program,
    number: String,
}

impl Workload for Remote {
    fn round(&mut self) -> io::Result<Span> {
        let answer = self
            .program
            .ask(&format!("round {}", self.number), "span")?;
        let numbers = answer.split_once(' ').and_then(|(cpu, wall)| {
            let cpu_ns = cpu.parse().ok()?;
            let wall_ns = wall.parse().ok()?;
            Some(Span { cpu_ns, wall_ns })
        });
        numbers.ok_or_else(|| io::Error::other(format!("{PROGRAM} says {answer:?}")))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Err(error) = self
            .program
            .ask(&format!("drop {}", self.number), "dropped")
        {
            eprintln!("error: {error}");
        }
    }
}

/// The child's side.
pub fn serve(cpus: Option<Cpus>) -> io::Result<()> {
    suite::check_forced()?;
    // ferrio, mio, the control and the bare loop.
    descriptors::raise_limit(Suite::Poll.descriptors(4))?;
    let mut server = Server::new(Env { cpus });
    let mut output = io::stdout();
    for line in io::stdin().lock().lines() {
        let answer = match server.answer(&line?) {
            Ok(answer) => answer,
            Err(error) => format!("error {}", error.to_string().replace('\n', " ")),
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

struct Server {
    env: Env,
    workloads: BTreeMap<usize, Box<dyn Workload>>,
    made: usize,
}

impl Server {
    fn new(env: Env) -> Server {
        Server {
            env,
            workloads: BTreeMap::new(),
            made: 0,
        }
    }

    fn answer(&mut self, line: &str) -> io::Result<String> {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| word.parse::<usize>().map_err(io::Error::other);
        match words[..] {
            ["build", row, contender] => {
                let unknown = || io::Error::other(format!("what is {row} of {contender}?"));
                let row = rows::named(row).ok_or_else(unknown)?;
                let contender = Id::from_str(contender, false).map_err(|_| unknown())?;
                let workload = row.build(contender, &self.env)?;
                self.made += 1;
                self.workloads.insert(self.made, workload);
                Ok(format!("built {}", self.made))
            }
            ["round", which] => {
                let workload = self.workloads.get_mut(&number(which)?);
                let workload = workload.ok_or_else(|| io::Error::other("no such workload"))?;
                let Span { cpu_ns, wall_ns } = workload.round()?;
                Ok(format!("span {cpu_ns} {wall_ns}"))
            }
            ["drop", which] => {
                self.workloads.remove(&number(which)?);
                Ok("dropped".to_owned())
            }
            _ => Err(io::Error::other(format!("what is {line:?}?"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_child_builds_runs_and_drops_what_it_is_told() {
        let mut server = Server::new(Env { cpus: None });
        assert_eq!(server.answer("build poll-empty ferrio").unwrap(), "built 1");
        let answer = server.answer("round 1").unwrap();
        let numbers: Vec<f64> = answer["span ".len()..]
            .split(' ')
            .map(|number| number.parse().unwrap())
            .collect();
        assert!(matches!(numbers[..], [_, wall] if wall > 0.0), "{answer}");
        assert_eq!(server.answer("drop 1").unwrap(), "dropped");
        assert!(server.answer("round 1").is_err());
        assert!(server.answer("build nonsense ferrio").is_err());
        assert!(server.answer("build poll-empty nobody").is_err());
        assert!(server.answer("hello").is_err());
    }
}
