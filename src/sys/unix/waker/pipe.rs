//! The waker over a pipe(7), for systems without anything better.
//!
//! The kernel's model: a buffer of bytes. A ring writes one; until somebody reads it the reading
//! end is readable, level-triggered. So the selector empties the pipe when it has been rung, and
//! before it looks at what the ring was for: a ring that comes later is a byte that stays.
//!
//! A selector with edges sees one for the write to an empty pipe; whether a write to one that holds
//! bytes already makes another differs between kernels (Linux 5.5 to 5.13 made none). Emptying the
//! pipe after each record of it makes that irrelevant.
//!
//! A full pipe refuses the write with EAGAIN. It is emptied then and the write tried again: somebody
//! else may be watching for edges.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::sys::unix::os::{fd, pipe};

#[derive(Debug)]
pub(crate) struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Pipe {
    pub(crate) fn new() -> io::Result<Pipe> {
        let (reader, writer) = pipe::pipe()?;
        Ok(Pipe { reader, writer })
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        loop {
            match fd::write(self.writer.as_fd(), &[1]) {
                Ok(_) => return Ok(()),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => self.silence()?,
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// Takes all rings out.
    pub(crate) fn silence(&self) -> io::Result<()> {
        let mut bytes = [0; 128];
        loop {
            match fd::read(self.reader.as_fd(), &mut bytes) {
                // Less than asked for is all there was, pipe(7). Should a byte have come meanwhile,
                // it is a ring after this.
                Ok(count) if count < bytes.len() => return Ok(()),
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }
}

/// The end that a selector watches.
impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
