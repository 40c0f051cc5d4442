//! Registrations between markers, for a tracer of system calls to count what is between them: `cargo xtask bench poll`
//! does it with strace(1). A marker is the look for a file of that name.

use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use crate::contender::{Contender, Ferrio, Mio};
use crate::descriptors::{self, EventFds, sockets};
use crate::suite;

/// Makes `times` calls of each kind. Nobody polls meanwhile; one poll comes before each kind.
pub fn make(times: usize) -> io::Result<()> {
    suite::check_forced()?;
    descriptors::raise_limit(2 * times as u64 + 100)?;
    // std tries out statx(2) when it first fails.
    mark("the first marker");
    of::<Ferrio>("ferrio", times)?;
    of::<Mio>("mio", times)
}

fn mark(path: &str) {
    // That there is none is what the answer will be.
    let _ = fs::metadata(path);
}

fn of<C: Contender>(name: &str, times: usize) -> io::Result<()> {
    let fds = EventFds::new(times)?;
    let raw = fds.raw();
    let mut sockets: Vec<C::Socket> = sockets(times)?.into_iter().map(C::socket).collect();
    let mut caller = Caller::<C>::new(name, times)?;
    // Once without markers: what is remembered needs memory, and memory needs system calls.
    caller.all(&raw, &mut sockets, false)?;
    caller.all(&raw, &mut sockets, true)
}

struct Caller<'a, C: Contender> {
    name: &'a str,
    times: usize,
    poll: C::Poll,
    events: C::Events,
    _waker: C::Waker,
}

impl<C: Contender> Caller<'_, C> {
    fn new(name: &str, times: usize) -> io::Result<Caller<'_, C>> {
        let poll = C::poll()?;
        Ok(Caller {
            name,
            times,
            _waker: C::waker(&poll, 0)?,
            events: C::events(16),
            poll,
        })
    }

    fn all(&mut self, fds: &[RawFd], sockets: &mut [C::Socket], mark: bool) -> io::Result<()> {
        self.each("register", "SourceFd", mark, fds.iter(), |poll, &fd| {
            C::register_fd(poll, fd, 1)
        })?;
        self.each("reregister", "SourceFd", mark, fds.iter(), |poll, &fd| {
            C::reregister_fd(poll, fd, 2)
        })?;
        self.each("deregister", "SourceFd", mark, fds.iter(), |poll, &fd| {
            C::deregister_fd(poll, fd)
        })?;
        let source = "UnixDatagram";
        self.each("register", source, mark, sockets.iter_mut(), |poll, it| {
            C::register_socket(poll, it, 1)
        })?;
        self.each(
            "reregister",
            source,
            mark,
            sockets.iter_mut(),
            |poll, it| C::reregister_socket(poll, it, 2),
        )?;
        self.each(
            "deregister",
            source,
            mark,
            sockets.iter_mut(),
            |poll, it| C::deregister_socket(poll, it),
        )
    }

    fn each<T>(
        &mut self,
        operation: &str,
        source: &str,
        mark: bool,
        sources: impl Iterator<Item = T>,
        call: impl Fn(&C::Poll, T) -> io::Result<()>,
    ) -> io::Result<()> {
        C::wait(&mut self.poll, &mut self.events, Some(Duration::ZERO))?;
        let marker = |which: &str| {
            if mark {
                let (name, times) = (self.name, self.times);
                self::mark(&format!("{which} {times} {name} {operation} {source}"));
            }
        };
        marker("begin");
        for source in sources {
            call(&self.poll, source)?;
        }
        marker("end");
        Ok(())
    }
}
