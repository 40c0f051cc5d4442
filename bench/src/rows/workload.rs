//! What every row has in common.

use std::io;

use crate::clock::Span;
use crate::contender::Tally;
use crate::pin::Cpus;

/// A row set up for one contender.
pub trait Workload {
    /// A short round (about a millisecond of measured sections): the cost of one operation.
    fn round(&mut self) -> io::Result<Span>;
}

/// What a row needs to know about the run.
#[derive(Clone, Copy, Debug)]
pub struct Env {
    /// Where the threads of a row with two of them run; `None` leaves it to the scheduler.
    pub cpus: Option<Cpus>,
}

/// Room for every event of a row, for all contenders alike.
pub const CAPACITY: usize = 1024;

/// The token of the waker, which no other source of a row has.
pub const WAKE: usize = 1_000_000;

/// A round that did not do what it says would be worthless: it ends the benchmark.
#[inline]
pub fn expect(tally: Tally, events: usize) -> io::Result<()> {
    if tally.events == events {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "a poll returned {} events where {events} were due",
            tally.events
        )))
    }
}
