//! Unix stream sockets.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::{SocketAddr, UnixStream};

use super::super::os::address::RawAddress;
use super::super::os::socket;

/// A stream connected to `addr`, or, where connecting takes time, one that has begun to.
///
/// `EAGAIN` is an error here and not "in progress": the listener's queue is full, nothing was
/// started, and no event will tell when to try again (connect(2), unix(7)).
pub(crate) fn connect_addr(addr: &SocketAddr) -> io::Result<UnixStream> {
    let addr = RawAddress::from_unix(addr)?;
    let socket = socket::socket(libc::AF_UNIX, libc::SOCK_STREAM)?;
    match socket::connect(socket.as_fd(), &addr) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(UnixStream::from(socket)),
    }
}

/// Two streams connected to each other.
pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (one, other) = socket::socketpair(libc::SOCK_STREAM)?;
    Ok((UnixStream::from(one), UnixStream::from(other)))
}
