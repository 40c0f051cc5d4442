//! Sockets: TCP, UDP, and on Unix the local ones.
//!
//! The types are the standard library's, made non-blocking and able to be registered with a
//! [`Poll`](crate::Poll); on Linux they are exactly as large, in release builds without the feature
//! `runtime-selector`. Every socket that a function of this
//! module creates is non-blocking and closed on exec from birth. One that comes from elsewhere, by
//! `from_std` or `From<OwnedFd>`, stays in the mode it is in: call `set_nonblocking(true)` on it
//! first.
//!
//! An operation that cannot go on answers [`WouldBlock`](std::io::ErrorKind::WouldBlock). Events are
//! edge-triggered, so repeat the operation until it does, and only then wait for the next event.
//!
//! # Platform notes
//!
//! Without the feature `os-poll`, and on targets whose readiness facility ferrio does not know, the
//! types exist but work through the standard library alone: what that cannot do, such as starting to
//! connect without blocking, answers [`Unsupported`](std::io::ErrorKind::Unsupported).

mod tcp;
mod udp;
#[cfg(os_unix)]
mod uds;

pub use self::tcp::{TcpListener, TcpStream};
pub use self::udp::UdpSocket;
#[cfg(os_unix)]
pub use self::uds::{UnixDatagram, UnixListener, UnixStream};
