//! Harvest: poll, then read every event. Re-arming the sources takes system calls of its own, as expensive as a small
//! poll. To keep them out of the measured section without reading the clock after each poll, a *fan* of polls watches
//! the same eventfds: one write outside the section makes an eventfd ready in every poll of the fan, and the section
//! polls them all, one after the other. So the section holds nothing but poll and read.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use super::workload::{CAPACITY, WAKE, Workload, expect};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::{Contender, Tally};
use crate::descriptors::EventFds;

/// Which harvest.
#[derive(Clone, Copy, Debug)]
pub struct Harvest {
    ready: usize,
    sources: usize,
    timeout: Option<Duration>,
    light: bool,
}

impl Harvest {
    pub const fn new(ready: usize, sources: usize) -> Harvest {
        Harvest {
            ready,
            sources,
            timeout: None,
            light: false,
        }
    }

    pub const fn zero_timeout(self) -> Harvest {
        Harvest {
            timeout: Some(Duration::ZERO),
            ..self
        }
    }

    pub const fn light(self) -> Harvest {
        Harvest {
            light: true,
            ..self
        }
    }

    /// Polls that share the sources, and sections per round: long sections, rounds of about a millisecond.
    fn shape(self) -> (usize, usize) {
        match self.ready {
            0..16 => (16, 64),
            16..256 => (8, 24),
            _ => (2, 8),
        }
    }

    pub fn build<C: Contender>(self) -> io::Result<Fan<C>> {
        let (polls, sections) = self.shape();
        let fds = EventFds::new(self.sources)?;
        let fan: io::Result<Vec<Member<C>>> = (0..polls).map(|_| Member::watching(&fds)).collect();
        Ok(Fan {
            harvest: self,
            sections,
            fan: fan?,
            events: C::events(CAPACITY),
            fds,
            next: 0,
        })
    }
}

/// A poll with the waker that every runtime gives it.
struct Member<C: Contender> {
    poll: C::Poll,
    _waker: C::Waker,
}

impl<C: Contender> Member<C> {
    fn watching(fds: &EventFds) -> io::Result<Member<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        for (token, fd) in fds.raw().into_iter().enumerate() {
            C::register_fd(&poll, fd, token)?;
        }
        Ok(Member {
            poll,
            _waker: waker,
        })
    }
}

/// The polls, and the sources they share.
pub struct Fan<C: Contender> {
    harvest: Harvest,
    sections: usize,
    // Before `fds`: fields are dropped in this order, so no poll outlives a descriptor it watches.
    fan: Vec<Member<C>>,
    events: C::Events,
    fds: EventFds,
    next: usize,
}

impl<C: Contender> Fan<C> {
    fn make_ready(&mut self) -> io::Result<()> {
        for _ in 0..self.harvest.ready {
            self.fds.make_ready(self.next)?;
            // 7 has no factor in common with 1000: every source has its turn, and neighbours don't follow each other.
            self.next = (self.next + 7) % self.fds.len();
        }
        Ok(())
    }

    #[inline]
    fn harvest(&mut self, read: impl Fn(&C::Events) -> Tally) -> io::Result<()> {
        let Harvest { ready, timeout, .. } = self.harvest;
        for member in &mut self.fan {
            C::wait(&mut member.poll, &mut self.events, timeout)?;
            expect(black_box(read(&self.events)), ready)?;
        }
        Ok(())
    }

    fn section(&mut self) -> io::Result<()> {
        if self.harvest.light {
            self.harvest(C::read_light)
        } else {
            self.harvest(C::read)
        }
    }
}

impl<C: Contender> Workload for Fan<C> {
    fn round(&mut self) -> io::Result<Span> {
        // Once without a clock: the contender before us has had the caches.
        self.make_ready()?;
        self.section()?;
        let mut watch = Stopwatch::new(Scope::Thread);
        for _ in 0..self.sections {
            self.make_ready()?;
            watch.section(|| self.section())?;
        }
        Ok(watch.per(self.sections * self.fan.len()))
    }
}

const EMPTY_POLLS: usize = 2000;

/// A poll that finds nothing.
pub struct EmptyPoll<C: Contender> {
    member: Member<C>,
    events: C::Events,
    _fds: EventFds,
}

impl<C: Contender> EmptyPoll<C> {
    pub fn new() -> io::Result<EmptyPoll<C>> {
        let fds = EventFds::new(1)?;
        Ok(EmptyPoll {
            member: Member::watching(&fds)?,
            events: C::events(CAPACITY),
            _fds: fds,
        })
    }

    fn polls(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            C::wait(
                &mut self.member.poll,
                &mut self.events,
                Some(Duration::ZERO),
            )?;
            expect(black_box(C::read(&self.events)), 0)?;
        }
        Ok(())
    }
}

impl<C: Contender> Workload for EmptyPoll<C> {
    fn round(&mut self) -> io::Result<Span> {
        self.polls(EMPTY_POLLS / 20)?;
        let mut watch = Stopwatch::new(Scope::Thread);
        watch.section(|| self.polls(EMPTY_POLLS))?;
        Ok(watch.per(EMPTY_POLLS))
    }
}
