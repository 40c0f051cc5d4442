//! poll(2) and ppoll(2).

#![allow(unsafe_code)]

use std::io;
#[cfg(has_ppoll)]
use std::time::Duration;

use super::{Call, call};

pub(crate) use libc::{POLLERR, POLLHUP, POLLIN, POLLOUT, c_short as Flags, pollfd as PollFd};

/// The peer has shut down its writing half. Systems without this flag report plain POLLIN.
#[cfg(has_pollrdhup)]
pub(crate) const POLLRDHUP: Flags = libc::POLLRDHUP;
#[cfg(not(has_pollrdhup))]
pub(crate) const POLLRDHUP: Flags = 0;

/// TCP's urgent data. On some systems it is another name for POLLIN.
#[cfg(has_priority)]
pub(crate) const POLLPRI: Flags = libc::POLLPRI;
#[cfg(not(has_priority))]
pub(crate) const POLLPRI: Flags = 0;

/// The descriptor is not open. Systems without this flag fail, or say nothing.
#[cfg(has_pollnval)]
pub(crate) const POLLNVAL: Flags = libc::POLLNVAL;
#[cfg(not(has_pollnval))]
pub(crate) const POLLNVAL: Flags = 0;

/// Whether `flags` has any of `wanted`; those that a system doesn't know are 0.
#[inline]
pub(crate) fn has(flags: Flags, wanted: Flags) -> bool {
    flags & wanted != 0
}

/// `poll(2)` with a timeout in milliseconds, -1 for ever; returns how many records have `revents`.
#[inline]
pub(crate) fn poll(records: &mut [PollFd], timeout: i32) -> io::Result<usize> {
    let count = call(Call::Poll, || {
        // `nfds_t` is as wide as a pointer on some systems, an int on others; there cannot be more
        // descriptors than an int counts.
        let len = records.len() as libc::nfds_t;
        // SAFETY: `records` is that many records, which nobody else uses during the call; their
        // descriptors may be any numbers.
        unsafe { libc::poll(records.as_mut_ptr(), len, timeout) }
    })?;
    Ok(count as usize)
}

/// `ppoll(2)`: the same with a timeout in nanoseconds, and the signal mask left alone.
#[cfg(has_ppoll)]
pub(crate) fn ppoll(records: &mut [PollFd], timeout: Duration) -> io::Result<usize> {
    // SAFETY: all zeroes is a valid timespec, which is made of numbers (and padding, on some).
    let mut until: libc::timespec = unsafe { std::mem::zeroed() };
    // 68 years at most; and libc's name for the type is deprecated where it is to become wider.
    until.tv_sec = timeout.as_secs().min(i32::MAX as u64) as _;
    // Under 10^9, so it fits whatever the type.
    until.tv_nsec = timeout.subsec_nanos() as _;
    let count = call(Call::Ppoll, || {
        let len = records.len() as libc::nfds_t;
        // SAFETY: `records` as in `poll`, `until` outlives the call, and without a mask none is
        // set.
        unsafe {
            libc::ppoll(
                records.as_mut_ptr(),
                len,
                &raw const until,
                std::ptr::null(),
            )
        }
    })?;
    Ok(count as usize)
}
