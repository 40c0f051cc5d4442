//! The calls of preview 1.

#![allow(unsafe_code)]

use std::io;
use std::os::fd::RawFd;

use super::{Call, call, host};

/// `poll_oneoff`. There is one subscription at least: without one it is EINVAL.
pub(crate) fn poll(subscriptions: &[wasip1::Subscription]) -> io::Result<Vec<wasip1::Event>> {
    let len = subscriptions.len();
    let mut events = Vec::with_capacity(len);
    let room: *mut wasip1::Event = events.as_mut_ptr();
    let count = call(Call::PollOneoff, || {
        // SAFETY: there are `len` subscriptions, and room for as many events.
        host(unsafe { wasip1::poll_oneoff(subscriptions.as_ptr(), room, len) })
    })?;
    // SAFETY: the host has written `count` events, not more than there were subscriptions.
    unsafe { events.set_len(count.min(len)) };
    Ok(events)
}

/// EBADF if `fd`, which may be any number, is closed.
pub(crate) fn check_open(fd: RawFd) -> io::Result<()> {
    call(Call::FdStat, || {
        // SAFETY: the call takes a number, which the host checks.
        host(unsafe { wasip1::fd_fdstat_get(fd as wasip1::Fd) })
    })?;
    Ok(())
}
