//! TCP sockets.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::windows::io::AsSocket;

use windows_sys::Win32::Networking::WinSock::{SOCK_STREAM, WSAEWOULDBLOCK};

use super::net;
use super::os::address::RawAddress;
use super::os::socket;
use crate::sys::TCP_BACKLOG;

/// A listener on `addr`. Without `SO_REUSEADDR`, which on Windows lets anybody take the address of
/// somebody who is using it; as in std.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = net::ip_socket(&addr, SOCK_STREAM)?;
    socket::bind(&socket, &RawAddress::from_ip(&addr))?;
    socket::listen(&socket, TCP_BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// A stream that has begun to connect to `addr`.
pub(crate) fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = net::ip_socket(&addr, SOCK_STREAM)?;
    match socket::connect(&socket, &RawAddress::from_ip(&addr)) {
        Err(error) if error.raw_os_error() != Some(WSAEWOULDBLOCK) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

/// The next connection of a listener. Every error is the caller's to see, those that tell of a
/// connection that died in the queue (`WSAECONNRESET`) included.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let mut from = RawAddress::blank();
    let socket = socket::accept(listener.as_socket(), &mut from)?;
    let from = from.to_ip()?;
    Ok((TcpStream::from(socket), from))
}
