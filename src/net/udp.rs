use std::io;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::forward;
use crate::io_source::IoSource;
use crate::sys;

/// A UDP socket.
///
/// It can talk to anybody, with [`send_to`](UdpSocket::send_to) and
/// [`recv_from`](UdpSocket::recv_from), or be [connected](UdpSocket::connect) to one peer, for
/// [`send`](UdpSocket::send) and [`recv`](UdpSocket::recv).
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use ferrio::{Events, Interest, Poll, Token, net::UdpSocket};
///
/// let sender = UdpSocket::bind("127.0.0.1:0".parse()?)?;
/// let mut receiver = UdpSocket::bind("127.0.0.1:0".parse()?)?;
///
/// let mut poll = Poll::new()?;
/// poll.registry().register(&mut receiver, Token(0), Interest::READABLE)?;
/// sender.send_to(b"hello", receiver.local_addr()?)?;
///
/// let mut events = Events::with_capacity(8);
/// poll.poll(&mut events, None)?;
/// let mut buf = [0; 16];
/// let (len, from) = receiver.recv_from(&mut buf)?;
/// assert_eq!(&buf[..len], b"hello");
/// assert_eq!(from, sender.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    inner: IoSource<net::UdpSocket>,
}

impl UdpSocket {
    /// Makes a socket bound to `addr`. With port 0 the system picks a free port, which
    /// [`local_addr`](UdpSocket::local_addr) tells.
    ///
    /// # Errors
    ///
    /// Those of `socket(2)` and `bind(2)`: [`AddrInUse`](io::ErrorKind::AddrInUse),
    /// [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable),
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) for the low ports, too many open
    /// descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// println!("reachable at {}", socket.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "socket")]
    pub fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
        sys::udp::bind(addr).map(UdpSocket::from_std)
    }

    /// Makes a source of the standard library's socket, which has to be non-blocking already;
    /// sending and receiving block otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let socket = ferrio::net::UdpSocket::from_std(socket);
    /// # let _ = socket; Ok(())
    /// # }
    /// ```
    pub fn from_std(socket: net::UdpSocket) -> UdpSocket {
        UdpSocket {
            inner: IoSource::new(socket),
        }
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
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The address this socket is [connected](UdpSocket::connect) to.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](io::ErrorKind::NotConnected) when it is connected to none.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// let peer = "127.0.0.1:7".parse()?;
    /// socket.connect(peer)?;
    /// assert_eq!(socket.peer_addr()?, peer);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// Sends `buf` as one datagram to `target`. Returns the number of bytes sent, which is all of them.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when the send buffer is full: wait for a writable event.
    /// The system refuses a datagram that is too long for the protocol, and hands on here what earlier
    /// datagrams met on their way.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ferrio::net::UdpSocket;
    /// # let alice = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// # let bob = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// let sent = alice.send_to(b"hello", bob.local_addr()?)?;
    /// assert_eq!(sent, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "sendto")]
    #[inline]
    pub fn send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        self.inner.do_write_op(|inner| inner.send_to(buf, target))
    }

    /// Receives one datagram. Returns its length and its sender. What does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when none has arrived: wait for a readable event.
    ///
    /// # Platform notes
    ///
    /// Windows: a datagram that does not fit is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// let mut buf = [0; 1500];
    /// match socket.recv_from(&mut buf) {
    ///     Ok((len, from)) => println!("{len} bytes from {from}"),
    ///     Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => println!("nothing yet"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "recvfrom")]
    #[inline]
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.inner.do_read_op(|inner| inner.recv_from(buf))
    }

    /// Looks at the next datagram and its sender; it stays in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Platform notes
    ///
    /// Windows: a datagram that does not fit is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// # use ferrio::{Events, Interest, Poll, Token};
    /// # let mut socket = socket;
    /// # let mut poll = Poll::new()?;
    /// # poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    /// # socket.send_to(b"hello", socket.local_addr()?)?;
    /// # poll.poll(&mut Events::with_capacity(1), None)?;
    /// let mut buf = [0; 1500];
    /// let (_, from) = socket.peek_from(&mut buf)?;
    /// let (_, same) = socket.recv_from(&mut buf)?;
    /// assert_eq!(from, same);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "MSG_PEEK")]
    #[inline]
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.inner.do_read_op(|inner| inner.peek_from(buf))
    }

    /// Sends `buf` as one datagram to the peer this socket is [connected](UdpSocket::connect) to.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to), and an error when the socket is not connected. On most systems
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) says that nobody listens at the peer's
    /// port, as an earlier datagram found out.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ferrio::net::UdpSocket;
    /// # let alice = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// # let bob = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// alice.connect(bob.local_addr()?)?;
    /// assert_eq!(alice.send(b"hello")?, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.inner.do_write_op(|inner| inner.send(buf))
    }

    /// Receives one datagram from the peer this socket is [connected](UdpSocket::connect) to. Returns its
    /// length. What does not fit into `buf` is lost.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](UdpSocket::recv_from), and
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) as for [`send`](UdpSocket::send). Some systems
    /// receive from anybody while the socket is not connected, others refuse.
    ///
    /// # Platform notes
    ///
    /// Windows: a datagram that does not fit is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ferrio::net::UdpSocket;
    /// # let alice = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// # let bob = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// alice.connect(bob.local_addr()?)?;
    /// match alice.recv(&mut [0; 1500]) {
    ///     Ok(len) => println!("{len} bytes from bob"),
    ///     Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => println!("nothing yet"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline]
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.do_read_op(|inner| inner.recv(buf))
    }

    /// Looks at the next datagram from the peer this socket is [connected](UdpSocket::connect) to; it stays
    /// in the queue.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Platform notes
    ///
    /// Windows: a datagram that does not fit is an error.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ferrio::net::UdpSocket;
    /// # let alice = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// # let bob = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// alice.connect(bob.local_addr()?)?;
    /// match alice.peek(&mut [0; 1500]) {
    ///     Ok(len) => println!("bob has sent {len} bytes"),
    ///     Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => println!("nothing yet"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "MSG_PEEK")]
    #[inline]
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.do_read_op(|inner| inner.peek(buf))
    }

    /// Fixes the one peer that this socket sends to and receives from; other senders' datagrams are
    /// dropped. Nothing is sent. Connecting again changes the peer.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`, for example [`NetworkUnreachable`](io::ErrorKind::NetworkUnreachable).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ferrio::net::UdpSocket;
    /// # let alice = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// # let bob = UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// alice.connect(bob.local_addr()?)?;
    /// assert_eq!(alice.peer_addr()?, bob.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(&self, addr: SocketAddr) -> io::Result<()> {
        self.inner.connect(addr)
    }

    /// Allows or forbids sending to a broadcast address (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_BROADCAST")]
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.inner.set_broadcast(on)
    }

    /// Whether sending to a broadcast address is allowed; not so for a new socket.
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// assert!(!socket.broadcast()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_BROADCAST")]
    pub fn broadcast(&self) -> io::Result<bool> {
        self.inner.broadcast()
    }

    /// Whether what is sent to an IPv4 multicast group comes back to members on this machine
    /// (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`.
    ///
    /// # Platform notes
    ///
    /// Unix: the sender's setting counts. Windows: the receiver's.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// socket.set_multicast_loop_v4(false)?;
    /// assert!(!socket.multicast_loop_v4()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_MULTICAST_LOOP")]
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.inner.set_multicast_loop_v4(on)
    }

    /// See [`set_multicast_loop_v4`](UdpSocket::set_multicast_loop_v4).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// assert!(socket.multicast_loop_v4()?); // what a new socket has
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_MULTICAST_LOOP")]
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.inner.multicast_loop_v4()
    }

    /// Sets how many routers an IPv4 multicast datagram may pass (`IP_MULTICAST_TTL`); 1, what a new
    /// socket has, keeps it in the local network.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`. On Linux [`InvalidInput`](io::ErrorKind::InvalidInput) for anything
    /// above 255, except `u32::MAX`, which restores the default of 1.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// socket.set_multicast_ttl_v4(4)?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 4);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_MULTICAST_TTL")]
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.inner.set_multicast_ttl_v4(ttl)
    }

    /// See [`set_multicast_ttl_v4`](UdpSocket::set_multicast_ttl_v4).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_MULTICAST_TTL")]
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.inner.multicast_ttl_v4()
    }

    /// Whether what is sent to an IPv6 multicast group comes back to members on this machine
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`. Most systems refuse it on an IPv4 socket.
    ///
    /// # Platform notes
    ///
    /// Unix: the sender's setting counts. Windows: the receiver's.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // IPv6 may be switched off on this machine.
    /// let Ok(socket) = ferrio::net::UdpSocket::bind("[::1]:0".parse()?) else {
    ///     return Ok(());
    /// };
    /// socket.set_multicast_loop_v6(false)?;
    /// assert!(!socket.multicast_loop_v6()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IPV6_MULTICAST_LOOP")]
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.inner.set_multicast_loop_v6(on)
    }

    /// See [`set_multicast_loop_v6`](UdpSocket::set_multicast_loop_v6).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`. Most systems refuse it on an IPv4 socket.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // IPv6 may be switched off on this machine.
    /// let Ok(socket) = ferrio::net::UdpSocket::bind("[::1]:0".parse()?) else {
    ///     return Ok(());
    /// };
    /// assert!(socket.multicast_loop_v6()?); // what a new socket has
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IPV6_MULTICAST_LOOP")]
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.inner.multicast_loop_v6()
    }

    /// Sets how many routers this socket's datagrams to single receivers may pass (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`. On Linux [`InvalidInput`](io::ErrorKind::InvalidInput) for 0 and for
    /// anything above 255, except `u32::MAX`, which restores the system's default.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// socket.set_ttl(32)?;
    /// assert_eq!(socket.ttl()?, 32);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_TTL")]
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.inner.set_ttl(ttl)
    }

    /// See [`set_ttl`](UdpSocket::set_ttl).
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// println!("datagrams may pass {} routers", socket.ttl()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_TTL")]
    pub fn ttl(&self) -> io::Result<u32> {
        self.inner.ttl()
    }

    /// Joins the IPv4 multicast group `multiaddr` on the interface that has the address `interface`;
    /// `0.0.0.0` lets the system choose one.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`. [`InvalidInput`](io::ErrorKind::InvalidInput) when `multiaddr` is no
    /// multicast address, [`AddrInUse`](io::ErrorKind::AddrInUse) when the socket is a member already, and
    /// an error when there is no such interface.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// use std::net::Ipv4Addr;
    ///
    /// let group = Ipv4Addr::new(224, 0, 0, 123);
    /// socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    /// socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_ADD_MEMBERSHIP")]
    #[allow(clippy::trivially_copy_pass_by_ref)] // The signature is mio's and std's.
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.inner.join_multicast_v4(multiaddr, interface)
    }

    /// Joins the IPv6 multicast group `multiaddr` on the interface number `interface`; 0 lets the system
    /// choose one.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`. [`InvalidInput`](io::ErrorKind::InvalidInput) when `multiaddr` is no
    /// multicast address, [`AddrInUse`](io::ErrorKind::AddrInUse) when the socket is a member already, and
    /// an error when there is no such interface.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // IPv6 may be switched off on this machine.
    /// let Ok(socket) = ferrio::net::UdpSocket::bind("[::1]:0".parse()?) else {
    ///     return Ok(());
    /// };
    /// let group = "ff02::1234".parse()?;
    /// match socket.join_multicast_v6(&group, 0) {
    ///     Ok(()) => socket.leave_multicast_v6(&group, 0)?,
    ///     Err(error) => println!("no interface with IPv6 multicast: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IPV6_JOIN_GROUP")]
    #[doc(alias = "IPV6_ADD_MEMBERSHIP")]
    #[allow(clippy::trivially_copy_pass_by_ref)] // The signature is mio's and std's.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.inner.join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group; the arguments are those of [`join_multicast_v4`](UdpSocket::join_multicast_v4).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`. [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when the socket is not
    /// a member.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// use std::{io::ErrorKind, net::Ipv4Addr};
    ///
    /// let group = Ipv4Addr::new(224, 0, 0, 123);
    /// let error = socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::AddrNotAvailable); // was no member
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IP_DROP_MEMBERSHIP")]
    #[allow(clippy::trivially_copy_pass_by_ref)] // The signature is mio's and std's.
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.inner.leave_multicast_v4(multiaddr, interface)
    }

    /// Leaves a group; the arguments are those of [`join_multicast_v6`](UdpSocket::join_multicast_v6).
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`. [`AddrNotAvailable`](io::ErrorKind::AddrNotAvailable) when the socket is not
    /// a member.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // IPv6 may be switched off on this machine.
    /// let Ok(socket) = ferrio::net::UdpSocket::bind("[::1]:0".parse()?) else {
    ///     return Ok(());
    /// };
    /// let group = "ff02::1234".parse()?;
    /// assert!(socket.leave_multicast_v6(&group, 0).is_err()); // was no member
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IPV6_LEAVE_GROUP")]
    #[doc(alias = "IPV6_DROP_MEMBERSHIP")]
    #[allow(clippy::trivially_copy_pass_by_ref)] // The signature is mio's and std's.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.inner.leave_multicast_v6(multiaddr, interface)
    }

    /// Whether an IPv6 socket is restricted to IPv6 (`IPV6_V6ONLY`); one that is not also exchanges
    /// datagrams with IPv4 peers, whose addresses look like `::ffff:192.0.2.1`.
    ///
    /// # Errors
    ///
    /// Those of `getsockopt(2)`. Most systems refuse it on an IPv4 socket.
    ///
    /// # Platform notes
    ///
    /// Without the feature `os-poll`, and where ferrio knows no readiness facility:
    /// [`Unsupported`](io::ErrorKind::Unsupported), as the standard library has no such question.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // IPv6 may be switched off on this machine.
    /// let Ok(socket) = ferrio::net::UdpSocket::bind("[::1]:0".parse()?) else {
    ///     return Ok(());
    /// };
    /// println!("IPv6 only: {}", socket.only_v6()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "IPV6_V6ONLY")]
    pub fn only_v6(&self) -> io::Result<bool> {
        sys::udp::only_v6(&self.inner)
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
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "SO_ERROR")]
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
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
    /// # #[cfg(unix)]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::{io, os::fd::AsRawFd};
    /// # let socket = ferrio::net::UdpSocket::bind("127.0.0.1:0".parse()?)?;
    /// # socket.connect(socket.local_addr()?)?;
    ///
    /// let sent = socket.try_io(|| {
    ///     let buf = b"hello";
    ///     // SAFETY: the buffer is as long as the call says, and is only read.
    ///     let n = unsafe {
    ///         libc::send(socket.as_raw_fd(), buf.as_ptr().cast(), buf.len(), libc::MSG_DONTROUTE)
    ///     };
    ///     usize::try_from(n).map_err(|_| io::Error::last_os_error())
    /// })?;
    /// assert_eq!(sent, 5);
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

forward::source!(UdpSocket, net::UdpSocket);
forward::debug!(UdpSocket);

impl From<UdpSocket> for net::UdpSocket {
    /// The socket stays non-blocking.
    fn from(socket: UdpSocket) -> net::UdpSocket {
        socket.inner.into_inner()
    }
}
