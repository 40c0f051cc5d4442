//! Register, then deregister, one source after the other, while nobody polls: what a short-lived connection costs.

use std::io;
use std::os::fd::RawFd;

use super::registration::Source;
use super::workload::{WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::descriptors::{EventFds, sockets};

const SOURCES: usize = 1000;

struct Pair<C: Contender> {
    poll: C::Poll,
    sources: Sources<C>,
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
}

impl<C: Contender> Workload for Pair<C> {
    fn round(&mut self) -> io::Result<Span> {
        let mut watch = Stopwatch::new(Scope::Thread);
        watch.section(|| self.pairs())?;
        Ok(watch.per(SOURCES))
    }
}

pub fn build<C: Contender>(source: Source) -> io::Result<Box<dyn Workload>> {
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
        sources,
        _waker: waker,
    }))
}
