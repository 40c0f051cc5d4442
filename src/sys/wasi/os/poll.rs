//! The records of wasi-libc's `poll`, in which both previews' questions are put.

pub(crate) use libc::{
    POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, c_short as Flags, pollfd as PollFd,
};

/// The peer has finished. A flag of our own: the host says so of the reading half only, and
/// wasi-libc calls it POLLHUP.
pub(crate) const POLLRDHUP: Flags = 0x0100;

/// There is no urgent data.
pub(crate) const POLLPRI: Flags = 0;

/// Whether `flags` has any of `wanted`; those that do not exist are 0.
#[inline]
pub(crate) fn has(flags: Flags, wanted: Flags) -> bool {
    flags & wanted != 0
}
