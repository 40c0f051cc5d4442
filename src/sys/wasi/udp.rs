//! UDP sockets: std's, made non-blocking.

use std::io;
use std::net::{SocketAddr, UdpSocket};

pub(crate) use super::preview::only_v6;

/// A socket bound to `addr`. Under preview 1 there are none.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    #[cfg(wasi_p1)]
    super::preview::no_sockets("WASI preview 1 has no UDP sockets")?;
    let socket = UdpSocket::bind(addr)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
