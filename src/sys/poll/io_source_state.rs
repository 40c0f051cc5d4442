use std::io;
use std::os::fd::RawFd;

use super::Shared;
use super::table::{READ, WRITE};
use crate::interest::Interest;
use crate::sync::Arc;
use crate::sys::Selector;
use crate::sys::os::poll::{Flags, POLLPRI};
use crate::token::Token;

/// The state of a source in builds with a selector that has to be told about I/O. Under a selector
/// that hasn't, which is possible with the feature `runtime-selector`, it stays empty.
#[derive(Default)]
pub(crate) struct IoSourceState {
    registration: Option<Registration>,
}

/// No registration has this id.
const ENDED: u64 = 0;

/// One registration with a poll(2) selector, which ends when this is dropped.
pub(crate) struct Registration {
    shared: Arc<Shared>,
    fd: RawFd,
    id: u64,
}

#[cfg_attr(not(feature = "net"), allow(dead_code))] // Only sockets have every kind of operation.
impl IoSourceState {
    pub(crate) fn new() -> IoSourceState {
        IoSourceState::default()
    }

    /// An operation of unknown direction, a connect(2) in progress for example, or a recv(2) of
    /// urgent data. That blocks on no system, so after a success it is asked about again.
    #[inline]
    pub(crate) fn do_io<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        let result = f(io);
        match &result {
            Ok(_) => self.rearm_if(true, POLLPRI),
            Err(error) => self.rearm_if(may_pass(error), READ | WRITE),
        }
        result
    }

    /// A read of a stream, which has come to its end if it got less than it asked for. It hasn't at
    /// the end of the stream: that would be reported again and again.
    #[inline]
    pub(crate) fn do_read<T, F>(&self, len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        self.stream_op(len, f, io, READ)
    }

    #[inline]
    pub(crate) fn do_write<T, F>(&self, len: usize, f: F, io: &T) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        self.stream_op(len, f, io, WRITE)
    }

    /// An operation that takes one thing at a time. It re-arms after other errors, too: a datagram
    /// socket's belongs to one datagram, and accept(2) may be out of descriptors; the next is no
    /// edge to this selector, and would not be reported.
    #[inline]
    pub(crate) fn do_read_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.single_op(f, io, READ)
    }

    #[inline]
    pub(crate) fn do_write_op<T, F, R>(&self, f: F, io: &T) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        self.single_op(f, io, WRITE)
    }

    #[inline]
    fn stream_op<T, F>(&self, len: usize, f: F, io: &T, direction: Flags) -> io::Result<usize>
    where
        F: FnOnce(&T) -> io::Result<usize>,
    {
        let result = f(io);
        self.rearm_if(would_block(&result) || is_short(&result, len), direction);
        result
    }

    #[inline]
    fn single_op<T, F, R>(&self, f: F, io: &T, direction: Flags) -> io::Result<R>
    where
        F: FnOnce(&T) -> io::Result<R>,
    {
        let result = f(io);
        self.rearm_if(matches!(&result, Err(error) if may_pass(error)), direction);
        result
    }

    #[inline]
    fn rearm_if(&self, condition: bool, direction: Flags) {
        if condition {
            if let Some(registration) = &self.registration {
                registration.rearm(direction);
            }
        }
    }

    pub(crate) fn register(
        &mut self,
        selector: &Selector,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        selector.register_source(&mut self.registration, fd, token, interests)
    }

    pub(crate) fn reregister(
        &mut self,
        selector: &Selector,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        selector.reregister_source(&mut self.registration, fd, token, interests)
    }

    pub(crate) fn deregister(&mut self, selector: &Selector, fd: RawFd) -> io::Result<()> {
        selector.deregister(fd)?;
        if let Some(mut registration) = self.registration.take() {
            registration.take_over(ENDED);
        }
        Ok(())
    }
}

#[inline]
fn would_block<R>(result: &io::Result<R>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// EINVAL is what a listener gives for ever after a shutdown(2).
#[inline]
fn may_pass(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::InvalidInput
}

#[inline]
fn is_short(result: &io::Result<usize>, len: usize) -> bool {
    matches!(result, Ok(count) if 0 < *count && *count < len)
}

impl Registration {
    pub(super) fn new(shared: Arc<Shared>, fd: RawFd, id: u64) -> Registration {
        Registration { shared, fd, id }
    }

    /// From now on this is the registration `id` of the same descriptor.
    pub(super) fn take_over(&mut self, id: u64) {
        self.id = id;
    }

    pub(super) fn rearm(&self, direction: Flags) {
        self.shared
            .change_if(|table| table.rearm(self.fd, self.id, direction));
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.id != ENDED {
            self.shared.change_if(|table| table.leave(self.fd, self.id));
        }
    }
}
