//! Socket calls that std doesn't make as they are needed here.

#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, socklen_t};

/// A new TCP socket of the family that `addr` belongs to, non-blocking.
pub(crate) fn stream_for(addr: &SocketAddr) -> io::Result<OwnedFd> {
    let domain = match addr {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    // SAFETY: the call takes three numbers.
    let fd = check(unsafe { libc::socket(domain, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0) })?;
    // SAFETY: the call has just opened this descriptor; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `connect`; EINPROGRESS is an error here.
pub(crate) fn connect(socket: BorrowedFd<'_>, addr: &SocketAddr) -> io::Result<()> {
    match addr {
        SocketAddr::V4(addr) => connect_to(socket.as_raw_fd(), &raw_v4(addr)),
        SocketAddr::V6(addr) => connect_to(socket.as_raw_fd(), &raw_v6(addr)),
    }
}

fn connect_to<T>(fd: RawFd, addr: &T) -> io::Result<()> {
    let len = size_of::<T>() as socklen_t;
    let addr = (&raw const *addr).cast();
    // SAFETY: `addr` is an initialised address of `len` bytes, which the call only reads.
    check(unsafe { libc::connect(fd, addr, len) })?;
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
pub(crate) fn only_v6(socket: BorrowedFd<'_>) -> io::Result<bool> {
    let mut value: c_int = 0;
    let to = (&raw mut value).cast();
    let mut len = size_of::<c_int>() as socklen_t;
    let (fd, level) = (socket.as_raw_fd(), libc::IPPROTO_IPV6);
    // SAFETY: `to` points to an int and `len` says so; the call writes no more than that.
    check(unsafe { libc::getsockopt(fd, level, libc::IPV6_V6ONLY, to, &raw mut len) })?;
    Ok(value != 0)
}

fn check(outcome: c_int) -> io::Result<c_int> {
    if outcome == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(outcome)
}
