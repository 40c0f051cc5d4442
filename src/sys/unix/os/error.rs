//! The kernel's own words, for selectors that have to say or to understand them themselves: those of
//! epoll_ctl(2).

use std::io;

#[cfg(sel_kqueue)]
pub(crate) use libc::EPIPE as BROKEN_PIPE;
#[cfg(sel_kqueue)]
pub(crate) use libc::{EBADF as BAD_DESCRIPTOR, ENOENT as NOT_FOUND};

/// There is no such descriptor.
pub(crate) fn bad_descriptor() -> io::Error {
    io::Error::from_raw_os_error(libc::EBADF)
}

/// The descriptor is registered already.
#[cfg(sel_poll)]
pub(crate) fn already_exists() -> io::Error {
    io::Error::from_raw_os_error(libc::EEXIST)
}

/// The descriptor is not registered.
pub(crate) fn not_found() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

/// The kernel has nothing of the kind.
#[cfg(waker_kqueue)]
pub(crate) fn no_such_call() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSYS)
}
