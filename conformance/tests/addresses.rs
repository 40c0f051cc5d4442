//! Addresses: whatever the kernel can be told and can answer comes through as it is. Property tests
//! over the names a Unix socket can have, and every length of them.
//!
//! Needs IPv6 on the loopback interface.
#![cfg(unix)]

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use ferrio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ferrio_conformance::{isolated, kernel, pairs, sockets, unix_sockets};
use proptest::prelude::*;
use socket2::{Domain, Type};

/// The size of `sun_path` on Linux, unix(7).
const CAPACITY: usize = 108;

/// In a process of its own, which changes to an empty directory: paths of any length, the shortest
/// too, can be used there.
fn in_empty_directory(test: &str, body: impl FnOnce()) {
    isolated(test, || {
        let directory = env::temp_dir().join(format!("ferrio-addresses-{}", process::id()));
        fs::create_dir(&directory).expect("a directory");
        env::set_current_dir(&directory).expect("chdir");
        body();
        fs::remove_dir_all(&directory).expect("remove");
    });
}

/// Connects a client that is bound to `client` to a listener at `server`, and sends a datagram between
/// sockets of these names: every address that can be asked for is the one that was given.
fn assert_names_survive(server: &UnixAddr, client: &UnixAddr) {
    let same = |one: &UnixAddr, other: &UnixAddr| {
        one.as_pathname() == other.as_pathname()
            && one.as_abstract_name() == other.as_abstract_name()
            && one.is_unnamed() == other.is_unnamed()
    };
    let assert_same =
        |one: UnixAddr, other: &UnixAddr| assert!(same(&one, other), "{one:?}, {other:?}");
    {
        let listener = UnixListener::bind_addr(server).expect("bind");
        assert_same(listener.local_addr().expect("a name"), server);
        let stream = bound_client(server, client);
        assert_same(stream.local_addr().expect("a name"), client);
        assert_same(stream.peer_addr().expect("a name"), server);
        let (accepted, from) = listener.accept().expect("accept");
        assert_same(from, client);
        assert_same(accepted.peer_addr().expect("a name"), client);
        assert_same(accepted.local_addr().expect("a name"), server);
        let other = UnixStream::connect_addr(server).expect("connect");
        assert_same(other.peer_addr().expect("a name"), server);
        assert!(listener.accept().expect("accept").1.is_unnamed());
    }
    remove(server);
    remove(client);
    let receiver = UnixDatagram::bind_addr(server).expect("bind");
    assert_same(receiver.local_addr().expect("a name"), server);
    let sender = UnixDatagram::bind_addr(client).expect("bind");
    if let Some(path) = server.as_pathname() {
        sender.send_to(b"x", path).expect("send");
        sender.connect(path).expect("connect");
        assert_same(sender.peer_addr().expect("a name"), server);
        sender.send(b"x").expect("send");
        for _ in 0..2 {
            let (len, from) = receiver.recv_from(&mut [0; 8]).expect("receive");
            assert_eq!(len, 1);
            assert_same(from, client);
        }
    }
    remove(server);
    remove(client);
}

/// A stream bound to `client` and connected to `server`. The library offers no such thing: this is
/// std's datagram socket turned into what is needed by the raw calls.
fn bound_client(server: &UnixAddr, client: &UnixAddr) -> UnixStream {
    let socket = sockets::unconnected(Domain::UNIX, Type::STREAM);
    unix_sockets::bind_unix(&socket, client).expect("bind");
    unix_sockets::connect_unix(&socket, server).expect("connect");
    UnixStream::from(kernel::Owned::from(socket))
}

fn remove(address: &UnixAddr) {
    if let Some(path) = address.as_pathname() {
        fs::remove_file(path).expect("the socket's path");
    }
}

fn pathname(path: impl AsRef<Path>) -> UnixAddr {
    UnixAddr::from_pathname(path).expect("a path that fits")
}

/// A name for an abstract address that nothing else in the network namespace has, at any time: one
/// that was given up may be held an instant longer by a process that another test starts.
fn own_name(name: &[u8]) -> Vec<u8> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("{:010}-{number:06}-", process::id());
    [prefix.as_bytes(), name].concat()
}

#[test]
fn paths_of_every_length_survive() {
    in_empty_directory("paths_of_every_length_survive", || {
        for len in 1..CAPACITY {
            assert_names_survive(&pathname("s".repeat(len)), &pathname("c".repeat(len)));
        }
    });
}

#[test]
fn paths_need_not_be_text() {
    in_empty_directory("paths_need_not_be_text", || {
        let every_byte: Vec<u8> = (1..=255).filter(|&byte| byte != b'/').collect();
        for part in every_byte.chunks(50) {
            let client = [b"c", part].concat();
            let (server, client) = (OsStr::from_bytes(part), OsStr::from_bytes(&client));
            assert_names_survive(&pathname(server), &pathname(client));
        }
    });
}

