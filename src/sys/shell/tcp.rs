//! TCP by the standard library.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::unsupported;

pub(crate) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The standard library can only connect and wait.
pub(crate) fn connect(_: SocketAddr) -> io::Result<TcpStream> {
    Err(unsupported("connect without blocking"))
}

pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, addr) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, addr))
}
