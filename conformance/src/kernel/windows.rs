//! WSAPoll, recv and send.

pub use std::os::windows::io::{AsRawSocket as AsRaw, OwnedSocket as Owned, RawSocket as Number};

use std::io;
use std::time::Duration;

use windows_sys::Win32::Networking::WinSock::{
    FIONREAD, POLLERR, POLLHUP, POLLRDNORM, POLLWRNORM, SOCKET, SOCKET_ERROR, WSAGetLastError,
    WSAPOLLFD, WSAPoll, ioctlsocket, recv, send,
};

use super::Flags;

pub const IN: Flags = POLLRDNORM;
pub const OUT: Flags = POLLWRNORM;
pub const ERR: Flags = POLLERR;
pub const HUP: Flags = POLLHUP;
/// The peer has shut down its writing half, or the connection has ended: there is one flag for both.
pub const RDHUP: Flags = POLLHUP;
/// The same, while there is data to be read: the end is not told yet, and has come with the data.
pub const DATA_AND_END: Flags = IN;
/// This end has shut down its reading half, of which the kernel says nothing.
pub const OWN_END: Flags = 0;
/// This end has shut down both halves, of which the kernel says nothing.
pub const OWN_HUP: Flags = 0;

/// The SOCKET.
pub fn number(of: &impl AsRaw) -> Number {
    of.as_raw_socket()
}

fn last_error() -> io::Error {
    // SAFETY: reads a number of this thread.
    io::Error::from_raw_os_error(unsafe { WSAGetLastError() })
}

/// Asks once: the flags that are ready, 0 if none became so in time.
pub fn poll(number: Number, flags: Flags, timeout: Duration) -> io::Result<Flags> {
    let mut record = WSAPOLLFD {
        fd: number as SOCKET,
        // WSAPoll refuses those that it tells of by itself.
        events: flags & (IN | OUT),
        revents: 0,
    };
    let timeout = i32::try_from(timeout.as_millis()).expect("a short time");
    // SAFETY: `record` is one valid WSAPOLLFD.
    match unsafe { WSAPoll(&raw mut record, 1, timeout) } {
        SOCKET_ERROR => Err(last_error()),
        _ => Ok(record.revents),
    }
}

fn moved(n: i32) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| last_error())
}

/// Takes what has arrived at a socket, which may be a blocking one, and does not wait.
pub fn receive(socket: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    if poll(number(socket), IN, Duration::ZERO)? == 0 {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    read(socket, buffer)
}

/// Reads a SOCKET.
pub fn read(from: &impl AsRaw, buffer: &mut [u8]) -> io::Result<usize> {
    let len = i32::try_from(buffer.len()).expect("a short buffer");
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { recv(number(from) as SOCKET, buffer.as_mut_ptr(), len, 0) })
}

/// Writes to a SOCKET.
pub fn write(to: &impl AsRaw, buffer: &[u8]) -> io::Result<usize> {
    let len = i32::try_from(buffer.len()).expect("a short buffer");
    // SAFETY: the pointer and the length describe `buffer`.
    moved(unsafe { send(number(to) as SOCKET, buffer.as_ptr(), len, 0) })
}

/// The bytes in a TCP socket's receive buffer.
pub fn unread(socket: Number) -> usize {
    let mut bytes = 0;
    // SAFETY: FIONREAD stores a number of 32 bits where the pointer says.
    let result = unsafe { ioctlsocket(socket as SOCKET, FIONREAD, &raw mut bytes) };
    assert_eq!(result, 0, "FIONREAD: {}", last_error());
    usize::try_from(bytes).expect("a number of 32 bits")
}
