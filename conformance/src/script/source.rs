//! The real sources of a script.

use std::io::{self, Read, Write};
use std::net::{self, Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrio::event::Source;
use ferrio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ferrio::unix::pipe;
use socket2::SockRef;

use super::op::{How, Kind};
use crate::samples::{self, Raw};
use crate::{descriptors, kernel, pairs};

/// What is in a slot.
#[derive(Debug)]
pub(super) enum Real {
    Tcp(TcpStream),
    Unix(UnixStream),
    Datagram(UnixDatagram),
    Udp(UdpSocket),
    Sender(pipe::Sender),
    Receiver(pipe::Receiver),
    Raw(Raw),
    Eventfd(Raw),
    TcpListener(TcpListener, SocketAddr),
    UnixListener(UnixListener, unix::net::SocketAddr),
}

/// Runs an expression on whatever is in the slot.
macro_rules! each {
    ($real:expr, $source:ident => $result:expr) => {
        match $real {
            Real::Tcp($source) => $result,
            Real::Unix($source) => $result,
            Real::Datagram($source) => $result,
            Real::Udp($source) => $result,
            Real::Sender($source) => $result,
            Real::Receiver($source) => $result,
            Real::Raw(Raw($source)) | Real::Eventfd(Raw($source)) => $result,
            Real::TcpListener($source, _) => $result,
            Real::UnixListener($source, _) => $result,
        }
    };
}

impl Real {
    /// What is made, one or two; `None`: there is no such kind here.
    pub(super) fn create(kind: Kind) -> Option<(Real, Option<Real>)> {
        Some(match kind {
            Kind::Tcp => {
                let (a, b) = tcp_pair().expect("a connection");
                (tcp(a), Some(tcp(b)))
            }
            Kind::Unix => {
                let (a, b) = UnixStream::pair().expect("a pair");
                (Real::Unix(a), Some(Real::Unix(b)))
            }
            Kind::Datagram => {
                let (a, b) = UnixDatagram::pair().expect("a pair");
                (Real::Datagram(a), Some(Real::Datagram(b)))
            }
            Kind::Udp => {
                let (a, b) = pairs::udp();
                b.set_nonblocking(true).expect("non-blocking");
                (Real::Udp(a), Some(Real::Udp(UdpSocket::from_std(b))))
            }
            Kind::Pipe => {
                let (sender, receiver) = pipe::new().expect("a pipe");
                (Real::Sender(sender), Some(Real::Receiver(receiver)))
            }
            Kind::Raw => {
                let (a, b) = UnixStream::pair().expect("a pair");
                let raw = |stream| Real::Raw(Raw(OwnedFd::from(stream)));
                (raw(a), Some(raw(b)))
            }
            Kind::Eventfd => (Real::Eventfd(Raw(samples::eventfd().0)), None),
            Kind::TcpListener => {
                let listener = TcpListener::bind((own_host(), 0).into()).expect("a listener");
                let address = listener.local_addr().expect("its address");
                (Real::TcpListener(listener, address), None)
            }
            Kind::UnixListener => {
                let name = abstract_name();
                let listener = UnixListener::bind_addr(&name).expect("bind");
                (Real::UnixListener(listener, name), None)
            }
        })
    }

    /// A client, if this is a listener.
    pub(super) fn connect(&self) -> Option<io::Result<Real>> {
        match self {
            Real::TcpListener(_, address) => Some(TcpStream::connect(*address).map(limited)),
            Real::UnixListener(_, name) => Some(UnixStream::connect_addr(name).map(Real::Unix)),
            _ => None,
        }
    }

    pub(super) fn accept(&self) -> Option<io::Result<Real>> {
        match self {
            Real::TcpListener(listener, _) => Some(listener.accept().map(|(s, _)| limited(s))),
            Real::UnixListener(listener, _) => Some(listener.accept().map(|(s, _)| Real::Unix(s))),
            _ => None,
        }
    }

    pub(super) fn duplicate(&self) -> Real {
        let fd = descriptors::duplicate(self);
        match self {
            Real::Tcp(_) => Real::Tcp(fd.into()),
            Real::Unix(_) => Real::Unix(fd.into()),
            Real::Datagram(_) => Real::Datagram(fd.into()),
            Real::Udp(_) => Real::Udp(fd.into()),
            Real::Sender(_) => Real::Sender(fd.into()),
            Real::Receiver(_) => Real::Receiver(fd.into()),
            Real::Raw(_) => Real::Raw(Raw(fd)),
            Real::Eventfd(_) => Real::Eventfd(Raw(fd)),
            Real::TcpListener(_, address) => Real::TcpListener(fd.into(), *address),
            Real::UnixListener(_, name) => Real::UnixListener(fd.into(), name.clone()),
        }
    }

    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Real::Raw(raw) | Real::Eventfd(raw) => raw,
            Real::Tcp(s) => s,
            Real::Unix(s) => s,
            Real::Datagram(s) => s,
            Real::Udp(s) => s,
            Real::Sender(s) => s,
            Real::Receiver(s) => s,
            Real::TcpListener(s, _) => s,
            Real::UnixListener(s, _) => s,
        }
    }

    /// `None`: it cannot be read from.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        Some(match self {
            Real::Tcp(s) => (&mut &*s).read(buffer),
            Real::Unix(s) => (&mut &*s).read(buffer),
            Real::Datagram(s) => s.recv(buffer),
            Real::Udp(s) => s.recv(buffer),
            Real::Receiver(s) => (&mut &*s).read(buffer),
            Real::Raw(Raw(fd)) => kernel::read(fd, buffer),
            Real::Eventfd(Raw(fd)) => kernel::read(fd, &mut [0; 8]),
            Real::Sender(_) | Real::TcpListener(..) | Real::UnixListener(..) => return None,
        })
    }

    /// `None`: it cannot be written to.
    pub(super) fn write(&self, buffer: &[u8]) -> Option<io::Result<usize>> {
        Some(match self {
            Real::Tcp(s) => (&mut &*s).write(buffer),
            Real::Unix(s) => (&mut &*s).write(buffer),
            Real::Datagram(s) => s.send(buffer),
            Real::Udp(s) => s.send(buffer),
            Real::Sender(s) => (&mut &*s).write(buffer),
            Real::Raw(Raw(fd)) => kernel::write(fd, buffer),
            Real::Eventfd(Raw(fd)) => kernel::write(fd, &1_u64.to_ne_bytes()),
            Real::Receiver(_) | Real::TcpListener(..) | Real::UnixListener(..) => return None,
        })
    }

    /// `None`: the type has no such method.
    pub(super) fn peek(&self) -> Option<io::Result<usize>> {
        match self {
            Real::Tcp(s) => Some(s.peek(&mut [0; 16])),
            Real::Udp(s) => Some(s.peek(&mut [0; 16])),
            _ => None,
        }
    }

    /// Reads one byte through `try_io`; `None`: there is no such method, or a byte says nothing.
    pub(super) fn try_read(&self) -> Option<io::Result<usize>> {
        match self {
            Real::Tcp(s) => Some(s.try_io(|| kernel::read(s, &mut [0]))),
            Real::Unix(s) => Some(s.try_io(|| kernel::read(s, &mut [0]))),
            Real::Receiver(s) => Some(s.try_io(|| kernel::read(s, &mut [0]))),
            _ => None,
        }
    }

    /// `None`: it cannot be shut down in that way.
    pub(super) fn shutdown(&self, how: How) -> Option<io::Result<()>> {
        let std = match how {
            How::Reading => Shutdown::Read,
            How::Writing => Shutdown::Write,
            How::Both => Shutdown::Both,
        };
        match self {
            Real::Tcp(s) => Some(s.shutdown(std)),
            Real::Unix(s) => Some(s.shutdown(std)),
            Real::Raw(Raw(fd)) => Some(raw_shutdown(fd, how)),
            // A datagram socket that is shut for reading is readable to poll(2), and reading it
            // blocks: nothing can be promised about that.
            Real::Datagram(s) if how == How::Writing => Some(s.shutdown(std)),
            _ => None,
        }
    }
}

