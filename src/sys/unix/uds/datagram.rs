//! Unix datagram sockets.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use super::super::os::socket;

/// A socket bound to `addr`.
pub(crate) fn bind_addr(addr: &SocketAddr) -> io::Result<UnixDatagram> {
    super::bound(libc::SOCK_DGRAM, addr).map(UnixDatagram::from)
}

/// A socket without a name.
pub(crate) fn unbound() -> io::Result<UnixDatagram> {
    socket::socket(libc::AF_UNIX, libc::SOCK_DGRAM).map(UnixDatagram::from)
}

/// Two sockets connected to each other.
pub(crate) fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
    let (one, other) = socket::socketpair(libc::SOCK_DGRAM)?;
    Ok((UnixDatagram::from(one), UnixDatagram::from(other)))
}
