//! Unix sockets by the standard library.

pub(crate) mod stream {
    use std::io;
    use std::os::unix::net::{SocketAddr, UnixStream};

    use crate::sys::shell::unsupported;

    /// The standard library can only connect and wait.
    pub(crate) fn connect_addr(_: &SocketAddr) -> io::Result<UnixStream> {
        Err(unsupported("connect without blocking"))
    }

    pub(crate) fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = UnixStream::pair()?;
        one.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok((one, other))
    }
}

pub(crate) mod datagram {
    use std::io;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    pub(crate) fn bind_addr(addr: &SocketAddr) -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::bind_addr(addr)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    pub(crate) fn unbound() -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    pub(crate) fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = UnixDatagram::pair()?;
        one.set_nonblocking(true)?;
        other.set_nonblocking(true)?;
        Ok((one, other))
    }
}

pub(crate) mod listener {
    use std::io;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    pub(crate) fn bind_addr(addr: &SocketAddr) -> io::Result<UnixListener> {
        let listener = UnixListener::bind_addr(addr)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    pub(crate) fn accept(listener: &UnixListener) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, addr) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream, addr))
    }
}