#[test]
fn abstract_names_of_every_length_survive() {
    let prefix = own_name(b"").len();
    for len in 0..CAPACITY - prefix {
        let name = |byte: u8| {
            let name = own_name(&vec![byte; len]);
            UnixAddr::from_abstract_name(name).expect("a name that fits")
        };
        assert_names_survive(&name(b's'), &name(0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn abstract_names_are_any_bytes(name in proptest::collection::vec(any::<u8>(), 0..80)) {
        let own = || UnixAddr::from_abstract_name(own_name(&name)).expect("a name that fits");
        assert_names_survive(&own(), &own());
    }

    #[test]
    fn names_that_are_no_paths_are_errors(path in proptest::collection::vec(any::<u8>(), 1..300)) {
        let fits = path.len() < CAPACITY && !path.contains(&0);
        // A path in a directory that does not exist: what is valid fails later, for another reason.
        let path = [b"/nonexistent/", &path[..]].concat();
        let fits = fits && path.len() < CAPACITY;
        let path = Path::new(OsStr::from_bytes(&path));
        let socket = UnixDatagram::unbound().expect("a socket");
        for kind in [
            UnixListener::bind(path).map(drop),
            UnixDatagram::bind(path).map(drop),
            UnixStream::connect(path).map(drop),
            socket.connect(path),
            socket.send_to(b"x", path).map(drop),
        ]
        .map(|result| result.expect_err("not there").kind())
        {
            prop_assert_eq!(fits, kind != ErrorKind::InvalidInput, "{:?}", kind);
        }
    }
}

/// bind(2) takes a path that fills the whole of `sun_path`, without a NUL. std has no way to make
/// such an address, only to be given it by the kernel.
#[test]
fn a_peer_whose_path_fills_the_address_keeps_its_name() {
    let body = || {
        let listener = UnixListener::bind("server").expect("bind");
        let full = PathBuf::from("c".repeat(CAPACITY));
        let socket = sockets::unconnected(Domain::UNIX, Type::STREAM);
        unix_sockets::bind_full_path(&socket, &full);
        unix_sockets::connect_unix(&socket, &pathname("server")).expect("connect");
        let (_accepted, from) = listener.accept().expect("accept");
        assert_eq!(from.as_pathname(), Some(full.as_path()));

        let listener = sockets::unconnected(Domain::UNIX, Type::STREAM);
        unix_sockets::bind_full_path(&listener, Path::new(&"l".repeat(CAPACITY)));
        listener.listen(1).expect("listen");
        let address = UnixListener::from(kernel::Owned::from(listener))
            .local_addr()
            .expect("a name");
        let error = UnixStream::connect_addr(&address).expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    };
    in_empty_directory("a_peer_whose_path_fills_the_address_keeps_its_name", body);
}

#[test]
fn an_unnamed_address_lets_the_kernel_choose() {
    let unnamed = pathname("");
    assert!(unnamed.is_unnamed());
    let listeners: Vec<_> = (0..3)
        .map(|_| UnixListener::bind_addr(&unnamed).expect("bind"))
        .collect();
    let mut names = HashSet::new();
    for listener in &listeners {
        let address = listener.local_addr().expect("a name");
        assert!(names.insert(address.as_abstract_name().expect("abstract").to_vec()));
        let _client = UnixStream::connect_addr(&address).expect("connect");
        assert!(listener.accept().expect("accept").1.is_unnamed());
    }
    let socket = UnixDatagram::bind("").expect("bind");
    assert!(
        socket
            .local_addr()
            .expect("a name")
            .as_abstract_name()
            .is_some()
    );
    let error = UnixStream::connect_addr(&unnamed).expect_err("nobody's name");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn an_abstract_name_is_free_again_after_a_close() {
    let address = UnixAddr::from_abstract_name(own_name(b"again")).expect("a name that fits");
    let listener = UnixListener::bind_addr(&address).expect("bind");
    let error = UnixListener::bind_addr(&address).expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(listener);
    ferrio_conformance::wait_for("the name to be free", || {
        // A process that another test starts may hold a copy of the descriptor for an instant.
        UnixListener::bind_addr(&address).is_ok()
    });
}

#[test]
fn every_loopback_address_and_port_comes_back() {
    for host in ["127.0.0.1", "127.1.2.3", "127.255.255.254", "::1"] {
        let any = SocketAddr::new(host.parse().expect("an address"), 0);
        let listener = TcpListener::bind(any).expect("bind");
        let address = listener.local_addr().expect("an address");
        assert_eq!(address.ip(), any.ip());
        let client = TcpStream::connect(address).expect("connect");
        let own = client.local_addr().expect("an address");
        let (accepted, from) = sockets::accept(|| match listener.accept() {
            Ok(other) if other.1 != own => Err(ErrorKind::WouldBlock.into()),
            result => result,
        });
        assert_eq!(from, own);
        assert_eq!(accepted.peer_addr().expect("an address"), own);
        assert_eq!(client.peer_addr().expect("an address"), address);
        let socket = UdpSocket::bind(any).expect("bind");
        assert_eq!(socket.local_addr().expect("an address").ip(), any.ip());
    }
}

#[test]
fn an_ipv4_client_of_an_ipv6_listener_has_a_mapped_address() {
    let listener = sockets::unconnected(Domain::IPV6, Type::STREAM);
    listener.set_only_v6(false).expect("IPV6_V6ONLY");
    listener.listen(8).expect("listen");
    let listener = TcpListener::from(kernel::Owned::from(listener));
    let port = listener.local_addr().expect("an address").port();
    let client = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).expect("connect");
    let own = client.local_addr().expect("an address").port();
    let (_, from) = sockets::accept(|| match listener.accept() {
        Ok(other) if other.1.port() != own => Err(ErrorKind::WouldBlock.into()),
        result => result,
    });
    let mapped: Ipv6Addr = "::ffff:127.0.0.1".parse().expect("an address");
    assert_eq!(from, SocketAddrV6::new(mapped, own, 0, 0).into());
}

#[test]
fn a_listener_of_another_family_is_an_error() {
    let path = ferrio_conformance::samples::TempPath::new();
    let unix = UnixListener::bind(&path).expect("bind");
    let listener = TcpListener::from(std::os::fd::OwnedFd::from(unix));
    let _client = UnixStream::connect(&path).expect("connect");
    pairs::kernel_ready(&listener, kernel::IN);
    let error = listener.accept().expect_err("not an Internet socket");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(listener.as_raw_fd() >= 0, "it is still open");
}
