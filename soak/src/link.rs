//! How the two processes talk to the one that started them: a line of JSON at a time on stdout,
//! and commands, a word or two, on stdin.

use std::io::{self, BufRead as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::memory::Sample;

/// A kind of failure. Each has a row of its own in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    WrongByte,
    LostWake,
    LostEvent,
    StaleToken,
    Stall,
    Error,
    Panic,
    Leak,
    Shortfall,
}

impl Kind {
    pub const ALL: [Kind; 9] = [
        Kind::WrongByte,
        Kind::LostWake,
        Kind::LostEvent,
        Kind::StaleToken,
        Kind::Stall,
        Kind::Error,
        Kind::Panic,
        Kind::Leak,
        Kind::Shortfall,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::WrongByte => "wrong bytes",
            Kind::LostWake => "lost wakes",
            Kind::LostEvent => "lost events",
            Kind::StaleToken => "stale tokens",
            Kind::Stall => "stalled connections",
            Kind::Error => "unexpected errors",
            Kind::Panic => "panics",
            Kind::Leak => "growth of memory or descriptors",
            Kind::Shortfall => "counts that differ, or fall short of what was asked",
        }
    }
}

/// A line from one of the processes.
#[derive(Serialize, Deserialize)]
pub enum Line {
    Listening {
        addresses: Vec<SocketAddr>,
        selector: String,
        waker: String,
    },
    /// All connections that are to be held are there.
    Ready,
    Sample(Sample),
    /// `text` is None from the twentieth of a kind on: they are only counted.
    Fault {
        kind: Kind,
        text: Option<String>,
    },
    /// The other process is to say what it knows of this connection.
    Query(u64),
    /// More about a failure.
    Note(String),
    Done(Ending),
}

/// What a process has to say at its end.
#[derive(Serialize, Deserialize)]
pub struct Ending {
    /// In the order of the report.
    pub counts: Vec<(String, u64)>,
    pub waits: Vec<(String, Waits)>,
    pub connections: Connections,
}

impl Ending {
    pub fn count(&self, name: &str) -> u64 {
        let found = self.counts.iter().find(|(found, _)| found == name);
        found.map_or(0, |(_, count)| *count)
    }
}

/// How connections came and went. Both processes have to agree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    pub opened: u64,
    /// The client said its end, after it had all its answers.
    pub ended_by_client: u64,
    pub reset_by_client: u64,
    pub ended_by_server: u64,
    pub reset_by_server: u64,
}

impl Connections {
    pub fn rows(&self) -> [(&'static str, u64); 5] {
        [
            ("opened", self.opened),
            ("ended by the client", self.ended_by_client),
            ("reset by the client", self.reset_by_client),
            ("ended by the server", self.ended_by_server),
            ("reset by the server", self.reset_by_server),
        ]
    }
}

/// Times between readiness and its being served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    pub count: u64,
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub longest: u64,
}

impl Waits {
    pub fn of(times: &Histogram<u64>) -> Waits {
        Waits {
            count: times.len(),
            p50: times.value_at_quantile(0.5),
            p99: times.value_at_quantile(0.99),
            p999: times.value_at_quantile(0.999),
            longest: times.max(),
        }
    }
}

/// A histogram of fixed size: up to ten minutes, with two digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000_000, 2).expect("fixed bounds that are in order")
}

/// Records how long ago `since` was.
pub fn record(times: &mut Histogram<u64>, since: u64) {
    times.saturating_record(clock::now().saturating_sub(since).max(1));
}

pub fn say(line: &Line) {
    if let Ok(text) = serde_json::to_string(line) {
        let mut out = io::stdout().lock();
        // Nobody listens any more: then nobody is to be told.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }
}

/// Failures of a kind that are told in full.
const IN_FULL: u64 = 20;

pub fn fault(kind: Kind, text: impl Into<String>) {
    static SAID: [AtomicU64; Kind::ALL.len()] = [const { AtomicU64::new(0) }; Kind::ALL.len()];
    let number = SAID[kind as usize].fetch_add(1, Relaxed);
    let text = (number < IN_FULL).then(|| text.into());
    say(&Line::Fault { kind, text });
}

/// Hears commands in a thread of its own. When nobody is there to give any, the process ends.
pub fn hear(mut command: impl FnMut(&str) + Send + 'static) {
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            match line {
                Ok(line) => command(line.trim()),
                Err(_) => break,
            }
        }
        std::process::exit(3);
    });
}

/// Panics in whatever thread end the process, and are told as what they are.
pub fn report_panics() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        fault(Kind::Panic, panic.to_string());
        default(panic);
        std::process::exit(101);
    }));
}
