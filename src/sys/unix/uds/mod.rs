//! Unix sockets. See unix(7).

pub(crate) mod datagram;
pub(crate) mod listener;
pub(crate) mod stream;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::SocketAddr;

use libc::c_int;

use super::os::address::RawAddress;
use super::os::socket;

/// A new Unix socket bound to `addr`. On Linux an unnamed address means: the kernel picks an
/// abstract name (unix(7), "Autobind feature").
fn bound(kind: c_int, addr: &SocketAddr) -> io::Result<OwnedFd> {
    let addr = RawAddress::from_unix(addr)?;
    let socket = socket::socket(libc::AF_UNIX, kind)?;
    socket::bind(socket.as_fd(), &addr)?;
    Ok(socket)
}
