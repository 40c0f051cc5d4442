use std::io;
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

use crate::forward;
use crate::io_source::IoSource;
use crate::net::UnixStream;
use crate::sys;

/// A Unix socket that listens for stream connections.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use ferrio::{Events, Interest, Poll, Token, net::{UnixListener, UnixStream}};
///
/// # let dir = std::env::temp_dir().join(format!("ferrio-doc-ul-{}", std::process::id()));
/// # std::fs::create_dir_all(&dir)?;
/// let path = dir.join("service.sock");
/// let mut listener = UnixListener::bind(&path)?;
/// let mut poll = Poll::new()?;
/// poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
///
/// let client = UnixStream::connect(&path)?;
///
/// poll.poll(&mut Events::with_capacity(8), None)?;
/// let (connection, peer) = listener.accept()?;
/// assert!(peer.is_unnamed());
///
/// // Closing a listener leaves its path in the file system.
/// std::fs::remove_file(&path)?;
/// # std::fs::remove_dir(&dir)?;
/// # drop((client, connection)); Ok(())
/// # }
/// ```
pub struct UnixListener {
    inner: IoSource<net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`, where nothing may exist yet.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a path that contains a NUL byte or does not
    /// fit into a Unix socket's address (107 bytes on Linux). Else those of `socket(2)`, `bind(2)`
    /// and `listen(2)`: [`AddrInUse`](io::ErrorKind::AddrInUse) when something exists there, an error
    /// of the file system, too many open descriptors.
    ///
    /// # Platform notes
    ///
    /// Linux: for an empty path the kernel picks an abstract name.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-ulb-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("service.sock");
    /// let listener = ferrio::net::UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    #[doc(alias = "socket")]
    #[doc(alias = "listen")]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bind_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Listens at `address`, which may be a name that is no path.
    ///
    /// # Errors
    ///
    /// As [`bind`](UnixListener::bind).
    ///
    /// # Examples
    ///
    /// A name in Linux's abstract namespace, which vanishes with its socket:
    ///
    /// ```
    /// # #[cfg(target_os = "linux")]
    /// # fn main() -> std::io::Result<()> {
    /// use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
    ///
    /// let name = format!("ferrio-example-{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(&name)?;
    /// let listener = ferrio::net::UnixListener::bind_addr(&address)?;
    /// assert_eq!(listener.local_addr()?.as_abstract_name(), Some(name.as_bytes()));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(target_os = "linux"))]
    /// # fn main() {}
    /// ```
    pub fn bind_addr(address: &SocketAddr) -> io::Result<UnixListener> {
        sys::uds::listener::bind_addr(address).map(UnixListener::from_std)
    }

    /// Makes a source of the standard library's listener, which has to be non-blocking already;
    /// [`accept`](UnixListener::accept) blocks otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-ulf-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let path = dir.join("service.sock");
    /// let listener = std::os::unix::net::UnixListener::bind(&path)?;
    /// listener.set_nonblocking(true)?;
    /// let listener = ferrio::net::UnixListener::from_std(listener);
    /// # let _ = listener;
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    pub fn from_std(listener: net::UnixListener) -> UnixListener {
        UnixListener {
            inner: IoSource::new(listener),
        }
    }

    /// Takes the next connection from the queue, and tells the name of its other end, which hardly
    /// ever has one. The connection is non-blocking, and closed on exec.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when the queue is empty: wait for the next event.
    /// All others are the system's. Too many open descriptors leave the connection in the queue, and
    /// no new event comes for it: close something, then accept again.
    ///
    /// # Platform notes
    ///
    /// Linux: where `accept4(2)` is missing or filtered, `accept(2)` and `fcntl(2)` do its work.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ferrio::net::{UnixListener, UnixStream};
    /// use std::io::ErrorKind;
    ///
    /// /// To be called for every event of the listener.
    /// fn accept_all(listener: &UnixListener, connections: &mut Vec<UnixStream>) -> std::io::Result<()> {
    ///     loop {
    ///         match listener.accept() {
    ///             Ok((connection, _)) => connections.push(connection),
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
    ///             Err(error) => return Err(error),
    ///         }
    ///     }
    /// }
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-ula-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let listener = UnixListener::bind(dir.join("sock"))?;
    /// # let (_client, mut all) = (UnixStream::connect(dir.join("sock"))?, Vec::new());
    /// # accept_all(&listener, &mut all)?;
    /// # assert_eq!(all.len(), 1);
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    #[doc(alias = "accept4")]
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, addr) = self.inner.do_read_op(sys::uds::listener::accept)?;
        Ok((UnixStream::from_std(stream), addr))
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
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-ull-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let listener = ferrio::net::UnixListener::bind(dir.join("sock"))?;
    /// println!("listening at {:?}", listener.local_addr()?);
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
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
    /// # let dir = std::env::temp_dir().join(format!("ferrio-doc-ult-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let listener = ferrio::net::UnixListener::bind(dir.join("sock"))?;
    /// assert!(listener.take_error()?.is_none());
    /// # std::fs::remove_dir_all(&dir)
    /// # }
    /// ```
    #[doc(alias = "SO_ERROR")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }
}

forward::source!(UnixListener, net::UnixListener);
forward::debug!(UnixListener);

impl From<UnixListener> for net::UnixListener {
    /// The listener stays non-blocking.
    fn from(listener: UnixListener) -> net::UnixListener {
        listener.inner.into_inner()
    }
}
