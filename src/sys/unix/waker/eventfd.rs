//! The waker over eventfd(2).
//!
//! The kernel's model: a 64-bit counter; a write adds to it and, for an epoll that watches it
//! edge-triggered, is a new edge each time, whether or not anybody has read the old value. So a
//! ring is one write and nothing is ever read, but for the case that follows. A poll(2) sees it
//! readable until somebody has read the counter, so there it is read after each ring.
//!
//! Each ring adds 1. A counter at its limit of 2^64 - 2 refuses the next write with EAGAIN; it is
//! reset then and the write tried again. That takes centuries of ringing, or a stranger who has
//! got hold of the descriptor and written to it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::unix::os::eventfd;

#[derive(Debug)]
pub(crate) struct Eventfd(OwnedFd);

impl Eventfd {
    pub(crate) fn new() -> io::Result<Eventfd> {
        eventfd::create().map(Eventfd)
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        loop {
            match eventfd::add(self.as_fd(), 1) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.silence()?,
                // A non-blocking write is not known to be interrupted; it costs nothing to be sure.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Takes all rings out.
    pub(crate) fn silence(&self) -> io::Result<()> {
        match eventfd::take(self.as_fd()) {
            // WouldBlock: another thread has been faster. Interrupted: it is readable still.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

impl AsFd for Eventfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
