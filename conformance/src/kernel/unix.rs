//! What Unix has beyond that: recv(2), FIONREAD, and a flag for the end of reading.

use std::io;

use super::Flags;
use super::descriptors::{AsRaw, HUP, Number, moved, number};

/// The peer has shut down its writing half.
pub const RDHUP: Flags = libc::POLLRDHUP;
/// The same, while there is data to be read.
pub const DATA_AND_END: Flags = RDHUP;
/// This end has shut down its reading half.
pub const OWN_END: Flags = RDHUP;
/// This end has shut down both halves.
pub const OWN_HUP: Flags = HUP;

/// Takes what has arrived at a socket, which may be a blocking one, and does not wait.
pub fn receive(socket: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    let (at, len, flags) = (buffer.as_mut_ptr(), buffer.len(), libc::MSG_DONTWAIT);
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::recv(number(socket), at.cast(), len, flags) })
}

/// The bytes in a TCP socket's receive buffer.
pub fn unread(socket: Number) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD stores an int where the pointer says.
    let result = unsafe { libc::ioctl(socket, libc::FIONREAD, &raw mut bytes) };
    assert_eq!(result, 0, "FIONREAD: {}", io::Error::last_os_error());
    usize::try_from(bytes).expect("not negative")
}
