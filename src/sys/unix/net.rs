//! What TCP, UDP and Unix sockets have in common: making one, and accepting on one.
//!
//! # Accepting where accept4(2) is refused
//!
//! An old kernel answers accept4(2) with `ENOSYS`, a seccomp filter with `ENOSYS` or `EPERM`. Then
//! accept(2) does the work, with the flags set right after it. Once that has succeeded, the whole
//! process remembers it and asks for accept4(2) no more. Not earlier: `EPERM` is also how a firewall
//! says that this one connection is forbidden (accept(2)), and a failure of accept(2) as well proves
//! nothing about accept4(2).

use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use libc::c_int;

use super::os::address::RawAddress;
use super::os::{self, socket};

/// Set once accept(2) has succeeded where accept4(2) was refused.
static ACCEPT4_REFUSED: AtomicBool = AtomicBool::new(false);

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
    // Relaxed: the flag guards no other memory, and a thread that misses it asks once more.
    if !cfg!(has_accept4) || ACCEPT4_REFUSED.load(Ordering::Relaxed) {
        return socket::accept(listener, from);
    }
    match socket::accept4(listener, from) {
        Err(error) if os::is_refused(&error) => {
            let accepted = socket::accept(listener, from)?;
            ACCEPT4_REFUSED.store(true, Ordering::Relaxed);
            Ok(accepted)
        }
        answer => answer,
    }
}

/// Forgets that accept4(2) was refused, so that tests can make it happen again.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_accept4() {
    ACCEPT4_REFUSED.store(false, Ordering::Relaxed);
}
