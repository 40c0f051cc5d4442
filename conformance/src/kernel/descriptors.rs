//! poll(2), which wasi-libc has too, and read(2) and write(2).

pub use std::os::fd::{AsRawFd as AsRaw, OwnedFd as Owned, RawFd as Number};

use std::io;
use std::time::Duration;

use super::Flags;

pub const IN: Flags = libc::POLLIN;
pub const OUT: Flags = libc::POLLOUT;
#[cfg(unix)]
pub const ERR: Flags = libc::POLLERR;
#[cfg(unix)]
pub const HUP: Flags = libc::POLLHUP;

/// The descriptor.
pub fn number(of: &impl AsRaw) -> Number {
    of.as_raw_fd()
}

/// Asks once: the flags that are ready, 0 if none became so in time.
pub fn poll(number: Number, flags: Flags, timeout: Duration) -> io::Result<Flags> {
    let mut record = libc::pollfd {
        fd: number,
        events: flags,
        revents: 0,
    };
    let timeout = libc::c_int::try_from(timeout.as_millis()).expect("a short time");
    // SAFETY: `record` is one valid pollfd.
    match unsafe { libc::poll(&raw mut record, 1, timeout) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(record.revents),
    }
}

/// What a call has answered that moves bytes.
pub(super) fn moved(n: isize) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Reads a descriptor.
#[cfg(unix)]
pub fn read(from: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::read(number(from), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// Writes to a descriptor.
#[cfg(unix)]
pub fn write(to: &impl AsRaw, buffer: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::write(number(to), buffer.as_ptr().cast(), buffer.len()) })
}
