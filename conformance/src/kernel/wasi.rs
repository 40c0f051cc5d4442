//! What WASI has to do in another way.

use std::io;
use std::time::Duration;

use super::Flags;
use super::descriptors::{AsRaw, IN, moved, number, poll};

// The host has one word for data, for ends and for errors: that there is something to be read.
/// The peer has shut down its writing half.
pub const RDHUP: Flags = IN;
/// The same, while there is data to be read.
pub const DATA_AND_END: Flags = IN;
/// This end has shut down its reading half.
pub const OWN_END: Flags = IN;
/// This end has shut down both halves.
pub const OWN_HUP: Flags = IN;
/// Nothing more can come.
pub const HUP: Flags = IN;
/// There is an error.
pub const ERR: Flags = IN;

/// Reads a socket. wasi-libc's `read` waits, whether or not the socket is a blocking one.
pub fn read(from: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    let (at, len) = (buffer.as_mut_ptr(), buffer.len());
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::recv(number(from), at.cast(), len, 0) })
}

/// Writes to a socket, see [`read`].
pub fn write(to: &impl AsRaw, buffer: &[u8]) -> io::Result<usize> {
    let (at, len) = (buffer.as_ptr(), buffer.len());
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { libc::send(number(to), at.cast(), len, 0) })
}

/// Takes what has arrived at a socket, which may be a blocking one, and does not wait.
pub fn receive(socket: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    match poll(number(socket), IN, Duration::ZERO)? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => read(socket, buffer),
    }
}
