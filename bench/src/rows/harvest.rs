//! Harvest: poll, then read every event. Re-arming the sources takes system calls of its own, as expensive as a small
//! poll. To keep them out of the measured section without reading the clock after each poll, a *fan* of polls watches
//! the same descriptors: one write outside the section makes one ready in every poll of the fan, and the section polls them
//! all, one after the other. So the section holds nothing but poll and read. What was ready is drained afterwards, which
//! those need whose polls are level-triggered.

use std::hint::black_box;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::workload::{CAPACITY, WAKE, Workload, expect};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::{Contender, Tally};
use crate::descriptors::{EventFds, Mixed, Sort};

/// Which harvest.
#[derive(Clone, Copy, Debug)]
pub struct Harvest {
    pub ready: usize,
    sources: usize,
    sort: Sort,
    pub timeout: Option<Duration>,
    light: bool,
}

impl Harvest {
    pub const fn new(ready: usize, sources: usize, sort: Sort) -> Harvest {
        Harvest {
            ready,
            sources,
            sort,
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

    /// Something is ready all the time, so it never passes.
    pub const fn with_timeout(self) -> Harvest {
        Harvest {
            timeout: Some(Duration::from_secs(1)),
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
        match (self.ready, self.sources) {
            (0..16, _) => (16, 32),
            (_, 2000..) => (4, 16),
            (16..256, _) => (8, 16),
            _ => (2, 6),
        }
    }

    /// Making a thousand sockets ready takes longer than finding them.
    pub fn fewer(self) -> usize {
        if self.ready >= 256 { 2 } else { 1 }
    }

    /// Thousands of registrations in every poll of the fan are not done as often.
    pub fn setups(self) -> usize {
        if self.sources > 1000 { 3 } else { 6 }
    }

    pub fn build<C: Contender>(self) -> io::Result<Fan<C>> {
        let (polls, sections) = self.shape();
        let sources = Mixed::new(self.sort, self.sources)?;
        let raw = sources.raw();
        let fan: io::Result<Vec<Member<C>>> = (0..polls).map(|_| Member::watching(&raw)).collect();
        Ok(Fan {
            harvest: self,
            sections,
            fan: fan?,
            events: C::events(CAPACITY),
            ready: Vec::with_capacity(self.ready),
            sources,
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
    fn watching(fds: &[RawFd]) -> io::Result<Member<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        for (token, fd) in fds.iter().enumerate() {
            C::register_fd(&poll, *fd, token)?;
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
    // Before the sources: fields are dropped in this order, so no poll outlives a descriptor it watches.
    fan: Vec<Member<C>>,
    events: C::Events,
    sources: Mixed,
    ready: Vec<usize>,
    next: usize,
}

impl<C: Contender> Fan<C> {
    fn make_ready(&mut self) -> io::Result<()> {
        self.ready.clear();
        for _ in 0..self.harvest.ready {
            self.ready.push(self.next);
            // 7 has no factor in common with their number: each has its turn, and neighbours don't follow each other.
            self.next = (self.next + 7) % self.sources.own();
        }
        self.sources.make_ready(&self.ready)
    }

    /// libevent's first polls return a part of many events: whoever does that polls again, and what it costs counts.
    #[inline]
    fn harvest(&mut self, read: impl Fn(&C::Events) -> Tally) -> io::Result<()> {
        let Harvest { ready, timeout, .. } = self.harvest;
        for member in &mut self.fan {
            let mut found = 0;
            while found < ready {
                C::wait(&mut member.poll, &mut self.events, timeout)?;
                found += black_box(read(&self.events)).events;
            }
            if found != ready {
                return Err(io::Error::other(format!("{found} events, {ready} ready")));
            }
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
        self.sources.drain(&self.ready)?;
        let mut watch = Stopwatch::new(Scope::Thread);
        for _ in 0..self.sections {
            self.make_ready()?;
            watch.section(|| self.section())?;
            self.sources.drain(&self.ready)?;
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
            member: Member::watching(&fds.raw())?,
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
