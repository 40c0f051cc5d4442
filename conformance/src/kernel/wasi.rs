//! What WASI has to do in another way.

use std::io;
use std::time::Duration;

use super::descriptors::{AsRaw, IN, number, poll, read};

/// Takes what has arrived at a socket, which may be a blocking one, and does not wait.
pub fn receive(socket: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    match poll(number(socket), IN, Duration::ZERO)? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => read(socket, buffer),
    }
}