impl Real {
    /// The number of a `SourceFd`.
    pub(super) fn raw_number(&self) -> Option<RawFd> {
        match self {
            Real::Raw(Raw(fd)) | Real::Eventfd(Raw(fd)) => Some(fd.as_raw_fd()),
            _ => None,
        }
    }

    pub(super) fn is_datagram(&self) -> bool {
        matches!(self, Real::Datagram(_) | Real::Udp(_))
    }

    pub(super) fn is_tcp(&self) -> bool {
        matches!(self, Real::Tcp(_))
    }
}

impl AsRawFd for Real {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl AsFd for Real {
    fn as_fd(&self) -> BorrowedFd<'_> {
        each!(self, source => source.as_fd())
    }
}

/// An address of the loopback network that nobody else listens at, and another one each time: millions of
/// scripts would use up one address's ports, because a connection that is over keeps its for a minute.
fn own_host() -> Ipv4Addr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = 64 + process::id() % 128;
    let [low, high] = [number % 250, number / 250 % 250].map(|part| part as u8 + 1);
    Ipv4Addr::new(127, process as u8, high, low)
}

fn tcp_pair() -> io::Result<(net::TcpStream, net::TcpStream)> {
    let listener = net::TcpListener::bind((own_host(), 0))?;
    let ours = net::TcpStream::connect(listener.local_addr()?)?;
    let own_address = ours.local_addr()?;
    loop {
        let (peer, from) = listener.accept()?;
        if from == own_address {
            return Ok((ours, peer));
        }
    }
}

fn tcp(stream: net::TcpStream) -> Real {
    stream.set_nonblocking(true).expect("non-blocking");
    limited(TcpStream::from_std(stream))
}

/// With a buffer that is filled by a few writes, and does not grow.
fn limited(stream: TcpStream) -> Real {
    let size = SockRef::from(&stream).set_send_buffer_size(64 * 1024);
    size.expect("SO_SNDBUF");
    Real::Tcp(stream)
}

/// A name that no other listener has.
fn abstract_name() -> unix::net::SocketAddr {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("ferrio-script-{}-{number}", process::id());
    unix::net::SocketAddr::from_abstract_name(name).expect("a short name")
}

fn raw_shutdown(fd: &impl AsRawFd, how: How) -> io::Result<()> {
    let how = match how {
        How::Reading => libc::SHUT_RD,
        How::Writing => libc::SHUT_WR,
        How::Both => libc::SHUT_RDWR,
    };
    // SAFETY: shutdown(2) takes numbers only.
    match unsafe { libc::shutdown(fd.as_raw_fd(), how) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
