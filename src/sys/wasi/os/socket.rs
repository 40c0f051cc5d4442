//! Socket calls that std doesn't make as they are needed here.

#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
#[cfg(feature = "net")]
use std::net::SocketAddr;
use std::net::{SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
#[cfg(feature = "net")]
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_int, socklen_t};

use super::{Call, call, checked};

/// A new TCP socket of the family that `addr` belongs to, non-blocking.
#[cfg(feature = "net")]
pub(crate) fn stream_for(addr: &SocketAddr) -> io::Result<OwnedFd> {
    let domain = match addr {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let fd = call(Call::Socket, || {
        // SAFETY: the call takes three numbers.
        checked(unsafe { libc::socket(domain, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0) })
    })?;
    // SAFETY: the call has just opened this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `connect`; EINPROGRESS is an error here.
#[cfg(feature = "net")]
pub(crate) fn connect(socket: BorrowedFd<'_>, addr: &SocketAddr) -> io::Result<()> {
    match addr {
        SocketAddr::V4(addr) => connect_to(socket.as_raw_fd(), &raw_v4(addr)),
        SocketAddr::V6(addr) => connect_to(socket.as_raw_fd(), &raw_v6(addr)),
    }
}

fn connect_to<T>(fd: RawFd, addr: &T) -> io::Result<()> {
    let len = size_of::<T>() as socklen_t;
    let addr = (&raw const *addr).cast();
    call(Call::Connect, || {
        // SAFETY: `addr` is an initialised address of `len` bytes, which the call only reads.
        checked(unsafe { libc::connect(fd, addr, len) })
    })?;
    Ok(())
}

fn raw_v4(addr: &SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: addr.port().to_be(),
        sin_addr: libc::in_addr {
            // The octets in memory order, whatever the order of bytes in a number.
            s_addr: u32::from_ne_bytes(addr.ip().octets()),
        },
    }
}

fn raw_v6(addr: &SocketAddrV6) -> libc::sockaddr_in6 {
    libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: addr.port().to_be(),
        sin6_flowinfo: addr.flowinfo(),
        sin6_addr: libc::in6_addr {
            s6_addr: addr.ip().octets(),
        },
        sin6_scope_id: addr.scope_id(),
    }
}

/// Whether an IPv6 socket is restricted to IPv6.
#[cfg(feature = "net")]
pub(crate) fn only_v6(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let value = option(socket.as_raw_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
    Ok(value != 0)
}

/// An option that is an int. `fd` may be any number.
fn option(fd: RawFd, level: c_int, name: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let to = (&raw mut value).cast();
    let mut len = size_of::<c_int>() as socklen_t;
    call(Call::Getsockopt, || {
        // SAFETY: `to` points to an int and `len` says so; the call writes no more than that.
        checked(unsafe { libc::getsockopt(fd, level, name, to, &raw mut len) })
    })?;
    Ok(value)
}

/// The family of the address that a socket is bound to; an error if it isn't. `fd` may be any number.
fn bound_family(fd: RawFd) -> io::Result<c_int> {
    let mut addr = raw_v6(&SocketAddrV6::new([0; 16].into(), 0, 0, 0));
    let to = (&raw mut addr).cast::<libc::sockaddr>();
    let mut len = size_of::<libc::sockaddr_in6>() as socklen_t;
    call(Call::Getsockname, || {
        // SAFETY: `to` points to `len` bytes, which is room for an address of either family, and
        // the call writes no more than that.
        checked(unsafe { libc::getsockname(fd, to, &raw mut len) })
    })?;
    // Both kinds of address begin with their family.
    Ok(c_int::from(addr.sin6_family))
}

/// Whether `fd`, which may be any number, is a stream whose connection has failed. It must be no socket
/// that could begin one, which is what the poll that calls it ready has found.
///
/// wasi-libc tells by what it answers to another `connect`: EISCONN, or EOPNOTSUPP. Asking the host, for
/// the address of the peer say, could end the program: wasi-libc aborts on errors it doesn't know.
pub(crate) fn has_failed(fd: RawFd) -> bool {
    let listens = option(fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN);
    if !matches!(listens, Ok(0)) {
        return false;
    }
    let v4 = connect_to(fd, &raw_v4(&SocketAddrV4::new([0; 4].into(), 0)));
    let v6 = || connect_to(fd, &raw_v6(&SocketAddrV6::new([0; 16].into(), 0, 0, 0)));
    let refused = |result: io::Result<()>| matches!(result, Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP));
    refused(v4) || refused(v6())
}

/// Has wasi-libc open the streams of a datagram socket that is bound and has none yet. Of such a socket
/// it says that it is ready for everything. `fd` may be any number; what is no such socket is left alone.
///
/// wasi-libc opens them for the first operation. This one sends nothing, to port 0, which
/// `wasi:sockets` refuses: "The port in `remote-address` is set to 0". New streams have room, so a
/// blocking socket doesn't make it wait either.
pub(crate) fn open_streams(fd: RawFd) {
    if !matches!(
        option(fd, libc::SOL_SOCKET, libc::SO_TYPE),
        Ok(libc::SOCK_DGRAM)
    ) {
        return;
    }
    // A socket that is not bound would be by this.
    let _refused = match bound_family(fd) {
        Ok(libc::AF_INET) => send_nothing(fd, &raw_v4(&SocketAddrV4::new([0; 4].into(), 0))),
        Ok(libc::AF_INET6) => {
            send_nothing(fd, &raw_v6(&SocketAddrV6::new([0; 16].into(), 0, 0, 0)))
        }
        _ => return,
    };
}

fn send_nothing<T>(fd: RawFd, addr: &T) -> io::Result<()> {
    let len = size_of::<T>() as socklen_t;
    let addr: *const T = addr;
    call(Call::Sendto, || {
        // SAFETY: there are no bytes to send, at an address that is valid, and `addr` is an initialised
        // address of `len` bytes.
        checked(unsafe { libc::sendto(fd, addr.cast(), 0, 0, addr.cast(), len) })
    })?;
    Ok(())
}
