//! Contract row 22: every descriptor that the library makes is close-on-exec, and non-blocking where
//! that means anything, from the call that makes it. And what becomes of descriptors that are handed
//! in and out.
#![cfg(unix)]

use std::net::{self, SocketAddr};
#[cfg(ferrio_without = "sigpipe")]
use std::os::fd::AsFd;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix;
use std::process::{Command, Stdio};

use ferrio::capabilities::{ACCEPT4, PIPE2, SOCK_FLAGS};
use ferrio::fault::{self, Call};
use ferrio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ferrio::unix::pipe::{self, Receiver, Sender};
use ferrio::{Interest, Poll, Registry, Token, Waker};
use ferrio_conformance::samples::TempPath;
use ferrio_conformance::{
    Backend, conformance, conversions_keep_the_descriptor, descriptors, isolated, pairs, sockets,
};

conformance! { birth {
    every_descriptor_is_close_on_exec_and_non_blocking,
    no_descriptor_reaches_a_program_that_is_started,
    a_cloned_registry_opens_nothing,
    further_wakers_open_nothing,
} }

const LOOPBACK: &str = "127.0.0.1:0";

fn loopback() -> SocketAddr {
    LOOPBACK.parse().expect("an address")
}

/// One of everything that owns a descriptor.
#[allow(dead_code)] // Held, not used.
struct Everything {
    poll: Poll,
    registry: Registry,
    waker: Waker,
    tcp: (TcpListener, TcpStream, TcpStream),
    udp: UdpSocket,
    unix: (UnixListener, UnixStream, UnixStream),
    stream_pair: (UnixStream, UnixStream),
    datagrams: (UnixDatagram, UnixDatagram),
    datagram_pair: (UnixDatagram, UnixDatagram),
    pipe: (Sender, Receiver),
}

fn everything(b: &Backend, paths: &[TempPath; 2]) -> Everything {
    let poll = b.poll();
    let registry = poll.registry().try_clone().expect("a clone");
    let waker = Waker::new(&registry, Token(0)).expect("a Waker");
    let listener = TcpListener::bind(loopback()).expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("connect");
    let accepted = sockets::accept(|| listener.accept()).0;
    let unix_listener = UnixListener::bind(&paths[0]).expect("bind");
    let unix_client = UnixStream::connect(&paths[0]).expect("connect");
    let unix_accepted = sockets::accept(|| unix_listener.accept()).0;
    let datagrams = (
        UnixDatagram::bind(&paths[1]).expect("bind"),
        UnixDatagram::unbound().expect("a socket"),
    );
    Everything {
        poll,
        registry,
        waker,
        tcp: (listener, client, accepted),
        udp: UdpSocket::bind(loopback()).expect("bind"),
        unix: (unix_listener, unix_client, unix_accepted),
        stream_pair: UnixStream::pair().expect("a pair"),
        datagrams,
        datagram_pair: UnixDatagram::pair().expect("a pair"),
        pipe: pipe::new().expect("a pipe"),
    }
}

/// How many descriptors of [`Everything`] are not the selector's and the waker's.
const SOURCES: usize = 15;

fn every_descriptor_is_close_on_exec_and_non_blocking(b: &Backend) {
    b.isolated(|| {
        let paths = [TempPath::new(), TempPath::new()];
        let fcntl = fault::calls(Call::Fcntl);
        let (_everything, opened) = descriptors::opened_by(|| everything(b, &paths));
        assert!(opened.len() > SOURCES, "only {opened:?}");
        for fd in opened {
            let kind = descriptors::kind(fd);
            assert!(descriptors::is_close_on_exec(fd), "{kind}");
            // An epoll set is neither read nor written; the flag means nothing to it.
            if kind != "anon_inode:[eventpoll]" {
                assert!(descriptors::is_nonblocking(fd), "{kind}");
            }
        }
        if ACCEPT4 && PIPE2 && SOCK_FLAGS {
            // kqueue(2) takes no flags.
            let queue =
                b.selector == ferrio::SelectorKind::Kqueue || b.waker == ferrio::WakerKind::Kqueue;
            let calls = fault::calls(Call::Fcntl) - fcntl;
            assert_eq!(calls, u64::from(queue), "not in one call");
        }
    });
}

/// `cargo xtask forced-cfgs` runs the suite in such a build, to see the flags that follow at once.
#[cfg(ferrio_without = "accept4")]
#[test]
fn a_build_that_does_without_lacks_them() {
    let has = [ACCEPT4, PIPE2, SOCK_FLAGS];
    assert_eq!(has, [false; 3]);
}

