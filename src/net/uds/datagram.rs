use std::io;
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use crate::forward;
use crate::io_source::IoSource;
use crate::sys;

/// A Unix socket that carries datagrams. None is lost on the way: when the receiver's queue is full,
/// sending answers [`WouldBlock`](io::ErrorKind::WouldBlock).
///
/// # Platform notes
///
/// macOS, the BSDs: the answer is ENOBUFS instead, and no event tells when there is room again.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use ferrio::{Events, Interest, Poll, Token, net::UnixDatagram};
///
/// let (one, mut other) = UnixDatagram::pair()?;
/// let mut poll = Poll::new()?;
/// poll.registry().register(&mut other, Token(0), Interest::READABLE)?;
///
/// one.send(b"hello")?;
///
/// poll.poll(&mut Events::with_capacity(8), None)?;
/// let mut buf = [0; 16];
/// assert_eq!(other.recv(&mut buf)?, 5);
/// assert_eq!(&buf[..5], b"hello");
/// # Ok(())
/// # }
/// ```
pub struct UnixDatagram {
    inner: IoSource<net::UnixDatagram>,
}

impl UnixDatagram {
    /// Makes a socket bound to `path`, where nothing may exist yet.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that contains a NUL byte or does not
    /// fit into a Unix socket's address (107 bytes on Linux). Else those of `socket(2)` and
    /// `bind(2)`: [`AddrInUse`](io::ErrorKind::AddrInUse) when something exists there, an error of
    /// the file system, too many open descriptors.
    ///
    /// # Platform notes
    ///
    /// Linux: for an empty path the kernel picks an abstract name.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-udb-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("log.sock");
    /// let socket = ferrio::net::UnixDatagram::bind(&path)?;
    /// assert_eq!(socket.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    #[doc(alias = "socket")]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        UnixDatagram::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Makes a socket bound to `address`, which may be a name that is no path.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixDatagram::bind).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # fn main() -> std::io::Result<()> {
    /// use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    ///
    /// let name = format!("ferrio-example-d-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(&name)?;
    /// let socket = ferrio::net::UnixDatagram::bind_addr(&address)?;
    /// assert_eq!(socket.local_addr()?.as_abstract_name(), Some(name.as_bytes()));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// ```
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixDatagram> {
        sys::uds::datagram::bind_addr(address).map(UnixDatagram::from_std)
    }

    /// Makes a source of the standard library's socket, which has to be non-blocking already;
    /// sending and receiving block otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = std::os::unix::net::UnixDatagram::unbound()?;
    /// socket.set_nonblocking(true)?;
    /// let socket = ferrio::net::UnixDatagram::from_std(socket);
    /// # let _ = socket; Ok(())
    /// # }
    /// ```
    pub fn from_std(socket: net::UnixDatagram) -> UnixDatagram {
        UnixDatagram {
            inner: IoSource::new(socket),
        }
    }

