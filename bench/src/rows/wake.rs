//! Wakes from the polling thread itself, as a runtime does when a task schedules another one: some wakes, one poll,
//! one event.

use std::hint::black_box;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use super::workload::{CAPACITY, WAKE, Workload, expect};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::descriptors::{Sort, idle};

/// How many wakes before a poll, and beside what.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    wakes: usize,
    timeout: Option<Duration>,
    pub idle: usize,
}

impl Setup {
    pub const fn new(wakes: usize) -> Setup {
        Setup {
            wakes,
            timeout: None,
            idle: 0,
        }
    }

    pub const fn zero_timeout(self) -> Setup {
        Setup {
            timeout: Some(Duration::ZERO),
            ..self
        }
    }

    /// So many registered descriptors of which nothing is heard.
    pub const fn beside(self, idle: usize) -> Setup {
        Setup { idle, ..self }
    }
}

/// Wakes and one poll.
pub struct Wake<C: Contender> {
    setup: Setup,
    cycles: usize,
    poll: C::Poll,
    events: C::Events,
    waker: C::Waker,
    _idle: Arc<Vec<OwnedFd>>,
}

impl<C: Contender> Wake<C> {
    pub fn new(setup: Setup) -> io::Result<Wake<C>> {
        let poll = C::poll()?;
        let idle = idle(Sort::Eventfd, setup.idle)?;
        for (token, fd) in idle.iter().enumerate() {
            C::register_fd(&poll, fd.as_raw_fd(), token)?;
        }
        // About as many system calls of mio's per round for each number of wakes; with poll(2), each cycle brings the
        // whole array along.
        let cycles = 2000 / (setup.wakes + 1);
        Ok(Wake {
            setup,
            cycles: if setup.idle > 0 { cycles / 10 } else { cycles },
            waker: C::waker(&poll, WAKE)?,
            events: C::events(CAPACITY),
            poll,
            _idle: idle,
        })
    }

    fn cycles(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            for _ in 0..self.setup.wakes {
                C::wake(&self.waker)?;
            }
            C::wait(&mut self.poll, &mut self.events, self.setup.timeout)?;
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