fn no_descriptor_reaches_a_program_that_is_started(b: &Backend) {
    b.isolated(|| {
        let paths = [TempPath::new(), TempPath::new()];
        let (_everything, opened) = descriptors::opened_by(|| everything(b, &paths));
        let output = Command::new("sh")
            .args(["-c", "ls -l /proc/$$/fd"])
            .stdin(Stdio::null())
            .output()
            .expect("sh(1) and ls(1)");
        assert!(output.status.success());
        // "l-wx------ 1 user group 64 Jan  1 00:00 1 -> pipe:[1234]", which names the object.
        let inherited = String::from_utf8_lossy(&output.stdout);
        assert!(inherited.contains(" 1 -> pipe:["), "{inherited}");
        for fd in opened {
            let kind = descriptors::kind(fd);
            assert!(!inherited.contains(&kind), "{kind} in\n{inherited}");
        }
    });
}

fn a_cloned_registry_opens_nothing(b: &Backend) {
    b.isolated(|| {
        let poll = b.poll();
        let clone = || poll.registry().try_clone().expect("a clone");
        let (_clones, opened) = descriptors::opened_by(|| [clone(), clone()]);
        // If a backend has to duplicate its descriptor, the duplicate is close-on-exec too.
        for fd in opened {
            assert!(
                descriptors::is_close_on_exec(fd),
                "{}",
                descriptors::kind(fd)
            );
        }
    });
}

fn further_wakers_open_nothing(b: &Backend) {
    b.isolated(|| {
        let poll = b.poll();
        let waker = || Waker::new(poll.registry(), Token(0)).expect("a Waker");
        let _first = waker();
        let (_more, opened) = descriptors::opened_by(|| [waker(), waker(), waker()]);
        assert!(opened.is_empty(), "{opened:?}");
    });
}

