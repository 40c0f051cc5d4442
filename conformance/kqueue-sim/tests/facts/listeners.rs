//! k. Listeners.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use super::support::*;
use kqueue::*;

fn connect(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

#[test]
fn k_data_count_the_connections_that_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kq = Kq::new();
    kq.add(&listener, EVFILT_READ, EV_CLEAR);
    kq.assert_quiet();
    let _first = connect(&listener);
    assert_eq!(kq.one().data, 1);
    kq.assert_quiet();
    // The first was not accepted.
    let _second = connect(&listener);
    assert_eq!(kq.one().data, 2);
    kq.assert_quiet();
    listener.accept().unwrap();
    kq.add(&listener, EVFILT_READ, EV_CLEAR);
    assert_eq!(kq.one().data, 1);
}

#[test]
fn k_a_client_that_left_before_accept_is_an_event_and_accept_succeeds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kq = Kq::new();
    kq.add(&listener, EVFILT_READ, EV_CLEAR);
    drop(connect(&listener));
    assert_eq!(kq.one().data, 1);
    listener.accept().unwrap();
}

#[test]
fn k_a_listener_is_never_writable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let kq = Kq::new();
    kq.add(&listener, EVFILT_WRITE, 0);
    let _client = connect(&listener);
    kq.assert_quiet();
}

#[test]
fn k_read_registered_before_listen_never_fires() {
    // SAFETY: takes no memory.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    // SAFETY: just created.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let kq = Kq::new();
    kq.add(&socket, EVFILT_READ, EV_CLEAR);
    // Unbound, so the system chooses a port.
    // SAFETY: takes no memory.
    assert_eq!(unsafe { libc::listen(socket.as_raw_fd(), 8) }, 0);
    let listener = TcpListener::from(socket);
    let port = listener.local_addr().unwrap().port();
    let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    wait_until(|| is_readable(&listener));
    kq.assert_quiet();
    kq.add(&listener, EVFILT_READ, EV_CLEAR);
    kq.assert_quiet();
    // A new registration sees what it is now.
    kq.change(&[on(&listener, EVFILT_READ, EV_DELETE)]).unwrap();
    kq.add(&listener, EVFILT_READ, EV_CLEAR);
    assert_eq!(kq.one().data, 1);
}

/// A BSD counts them, as for TCP.
#[test]
fn k_unix_listeners_tell_of_each_connection_but_not_how_many_wait_on_linux() {
    let name = format!("kqueue-sim-listener-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let kq = Kq::new();
    kq.add(&listener, EVFILT_READ, EV_CLEAR);
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(UnixStream::connect_addr(&address).unwrap());
        assert_eq!(kq.one().data, 1);
        kq.assert_quiet();
    }
}
