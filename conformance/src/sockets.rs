//! What the cases about sockets share.

use std::io::{self, ErrorKind};
use std::{cell::Cell, rc::Rc};

#[cfg(not(wasi_p1))]
use socket2::{Domain, Socket, Type};

use crate::wait_for;

/// A new socket, close-on-exec and non-blocking, neither bound nor connected.
#[cfg(not(wasi_p1))]
pub fn unconnected(domain: Domain, kind: Type) -> Socket {
    let socket = Socket::new(domain, kind, None).expect("a socket");
    // On WASI socket2 asks for it in a way that wasi-libc doesn't know.
    #[cfg(not(target_os = "wasi"))]
    socket.set_nonblocking(true).expect("non-blocking");
    socket
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
    let errno = io::Error::from_raw_os_error(71);
    let error = try_io(answering(Err(errno))).expect_err("an error");
    assert_eq!(error.raw_os_error(), Some(71));
}

/// Sends a value through its conversions, to std's type, to an `OwnedFd` and to a number and back:
/// always the same descriptor, in the same blocking mode.
#[cfg(unix)]
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

/// Sends a value through its conversions, to std's type, to an `OwnedSocket` and to a number and back:
/// always the same SOCKET.
/// Windows does not tell its blocking mode.
#[cfg(windows)]
#[macro_export]
macro_rules! conversions_keep_the_descriptor {
    ($value:expr, $ours:ty $(, $std:ty)?) => {{
        use ::std::os::windows::io::{
            AsRawSocket, AsSocket, FromRawSocket, IntoRawSocket, OwnedSocket,
        };

        let value: $ours = $value;
        let fd = value.as_raw_socket();
        assert_eq!(value.as_socket().as_raw_socket(), fd);
        $(
            let std = <$std>::from(value);
            assert_eq!(std.as_raw_socket(), fd);
            let value = <$ours>::from_std(std);
            assert_eq!(value.as_raw_socket(), fd);
        )?
        let owned = OwnedSocket::from(value);
        assert_eq!(owned.as_raw_socket(), fd);
        let value = <$ours>::from(owned);
        assert_eq!(value.into_raw_socket(), fd);
        // SAFETY: `into_raw_socket` has just given up the ownership of this SOCKET.
        let value = unsafe { <$ours>::from_raw_socket(fd) };
        assert_eq!(value.as_raw_socket(), fd);
        value
    }};
}
