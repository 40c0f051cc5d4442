//! mio as the oracle: the same kernel object is watched by both libraries at once, and both have to
//! say the same. Contract row 11, and every row that leaves a detail to mio's behaviour.
//!
//! mio runs as a black box. Each side has a duplicate of the descriptor, so each change reaches both
//! in the same instant. For everything but IP sockets, whose packets travel in their own time, even the
//! number of events has to be the same.
#![cfg(unix)]

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

use ferrio_conformance::{Backend, conformance, pairs, samples};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use self::oracle::{Bits, Both, Kind, ours, theirs};

mod oracle;

conformance! { differential {
    random_lives_of_unix_streams needs AnswersOfEpoll,
    random_lives_of_unix_datagrams needs AnswersOfEpoll,
    random_lives_of_pipe_readers needs AnswersOfEpoll,
    random_lives_of_pipe_writers needs AnswersOfEpoll,
    random_lives_of_tcp_streams needs AnswersOfEpoll,
    random_lives_of_eventfds needs AnswersOfEpoll,
    tcp_listener_says_the_same,
    udp_socket_with_an_error_says_the_same needs ErrorBit,
    refused_tcp_connection_says_the_same needs WholeEnd,
    urgent_data_says_the_same needs Priority,
    waker_events_look_the_same,
    registration_errors_are_the_same_kind needs DoubleRegistrationError,
} }

const INTERESTS: &[&str] = &["r", "w", "rw", "p", "rp", "wp", "rwp"];

