//! The records of wasi-libc's `poll`, in which both previews' questions are put, and the call.

#![cfg_attr(not(wasi_p1), allow(unsafe_code))]

#[cfg(not(wasi_p1))]
use std::io;

#[cfg(not(wasi_p1))]
use super::{Call, call, checked};

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

/// wasi-libc's `poll` with a timeout in milliseconds, -1 for ever. All records ask for something.
#[cfg(not(wasi_p1))]
pub(crate) fn poll(records: &mut [PollFd], timeout: i32) -> io::Result<()> {
    call(Call::Poll, || {
        let len = records.len() as libc::nfds_t;
        // SAFETY: `records` is that many records, which nobody else uses during the call; their
        // descriptors may be any numbers.
        checked(unsafe { libc::poll(records.as_mut_ptr(), len, timeout) })
    })?;
    Ok(())
}
