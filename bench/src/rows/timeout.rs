//! How long a poll with a short timeout really takes.

use std::io;
use std::time::{Duration, Instant};

use super::workload::{CAPACITY, WAKE, Workload, expect};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;

const POLLS: usize = 3;

/// Polls that end by their timeout.
pub struct Timeout<C: Contender> {
    timeout: Duration,
    poll: C::Poll,
    events: C::Events,
    _waker: C::Waker,
}

impl<C: Contender> Timeout<C> {
    pub fn new(micros: u64) -> io::Result<Timeout<C>> {
        let poll = C::poll()?;
        Ok(Timeout {
            timeout: Duration::from_micros(micros),
            _waker: C::waker(&poll, WAKE)?,
            events: C::events(CAPACITY),
            poll,
        })
    }

    fn poll(&mut self) -> io::Result<()> {
        C::wait(&mut self.poll, &mut self.events, Some(self.timeout))?;
        expect(C::read(&self.events), 0)
    }
}

impl<C: Contender> Workload for Timeout<C> {
    fn round(&mut self) -> io::Result<Span> {
        let mut watch = Stopwatch::new(Scope::Thread);
        for _ in 0..POLLS {
            let start = Instant::now();
            watch.section(|| self.poll())?;
            if start.elapsed() < self.timeout {
                return Err(io::Error::other("a poll returned before its timeout"));
            }
        }
        Ok(watch.per(POLLS))
    }
}
