//! The socket calls, each wrapped once.
//!
//! A descriptor becomes an `OwnedFd` in the statement after the call that made it, so that every
//! error path that follows closes it.

#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{c_int, socklen_t};

use super::Call;
use super::address::RawAddress;
use super::call;
#[cfg(os_unix)]
use super::fd::own_pair;
use super::fd::set_birth_flags;

/// What makes a socket close-on-exec and non-blocking in the call that creates it.
#[cfg(has_sock_flags)]
const BIRTH_FLAGS: c_int = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;

/// The flags follow by fcntl(2), at once.
#[cfg(not(has_sock_flags))]
const BIRTH_FLAGS: c_int = 0;

/// A new socket, close-on-exec and non-blocking.
pub(crate) fn socket(domain: c_int, kind: c_int) -> io::Result<OwnedFd> {
    let fd = call(Call::Socket, || {
        // SAFETY: socket(2) takes three numbers.
        unsafe { libc::socket(domain, kind | BIRTH_FLAGS, 0) }
    })?;
    // SAFETY: socket(2) has just opened this descriptor; nobody else knows it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    if !cfg!(has_sock_flags) {
        set_birth_flags(socket.as_fd())?;
    }
    silence_sigpipe(socket.as_fd())?;
    Ok(socket)
}

/// The option that makes a write to a connection that is gone fail with EPIPE and do no more.
///
/// std writes with MSG_NOSIGNAL where that exists, but vectored writes without, so it sets the option
/// too. Every kind of socket gets it: the kernels raise the signal for any EPIPE of a socket, and a
/// datagram socket answers EPIPE once it is shut down for writing (FreeBSD's send(2), and sendit() in the
/// sources of FreeBSD, NetBSD and XNU).
#[cfg(all(has_nosigpipe, not(nosigpipe_stand_in)))]
const NOSIGPIPE: Option<c_int> = Some(libc::SO_NOSIGPIPE);

/// An option that changes nothing for a test, and that every socket takes.
#[cfg(nosigpipe_stand_in)]
const NOSIGPIPE: Option<c_int> = Some(libc::SO_KEEPALIVE);

/// There is no such option; std's way of writing has to do, and SIGPIPE being ignored, as Rust
/// programs do.
#[cfg(not(has_nosigpipe))]
const NOSIGPIPE: Option<c_int> = None;

#[inline(always)]
fn silence_sigpipe(socket: BorrowedFd<'_>) -> io::Result<()> {
    match NOSIGPIPE {
        Some(option) => set_option(socket, libc::SOL_SOCKET, option, 1),
        None => Ok(()),
    }
}

/// The same for a connection from a listener's queue, which may be over by now.
///
/// Then macOS refuses every option with EINVAL (setsockopt(2): "the socket has been shut down"), also for
/// a Unix client that has written and left, and NetBSD answers ECONNRESET. That is no reason to keep the
/// connection back: what the client wrote is there to be read, and a server that gets EINVAL from accept(2)
/// must think that it doesn't listen. Nothing is lost, either: on macOS the connection has the option of
/// the listener, where that has it (sonewconn() in XNU), and NetBSD sets it all the same.
#[inline(always)]
fn silence_accepted(socket: BorrowedFd<'_>) -> io::Result<()> {
    match silence_sigpipe(socket) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ECONNRESET)) => {
            Ok(())
        }
        result => result,
    }
}

/// Two Unix sockets connected to each other, close-on-exec and non-blocking.
#[cfg(os_unix)]
pub(crate) fn socketpair(kind: c_int) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    call(Call::Socketpair, || {
        // SAFETY: `fds` is room for the two descriptors that socketpair(2) writes.
        unsafe { libc::socketpair(libc::AF_UNIX, kind | BIRTH_FLAGS, 0, fds.as_mut_ptr()) }
    })?;
    // SAFETY: socketpair(2) succeeded, so it has just opened both.
    let (one, other) = unsafe { own_pair(fds) };
    if !cfg!(has_sock_flags) {
        set_birth_flags(one.as_fd())?;
        set_birth_flags(other.as_fd())?;
    }
    silence_sigpipe(one.as_fd())?;
    silence_sigpipe(other.as_fd())?;
    Ok((one, other))
}