    /// Fixes the peer that [`send`](UnixDatagram::send) sends to, and from which alone this socket
    /// receives. Connecting again changes the peer.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) as for [`bind`](UnixDatagram::bind). Else those
    /// of `connect(2)`: [`NotFound`](io::ErrorKind::NotFound),
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when the socket at that path is
    /// closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use ferrio::net::UnixDatagram;
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-udc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("log.sock");
    /// let receiver = UnixDatagram::bind(&path)?;
    /// let sender = UnixDatagram::unbound()?;
    /// sender.connect(&path)?;
    /// sender.send(b"hello")?;
    /// # drop(receiver);
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.inner.connect(path)
    }

    /// Makes a socket without a name: it can send, and be sent to only by a peer it is paired with.
    ///
    /// # Errors
    ///
    /// Those of `socket(2)`: too many open descriptors, no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = ferrio::net::UnixDatagram::unbound()?;
    /// assert!(socket.local_addr()?.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn unbound() -> io::Result<UnixDatagram> {
        sys::uds::datagram::unbound().map(UnixDatagram::from_std)
    }

    /// Makes two sockets that are connected to each other.
    ///
    /// # Errors
    ///
    /// Those of `socketpair(2)`: too many open descriptors, no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, other) = ferrio::net::UnixDatagram::pair()?;
    /// one.send(b"hello")?;
    /// assert_eq!(other.recv(&mut [0; 16])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = sys::uds::datagram::pair()?;
        Ok((UnixDatagram::from_std(one), UnixDatagram::from_std(other)))
    }

    /// The address this socket is bound to.
    ///
    /// # Errors
    ///
    /// Those of `getsockname(2)`; none are expected.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, _other) = ferrio::net::UnixDatagram::pair()?;
    /// assert!(one.local_addr()?.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The address of the peer this socket is connected to.
    ///
    /// # Errors
    ///
    /// Those of `getpeername(2)`: [`NotConnected`](io::ErrorKind::NotConnected).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = ferrio::net::UnixDatagram::unbound()?;
    /// let error = socket.peer_addr().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// Receives one datagram. Returns its length and its sender, which may be unnamed. What does not
    /// fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when none has arrived: wait for a readable event.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, other) = ferrio::net::UnixDatagram::pair()?;
    /// one.send(b"hello")?;
    /// let (len, from) = other.recv_from(&mut [0; 16])?;
    /// assert!(len == 5 && from.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "recvfrom")]
    #[inline]
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.inner.do_read_op(|inner| inner.recv_from(buf))
    }

    /// Receives one datagram and returns its length. What does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UnixDatagram::recv_from).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, other) = ferrio::net::UnixDatagram::pair()?;
    /// let error = other.recv(&mut [0; 16]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    ///
    /// one.send(b"hello")?;
    /// assert_eq!(other.recv(&mut [0; 16])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.do_read_op(|inner| inner.recv(buf))
    }

    /// Sends `buf` as one datagram to the socket at `path`. Returns the number of bytes sent, which
    /// is all of them.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when the receiver's queue is full.
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) as for [`bind`](UnixDatagram::bind). Else those
    /// of `sendto(2)`, such as [`NotFound`](io::ErrorKind::NotFound) and
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # use ferrio::net::UnixDatagram;
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-uds-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("log.sock");
    /// let receiver = UnixDatagram::bind(&path)?;
    /// let sender = UnixDatagram::unbound()?;
    /// assert_eq!(sender.send_to(b"hello", &path)?, 5);
    /// # drop(receiver);
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    #[doc(alias = "sendto")]
    #[inline]
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.inner.do_write_op(|inner| inner.send_to(buf, path))
    }

    /// Sends `buf` as one datagram to the peer this socket is connected to. Returns the number of
    /// bytes sent, which is all of them.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when the receiver's queue is full, and those of
    /// `send(2)`: [`NotConnected`](io::ErrorKind::NotConnected),
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when the peer is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, _other) = ferrio::net::UnixDatagram::pair()?;
    /// assert_eq!(one.send(b"hello")?, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.inner.do_write_op(|inner| inner.send(buf))
    }

    /// Takes the error that is pending on the socket, if there is one (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`: then it is not known whether an error was pending.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = ferrio::net::UnixDatagram::unbound()?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_ERROR")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }

    /// Ends receiving, sending, or both.
    ///
    /// # Errors
    ///
    /// Those of `shutdown(2)`: [`NotConnected`](io::ErrorKind::NotConnected).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io::ErrorKind, net::Shutdown};
    ///
    /// let (one, _other) = ferrio::net::UnixDatagram::pair()?;
    /// one.shutdown(Shutdown::Write)?;
    /// assert_eq!(one.send(b"hello").unwrap_err().kind(), ErrorKind::BrokenPipe);
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(how)
    }

    /// Runs `f`, an operation on this socket that ferrio has no method for, and hands its answer on.
    ///
    /// Going through here matters on backends that must be told when an operation answered
    /// [`WouldBlock`](io::ErrorKind::WouldBlock): they deliver no further event otherwise. So `f`
    /// must not perform its I/O by ferrio's own methods, and it must answer `WouldBlock` only when
    /// the socket did.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io, os::fd::AsRawFd};
    ///
    /// let (one, other) = ferrio::net::UnixDatagram::pair()?;
    /// other.send(b"hello")?;
    ///
    /// let mut buf = [0_u8; 8];
    /// let len = one.try_io(|| {
    ///     // SAFETY: the buffer is as long as the call says, and nobody else uses it meanwhile.
    ///     let n = unsafe {
    ///         libc::recv(one.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len(), libc::MSG_PEEK)
    ///     };
    ///     usize::try_from(n).map_err(|_| io::Error::last_os_error())
    /// })?;
    /// assert_eq!(&buf[..len], b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<F, T>(&self, f: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(|_| f())
    }
}

forward::source!(UnixDatagram, net::UnixDatagram);
forward::debug!(UnixDatagram);

impl From<UnixDatagram> for net::UnixDatagram {
    /// The socket stays non-blocking.
    fn from(socket: UnixDatagram) -> net::UnixDatagram {
        socket.inner.into_inner()
    }
}
