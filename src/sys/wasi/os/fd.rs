//! Descriptors.

use std::io;
use std::os::fd::RawFd;

use super::poll::{Flags, POLLIN};
use crate::sys::wasi::preview;

/// An error if `fd`, which may be any number, cannot be asked about `events`.
pub(crate) fn check_watchable(fd: RawFd, events: Flags) -> io::Result<()> {
    preview::check(fd, events)
}

/// An error if `fd`, which may be any number, is not an open descriptor.
pub(crate) fn check_open(fd: RawFd) -> io::Result<()> {
    preview::check(fd, POLLIN)
}
