//! TCP sockets: std's, made non-blocking.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

pub(crate) use super::preview::connect;

/// A listener on `addr`. Under preview 1 there are only those that the host has opened.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    #[cfg(wasi_p1)]
    super::preview::no_sockets("WASI preview 1 cannot listen: only the host opens sockets")?;
    let listener = TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The next connection of a listener.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, from) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, from))
}
