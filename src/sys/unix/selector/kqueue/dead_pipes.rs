//! Pipes whose reader was gone already when their writing end was registered.
//!
//! Other systems, and kqueue too when the reader goes later, report such an end as writable and
//! closed. But adding `EVFILT_WRITE` then is an error: `EPIPE` on OS X 10.10 and FreeBSD, `EBADF` on
//! NetBSD. So the event is made here, and the next poll adds it to the kernel's.
//!
//! That takes some state for each such end, from its registration to that poll, and the state must
//! not outlive the descriptor, of whose closing nobody tells. So a knote is left in the kernel as an
//! *anchor*: the one for reading, which is of no use to a writing end, disabled unless the user has
//! asked for it. It goes when the descriptor is closed. Before the event is reported the anchor is
//! touched; if it is gone, so is the event. It stays afterwards, and is what `deregister` finds.
//!
//! The anchor's number may have been closed and registered again meanwhile. `register` forgets the
//! state of its number first, and everything is behind one lock, so the state found here is never
//! that of an earlier file.
//!
//! Whoever changes a registration holds that lock all the while, whether there are such pipes or not:
//! a change may take several calls, and a registration that another thread ends between two of them
//! would be made anew after its end. A poll takes it only once there has been such a pipe.

use std::io;
use std::os::fd::RawFd;

use super::record::{WRITE, WRITE_EOF};
use crate::event::Event;
use crate::readiness::Readiness;
use crate::sync::{AtomicBool, MutexGuard, Ordering};
use crate::sys::unix::os::error;
use crate::sys::unix::os::kqueue::{EV_ADD, EV_CLEAR, EV_DISABLE, EV_ENABLE};
use crate::sys::unix::os::kqueue::{EVFILT_READ, Kevent, Queue};
use crate::sys::unix::selector::lock::Lock;
use crate::token::Token;

pub(super) struct DeadPipes {
    /// There has been one.
    any: AtomicBool,
    unreported: Lock<Vec<DeadPipe>>,
}

struct DeadPipe {
    fd: RawFd,
    token: Token,
    /// The anchor is a registration for reading, and stays enabled.
    read: bool,
}

/// The state while a registration changes.
pub(super) struct Held<'a> {
    all: &'a DeadPipes,
    unreported: MutexGuard<'a, Vec<DeadPipe>>,
}

/// Whether `errno`, for adding `EVFILT_WRITE`, may mean such a pipe.
pub(super) fn may_be_one(errno: i32) -> bool {
    matches!(errno, error::BROKEN_PIPE | error::BAD_DESCRIPTOR)
}

impl DeadPipes {
    pub(super) fn new() -> DeadPipes {
        DeadPipes {
            any: AtomicBool::new(false),
            unreported: Lock::new(Vec::new()),
        }
    }

    /// No other thread changes a registration meanwhile.
    pub(super) fn hold(&self) -> io::Result<Held<'_>> {
        Ok(Held {
            all: self,
            unreported: self.lock()?,
        })
    }

    /// In a forked child whose parent was changing a registration an error: that of a queue that is
    /// not there, for a child inherits none.
    fn lock(&self) -> io::Result<MutexGuard<'_, Vec<DeadPipe>>> {
        self.unreported.lock().ok_or_else(error::bad_descriptor)
    }

    /// Appends at most `room` events to `list` and returns their number. An error leaves `list` as it is,
    /// and what was to be reported for the next time.
    #[inline]
    pub(super) fn report(
        &self,
        queue: &Queue,
        list: &mut Vec<Event>,
        room: usize,
    ) -> io::Result<usize> {
        if !self.any.load(Ordering::Acquire) {
            return Ok(0);
        }
        self.report_some(queue, list, room)
    }

    #[cold]
    fn report_some(&self, queue: &Queue, list: &mut Vec<Event>, room: usize) -> io::Result<usize> {
        let mut unreported = self.lock()?;
        let start = list.len();
        while list.len() - start < room {
            let Some(pipe) = unreported.last() else { break };
            match pipe.is_anchored(queue) {
                Ok(true) => list.push(pipe.event()),
                Ok(false) => {}
                Err(error) if list.len() == start => return Err(error),
                // It comes again.
                Err(_) => break,
            }
            unreported.pop();
        }
        Ok(list.len() - start)
    }

    /// Whether some are left to report.
    pub(super) fn has_more(&self) -> bool {
        self.any.load(Ordering::Acquire) && self.lock().is_ok_and(|pipes| !pipes.is_empty())
    }
}

impl Held<'_> {
    /// The registration of `fd` has ended, or is about to be another.
    pub(super) fn forget(&mut self, fd: RawFd) {
        self.unreported.retain(|pipe| pipe.fd != fd);
    }

    /// Registers `fd`, for which `EVFILT_WRITE` could not be added. `read`: `EVFILT_READ` was.
    pub(super) fn add(
        &mut self,
        queue: &Queue,
        fd: RawFd,
        token: Token,
        read: bool,
    ) -> io::Result<()> {
        let pipe = DeadPipe { fd, token, read };
        if !read {
            pipe.touch(queue, EV_ADD | EV_DISABLE | EV_CLEAR)?;
        }
        self.forget(fd);
        self.unreported.push(pipe);
        self.all.any.store(true, Ordering::Release);
        Ok(())
    }
}

impl DeadPipe {
    fn is_anchored(&self, queue: &Queue) -> io::Result<bool> {
        // As it is already, so that nothing changes.
        let flags = if self.read { EV_ENABLE } else { EV_DISABLE };
        match self.touch(queue, flags) {
            Ok(()) => Ok(true),
            // The knote is gone, or the descriptor is. Any other error says nothing of either.
            Err(error) => match error.raw_os_error() {
                Some(error::NOT_FOUND | error::BAD_DESCRIPTOR) => Ok(false),
                _ => Err(error),
            },
        }
    }

    fn touch(&self, queue: &Queue, flags: u32) -> io::Result<()> {
        let fd = self.fd as usize;
        queue.change_one(Kevent::new(fd, EVFILT_READ, flags, self.token.0))
    }

    /// As of a pipe whose reader has gone later, and an error as on epoll.
    fn event(&self) -> Event {
        let readiness = Readiness::WRITABLE
            .and(Readiness::WRITE_CLOSED)
            .and(Readiness::ERROR);
        Event::new(self.token, readiness, WRITE | WRITE_EOF)
    }
}

#[cfg(all(test, not(ferrio_loom)))]
mod dead_pipes_tests;
