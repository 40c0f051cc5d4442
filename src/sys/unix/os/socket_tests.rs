//! Each call on a socket of the loopback interface.

use std::net::{SocketAddr, TcpStream};

use super::super::fd::birth_flags;
use super::*;

/// A listener, and where it is.
fn listener() -> (OwnedFd, SocketAddr) {
    let listener = socket(libc::AF_INET, libc::SOCK_STREAM).unwrap();
    let anywhere = "127.0.0.1:0".parse().unwrap();
    bind(listener.as_fd(), &RawAddress::from_ip(&anywhere)).unwrap();
    listen(listener.as_fd(), 8).unwrap();
    let listener = std::net::TcpListener::from(listener);
    let addr = listener.local_addr().unwrap();
    (listener.into(), addr)
}

/// The next connection: an accept that doesn't wait may be too early for it.
fn next(f: impl Fn() -> io::Result<OwnedFd>) -> OwnedFd {
    loop {
        match f() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
            result => return result.unwrap(),
        }
    }
}

#[test]
fn new_sockets_are_close_on_exec_and_non_blocking() {
    let stream = socket(libc::AF_INET, libc::SOCK_STREAM).unwrap();
    let datagram = socket(libc::AF_INET6, libc::SOCK_DGRAM).unwrap();
    for (socket, kind) in [(stream, libc::SOCK_STREAM), (datagram, libc::SOCK_DGRAM)] {
        assert_eq!(birth_flags(socket.as_fd()), (true, true));
        let asked = option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE);
        assert_eq!(asked.unwrap(), kind);
    }
}

#[cfg(os_unix)]
#[test]
fn pairs_are_close_on_exec_non_blocking_and_connected() {
    for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
        let (one, other) = socketpair(kind).unwrap();
        for socket in [&one, &other] {
            assert_eq!(birth_flags(socket.as_fd()), (true, true));
            let asked = option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE);
            assert_eq!(asked.unwrap(), kind);
        }
        super::super::fd::write(one.as_fd(), b"x").unwrap();
        let mut buffer = [0; 2];
        let read = super::super::fd::read(other.as_fd(), &mut buffer);
        assert_eq!(read.unwrap(), 1);
    }
}

#[test]
fn options_that_are_set_are_read_back() {
    let socket = socket(libc::AF_INET, libc::SOCK_STREAM).unwrap();
    let read = || option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR).unwrap();
    assert_eq!(read(), 0);
    set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1).unwrap();
    assert_ne!(read(), 0);
    let error = set_option(socket.as_fd(), libc::SOL_SOCKET, -1, 1);
    assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::ENOPROTOOPT));
    let error = option(socket.as_fd(), libc::SOL_SOCKET, -1);
    assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::ENOPROTOOPT));
}

#[test]
fn every_way_to_accept_gives_flags_and_the_peers_address() {
    type Accept = fn(BorrowedFd<'_>, &mut RawAddress) -> io::Result<OwnedFd>;
    let ways: &[Accept] = &[
        accept,
        #[cfg(has_accept4)]
        accept4,
    ];
    let (listener, addr) = listener();
    for way in ways {
        let client = TcpStream::connect(addr).unwrap();
        let from = std::cell::RefCell::new(RawAddress::blank());
        let socket = next(|| way(listener.as_fd(), &mut from.borrow_mut()));
        assert_eq!(birth_flags(socket.as_fd()), (true, true));
        let peer = from.borrow().to_ip().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let mut from = RawAddress::blank();
        let error = way(listener.as_fd(), &mut from).unwrap_err();
        assert_eq!(
            error.kind(),
            io::ErrorKind::WouldBlock,
            "nobody else is there"
        );
    }
}

#[test]
fn an_address_is_taken_once_and_a_connection_is_made_to_it() {
    let (_listener, addr) = listener();
    let raw = RawAddress::from_ip(&addr);
    let second = socket(libc::AF_INET, libc::SOCK_STREAM).unwrap();
    let error = bind(second.as_fd(), &raw).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let client = socket(libc::AF_INET, libc::SOCK_STREAM).unwrap();
    if let Err(error) = connect(client.as_fd(), &raw) {
        assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS));
    }
    let client = TcpStream::from(client);
    while client.peer_addr().is_err() {
        std::thread::yield_now();
    }
    assert_eq!(client.peer_addr().unwrap(), addr);
}
