//! Wakes from the polling thread itself, as a runtime does when a task schedules another one: some wakes, one poll,
//! one event.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use super::workload::{CAPACITY, WAKE, Workload, expect};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;

/// Wakes and one poll.
pub struct Wake<C: Contender> {
    wakes: usize,
    timeout: Option<Duration>,
    cycles: usize,
    poll: C::Poll,
    events: C::Events,
    waker: C::Waker,
}

impl<C: Contender> Wake<C> {
    /// `block` polls without a timeout, else with a timeout of zero.
    pub fn new(wakes: usize, block: bool) -> io::Result<Wake<C>> {
        let poll = C::poll()?;
        Ok(Wake {
            wakes,
            timeout: (!block).then_some(Duration::ZERO),
            // About as many system calls of mio's per round for each number of wakes.
            cycles: 2000 / (wakes + 1),
            waker: C::waker(&poll, WAKE)?,
            events: C::events(CAPACITY),
            poll,
        })
    }

    fn cycles(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            for _ in 0..self.wakes {
                C::wake(&self.waker)?;
            }
            C::wait(&mut self.poll, &mut self.events, self.timeout)?;
            expect(black_box(C::read(&self.events)), 1)?;
        }
        Ok(())
    }
}

impl<C: Contender> Workload for Wake<C> {
    fn round(&mut self) -> io::Result<Span> {
        self.cycles(self.cycles.div_ceil(20))?;
        let mut watch = Stopwatch::new(Scope::Thread);
        let cycles = self.cycles;
        watch.section(|| self.cycles(cycles))?;
        Ok(watch.per(self.cycles))
    }
}
