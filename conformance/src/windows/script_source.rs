//! The real sources of a script: those of Unix that Windows has as well.

use std::io::{self, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

use ferrio::event::Source;
use ferrio::net::{TcpListener, TcpStream, UdpSocket};
use socket2::SockRef;
use windows_sys::Win32::Networking::WinSock::WSAESHUTDOWN;

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

    pub(super) fn duplicate(&self) -> Real {
        let socket = descriptors::duplicate(self);
        match self {
            Real::Tcp(_) => Real::Tcp(socket.into()),
            Real::Udp(_) => Real::Udp(socket.into()),
            Real::TcpListener(_, address) => Real::TcpListener(socket.into(), *address),
        }
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
            Real::Udp(s) => Some(cut(buffer.len(), |all| s.recv(all))),
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

    /// `None`: the type has no such method.
    pub(super) fn peek(&self) -> Option<io::Result<usize>> {
        match self {
            Real::Tcp(s) => Some(s.peek(&mut [0; 16])),
            Real::Udp(s) => Some(cut(16, |all| s.peek(all))),
            Real::TcpListener(..) => None,
        }
    }

    /// Reads one byte through `try_io`; `None`: there is no such method, or a byte says nothing.
    pub(super) fn try_read(&self) -> Option<io::Result<usize>> {
        match self {
            Real::Tcp(s) => Some(s.try_io(|| read_byte(s))),
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

impl AsRawSocket for Real {
    fn as_raw_socket(&self) -> RawSocket {
        self.as_socket().as_raw_socket()
    }
}

impl AsSocket for Real {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        match self {
            Real::Tcp(s) => s.as_socket(),
            Real::Udp(s) => s.as_socket(),
            Real::TcpListener(s, _) => s.as_socket(),
        }
    }
}

/// As std reads: who has shut down the reading half is at the end.
fn read_byte(stream: &TcpStream) -> io::Result<usize> {
    match kernel::read(stream, &mut [0]) {
        Err(error) if error.raw_os_error() == Some(WSAESHUTDOWN) => Ok(0),
        answer => answer,
    }
}

/// A datagram of which `len` bytes are wanted. Winsock calls it an error to want less than there is.
fn cut(len: usize, receive: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
    receive(&mut [0; 2048]).map(|n| n.min(len))
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
