//! g. Connecting, and UDP.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::{io, ptr};

use super::support::*;
use kqueue::*;

const REFUSED: u32 = libc::ECONNREFUSED as u32;

fn socket(domain: i32) -> End {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: takes no memory.
    let fd = unsafe { libc::socket(domain, kind, 0) };
    assert_ne!(fd, -1);
    // SAFETY: just created.
    End::new(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The errno, 0 if it worked at once.
fn connect<T>(socket: &End, address: &T) -> i32 {
    let len = size_of::<T>() as libc::socklen_t;
    let place = ptr::from_ref(address).cast();
    // SAFETY: the address has the length that is given.
    let result = unsafe { libc::connect(socket.as_raw_fd(), place, len) };
    if result == -1 { errno() } else { 0 }
}

fn connect_tcp(socket: &End, to: SocketAddr) -> i32 {
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be(),
        },
        sin_zero: [0; 8],
    };
    connect(socket, &address)
}

/// A port on which nobody listens, and which nobody else gets while the socket lives.
fn refusing() -> (End, SocketAddr) {
    let holder = socket(libc::AF_INET);
    let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
    let listener = TcpListener::bind(any).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bound = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be(),
        },
        sin_zero: [0; 8],
    };
    let len = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let place = ptr::from_ref(&bound).cast();
    // SAFETY: the address has the length that is given.
    let result = unsafe { libc::bind(holder.as_raw_fd(), place, len) };
    if result == -1 {
        // Somebody was faster.
        return refusing();
    }
    (holder, address)
}

#[test]
fn g_an_unconnected_socket_is_silent() {
    for domain in [libc::AF_INET, libc::AF_UNIX] {
        let ours = socket(domain);
        let kq = Kq::new();
        for flags in [EV_CLEAR, 0] {
            kq.add(&ours, EVFILT_READ, flags);
            kq.add(&ours, EVFILT_WRITE, flags);
            kq.assert_quiet();
        }
    }
}

#[test]
fn g_a_connection_is_one_write_event_without_eof_and_no_read() {
    for before in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = socket(libc::AF_INET);
        let kq = Kq::new();
        let add = || {
            kq.add(&ours, EVFILT_READ, EV_CLEAR);
            kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
        };
        if before {
            add();
            kq.assert_quiet();
        }
        let errno = connect_tcp(&ours, listener.local_addr().unwrap());
        assert_eq!(errno, libc::EINPROGRESS);
        if !before {
            add();
        }
        assert_eq!(summary(&[kq.one()]), [(EVFILT_WRITE, false, 0)]);
        kq.assert_quiet();
        assert_eq!(ours.so_error(), 0);
    }
}

#[test]
fn g_a_refused_connection_is_both_eofs_with_the_error() {
    for before in [true, false] {
        let (_holder, address) = refusing();
        let ours = socket(libc::AF_INET);
        let kq = Kq::new();
        let add = || {
            kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
            kq.add(&ours, EVFILT_READ, EV_CLEAR);
        };
        if before {
            add();
            kq.assert_quiet();
        }
        assert_eq!(connect_tcp(&ours, address), libc::EINPROGRESS);
        if !before {
            add();
        }
        let events = kq.until_eof(&[EVFILT_READ, EVFILT_WRITE]);
        assert_eq!(
            events,
            [(EVFILT_WRITE, true, REFUSED), (EVFILT_READ, true, REFUSED)]
        );
        kq.assert_quiet();
        assert_eq!(ours.so_error(), libc::ECONNREFUSED);
        assert_eq!(ours.so_error(), 0);
        // It stays at its end.
        kq.add(&ours, EVFILT_READ, EV_CLEAR);
        assert_eq!(summary(&[kq.one()]), [(EVFILT_READ, true, 0)]);
    }
}

#[test]
fn g_unix_connects_at_once_and_is_writable_before_accept() {
    let path = std::env::temp_dir().join(format!("kqueue-sim-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let ours = socket(libc::AF_UNIX);
    let kq = Kq::new();
    kq.add(&ours, EVFILT_READ, EV_CLEAR);
    kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
    let mut address = libc::sockaddr_un {
        sun_family: libc::AF_UNIX as libc::sa_family_t,
        sun_path: [0; 108],
    };
    let bytes = path.as_os_str().as_encoded_bytes();
    for (place, &byte) in address.sun_path.iter_mut().zip(bytes) {
        *place = byte as libc::c_char;
    }
    assert_eq!(connect(&ours, &address), 0);
    assert_eq!(summary(&[kq.one()]), [(EVFILT_WRITE, false, 0)]);
    kq.assert_quiet();
    drop(listener);
    std::fs::remove_file(&path).unwrap();
    // And refused at once.
    assert_eq!(connect(&socket(libc::AF_UNIX), &address), libc::ENOENT);
}

#[test]
fn g_udp_is_writable_at_once() {
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    let kq = Kq::new();
    kq.add(&ours, EVFILT_READ, EV_CLEAR);
    kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
    assert_eq!(summary(&[kq.one()]), [(EVFILT_WRITE, false, 0)]);
    kq.assert_quiet();
}

#[test]
fn g_udp_refused_by_icmp_is_read_without_data_and_write_without_eof() {
    let gone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    ours.connect(gone.local_addr().unwrap()).unwrap();
    drop(gone);
    let kq = Kq::new();
    kq.add(&ours, EVFILT_READ, EV_CLEAR);
    kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    ours.send(&[1]).unwrap();
    let seen = |all: &[Kevent], filter| all.iter().any(|event| event.filter == filter);
    let events = kq.collect(|all| seen(all, EVFILT_READ) && seen(all, EVFILT_WRITE));
    for event in &events {
        assert_eq!((event.flags & EV_EOF, event.fflags), (0, 0));
        assert!(event.filter == EVFILT_WRITE || event.data == 0);
    }
    let error = ours.take_error().unwrap().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn g_udp_data_count_16_bytes_more_than_the_datagram() {
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
    let kq = Kq::new();
    kq.add(&ours, EVFILT_READ, EV_CLEAR);
    for len in [5, 0] {
        let to = ours.local_addr().unwrap();
        theirs.send_to(&[0; 8][..len], to).unwrap();
        assert_eq!(kq.one().data, 16 + len as isize);
        ours.recv(&mut [0; 8]).unwrap();
    }
}

/// A BSD counts all that wait.
#[test]
fn g_udp_data_count_the_first_datagram_only_on_linux() {
    let ours = UdpSocket::bind("127.0.0.1:0").unwrap();
    let theirs = UdpSocket::bind("127.0.0.1:0").unwrap();
    let kq = Kq::new();
    kq.add(&ours, EVFILT_READ, EV_CLEAR);
    for _ in 0..2 {
        theirs.send_to(&[0; 5], ours.local_addr().unwrap()).unwrap();
        assert_eq!(kq.one().data, 21);
    }
}
