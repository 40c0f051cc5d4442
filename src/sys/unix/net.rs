//! What TCP, UDP and Unix sockets have in common: making one, and accepting on one.
//!
//! # Accepting where accept4(2) is refused
//!
//! An old kernel answers accept4(2) with `ENOSYS`, a seccomp filter with `ENOSYS` or `EPERM`. Then
//! accept(2) does the work, with the flags set right after it. Once that has succeeded, the whole
//! process remembers it and asks for accept4(2) no more.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use libc::c_int;

use super::os::address::RawAddress;
#[cfg(has_accept4)]
use super::os::refusal::Refusal;
use super::os::socket;

#[cfg(has_accept4)]
static ACCEPT4: Refusal = Refusal::new();

/// A new TCP or UDP socket of the family that `addr` belongs to.
pub(super) fn ip_socket(addr: &SocketAddr, kind: c_int) -> io::Result<OwnedFd> {
    let domain = match addr {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    socket::socket(domain, kind)
}

/// Takes the next connection from a listener's queue, close-on-exec and non-blocking, and writes
/// its peer's address to `from`, which must be blank.
pub(super) fn accept(listener: BorrowedFd<'_>, from: &mut RawAddress) -> io::Result<OwnedFd> {
    #[cfg(has_accept4)]
    let accepted = ACCEPT4.or(
        from,
        |from| socket::accept4(listener, from),
        |from| socket::accept(listener, from),
    );
    #[cfg(not(has_accept4))]
    let accepted = socket::accept(listener, from);
    accepted
}

/// Forgets that accept4(2) was refused, so that tests can make it happen again.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_accept4() {
    #[cfg(has_accept4)]
    ACCEPT4.forget();
}
