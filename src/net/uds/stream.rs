use std::io;
use std::net::Shutdown;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use crate::forward;
use crate::io_source::IoSource;
use crate::sys;

/// A connected Unix socket that carries a stream of bytes.
///
/// Reading and writing work on `&UnixStream` as well, so that one part of a program can read while
/// another writes.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::io::{Read, Write};
/// use ferrio::{Events, Interest, Poll, Token, net::UnixStream};
///
/// let (mut one, mut other) = UnixStream::pair()?;
/// let mut poll = Poll::new()?;
/// poll.registry().register(&mut other, Token(0), Interest::READABLE)?;
///
/// one.write_all(b"ping")?;
///
/// poll.poll(&mut Events::with_capacity(8), None)?;
/// let mut buf = [0; 16];
/// assert_eq!(other.read(&mut buf)?, 4);
/// assert_eq!(&buf[..4], b"ping");
/// # Ok(())
/// # }
/// ```
pub struct UnixStream {
    inner: IoSource<net::UnixStream>,
}

impl UnixStream {
    /// Connects to the listener at `path`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that contains a NUL byte or does not
    /// fit into a Unix socket's address (107 bytes on Linux). Else those of `socket(2)` and
    /// `connect(2)`: [`NotFound`](io::ErrorKind::NotFound),
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied),
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when nobody listens there any more.
    ///
    /// # Platform notes
    ///
    /// Linux: [`WouldBlock`](io::ErrorKind::WouldBlock) means that the listener's queue is full and
    /// that nothing was started. No event will tell when there is room; try again later.
    ///
    /// Without the feature `os-poll`, and where ferrio knows no readiness facility:
    /// [`Unsupported`](io::ErrorKind::Unsupported), as the standard library can only connect and
    /// wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-usc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("service.sock");
    /// # let listener = std::os::unix::net::UnixListener::bind(&path)?;
    /// let stream = ferrio::net::UnixStream::connect(&path)?;
    /// assert_eq!(stream.peer_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    #[doc(alias = "socket")]
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Connects to the listener at `address`, which may be a name that is no path.
    ///
    /// # Errors
    ///
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Platform notes
    ///
    /// As for [`connect`](UnixStream::connect).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # fn main() -> std::io::Result<()> {
    /// use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    /// use ferrio::net::{UnixListener, UnixStream};
    ///
    /// let name = format!("ferrio-example-c-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(&name)?;
    /// let listener = UnixListener::bind_addr(&address)?;
    /// let stream = UnixStream::connect_addr(&address)?;
    /// # drop((listener, stream)); Ok(())
    /// # }
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// ```
    pub fn connect_addr(address: &SocketAddr) -> io::Result<UnixStream> {
        sys::uds::stream::connect_addr(address).map(UnixStream::from_std)
    }

    /// Makes a source of the standard library's stream, which has to be non-blocking already;
    /// reading and writing block otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (stream, peer) = std::os::unix::net::UnixStream::pair()?;
    /// stream.set_nonblocking(true)?;
    /// let stream = ferrio::net::UnixStream::from_std(stream);
    /// # drop((stream, peer)); Ok(())
    /// # }
    /// ```
    pub fn from_std(stream: net::UnixStream) -> UnixStream {
        UnixStream {
            inner: IoSource::new(stream),
        }
    }

    /// Makes two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// Those of `socketpair(2)`: too many open descriptors, no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::io::{Read, Write};
    ///
    /// let (mut one, mut other) = ferrio::net::UnixStream::pair()?;
    /// one.write_all(b"ping")?;
    /// let mut buf = [0; 4];
    /// other.read_exact(&mut buf)?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = sys::uds::stream::pair()?;
        Ok((UnixStream::from_std(one), UnixStream::from_std(other)))
    }

    /// The address of this end, unnamed for most clients.
    ///
    /// # Errors
    ///
    /// Those of `getsockname(2)`; none are expected of a stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, _other) = ferrio::net::UnixStream::pair()?;
    /// assert!(one.local_addr()?.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The address of the other end: for a client the one it connected to.
    ///
    /// # Errors
    ///
    /// Those of `getpeername(2)`: [`NotConnected`](io::ErrorKind::NotConnected).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (one, _other) = ferrio::net::UnixStream::pair()?;
    /// assert!(one.peer_addr()?.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
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
    /// let (one, _other) = ferrio::net::UnixStream::pair()?;
    /// assert!(one.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_ERROR")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }

    /// Ends the connection in one direction, or in both. After `Shutdown::Write` the peer reads to
    /// the end of what was sent and then gets `Ok(0)`.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when the stream is not connected; some systems
    /// say so too when the direction was shut down before, by the peer on macOS.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io::Read, net::Shutdown};
    ///
    /// let (one, mut other) = ferrio::net::UnixStream::pair()?;
    /// one.shutdown(Shutdown::Write)?;
    /// assert_eq!(other.read(&mut [0; 8])?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(how)
    }

    /// Runs `f`, an operation on this stream that ferrio has no method for, and hands its answer on.
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
    /// use std::{io::{self, Write}, os::fd::AsRawFd};
    ///
    /// let (one, mut other) = ferrio::net::UnixStream::pair()?;
    /// other.write_all(b"hello")?;
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

forward::source!(UnixStream, net::UnixStream);
forward::debug!(UnixStream);
forward::read!(UnixStream);
forward::write!(UnixStream);

impl From<UnixStream> for net::UnixStream {
    /// The stream stays non-blocking.
    fn from(stream: UnixStream) -> net::UnixStream {
        stream.inner.into_inner()
    }
}
