//! What the cases about sockets share.

use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::{cell::Cell, mem, rc::Rc};

use crate::wait_for;

/// A new socket, close-on-exec and non-blocking, neither bound nor connected.
pub fn unconnected(domain: libc::c_int, kind: libc::c_int) -> OwnedFd {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: socket(2) takes numbers only.
    let fd = unsafe { libc::socket(domain, kind | flags, 0) };
    assert_ne!(fd, -1, "socket: {}", io::Error::last_os_error());
    // SAFETY: the call above made the descriptor and nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Changes the length of a listener's queue.
pub fn set_backlog(listener: &impl AsRawFd, backlog: libc::c_int) {
    // SAFETY: listen(2) takes numbers only.
    let result = unsafe { libc::listen(listener.as_raw_fd(), backlog) };
    assert_eq!(result, 0, "listen: {}", io::Error::last_os_error());
}

/// How many connections a TCP listener's queue holds, and how many it may hold.
pub fn tcp_queue(listener: &impl AsRawFd) -> (u32, u32) {
    let mut info = [0_u32; 64];
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the pointer and the length describe `info`.
    let result = unsafe {
        libc::getsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    assert_eq!(result, 0, "TCP_INFO: {}", io::Error::last_os_error());
    // struct tcp_info of linux/tcp.h: 8 bytes, then numbers of 32 bits, of which the fifth and the
    // sixth, tcpi_unacked and tcpi_sacked, are these two for a listener (tcp_get_info, net/ipv4/tcp.c).
    (info[6], info[7])
}

/// Sets an option whose value is an int.
pub fn set_option(
    socket: &impl AsRawFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) {
    // SAFETY: the pointer and the length describe `value`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "setsockopt: {}", io::Error::last_os_error());
}

/// Accepts, however long the connection takes to reach the queue.
pub fn accept<T>(mut accept: impl FnMut() -> io::Result<T>) -> T {
    let mut accepted = None;
    wait_for("a connection", || match accept() {
        Ok(connection) => {
            accepted = Some(connection);
            true
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("accept: {error}"),
    });
    accepted.expect("waited for")
}

/// Whether the kernel reports the socket readable at this moment, by poll(2) and beside the library.
pub fn is_readable(socket: &impl AsRawFd) -> bool {
    let mut record = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `record` is one valid pollfd.
    let result = unsafe { libc::poll(&raw mut record, 1, 0) };
    assert_ne!(result, -1, "poll(2): {}", io::Error::last_os_error());
    result == 1
}

/// What [`try_io_hands_the_answer_on`] gives to `try_io`.
pub type Answer = Box<dyn FnOnce() -> io::Result<u32>>;

/// Whether `try_io` runs what it is given once, and answers what that answers.
pub fn try_io_hands_the_answer_on(try_io: impl Fn(Answer) -> io::Result<u32>) {
    let calls = Rc::new(Cell::new(0));
    let answering = |answer: io::Result<u32>| -> Answer {
        let calls = Rc::clone(&calls);
        Box::new(move || {
            calls.set(calls.get() + 1);
            answer
        })
    };
    assert_eq!(try_io(answering(Ok(42))).expect("an answer"), 42);
    assert_eq!(calls.get(), 1);
    for kind in [
        ErrorKind::WouldBlock,
        ErrorKind::Interrupted,
        ErrorKind::Other,
    ] {
        calls.set(0);
        let error = try_io(answering(Err(kind.into()))).expect_err("an error");
        assert_eq!(error.kind(), kind);
        assert_eq!(calls.get(), 1);
    }
    let errno = io::Error::from_raw_os_error(libc::EPROTO);
    let error = try_io(answering(Err(errno))).expect_err("an error");
    assert_eq!(error.raw_os_error(), Some(libc::EPROTO));
}

/// Sends a value through its conversions, to std's type, to an `OwnedFd` and to a number and back:
/// always the same descriptor, in the same blocking mode.
#[macro_export]
macro_rules! conversions_keep_the_descriptor {
    ($value:expr, $ours:ty $(, $std:ty)?) => {{
        use ::std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

        let value: $ours = $value;
        let fd = value.as_raw_fd();
        let mode = $crate::descriptors::is_nonblocking(fd);
        assert_eq!(value.as_fd().as_raw_fd(), fd);
        $(
            let std = <$std>::from(value);
            assert_eq!(std.as_raw_fd(), fd);
            let value = <$ours>::from_std(std);
            assert_eq!(value.as_raw_fd(), fd);
        )?
        let owned = OwnedFd::from(value);
        assert_eq!(owned.as_raw_fd(), fd);
        let value = <$ours>::from(owned);
        assert_eq!(value.into_raw_fd(), fd);
        // SAFETY: `into_raw_fd` has just given up the ownership of this descriptor.
        let value = unsafe { <$ours>::from_raw_fd(fd) };
        assert_eq!(value.as_raw_fd(), fd);
        assert_eq!($crate::descriptors::is_nonblocking(fd), mode);
        value
    }};
}

/// The kernel's form of a Unix socket's address, made here and not by the library under test.
fn unix_name(name: &[u8], marked: bool) -> (libc::sockaddr_un, libc::socklen_t) {
    // SAFETY: a sockaddr_un is numbers only, which may be zero.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let skip = usize::from(marked);
    assert!(skip + name.len() <= address.sun_path.len());
    for (to, from) in address.sun_path[skip..].iter_mut().zip(name) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    // A path counts the NUL after it where there is room for one, an abstract name the one before.
    let len = (name.len() + 1).min(address.sun_path.len());
    let len = mem::offset_of!(libc::sockaddr_un, sun_path) + len;
    (address, len as libc::socklen_t)
}

fn raw_unix(address: &SocketAddr) -> (libc::sockaddr_un, libc::socklen_t) {
    match (address.as_pathname(), address.as_abstract_name()) {
        (Some(path), _) => unix_name(path.as_os_str().as_bytes(), false),
        (None, Some(name)) => unix_name(name, true),
        (None, None) => panic!("{address:?} has no name"),
    }
}

/// bind(2) to a path or an abstract name.
pub fn bind_unix(socket: &impl AsRawFd, address: &SocketAddr) -> io::Result<()> {
    let (address, len) = raw_unix(address);
    // SAFETY: the pointer and the length describe `address`.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// connect(2) to a path or an abstract name.
pub fn connect_unix(socket: &impl AsRawFd, address: &SocketAddr) -> io::Result<()> {
    let (address, len) = raw_unix(address);
    // SAFETY: the pointer and the length describe `address`.
    match unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// bind(2) to a path that fills the whole address, so that no NUL ends it.
pub fn bind_full_path(socket: &impl AsRawFd, path: &Path) {
    let (address, len) = unix_name(path.as_os_str().as_bytes(), false);
    assert_eq!(len as usize, size_of::<libc::sockaddr_un>());
    // SAFETY: the pointer and the length describe `address`.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    assert_eq!(result, 0, "bind: {}", io::Error::last_os_error());
}
