use crate::readiness::Readiness;
use crate::token::Token;

/// One source, or one [`Waker`](crate::Waker), that became ready.
///
/// An event says that trying again is worthwhile, not that it will succeed: another thread may have
/// been faster. Spurious events are allowed, so code has to expect
/// [`WouldBlock`](std::io::ErrorKind::WouldBlock) after any of them. Delivery is edge-triggered:
/// the next event comes when readiness changes after an operation answered `WouldBlock`.
///
/// On a connection, and on a pipe, the closed bits never lie but may be missing: a program that needs
/// to know reads until it gets `Ok(0)` or an error. On a datagram socket an error that is pending,
/// such as "nobody listens there", sets `write_closed` too (`EPOLLERR`, as mio decodes it); the socket
/// goes on working. So does a TCP connection that was told to report by its error queue, `MSG_ERRQUEUE`
/// in `recv(2)`: what waits there looks the same.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use ferrio::{Events, Interest, Poll, Token, net::UdpSocket};
///
/// let mut poll = Poll::new()?;
/// let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// poll.registry().register(&mut socket, Token(7), Interest::WRITABLE)?;
///
/// let mut events = Events::with_capacity(8);
/// poll.poll(&mut events, None)?;
/// let event = events.iter().next().unwrap();
/// assert_eq!(event.token(), Token(7));
/// assert!(event.is_writable() && !event.is_readable());
/// # Ok(())
/// # }
/// ```
// 16 bytes on every target: the selectors let the kernel write its own records, of at most that
// size, into the memory of the events that they become (see sys/unix/os/epoll.rs).
#[derive(Clone)]
#[repr(C, align(8))]
pub struct Event {
    token: Token,
    raw: u32,
    readiness: Readiness,
}

const _: () = assert!(size_of::<Event>() == 16);

impl Event {
    /// An event with the system's own flags `raw`, kept for `Debug`.
    #[inline]
    pub(crate) const fn new(token: Token, readiness: Readiness, raw: u32) -> Event {
        Event {
            token,
            raw,
            readiness,
        }
    }

    /// The event of a waker. It looks the same whichever kernel object carried it, if any did.
    #[inline]
    pub(crate) const fn wake(token: Token) -> Event {
        Event::new(token, Readiness::READABLE, 0)
    }

    /// Adds what another record of the same source tells.
    #[cfg(any(sel_kqueue, sel_iocp))]
    #[inline]
    pub(crate) fn merge(&mut self, readiness: Readiness, raw: u32) {
        self.readiness = self.readiness | readiness;
        self.raw |= raw;
    }

    pub(crate) const fn raw(&self) -> u32 {
        self.raw
    }

    /// The token given at registration.
    ///
    /// # Examples
    ///
    /// ```
    /// fn of_client(event: &ferrio::event::Event) -> bool {
    ///     event.token() != ferrio::Token(0)
    /// }
    /// # let _ = of_client;
    /// ```
    #[inline]
    pub fn token(&self) -> Token {
        self.token
    }

    /// Whether reading, or accepting, is worthwhile. True as well when the peer has finished.
    ///
    /// On epoll: `EPOLLIN` or `EPOLLPRI`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn read_all() {}
    /// fn handle(event: &ferrio::event::Event) {
    ///     if event.is_readable() {
    ///         read_all(); // until WouldBlock, or Ok(0)
    ///     }
    /// }
    /// # let _ = handle;
    /// ```
    #[inline]
    pub fn is_readable(&self) -> bool {
        self.readiness.contains(Readiness::READABLE)
    }

    /// Whether writing is worthwhile, or a connection attempt has ended, well or badly.
    ///
    /// On epoll: `EPOLLOUT`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ferrio::net::TcpStream;
    /// /// `None`: not connected yet.
    /// fn connected(event: &ferrio::event::Event, stream: &TcpStream) -> Option<std::io::Result<()>> {
    ///     if !event.is_writable() {
    ///         return None;
    ///     }
    ///     match stream.take_error() {
    ///         Ok(None) => stream.peer_addr().ok().map(|_| Ok(())),
    ///         Ok(Some(error)) | Err(error) => Some(Err(error)),
    ///     }
    /// }
    /// # let _ = connected;
    /// ```
    #[inline]
    pub fn is_writable(&self) -> bool {
        self.readiness.contains(Readiness::WRITABLE)
    }

    /// Whether the source has an error to report, `take_error` tells which.
    ///
    /// On epoll: `EPOLLERR`, which also a pipe's writer gets when the reader is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ferrio::net::TcpStream;
    /// fn log_error(event: &ferrio::event::Event, stream: &TcpStream) {
    ///     if event.is_error() {
    ///         eprintln!("{:?}: {:?}", event.token(), stream.take_error());
    ///     }
    /// }
    /// # let _ = log_error;
    /// ```
    #[inline]
    pub fn is_error(&self) -> bool {
        self.readiness.contains(Readiness::ERROR)
    }

    /// Whether the peer will send nothing more, or this end's reading half was shut down. Data that
    /// arrived before can still be read.
    ///
    /// `false` proves nothing. On epoll: `EPOLLHUP`, or `EPOLLIN` together with `EPOLLRDHUP`.
    ///
    /// # Examples
    ///
    /// ```
    /// fn last_read(event: &ferrio::event::Event) -> bool {
    ///     event.is_readable() && event.is_read_closed()
    /// }
    /// # let _ = last_read;
    /// ```
    #[inline]
    pub fn is_read_closed(&self) -> bool {
        self.readiness.contains(Readiness::READ_CLOSED)
    }

    /// Whether nothing more can be sent: both halves are shut, or the connection failed.
    ///
    /// `false` proves nothing; on a datagram socket `true` means an error, see [`Event`]. On epoll:
    /// `EPOLLHUP`, or `EPOLLOUT` together with `EPOLLERR`, or `EPOLLERR` alone.
    ///
    /// # Examples
    ///
    /// ```
    /// fn give_up_writing(event: &ferrio::event::Event) -> bool {
    ///     event.is_write_closed()
    /// }
    /// # let _ = give_up_writing;
    /// ```
    #[inline]
    pub fn is_write_closed(&self) -> bool {
        self.readiness.contains(Readiness::WRITE_CLOSED)
    }

    /// Whether there is urgent data. On epoll: `EPOLLPRI`; on poll(2): `POLLPRI`, where there is
    /// `Interest::PRIORITY`; elsewhere always false.
    ///
    /// # Examples
    ///
    /// ```
    /// fn urgent(event: &ferrio::event::Event) -> bool {
    ///     event.is_priority()
    /// }
    /// # let _ = urgent;
    /// ```
    #[inline]
    pub fn is_priority(&self) -> bool {
        self.readiness.contains(Readiness::PRIORITY)
    }

    /// Whether a POSIX asynchronous I/O operation ended. Only a kqueue reports this.
    ///
    /// # Examples
    ///
    /// ```
    /// fn completed(event: &ferrio::event::Event) -> bool {
    ///     event.is_aio()
    /// }
    /// # let _ = completed;
    /// ```
    #[inline]
    pub fn is_aio(&self) -> bool {
        self.readiness.contains(Readiness::AIO)
    }

    /// Whether a list given to `lio_listio(2)` ended. Only FreeBSD's kqueue reports this.
    ///
    /// # Examples
    ///
    /// ```
    /// fn all_completed(event: &ferrio::event::Event) -> bool {
    ///     event.is_lio()
    /// }
    /// # let _ = all_completed;
    /// ```
    #[inline]
    pub fn is_lio(&self) -> bool {
        self.readiness.contains(Readiness::LIO)
    }
}
