//! A program under test: its output by line, its end, signals to it.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::binaries::example;

/// No program here takes a tenth of this; one that does is stuck.
const LIMIT: Duration = Duration::from_secs(120);

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// None: ended by a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Checks that the program could not start: exit code 2 and one line on stderr, which holds
    /// all of `parts`.
    #[track_caller]
    pub fn assert_refused(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:?}");
        }
    }

    /// The number in the first line that starts with `label`.
    #[track_caller]
    pub fn number(&self, label: &str) -> u64 {
        let line = self.stdout.lines().find(|line| line.starts_with(label));
        let line = line.unwrap_or_else(|| panic!("no line {label:?} in {self:?}"));
        let digits = line[label.len()..].trim_start();
        let end = digits
            .find(|c: char| c != ',' && !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits[..end]
            .replace(',', "")
            .parse()
            .unwrap_or_else(|_| panic!("no number in {line:?}"))
    }
}

/// Runs an example to its end.
pub fn run(name: &str, args: &[&str]) -> Finished {
    Process::start(name, args).finish()
}

/// A program that runs.
pub struct Process {
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Process {
    pub fn start(name: &str, args: &[&str]) -> Process {
        Process::start_with(name, args, |_| ())
    }

    /// Starts an example that `prepare` may first do something to.
    pub fn start_with(name: &str, args: &[&str], prepare: impl FnOnce(&mut Command)) -> Process {
        let mut command = example(name);
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A panic would show, and at length.
        command.env("RUST_BACKTRACE", "1");
        prepare(&mut command);
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let stdout = Stream::new(child.stdout.take());
        let stderr = Stream::new(child.stderr.take());
        Process {
            child,
            stdout,
            stderr,
        }
    }

    /// Waits for a line on stdout that starts with `start`, and returns the rest of it.
    #[track_caller]
    pub fn expect(&mut self, start: &str) -> String {
        match self.stdout.find(start) {
            Ok(rest) => rest,
            Err(heard) => panic!(
                "no {start:?} on stdout, but {heard:?}; {}",
                self.on_stderr()
            ),
        }
    }

    /// The same for stderr.
    #[track_caller]
    pub fn expect_on_stderr(&mut self, start: &str) -> String {
        match self.stderr.find(start) {
            Ok(rest) => rest,
            Err(heard) => panic!("no {start:?} on stderr, but {heard:?}"),
        }
    }

    fn on_stderr(&mut self) -> String {
        let _ = self.child.kill();
        self.stderr.rest();
        format!("on stderr: {:?}", self.stderr.heard)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(id, signal).expect("the process is there");
    }

    /// Waits for the program's end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        let ended = self.stdout.rest() && self.stderr.rest();
        if !ended {
            let _ = self.child.kill();
        }
        let status = self.child.wait().expect("the process can be waited for");
        let finished = Finished {
            code: status.code(),
            stdout: std::mem::take(&mut self.stdout.heard),
            stderr: std::mem::take(&mut self.stderr.heard),
        };
        assert!(ended, "it didn't end: {finished:?}");
        finished
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After `finish` this finds nothing to do. After a failed assertion nothing stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of a program's outputs.
struct Stream {
    lines: Receiver<String>,
    /// All that was received.
    heard: String,
}

impl Stream {
    /// Reads in a thread, so that waiting can have an end and the program never blocks.
    fn new(source: Option<impl Read + Send + 'static>) -> Stream {
        let (sender, lines) = mpsc::channel();
        if let Some(source) = source {
            thread::spawn(move || {
                let mut source = BufReader::new(source);
                let mut line = Vec::new();
                while source
                    .read_until(b'\n', &mut line)
                    .is_ok_and(|count| count > 0)
                {
                    if sender
                        .send(String::from_utf8_lossy(&line).into_owned())
                        .is_err()
                    {
                        return;
                    }
                    line.clear();
                }
            });
        }
        Stream {
            lines,
            heard: String::new(),
        }
    }

    /// Waits for a line with this start, and returns the rest; else all that was heard.
    fn find(&mut self, start: &str) -> Result<String, String> {
        let deadline = Instant::now() + LIMIT;
        while let Ok(line) = self
            .lines
            .recv_timeout(deadline - Instant::now().min(deadline))
        {
            self.heard.push_str(&line);
            if let Some(rest) = line.strip_prefix(start) {
                return Ok(rest.trim_end().to_string());
            }
        }
        Err(self.heard.clone())
    }

    /// Waits for the end. False: it took too long.
    fn rest(&mut self) -> bool {
        let deadline = Instant::now() + LIMIT;
        loop {
            match self
                .lines
                .recv_timeout(deadline - Instant::now().min(deadline))
            {
                Ok(line) => self.heard.push_str(&line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}
