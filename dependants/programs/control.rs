//! How whoever started a server speaks with it.
//!
//! The server's first line is its address. It answers the line `cpu` on its standard input with its
//! CPU time in nanoseconds, and stops when its standard input ends. So it can't outlive a parent
//! that was killed, and needs no signal.

use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::thread;

use crate::clock;

/// Says where the server can be reached.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    say(&format!("listening on {address}"))
}

/// Answers in a thread of its own, which calls `stop` at the end of the input.
pub fn attend(stop: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new()
        .name("control".into())
        .spawn(move || {
            if let Err(error) = answer(io::stdin().lock()) {
                eprintln!("no one to answer to: {error}");
            }
            stop();
        })?;
    Ok(())
}

fn answer(questions: impl BufRead) -> io::Result<()> {
    for question in questions.lines() {
        match question?.as_str() {
            "cpu" => say(&format!("cpu {}", clock::cpu().as_nanos()))?,
            other => say(&format!("unknown: {other}"))?,
        }
    }
    Ok(())
}

/// Standard output is a pipe here, and buffered.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
