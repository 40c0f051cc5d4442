use std::io;
use std::net::{self, SocketAddr};

use crate::forward;
use crate::io_source::IoSource;
use crate::net::TcpStream;
use crate::sys;

/// A socket that listens for TCP connections.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ferrio::{Events, Interest, Poll, Token, net::{TcpListener, TcpStream}};
///
/// let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
/// let mut poll = Poll::new()?;
/// poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
///
/// let client = TcpStream::connect(listener.local_addr()?)?;
///
/// let mut events = Events::with_capacity(8);
/// poll.poll(&mut events, None)?;
/// let (connection, peer) = listener.accept()?;
/// assert_eq!(peer, client.local_addr()?);
/// # drop(connection); Ok(())
/// # }
/// ```
pub struct TcpListener {
    inner: IoSource<net::TcpListener>,
}

impl TcpListener {
    /// Listens on `addr`. With port 0 the system picks a free port, which
    /// [`local_addr`](TcpListener::local_addr) tells.
    ///
    /// The queue of connections that wait to be accepted is as long as the standard library makes
    /// it.
    ///
    /// # Errors
    ///
    /// Those of `socket(2)`, `bind(2)` and `listen(2)`:
    /// [`AddrInUse`](io::ErrorKind::AddrInUse), [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable),
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for the low ports, too many open
    /// descriptors.
    ///
    /// # Platform notes
    ///
    /// On Unix `SO_REUSEADDR` is set, so that a server can be restarted while connections of its
    /// predecessor still linger. Not on Windows, where the option would let another program take
    /// the address over.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = ferrio::net::TcpListener::bind("127.0.0.1:0".parse()?)?;
    /// println!("listening on {}", listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "socket")]
    #[doc(alias = "listen")]
    pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
        sys::tcp::bind(addr).map(TcpListener::from_std)
    }

    /// Makes a source of the standard library's listener, which has to be non-blocking already;
    /// [`accept`](TcpListener::accept) blocks otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// let listener = ferrio::net::TcpListener::from_std(listener);
    /// # let _ = listener; Ok(())
    /// # }
    /// ```
    pub fn from_std(listener: net::TcpListener) -> TcpListener {
        TcpListener {
            inner: IoSource::new(listener),
        }
    }

    /// Takes the next connection from the queue. It is non-blocking, and closed on exec.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when the queue is empty: wait for the next event.
    ///
    /// All others are the system's, handed on as they are. Some concern only the connection that was
    /// next, [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) above all, and on Linux any
    /// network error that was pending on it: go on accepting. Too many open descriptors leave the
    /// connection in the queue, and no new event comes for it: close something, then accept again.
    ///
    /// # Platform notes
    ///
    /// Linux: where `accept4(2)` is missing or filtered, `accept(2)` and `fcntl(2)` do its work.
    ///
    /// macOS: a connection that was reset in the queue and has no address any more is
    /// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted).
    ///
    /// iOS: the system may take the listener of a suspended app away. Then every call fails, with EBADF
    /// or `ConnectionAborted`, so do not go on for ever. Make a new one when the app comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ferrio::net::{TcpListener, TcpStream};
    /// use std::io::ErrorKind;
    ///
    /// /// To be called for every event of the listener.
    /// fn accept_all(listener: &TcpListener, connections: &mut Vec<TcpStream>) -> std::io::Result<()> {
    ///     loop {
    ///         match listener.accept() {
    ///             Ok((connection, _)) => connections.push(connection),
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
    ///             Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
    ///             Err(error) => return Err(error),
    ///         }
    ///     }
    /// }
    /// # let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    /// # accept_all(&listener, &mut Vec::new()).unwrap();
    /// ```
    #[doc(alias = "accept4")]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, addr) = self.inner.do_read_op(sys::tcp::accept)?;
        Ok((TcpStream::from_std(stream), addr))
    }

    /// The address this listener is bound to.
    ///
    /// # Errors
    ///
    /// Those of `getsockname(2)`; none are expected of a listener.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = ferrio::net::TcpListener::bind("127.0.0.1:0".parse()?)?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Sets how many routers the packets of this listener, and of the connections it accepts, may
    /// pass (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`; on Linux [`InvalidInput`](io::ErrorKind::InvalidInput) for 0 and
    /// for anything above 255, except `u32::MAX`, which restores the system's default.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = ferrio::net::TcpListener::bind("127.0.0.1:0".parse()?)?;
    /// listener.set_ttl(32)?;
    /// assert_eq!(listener.ttl()?, 32);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_TTL")]
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner.set_ttl(ttl)
    }

    /// How many routers packets may pass; see [`set_ttl`](TcpListener::set_ttl).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = ferrio::net::TcpListener::bind("127.0.0.1:0".parse()?)?;
    /// println!("packets may pass {} routers", listener.ttl()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_TTL")]
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner.ttl()
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
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = ferrio::net::TcpListener::bind("127.0.0.1:0".parse()?)?;
    /// assert!(listener.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_ERROR")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }
}

forward::source!(TcpListener, net::TcpListener);
forward::debug!(TcpListener);

impl From<TcpListener> for net::TcpListener {
    /// The listener stays non-blocking.
    fn from(listener: TcpListener) -> net::TcpListener {
        listener.inner.into_inner()
    }
}
