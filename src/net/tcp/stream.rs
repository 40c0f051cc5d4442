use std::io;
use std::net::{self, Shutdown, SocketAddr};

use crate::forward;
use crate::io_source::IoSource;
use crate::sys;

/// A TCP connection, or one that is being established.
///
/// Reading and writing work on `&TcpStream` as well, so that one part of a program can read while
/// another writes.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::io::{Read, Write};
/// use ferrio::{Events, Interest, Poll, Token, net::TcpStream};
///
/// let server = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let mut stream = TcpStream::connect(server.local_addr()?)?;
///
/// let mut poll = Poll::new()?;
/// poll.registry().register(&mut stream, Token(0), Interest::READABLE | Interest::WRITABLE)?;
/// let mut events = Events::with_capacity(8);
///
/// // Connected once it is writable and no error is pending.
/// while !events.iter().any(|event| event.is_writable()) {
///     poll.poll(&mut events, None)?;
/// }
/// assert!(stream.take_error()?.is_none());
/// stream.write_all(b"ping")?;
///
/// let (mut peer, _) = server.accept()?;
/// let mut buf = [0; 4];
/// peer.read_exact(&mut buf)?;
/// assert_eq!(&buf, b"ping");
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    inner: IoSource<net::TcpStream>,
}

impl TcpStream {
    /// Begins to connect to `addr`, and returns without waiting for the outcome.
    ///
    /// To learn it, register the stream with [`Interest::WRITABLE`](crate::Interest::WRITABLE) and
    /// wait for a writable event. Then [`take_error`](TcpStream::take_error) tells why the attempt
    /// failed, if it did; if it did not, [`peer_addr`](TcpStream::peer_addr) succeeds. When
    /// `peer_addr` says [`NotConnected`](io::ErrorKind::NotConnected), the event was a spurious one:
    /// wait for the next.
    ///
    /// # Errors
    ///
    /// Those of `socket(2)` and `connect(2)` that are known at once, for example
    /// [`NetworkUnreachable`](io::ErrorKind::NetworkUnreachable), no free local port, or too many
    /// open descriptors.
    ///
    /// # Platform notes
    ///
    /// Without the feature `os-poll`, and where ferrio knows no readiness facility:
    /// [`Unsupported`](io::ErrorKind::Unsupported), as the standard library can only connect and
    /// wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::ErrorKind;
    /// use ferrio::{Events, Interest, Poll, Token, net::{TcpListener, TcpStream}};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?)?;
    ///
    /// let mut poll = Poll::new()?;
    /// poll.registry().register(&mut stream, Token(0), Interest::WRITABLE)?;
    /// let mut events = Events::with_capacity(8);
    /// let peer = loop {
    ///     poll.poll(&mut events, None)?;
    ///     if let Some(error) = stream.take_error()? {
    ///         return Err(error.into());
    ///     }
    ///     match stream.peer_addr() {
    ///         Err(error) if error.kind() == ErrorKind::NotConnected => continue,
    ///         answer => break answer?,
    ///     }
    /// };
    /// assert_eq!(peer, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "socket")]
    pub fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
        sys::tcp::connect(addr).map(TcpStream::from_std)
    }

    /// Makes a source of the standard library's stream, which has to be non-blocking already;
    /// reading and writing block otherwise. It may still be connecting.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// stream.set_nonblocking(true)?;
    /// let stream = ferrio::net::TcpStream::from_std(stream);
    /// # let _ = stream; Ok(())
    /// # }
    /// ```
    pub fn from_std(stream: net::TcpStream) -> TcpStream {
        TcpStream {
            inner: IoSource::new(stream),
        }
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) while the connection is not established, or no
    /// more. macOS says [`InvalidInput`](io::ErrorKind::InvalidInput) of a connection that was
    /// reset.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// println!("connected to {}", stream.peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Those of `getsockname(2)`; none are expected of a stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// assert!(stream.local_addr()?.ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Ends the connection in one direction, or in both. After `Shutdown::Write` the peer reads to
    /// the end of what was sent and then gets `Ok(0)`.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) while the stream is not connected; some systems
    /// say so too when the direction was shut down before.
    ///
    /// # Platform notes
    ///
    /// macOS: the answer is as std's, [`NotConnected`](io::ErrorKind::NotConnected) also when the peer has
    /// finished and reading is shut down, or has closed the connection. The direction is shut then.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io::Read, net::Shutdown};
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// # let (mut peer, _) = server.accept()?;
    ///
    /// stream.shutdown(Shutdown::Write)?;
    /// assert_eq!(peer.read(&mut [0; 8])?, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.do_shutdown(how, |inner| inner.shutdown(how))
    }

    /// Switches `TCP_NODELAY` on or off. When on, a small write leaves at once instead of waiting
    /// for the acknowledgement of the one before it.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`.
    ///
    /// # Platform notes
    ///
    /// Windows: wait until the stream is connected (writable) first, it may fail otherwise.
    ///
    /// macOS: [`InvalidInput`](io::ErrorKind::InvalidInput) for a connection that is over, as for every
    /// option of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.inner.set_nodelay(nodelay)
    }

    /// Whether small writes leave at once; see [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`.
    ///
    /// # Platform notes
    ///
    /// Windows: as for [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// assert!(!stream.nodelay()?); // what a new socket has
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "TCP_NODELAY")]
    pub fn nodelay(&self) -> io::Result<bool> {
        self.inner.nodelay()
    }

    /// Sets how many routers this stream's packets may pass (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`; on Linux [`InvalidInput`](io::ErrorKind::InvalidInput) for 0 and
    /// for anything above 255, except `u32::MAX`, which restores the system's default.
    ///
    /// # Platform notes
    ///
    /// Windows: as for [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// stream.set_ttl(32)?;
    /// assert_eq!(stream.ttl()?, 32);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_TTL")]
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner.set_ttl(ttl)
    }

    /// How many routers packets may pass; see [`set_ttl`](TcpStream::set_ttl).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`.
    ///
    /// # Platform notes
    ///
    /// Windows: as for [`set_nodelay`](TcpStream::set_nodelay).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// println!("packets may pass {} routers", stream.ttl()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_TTL")]
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner.ttl()
    }

    /// Takes the error that is pending on the socket, if there is one (`SO_ERROR`): after an attempt
    /// to [`connect`](TcpStream::connect) the reason why it failed.
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`: then it is not known whether an error was pending.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// if let Some(error) = stream.take_error()? {
    ///     eprintln!("the connection failed: {error}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_ERROR")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }

    /// Reads without taking the bytes out of the socket: the next read sees them again.
    ///
    /// # Errors
    ///
    /// Those of `recv(2)` with `MSG_PEEK`: [`WouldBlock`](io::ErrorKind::WouldBlock) when nothing
    /// has arrived.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    /// # let (mut peer, _) = server.accept()?;
    /// # std::io::Write::write_all(&mut peer, &[0x16, 0x03])?;
    /// let mut first = [0; 1];
    /// match stream.peek(&mut first) {
    ///     Ok(1) if first == [0x16] => println!("this begins like TLS"),
    ///     Ok(0) => println!("closed"),
    ///     Ok(_) => println!("something else"),
    ///     Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => println!("not yet"),
    ///     Err(error) => return Err(error),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "MSG_PEEK")]
    #[inline]
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.do_read_op(|inner| inner.peek(buf))
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
    /// # #[cfg(unix)]
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io, os::fd::AsRawFd};
    /// # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let stream = std::net::TcpStream::connect(server.local_addr()?)?;
    /// # let stream = ferrio::net::TcpStream::from_std(stream);
    ///
    /// let sent = stream.try_io(|| {
    ///     let urgent = [0_u8];
    ///     // SAFETY: the buffer is as long as the call says, and is only read.
    ///     let n = unsafe { libc::send(stream.as_raw_fd(), urgent.as_ptr().cast(), 1, libc::MSG_OOB) };
    ///     usize::try_from(n).map_err(|_| io::Error::last_os_error())
    /// })?;
    /// assert_eq!(sent, 1);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(unix))]
    /// # fn main() {}
    /// ```
    pub fn try_io<F, T>(&self, f: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(|_| f())
    }
}

forward::source!(TcpStream, net::TcpStream);
forward::debug!(TcpStream);
forward::read!(TcpStream);
forward::write!(TcpStream);

impl From<TcpStream> for net::TcpStream {
    /// The stream stays non-blocking.
    fn from(stream: TcpStream) -> net::TcpStream {
        stream.inner.into_inner()
    }
}
