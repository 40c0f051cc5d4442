//! poll(2), recv(2), read(2) and write(2).

pub use std::os::fd::{AsRawFd as AsRaw, OwnedFd as Owned, RawFd as Number};

use std::io;
use std::time::Duration;

use super::Flags;

pub const IN: Flags = libc::POLLIN;
pub const OUT: Flags = libc::POLLOUT;
pub const ERR: Flags = libc::POLLERR;
pub const HUP: Flags = libc::POLLHUP;
/// The peer has shut down its writing half.
pub const RDHUP: Flags = libc::POLLRDHUP;
/// The same, while there is data to be read.
pub const DATA_AND_END: Flags = RDHUP;
/// This end has shut down its reading half.
pub const OWN_END: Flags = RDHUP;
/// This end has shut down both halves.
pub const OWN_HUP: Flags = HUP;

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

fn moved(n: isize) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Takes what has arrived at a socket, which may be a blocking one, and does not wait.
pub fn receive(socket: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    let (at, len, flags) = (buffer.as_mut_ptr(), buffer.len(), libc::MSG_DONTWAIT);
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::recv(number(socket), at.cast(), len, flags) })
}

/// Reads a descriptor.
pub fn read(from: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::read(number(from), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// Writes to a descriptor.
pub fn write(to: &impl AsRaw, buffer: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::write(number(to), buffer.as_ptr().cast(), buffer.len()) })
}

/// The bytes in a TCP socket's receive buffer.
pub fn unread(socket: Number) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD stores an int where the pointer says.
    let result = unsafe { libc::ioctl(socket, libc::FIONREAD, &raw mut bytes) };
    assert_eq!(result, 0, "FIONREAD: {}", io::Error::last_os_error());
    usize::try_from(bytes).expect("not negative")
}
