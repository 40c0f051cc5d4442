//! Register, then deregister: one source after the other, while nobody polls, as for a short-lived connection; or all of
//! them with a poll behind each, so that nothing which a selector leaves for its next poll goes uncounted.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::registration::Source;
use super::workload::{CAPACITY, WAKE, Workload, expect};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::descriptors::{EventFds, sockets};

const SOURCES: usize = 1000;

struct Pair<C: Contender> {
    poll: C::Poll,
    events: C::Events,
    sources: Sources<C>,
    with_polls: bool,
    _waker: C::Waker,
}

enum Sources<C: Contender> {
    Fds { raw: Vec<RawFd>, _owner: EventFds },
    Sockets(Vec<C::Socket>),
}

impl<C: Contender> Pair<C> {
    fn pairs(&mut self) -> io::Result<()> {
        let poll = &self.poll;
        match &mut self.sources {
            Sources::Fds { raw, .. } => {
                for (token, &fd) in raw.iter().enumerate() {
                    C::register_fd(poll, fd, token)?;
                    C::deregister_fd(poll, fd)?;
                }
            }
            Sources::Sockets(sockets) => {
                for (token, socket) in sockets.iter_mut().enumerate() {
                    C::register_socket(poll, socket, token)?;
                    C::deregister_socket(poll, socket)?;
                }
            }
        }
        Ok(())
    }

    fn all_then_poll(&mut self) -> io::Result<()> {
        self.register()?;
        self.poll()?;
        self.deregister()?;
        self.poll()
    }

    fn register(&mut self) -> io::Result<()> {
        let poll = &self.poll;
        match &mut self.sources {
            Sources::Fds { raw, .. } => (raw.iter().enumerate())
                .try_for_each(|(token, &fd)| C::register_fd(poll, fd, token)),
            Sources::Sockets(sockets) => (sockets.iter_mut().enumerate())
                .try_for_each(|(token, socket)| C::register_socket(poll, socket, token)),
        }
    }

    fn deregister(&mut self) -> io::Result<()> {
        let poll = &self.poll;
        match &mut self.sources {
            Sources::Fds { raw, .. } => raw.iter().try_for_each(|&fd| C::deregister_fd(poll, fd)),
            Sources::Sockets(sockets) => {
                (sockets.iter_mut()).try_for_each(|socket| C::deregister_socket(poll, socket))
            }
        }
    }

    fn poll(&mut self) -> io::Result<()> {
        C::wait(&mut self.poll, &mut self.events, Some(Duration::ZERO))?;
        expect(C::read(&self.events), 0)
    }
}

impl<C: Contender> Workload for Pair<C> {
    fn round(&mut self) -> io::Result<Span> {
        let mut watch = Stopwatch::new(Scope::Thread);
        if self.with_polls {
            watch.section(|| self.all_then_poll())?;
        } else {
            watch.section(|| self.pairs())?;
        }
        Ok(watch.per(SOURCES))
    }
}

pub fn build<C: Contender>(source: Source, with_polls: bool) -> io::Result<Box<dyn Workload>> {
    let poll = C::poll()?;
    let waker = C::waker(&poll, WAKE)?;
    let sources = match source {
        Source::Fd => {
            let owner = EventFds::new(SOURCES)?;
            Sources::Fds {
                raw: owner.raw(),
                _owner: owner,
            }
        }
        Source::Socket => Sources::Sockets(sockets(SOURCES)?.into_iter().map(C::socket).collect()),
    };
    Ok(Box::new(Pair::<C> {
        poll,
        events: C::events(CAPACITY),
        sources,
        with_polls,
        _waker: waker,
    }))
}
