//! A server under test: its address, its log, its end.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Nothing here takes a tenth of this; what does is stuck.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A program of this package.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub name: &'static str,
    path: &'static str,
}

pub const HTTP: Program = Program {
    name: "http",
    path: env!("CARGO_BIN_EXE_http"),
};
pub const TLS_ECHO: Program = Program {
    name: "tls_echo",
    path: env!("CARGO_BIN_EXE_tls_echo"),
};
pub const PROXY: Program = Program {
    name: "proxy",
    path: env!("CARGO_BIN_EXE_proxy"),
};
pub const CHAT: Program = Program {
    name: "chat",
    path: env!("CARGO_BIN_EXE_chat"),
};

impl Program {
    pub fn command(self, args: &[&str]) -> Command {
        let mut command = Command::new(self.path);
        command.args(args).stdin(Stdio::null());
        command
    }
}

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    stdout: Lines,
    log: Lines,
    /// Descriptors that were open before the first client came.
    descriptors: usize,
}

/// What a server left behind.
#[derive(Debug)]
pub struct Ended {
    pub stdout: String,
    pub log: String,
}

impl Server {
    pub fn start(program: Program, args: &[&str]) -> Server {
        Server::run(program.command(args))
    }

    /// One that may open no more than `descriptors`.
    pub fn start_with_limit(program: Program, args: &[&str], descriptors: u64) -> Server {
        let mut command = program.command(args);
        let lower = move || {
            Ok(setrlimit(
                Resource::RLIMIT_NOFILE,
                descriptors,
                descriptors,
            )?)
        };
        // SAFETY: between fork and exec this makes one system call and touches nothing else.
        unsafe { command.pre_exec(lower) };
        Server::run(command)
    }

    fn run(mut command: Command) -> Server {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let stdout = Lines::of(child.stdout.take().expect("a pipe"));
        let log = Lines::of(child.stderr.take().expect("a pipe"));
        let line = stdout.wait_for(|line| line.starts_with("listening on "));
        let Some(line) = line else {
            let _ = child.kill();
            panic!("{command:?} isn't listening: {:?}", log.all());
        };
        let address = line["listening on ".len()..].parse().expect("an address");
        let descriptors = open_descriptors(child.id());
        Server {
            child,
            address,
            stdout,
            log,
            descriptors,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line in the log that has all of `parts` in it.
    #[track_caller]
    pub fn expect_log(&self, parts: &[&str]) -> String {
        let line = self
            .log
            .wait_for(|line| parts.iter().all(|part| line.contains(part)));
        line.unwrap_or_else(|| panic!("nothing about {parts:?} in the log: {:#?}", self.log.all()))
    }

    pub fn log_lines(&self) -> Vec<String> {
        self.log.all()
    }

    /// Ends it as its user would, and checks that nothing was left behind: it comes to an end, with
    /// exit code 0, after all descriptors of its former clients were closed.
    #[track_caller]
    pub fn end(self) -> Ended {
        let id = self.child.id();
        wait_until("the clients' descriptors are closed", || {
            open_descriptors(id) <= self.descriptors
        });
        self.end_by(Signal::SIGTERM)
    }

    /// Ends it while it may have clients still.
    #[track_caller]
    pub fn end_by(mut self, signal: Signal) -> Ended {
        self.signal(signal);
        assert!(
            self.stdout.wait_for_end() && self.log.wait_for_end(),
            "it didn't end: {:?}",
            self.log.all()
        );
        let status = self.child.wait().expect("the process can be waited for");
        let ended = Ended {
            stdout: self.stdout.all().join("\n"),
            log: self.log.all().join("\n"),
        };
        assert_eq!(status.code(), Some(0), "{ended:?}");
        ended
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(id, signal).expect("the process is there");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `end` this finds nothing to do. After a failed assertion nothing stays behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The number before `what` in the summary.
    #[track_caller]
    pub fn count(&self, what: &str) -> u64 {
        let words: Vec<&str> = self.stdout.split_whitespace().collect();
        let what: Vec<&str> = what.split_whitespace().collect();
        words
            .windows(what.len() + 1)
            .find(|window| {
                window[1..]
                    .iter()
                    .map(|w| w.trim_end_matches(','))
                    .eq(what.iter().copied())
            })
            .and_then(|window| window[0].parse().ok())
            .unwrap_or_else(|| panic!("no number of {what:?} in {}", self.stdout))
    }

    /// How many lines of the log have `part` in them.
    pub fn logged(&self, part: &str) -> usize {
        self.log.lines().filter(|line| line.contains(part)).count()
    }
}

/// What a program prints, line by line, read in a thread so that it never waits for us.
struct Lines(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    has_ended: bool,
}

impl Lines {
    fn of(source: impl Read + Send + 'static) -> Lines {
        let lines = Lines(Arc::default());
        let shared = Arc::clone(&lines.0);
        thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            while source
                .read_until(b'\n', &mut line)
                .is_ok_and(|count| count > 0)
            {
                let text = String::from_utf8_lossy(&line).trim_end().to_string();
                line.clear();
                shared
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .lines
                    .push(text);
                shared.1.notify_all();
            }
            shared
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .has_ended = true;
            shared.1.notify_all();
        });
        lines
    }

    fn all(&self) -> Vec<String> {
        let printed = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        printed.lines.clone()
    }

    /// The first line, from the first on, that is `wanted`. None: it doesn't come.
    fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let mut seen = 0;
        let mut found = None;
        self.wait(|printed| {
            let new = printed.lines[seen..].iter();
            found = new.clone().find(|line| wanted(line)).cloned();
            seen = printed.lines.len();
            found.is_some() || printed.has_ended
        });
        found
    }

    fn wait_for_end(&self) -> bool {
        self.wait(|printed| printed.has_ended)
    }

    fn wait(&self, mut done: impl FnMut(&Printed) -> bool) -> bool {
        let (printed, changed) = &*self.0;
        let printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(printed, LIMIT, |printed| !done(printed));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// Waits until something is so that can only be asked, not waited for.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// How many descriptors a process has open. Where there is no way to see, none: then a leak isn't
/// found here, but nowhere is one invented.
pub fn open_descriptors(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count)
}

/// How much memory a process occupies, in KiB, where that can be seen.
pub fn resident(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