/// What happens to a pair, one after the other.
#[derive(Clone, Debug)]
enum Action {
    PeerWrite(usize),
    PeerRead(usize),
    PeerShutdown(Shutdown),
    PeerClose,
    LocalRead(usize),
    LocalWrite(usize),
    LocalShutdown(Shutdown),
    Reregister(&'static str),
    Poll,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let size = prop_oneof![1..20_usize, Just(500_000_usize)];
    let how = prop_oneof![
        Just(Shutdown::Read),
        Just(Shutdown::Write),
        Just(Shutdown::Both)
    ];
    let action = prop_oneof![
        3 => size.clone().prop_map(Action::PeerWrite),
        3 => size.clone().prop_map(Action::PeerRead),
        1 => how.clone().prop_map(Action::PeerShutdown),
        1 => Just(Action::PeerClose),
        3 => size.clone().prop_map(Action::LocalRead),
        3 => size.prop_map(Action::LocalWrite),
        1 => how.prop_map(Action::LocalShutdown),
        1 => proptest::sample::select(INTERESTS).prop_map(Action::Reregister),
        4 => Just(Action::Poll),
    ];
    proptest::collection::vec(action, 1..25)
}

/// One end of a pair, non-blocking. Errors are part of the game: both libraries see what comes of
/// them.
trait End: AsRawFd {
    fn put(&self, size: usize);
    fn take(&self, size: usize);
    fn shut(&self, how: Shutdown);
}

macro_rules! end {
    ($type:ty, $put:expr, $take:expr, $shut:expr) => {
        impl End for $type {
            fn put(&self, size: usize) {
                let _: io::Result<usize> = $put(self, &vec![7; size]);
            }
            fn take(&self, size: usize) {
                let _: io::Result<usize> = $take(self, &mut vec![0; size]);
            }
            fn shut(&self, how: Shutdown) {
                let _: io::Result<()> = $shut(self, how);
            }
        }
    };
}

end!(
    TcpStream,
    |mut s: &TcpStream, b: &[u8]| s.write(b),
    |mut s: &TcpStream, b: &mut [u8]| s.read(b),
    |s: &TcpStream, how| s.shutdown(how)
);
end!(
    UnixStream,
    |mut s: &UnixStream, b: &[u8]| s.write(b),
    |mut s: &UnixStream, b: &mut [u8]| s.read(b),
    |s: &UnixStream, how| s.shutdown(how)
);
end!(
    UnixDatagram,
    |s: &UnixDatagram, b: &[u8]| s.send(&b[..b.len().min(1000)]),
    |s: &UnixDatagram, b: &mut [u8]| s.recv(b),
    |s: &UnixDatagram, how| s.shutdown(how)
);
// One direction only: the other fails with EBADF, which changes nothing.
end!(
    File,
    |mut f: &File, b: &[u8]| f.write(b),
    |mut f: &File, b: &mut [u8]| f.read(b),
    |_: &File, _| Ok(())
);

fn live(
    b: &Backend,
    kind: Kind,
    local: &dyn End,
    peer: Box<dyn End>,
    start: &str,
    acts: &[Action],
) {
    let mut peer = Some(peer);
    let mut both = Both::new(b, kind, &local.as_raw_fd(), start);
    both.agree();
    for action in acts {
        match (action, &peer) {
            (Action::PeerWrite(size), Some(peer)) => peer.put(*size),
            (Action::PeerRead(size), Some(peer)) => peer.take(*size),
            (Action::PeerShutdown(how), Some(peer)) => peer.shut(*how),
            (Action::PeerClose, _) => peer = None,
            (Action::LocalRead(size), _) => local.take(*size),
            (Action::LocalWrite(size), _) => local.put(*size),
            (Action::LocalShutdown(how), _) => local.shut(*how),
            (Action::Reregister(interest), _) => both.reregister(interest),
            (Action::Poll, _) => {
                both.agree();
            }
            (_, None) => {}
        }
    }
    both.agree();
    both.reregister("rwp");
    both.agree();
}

fn random_lives(
    b: &Backend,
    cases: u32,
    kind: Kind,
    make: impl Fn() -> (Box<dyn End>, Box<dyn End>),
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let strategy = (proptest::sample::select(INTERESTS), actions());
    TestRunner::new(config)
        .run(&strategy, |(start, acts)| {
            let (local, peer) = make();
            live(b, kind, &*local, peer, start, &acts);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

fn random_lives_of_unix_streams(b: &Backend) {
    random_lives(b, 500, Kind::UnixStream, || {
        let (local, peer) = UnixStream::pair().expect("a pair");
        local.set_nonblocking(true).expect("non-blocking");
        peer.set_nonblocking(true).expect("non-blocking");
        (Box::new(local), Box::new(peer))
    });
}

fn random_lives_of_unix_datagrams(b: &Backend) {
    random_lives(b, 500, Kind::UnixDatagram, || {
        let (local, peer) = UnixDatagram::pair().expect("a pair");
        local.set_nonblocking(true).expect("non-blocking");
        peer.set_nonblocking(true).expect("non-blocking");
        (Box::new(local), Box::new(peer))
    });
}

/// The library's own pipe, both ends non-blocking, as files.
fn pipe() -> (File, File) {
    let (sender, receiver) = ferrio::unix::pipe::new().expect("a pipe");
    let file = |fd: OwnedFd| File::from(fd);
    (file(receiver.into()), file(sender.into()))
}

fn random_lives_of_pipe_readers(b: &Backend) {
    random_lives(b, 300, Kind::Receiver, || {
        let (reader, writer) = pipe();
        (Box::new(reader), Box::new(writer))
    });
}

fn random_lives_of_pipe_writers(b: &Backend) {
    random_lives(b, 300, Kind::Sender, || {
        let (reader, writer) = pipe();
        (Box::new(writer), Box::new(reader))
    });
}

fn random_lives_of_tcp_streams(b: &Backend) {
    random_lives(b, 300, Kind::TcpStream, || {
        let (local, peer) = pairs::std_tcp();
        local.set_nonblocking(true).expect("non-blocking");
        peer.set_nonblocking(true).expect("non-blocking");
        (Box::new(local), Box::new(peer))
    });
}

fn random_lives_of_eventfds(b: &Backend) {
    random_lives(b, 100, Kind::Raw, || {
        let (fd, file) = samples::eventfd();
        (Box::new(File::from(fd)), Box::new(file))
    });
}

fn tcp_listener_says_the_same(b: &Backend) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("its address");
    let mut both = Both::new(b, Kind::TcpListener, &listener, "rw");
    assert_eq!(both.agree(), Bits::default());
    let _client = TcpStream::connect(address).expect("connect");
    both.agree_on(|bits| bits[0]);
    let _accepted = listener.accept().expect("accept");
    both.agree();
}

fn udp_socket_with_an_error_says_the_same(b: &Backend) {
    let (socket, peer) = pairs::udp();
    let mut both = Both::new(b, Kind::UdpSocket, &socket, "rw");
    both.agree_on(|bits| bits[1]);
    peer.send(b"x").expect("send");
    both.agree_on(|bits| bits[0]);
    drop(peer);
    socket.send(b"x").expect("send");
    both.agree_on(|bits| bits[2]);
    for interest in INTERESTS {
        both.reregister(interest);
        both.agree_on(|bits| bits[2]);
    }
}

fn refused_tcp_connection_says_the_same(b: &Backend) {
    let address = pairs::refusing_address();
    let stream = ferrio::net::TcpStream::connect(address).expect("in progress");
    let mut both = Both::new(b, Kind::TcpStream, &stream, "rw");
    both.agree_on(|bits| bits[2]);
    both.reregister("w");
    both.agree_on(|bits| bits[4]);
}

fn urgent_data_says_the_same(b: &Backend) {
    let (local, peer) = pairs::std_tcp();
    let mut both = Both::new(b, Kind::TcpStream, &local, "rp");
    both.agree();
    // SAFETY: the pointer and the length describe one byte.
    let sent = unsafe { libc::send(peer.as_raw_fd(), [b'!'].as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1, "send: {}", io::Error::last_os_error());
    both.agree_on(|bits| bits[5]);
}

fn waker_events_look_the_same(b: &Backend) {
    let zero = Some(std::time::Duration::ZERO);
    let mut our_poll = b.poll();
    let our_waker = ferrio::Waker::new(our_poll.registry(), ferrio::Token(1)).expect("a waker");
    our_waker.wake().expect("wake");
    let mut our_events = ferrio::Events::with_capacity(4);
    our_poll.poll(&mut our_events, zero).expect("poll");
    let mut mios_poll = mio::Poll::new().expect("mio's poll");
    let mios_waker = mio::Waker::new(mios_poll.registry(), mio::Token(1)).expect("a waker");
    mios_waker.wake().expect("wake");
    let mut mios_events = mio::Events::with_capacity(4);
    mios_poll.poll(&mut mios_events, zero).expect("poll");
    let ours: Vec<_> = our_events.iter().map(ours::bits).collect();
    let mios: Vec<_> = mios_events.iter().map(theirs::bits).collect();
    assert_eq!(ours, mios);
}

/// Kinds of the errors for: a second registration, and the three calls for something unregistered
/// or of another poll.
macro_rules! error_kinds {
    ($first:expr, $second:expr, $source:expr, $krate:ident) => {{
        let (first, second, mut source) = ($first, $second, $source);
        let (token, interest) = ($krate::Token(1), $krate::Interest::READABLE);
        let (first, second) = (first.registry(), second.registry());
        let kind = |result: io::Result<()>| result.err().map(|error| error.kind());
        let mut kinds = vec![
            kind(first.reregister(&mut source, token, interest)),
            kind(first.deregister(&mut source)),
            kind(first.register(&mut source, token, interest)),
            kind(first.register(&mut source, token, interest)),
        ];
        if cfg!(debug_assertions) {
            // In this order: mio takes a refused registration for the source's new home.
            kinds.push(kind(second.reregister(&mut source, token, interest)));
            kinds.push(kind(second.register(&mut source, token, interest)));
        }
        kinds
    }};
}

fn registration_errors_are_the_same_kind(b: &Backend) {
    let (stream, _peer) = pairs::std_tcp();
    let copy = stream.try_clone().expect("a duplicate");
    let ours = error_kinds!(
        b.poll(),
        b.poll(),
        ferrio::net::TcpStream::from_std(stream),
        ferrio
    );
    let mios = error_kinds!(
        mio::Poll::new().expect("mio's poll"),
        mio::Poll::new().expect("mio's poll"),
        mio::net::TcpStream::from_std(copy),
        mio
    );
    assert_eq!(ours, mios);
}
