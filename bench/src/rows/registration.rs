//! Register, reregister, deregister: one loop over 1000 sources is one measured section; bringing the sources back to
//! where they were happens outside.

use std::io;
use std::os::fd::RawFd;

use super::workload::{WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::descriptors::{EventFds, sockets};

const SOURCES: usize = 1000;

/// Which call is measured.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Register,
    Reregister,
    Deregister,
}

/// What is registered.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A bare descriptor through `SourceFd`.
    Fd,
    /// The contender's own `UnixDatagram`.
    Socket,
}

/// The three calls over all sources.
trait Sources<C: Contender> {
    fn register(&mut self, poll: &C::Poll) -> io::Result<()>;
    fn reregister(&mut self, poll: &C::Poll) -> io::Result<()>;
    fn deregister(&mut self, poll: &C::Poll) -> io::Result<()>;
}

struct Fds {
    raw: Vec<RawFd>,
    _owner: EventFds,
}

impl<C: Contender> Sources<C> for Fds {
    fn register(&mut self, poll: &C::Poll) -> io::Result<()> {
        for (token, &fd) in self.raw.iter().enumerate() {
            C::register_fd(poll, fd, token)?;
        }
        Ok(())
    }

    fn reregister(&mut self, poll: &C::Poll) -> io::Result<()> {
        for (token, &fd) in self.raw.iter().enumerate() {
            C::reregister_fd(poll, fd, token)?;
        }
        Ok(())
    }

    fn deregister(&mut self, poll: &C::Poll) -> io::Result<()> {
        for &fd in &self.raw {
            C::deregister_fd(poll, fd)?;
        }
        Ok(())
    }
}

struct Sockets<C: Contender>(Vec<C::Socket>);

impl<C: Contender> Sources<C> for Sockets<C> {
    fn register(&mut self, poll: &C::Poll) -> io::Result<()> {
        for (token, socket) in self.0.iter_mut().enumerate() {
            C::register_socket(poll, socket, token)?;
        }
        Ok(())
    }

    fn reregister(&mut self, poll: &C::Poll) -> io::Result<()> {
        for (token, socket) in self.0.iter_mut().enumerate() {
            C::reregister_socket(poll, socket, token)?;
        }
        Ok(())
    }

    fn deregister(&mut self, poll: &C::Poll) -> io::Result<()> {
        for socket in &mut self.0 {
            C::deregister_socket(poll, socket)?;
        }
        Ok(())
    }
}

/// Between rounds the sources are not registered.
struct Registration<C: Contender, S> {
    operation: Operation,
    poll: C::Poll,
    sources: S,
    _waker: C::Waker,
}

impl<C: Contender, S: Sources<C>> Workload for Registration<C, S> {
    fn round(&mut self) -> io::Result<Span> {
        let Registration {
            operation,
            poll,
            sources,
            ..
        } = self;
        let mut watch = Stopwatch::new(Scope::Thread);
        match operation {
            Operation::Register => {
                watch.section(|| sources.register(poll))?;
                sources.deregister(poll)?;
            }
            Operation::Reregister => {
                sources.register(poll)?;
                watch.section(|| sources.reregister(poll))?;
                sources.deregister(poll)?;
            }
            Operation::Deregister => {
                sources.register(poll)?;
                watch.section(|| sources.deregister(poll))?;
            }
        }
        Ok(watch.per(SOURCES))
    }
}

pub fn build<C: Contender>(operation: Operation, source: Source) -> io::Result<Box<dyn Workload>> {
    let poll = C::poll()?;
    let waker = C::waker(&poll, WAKE)?;
    Ok(match source {
        Source::Fd => {
            let owner = EventFds::new(SOURCES)?;
            let raw = owner.raw();
            Box::new(Registration::<C, Fds> {
                operation,
                poll,
                sources: Fds { raw, _owner: owner },
                _waker: waker,
            })
        }
        Source::Socket => {
            let sockets = sockets(SOURCES)?.into_iter().map(C::socket).collect();
            Box::new(Registration::<C, Sockets<C>> {
                operation,
                poll,
                sources: Sockets(sockets),
                _waker: waker,
            })
        }
    })
}
