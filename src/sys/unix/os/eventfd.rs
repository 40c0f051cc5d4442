//! The counter of eventfd(2).

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::{Call, call};

#[cfg(has_eventfd_flags)]
const FLAGS: libc::c_int = (libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) as libc::c_int;

/// Nothing can be executed on a system that does not know these flags, and its counter never blocks.
#[cfg(not(has_eventfd_flags))]
const FLAGS: libc::c_int = 0;

/// `eventfd(2)`: a counter at 0, close-on-exec and non-blocking.
pub(crate) fn create() -> io::Result<OwnedFd> {
    let fd = call(Call::Eventfd, || {
        // SAFETY: takes no pointer.
        unsafe { libc::eventfd(0, FLAGS as _) }
    })?;
    // SAFETY: the call succeeded, so `fd` is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Adds `value`, or answers `WouldBlock` where the counter would pass its limit of 2^64 - 2.
#[inline]
pub(crate) fn add(fd: BorrowedFd<'_>, value: u64) -> io::Result<()> {
    call(Call::Write, || {
        // SAFETY: `value` is eight readable bytes, as long as the call needs them.
        unsafe { libc::write(fd.as_raw_fd(), (&raw const value).cast(), size_of::<u64>()) }
    })?;
    Ok(())
}

/// Sets the counter to 0 and returns what it was, or `WouldBlock` if it was 0.
pub(crate) fn take(fd: BorrowedFd<'_>) -> io::Result<u64> {
    let mut value = 0u64;
    call(Call::Read, || {
        // SAFETY: `value` is eight writable bytes, as long as the call needs them.
        unsafe { libc::read(fd.as_raw_fd(), (&raw mut value).cast(), size_of::<u64>()) }
    })?;
    Ok(value)
}
