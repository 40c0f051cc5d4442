//! UDP by the standard library.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use super::unsupported;

pub(crate) fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(addr)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The standard library cannot ask for `IPV6_V6ONLY`.
pub(crate) fn only_v6(_: &UdpSocket) -> io::Result<bool> {
    Err(unsupported("tell whether a socket is restricted to IPv6"))
}