/// bind(2).
pub(crate) fn bind(socket: BorrowedFd<'_>, addr: &RawAddress) -> io::Result<()> {
    let (addr, len) = addr.as_raw();
    call(Call::Bind, || {
        // SAFETY: `addr` is an initialised address at least `len` bytes long, and bind(2) only
        // reads it.
        unsafe { libc::bind(socket.as_raw_fd(), addr, len) }
    })?;
    Ok(())
}

/// connect(2). `EINPROGRESS` is an error here; the caller knows what it means for its family.
pub(crate) fn connect(socket: BorrowedFd<'_>, addr: &RawAddress) -> io::Result<()> {
    let (addr, len) = addr.as_raw();
    call(Call::Connect, || {
        // SAFETY: `addr` is an initialised address at least `len` bytes long, and connect(2) only
        // reads it.
        unsafe { libc::connect(socket.as_raw_fd(), addr, len) }
    })?;
    Ok(())
}

/// listen(2).
pub(crate) fn listen(socket: BorrowedFd<'_>, backlog: c_int) -> io::Result<()> {
    call(Call::Listen, || {
        // SAFETY: listen(2) takes two numbers.
        unsafe { libc::listen(socket.as_raw_fd(), backlog) }
    })?;
    Ok(())
}

/// accept4(2): the next connection, close-on-exec and non-blocking, its peer's address in `from`.
#[cfg(has_accept4)]
pub(crate) fn accept4(listener: BorrowedFd<'_>, from: &mut RawAddress) -> io::Result<OwnedFd> {
    let (addr, len) = from.as_raw_mut();
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let fd = call(Call::Accept4, || {
        // SAFETY: `addr` is room for an address and `len` says how much; both outlive the call.
        unsafe { libc::accept4(listener.as_raw_fd(), addr, len, flags) }
    })?;
    // SAFETY: accept4(2) has just opened this descriptor; nobody else knows it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    silence_accepted(socket.as_fd())?;
    Ok(socket)
}

/// accept(2) and the flags right after it: the same as accept4(2), not in one step.
pub(crate) fn accept(listener: BorrowedFd<'_>, from: &mut RawAddress) -> io::Result<OwnedFd> {
    let (addr, len) = from.as_raw_mut();
    let fd = call(Call::Accept, || {
        // SAFETY: `addr` is room for an address and `len` says how much; both outlive the call.
        unsafe { libc::accept(listener.as_raw_fd(), addr, len) }
    })?;
    // SAFETY: accept(2) has just opened this descriptor; nobody else knows it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // accept(2): Linux hands out a socket without the listener's status flags, the BSDs and macOS one with
    // them, so O_NONBLOCK may be there already or not.
    set_birth_flags(socket.as_fd())?;
    silence_accepted(socket.as_fd())?;
    Ok(socket)
}

/// setsockopt(2), for the options whose value is an int.
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: c_int,
    name: c_int,
    value: c_int,
) -> io::Result<()> {
    let from = (&raw const value).cast();
    call(Call::Setsockopt, || {
        // SAFETY: `from` points to an int and the length says so; setsockopt(2) only reads it.
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, from, INT_LEN) }
    })?;
    Ok(())
}

/// getsockopt(2), for the options whose value is an int.
pub(crate) fn option(socket: BorrowedFd<'_>, level: c_int, name: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let to = (&raw mut value).cast();
    let mut len = INT_LEN;
    call(Call::Getsockopt, || {
        // SAFETY: `to` points to an int and `len` says so; getsockopt(2) writes no more than that.
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, to, &raw mut len) }
    })?;
    Ok(value)
}

const INT_LEN: socklen_t = size_of::<c_int>() as socklen_t;

// Miri knows few options of sockets, and no F_GETFD.
#[cfg(all(test, not(any(ferrio_loom, miri))))]
#[path = "socket_tests.rs"]
mod tests;
