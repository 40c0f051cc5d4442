//! TCP sockets. See tcp(7) and ip(7).

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use super::net;
use super::os::address::RawAddress;
use super::os::socket;
use crate::sys::TCP_BACKLOG;

#[cfg(feature = "fault-injection")]
pub(crate) use super::net::forget_accept4;

/// A listener on `addr`.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = net::ip_socket(&addr, libc::SOCK_STREAM)?;
    // As std does on Unix: an address whose old connections still linger in TIME-WAIT can be taken
    // at once, one that has a listener cannot (socket(7)).
    socket::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    socket::bind(socket.as_fd(), &RawAddress::from_ip(&addr))?;
    socket::listen(socket.as_fd(), TCP_BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// A stream that has begun to connect to `addr`.
pub(crate) fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = net::ip_socket(&addr, libc::SOCK_STREAM)?;
    match socket::connect(socket.as_fd(), &RawAddress::from_ip(&addr)) {
        Err(error) if !goes_on(&error) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

/// connect(2): a non-blocking connect answers `EINPROGRESS`, and one interrupted by a signal goes on
/// by itself; calling again would only answer `EALREADY`.
fn goes_on(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR))
}

/// The next connection of a listener.
///
/// Every error but a refused accept4(2) is the caller's to see, those that tell of a connection that
/// died in the queue (`ECONNABORTED` and accept(2)'s list of pending network errors) included. One that
/// died and can still be accepted is: see `silence_accepted` and `RawAddress::to_ip`.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let mut from = RawAddress::blank();
    let socket = net::accept(listener.as_fd(), &mut from)?;
    let from = from.to_ip()?;
    Ok((TcpStream::from(socket), from))
}
