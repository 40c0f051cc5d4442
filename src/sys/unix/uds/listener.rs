//! Unix listeners.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::super::net;
use super::super::os::address::RawAddress;
use super::super::os::socket;
use crate::sys::UNIX_BACKLOG;

/// A listener on `addr`.
pub(crate) fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
    let socket = super::bound(libc::SOCK_STREAM, addr)?;
    socket::listen(socket.as_fd(), UNIX_BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// The next connection of a listener.
pub(crate) fn accept(listener: &UnixListener) -> io::Result<(UnixStream, SocketAddr)> {
    let mut from = RawAddress::blank();
    let stream = UnixStream::from(net::accept(listener.as_fd(), &mut from)?);
    let from = match from.to_unix()? {
        Some(from) => from,
        // A name that only std itself can put into its type. Not the way for every connection: it
        // is one more call, and some systems no longer know a peer that has closed already.
        None => stream.peer_addr()?,
    };
    Ok((stream, from))
}
