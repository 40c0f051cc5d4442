//! The real sources of a script: those of Unix that WASI has as well.

use std::io::{self, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use ferrio::event::Source;
use ferrio::net::{TcpListener, TcpStream, UdpSocket};
use socket2::SockRef;

use super::op::{How, Kind};
use crate::{descriptors, kernel, pairs};

/// What is in a slot.
#[derive(Debug)]
pub(super) enum Real {
    Tcp(TcpStream),
    Udp(UdpSocket),
    TcpListener(TcpListener, SocketAddr),
}

impl Real {
    /// What is made, one or two; `None`: there is no such kind here.
    pub(super) fn create(kind: Kind) -> Option<(Real, Option<Real>)> {
        match kind {
            Kind::Tcp => {
                let (a, b) = pairs::std_tcp();
                Some((tcp(a), Some(tcp(b))))
            }
            Kind::Udp => {
                let (a, b) = pairs::udp();
                b.set_nonblocking(true).expect("non-blocking");
                Some((Real::Udp(a), Some(Real::Udp(UdpSocket::from_std(b)))))
            }
            Kind::TcpListener => {
                let (listener, address) = pairs::listener();
                Some((Real::TcpListener(listener, address), None))
            }
            _ => None,
        }
    }

    /// A client, if this is a listener. It is connected: otherwise its operations would not block but
    /// fail, for a moment.
    pub(super) fn connect(&self) -> Option<io::Result<Real>> {
        match self {
            Real::TcpListener(_, address) => Some(TcpStream::connect(*address).map(|stream| {
                pairs::kernel_ready(&stream, kernel::OUT);
                limited(stream)
            })),
            _ => None,
        }
    }

    pub(super) fn accept(&self) -> Option<io::Result<Real>> {
        match self {
            Real::TcpListener(listener, _) => Some(listener.accept().map(|(s, _)| limited(s))),
            _ => None,
        }
    }

    /// There are none.
    pub(super) fn duplicate(&self) -> Real {
        Real::Tcp(descriptors::duplicate(self).into())
    }

    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Real::Tcp(s) => s,
            Real::Udp(s) => s,
            Real::TcpListener(s, _) => s,
        }
    }

    /// `None`: it cannot be read from.
    pub(super) fn read(&self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        match self {
            Real::Tcp(s) => Some((&mut &*s).read(buffer)),
            Real::Udp(s) => Some(s.recv(buffer)),
            Real::TcpListener(..) => None,
        }
    }

    /// `None`: it cannot be written to.
    pub(super) fn write(&self, buffer: &[u8]) -> Option<io::Result<usize>> {
        match self {
            Real::Tcp(s) => Some((&mut &*s).write(buffer)),
            Real::Udp(s) => Some(s.send(buffer)),
            Real::TcpListener(..) => None,
        }
    }

    /// There is no such operation.
    #[allow(clippy::unused_self)] // As elsewhere.
    pub(super) fn peek(&self) -> Option<io::Result<usize>> {
        None
    }

    /// Reads one byte through `try_io`; `None`: there is no such method, or a byte says nothing.
    pub(super) fn try_read(&self) -> Option<io::Result<usize>> {
        match self {
            Real::Tcp(s) => Some(s.try_io(|| kernel::read(s, &mut [0]))),
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
            _ => None,
        }
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
        match self {
            Real::Tcp(s) => s.as_fd(),
            Real::Udp(s) => s.as_fd(),
            Real::TcpListener(s, _) => s.as_fd(),
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