/// Where SIGPIPE can be switched off for a socket, every socket that the library makes has it off: accepted
/// ones of a listener that has not, too. Linux can't, so another option stands in for it.
#[cfg(ferrio_without = "sigpipe")]
#[test]
fn no_socket_raises_sigpipe() {
    fn is_silenced(socket: &dyn AsFd) -> bool {
        let socket = socket2::SockRef::from(&socket.as_fd()).keepalive();
        socket.expect("SO_KEEPALIVE")
    }
    let (one, other) = UnixStream::pair().expect("a pair");
    let (first, second) = UnixDatagram::pair().expect("a pair");
    let paths = [TempPath::new(), TempPath::new()];
    let listener = TcpListener::bind(loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    let sockets: [&dyn AsFd; 11] = [
        &one,
        &other,
        &first,
        &second,
        &listener,
        &TcpStream::connect(address).expect("connect"),
        &sockets::accept(|| listener.accept()).0,
        &UdpSocket::bind(loopback()).expect("bind"),
        &UnixListener::bind(&paths[0]).expect("bind"),
        &UnixStream::connect(&paths[0]).expect("connect"),
        &UnixDatagram::unbound().expect("a socket"),
    ];
    assert!(sockets.iter().all(|socket| is_silenced(socket)));

    let listener = net::TcpListener::bind(LOOPBACK).expect("bind");
    let address = listener.local_addr().expect("an address");
    let unix_listener = unix::net::UnixListener::bind(&paths[1]).expect("bind");
    listener.set_nonblocking(true).expect("non-blocking");
    unix_listener.set_nonblocking(true).expect("non-blocking");
    let listener = TcpListener::from_std(listener);
    let unix_listener = UnixListener::from_std(unix_listener);
    assert!(!is_silenced(&listener) && !is_silenced(&unix_listener));
    let _client = net::TcpStream::connect(address).expect("connect");
    assert!(is_silenced(&sockets::accept(|| listener.accept()).0));
    let _client = unix::net::UnixStream::connect(&paths[1]).expect("connect");
    assert!(is_silenced(&sockets::accept(|| unix_listener.accept()).0));
}

#[test]
fn a_foreign_socket_keeps_its_blocking_mode() {
    let is_blocking = |fd: &dyn AsRawFd| !descriptors::is_nonblocking(fd.as_raw_fd());
    let path = TempPath::new();
    let listener = net::TcpListener::bind(LOOPBACK).expect("bind");
    assert!(is_blocking(&TcpListener::from_std(listener)));
    let (one, other) = pairs::std_tcp();
    assert!(is_blocking(&TcpStream::from_std(one)));
    assert!(is_blocking(&TcpStream::from(OwnedFd::from(other))));
    let socket = net::UdpSocket::bind(LOOPBACK).expect("bind");
    assert!(is_blocking(&UdpSocket::from_std(socket)));
    let listener = unix::net::UnixListener::bind(&path).expect("bind");
    assert!(is_blocking(&UnixListener::from_std(listener)));
    let (one, _other) = unix::net::UnixStream::pair().expect("a pair");
    assert!(is_blocking(&UnixStream::from_std(one)));
    let socket = unix::net::UnixDatagram::unbound().expect("a socket");
    assert!(is_blocking(&UnixDatagram::from_std(socket)));
    let (reader, writer) = pairs::std_pipe();
    assert!(is_blocking(&Receiver::from(OwnedFd::from(reader))));
    assert!(is_blocking(&Sender::from(OwnedFd::from(writer))));
}

#[test]
fn conversions_keep_descriptor_and_mode() {
    let path = TempPath::new();
    let listener = TcpListener::bind(loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    let stream = TcpStream::connect(address).expect("connect");
    conversions_keep_the_descriptor!(listener, TcpListener, net::TcpListener);
    conversions_keep_the_descriptor!(stream, TcpStream, net::TcpStream);
    let socket = UdpSocket::bind(loopback()).expect("bind");
    conversions_keep_the_descriptor!(socket, UdpSocket, net::UdpSocket);
    let listener = UnixListener::bind(&path).expect("bind");
    conversions_keep_the_descriptor!(listener, UnixListener, unix::net::UnixListener);
    let (stream, other) = UnixStream::pair().expect("a pair");
    conversions_keep_the_descriptor!(stream, UnixStream, unix::net::UnixStream);
    drop(other);
    let socket = UnixDatagram::unbound().expect("a socket");
    conversions_keep_the_descriptor!(socket, UnixDatagram, unix::net::UnixDatagram);
    let (sender, receiver) = pipe::new().expect("a pipe");
    conversions_keep_the_descriptor!(sender, Sender);
    conversions_keep_the_descriptor!(receiver, Receiver);
    let stream = TcpStream::from_std(pairs::std_tcp().0);
    conversions_keep_the_descriptor!(stream, TcpStream, net::TcpStream);
}

#[test]
fn dropping_what_a_conversion_made_closes_the_descriptor() {
    isolated(
        "dropping_what_a_conversion_made_closes_the_descriptor",
        || {
            let paths = [TempPath::new(), TempPath::new()];
            descriptors::assert_none_left("conversions", || {
                drop(net::TcpListener::from(
                    TcpListener::bind(loopback()).expect("bind"),
                ));
                drop(net::UdpSocket::from(
                    UdpSocket::bind(loopback()).expect("bind"),
                ));
                let listener = UnixListener::bind(&paths[0]).expect("bind");
                let stream = UnixStream::connect(&paths[0]).expect("connect");
                drop(unix::net::UnixListener::from(listener));
                drop(unix::net::UnixStream::from(stream));
                let socket = UnixDatagram::bind(&paths[1]).expect("bind");
                drop(unix::net::UnixDatagram::from(socket));
                let (sender, receiver) = pipe::new().expect("a pipe");
                drop(OwnedFd::from(sender));
                drop(OwnedFd::from(receiver));
                let (one, _other) = pairs::tcp();
                drop(net::TcpStream::from(one));
            });
        },
    );
}

#[test]
fn debug_shows_what_stds_types_show() {
    macro_rules! same {
        ($ours:expr, $std:ty) => {{
            let ours = $ours;
            let (plain, pretty) = (format!("{ours:?}"), format!("{ours:#?}"));
            let std = <$std>::from(ours);
            assert_eq!(plain, format!("{std:?}"));
            assert_eq!(pretty, format!("{std:#?}"));
        }};
    }
    let path = TempPath::new();
    same!(
        TcpListener::bind(loopback()).expect("bind"),
        net::TcpListener
    );
    same!(pairs::tcp().0, net::TcpStream);
    same!(UdpSocket::bind(loopback()).expect("bind"), net::UdpSocket);
    same!(
        UnixListener::bind(&path).expect("bind"),
        unix::net::UnixListener
    );
    same!(pairs::unix().0, unix::net::UnixStream);
    same!(
        UnixDatagram::unbound().expect("a socket"),
        unix::net::UnixDatagram
    );
    let (sender, receiver) = pipe::new().expect("a pipe");
    assert!(format!("{sender:?}").starts_with("Sender { inner: File { fd: "));
    assert!(format!("{receiver:?}").starts_with("Receiver { inner: File { fd: "));
}

#[test]
fn registered_sources_of_every_conversion_work() {
    let poll = Poll::new().expect("a Poll");
    let (stream, _peer) = pairs::tcp();
    let mut stream = TcpStream::from(OwnedFd::from(stream));
    poll.registry()
        .register(&mut stream, Token(0), Interest::WRITABLE)
        .expect("register");
    poll.registry().deregister(&mut stream).expect("deregister");
}
