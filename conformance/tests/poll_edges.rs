//! Contract rows 9, 14 and 11 where a selector makes the edges itself: a blocked operation asks for
//! its own direction only, and a hang-up ends neither the registration nor the kernel's say in I/O.
#![cfg(unix)]

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use ferrio::event::{Event, Source};
use ferrio::net::{TcpStream, UnixDatagram};
use ferrio::unix::pipe;
use ferrio::{Interest, Token};
use ferrio_conformance::{Backend, Driver, conformance, descriptors, has, pairs, wait_for};

conformance! { poll_edges {
    hundred_blocked_tcp_reads_are_no_event,
    hundred_blocked_unix_reads_are_no_event,
    hundred_blocked_udp_receives_are_no_event,
    hundred_blocked_unix_datagram_receives_are_no_event,
    hundred_blocked_pipe_reads_are_no_event,
    hundred_blocked_tcp_writes_are_no_event,
    hundred_blocked_unix_writes_are_no_event,
    hundred_blocked_unix_datagram_sends_are_no_event,
    hundred_blocked_pipe_writes_are_no_event,
    a_blocked_read_beside_a_blocked_write_keeps_both_apart,
    a_registration_changes_and_ends_after_any_hang_up,
    io_after_any_hang_up_is_the_kernels,
} }

const TIMES: usize = 100;
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// `operate` blocks, a hundred times, each time without an event; after `unblock` there is one.
fn blocked<S: Source>(
    b: &Backend,
    mut source: S,
    interest: Interest,
    mut operate: impl FnMut(&mut S) -> io::Result<usize>,
    unblock: impl FnOnce(&mut S),
    wanted: fn(&Event) -> bool,
) {
    let mut driver = b.driver();
    driver.add(&mut source, 1, interest);
    // What is ready now is reported: it takes the operation to ask again.
    driver.quiesce();
    wait_for("a hundred blocked operations in a row", || {
        while operate(&mut source).is_ok() {}
        driver.quiesce().is_empty() && stays_blocked(&mut driver, &mut source, &mut operate)
    });
    unblock(&mut source);
    driver.expect(1, wanted);
    operate(&mut source).expect("ready");
}

/// `false`: not blocked any more. A full TCP buffer has room again, and says so, whenever the kernel
/// has moved some of it to the peer; that ends when the peer's is full as well.
fn stays_blocked<S: Source>(
    driver: &mut Driver,
    source: &mut S,
    operate: &mut impl FnMut(&mut S) -> io::Result<usize>,
) -> bool {
    let mut seen = Vec::new();
    for _ in 0..TIMES {
        match operate(source) {
            Ok(_) => return false,
            blocked => pairs::assert_would_block(blocked),
        }
        seen.extend(driver.turn());
    }
    if !seen.is_empty() && operate(source).is_ok() {
        return false;
    }
    assert!(seen.is_empty(), "spurious: {seen:?}");
    true
}

fn hundred_blocked_tcp_reads_are_no_event(b: &Backend) {
    let (stream, mut peer) = pairs::tcp();
    let read = |stream: &mut TcpStream| stream.read(&mut [0; 8]);
    let write = |_: &mut _| peer.write_all(b"x").expect("write");
    blocked(b, stream, BOTH, read, write, Event::is_readable);
}

fn hundred_blocked_unix_reads_are_no_event(b: &Backend) {
    let (stream, mut peer) = pairs::unix();
    let read = |stream: &mut ferrio::net::UnixStream| stream.read(&mut [0; 8]);
    let write = |_: &mut _| peer.write_all(b"x").expect("write");
    blocked(b, stream, BOTH, read, write, Event::is_readable);
}

fn hundred_blocked_udp_receives_are_no_event(b: &Backend) {
    let (socket, peer) = pairs::udp();
    let receive = |socket: &mut ferrio::net::UdpSocket| socket.recv(&mut [0; 8]);
    let send = |_: &mut _| {
        peer.send(b"x").expect("send");
    };
    blocked(b, socket, BOTH, receive, send, Event::is_readable);
}

fn hundred_blocked_unix_datagram_receives_are_no_event(b: &Backend) {
    let (socket, peer) = UnixDatagram::pair().expect("a pair");
    let receive = |socket: &mut UnixDatagram| socket.recv(&mut [0; 8]);
    let send = |_: &mut _| {
        peer.send(b"x").expect("send");
    };
    blocked(b, socket, BOTH, receive, send, Event::is_readable);
}

fn hundred_blocked_pipe_reads_are_no_event(b: &Backend) {
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    let read = |receiver: &mut pipe::Receiver| receiver.read(&mut [0; 8]);
    let write = |_: &mut _| sender.write_all(b"x").expect("write");
    let interest = Interest::READABLE;
    blocked(b, receiver, interest, read, write, Event::is_readable);
}

const CHUNK: [u8; 4096] = [0; 4096];

/// Waits at the other half of a source that is written to: reported once, and never again for a
/// blocked write.
const UNREAD: &[u8] = b"unread";

fn hundred_blocked_tcp_writes_are_no_event(b: &Backend) {
    let (stream, mut peer) = pairs::tcp();
    peer.write_all(UNREAD).expect("write");
    let write = |stream: &mut TcpStream| stream.write(&CHUNK);
    let read = |stream: &mut TcpStream| {
        ferrio_conformance::rearm::make_room(&peer, stream.as_raw_fd());
    };
    blocked(b, stream, BOTH, write, read, Event::is_writable);
}

fn hundred_blocked_unix_writes_are_no_event(b: &Backend) {
    let (stream, mut peer) = pairs::unix();
    peer.write_all(UNREAD).expect("write");
    let write = |stream: &mut ferrio::net::UnixStream| stream.write(&CHUNK);
    let read = |stream: &mut ferrio::net::UnixStream| {
        ferrio_conformance::rearm::make_room(&peer, stream.as_raw_fd());
    };
    blocked(b, stream, BOTH, write, read, Event::is_writable);
}

fn hundred_blocked_unix_datagram_sends_are_no_event(b: &Backend) {
    let (socket, peer) = UnixDatagram::pair().expect("a pair");
    let send = |socket: &mut UnixDatagram| socket.send(b"x");
    let receive = |socket: &mut UnixDatagram| {
        ferrio_conformance::rearm::make_room(&peer, socket.as_raw_fd());
    };
    blocked(b, socket, BOTH, send, receive, Event::is_writable);
}

fn hundred_blocked_pipe_writes_are_no_event(b: &Backend) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    let write = |sender: &mut pipe::Sender| sender.write(&CHUNK);
    let read = |_: &mut _| {
        pairs::drain(&receiver);
    };
    let interest = Interest::WRITABLE;
    blocked(b, sender, interest, write, read, Event::is_writable);
}

/// Both directions are blocked: either's change is reported, and the other's is not made up.
fn a_blocked_read_beside_a_blocked_write_keeps_both_apart(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::unix();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    for _ in 0..TIMES {
        pairs::fill(&stream);
        pairs::assert_would_block(stream.read(&mut [0; 8]));
        driver.assert_quiet();

        peer.write_all(b"x").expect("write");
        let seen = driver.expect_readable(1);
        assert!(!has(&seen, 1, Event::is_writable), "{seen:?}");
        assert_eq!(pairs::drain(&stream), 1);
        driver.assert_quiet();

        ferrio_conformance::rearm::make_room(&peer, stream.as_raw_fd());
        let seen = driver.expect_writable(1);
        assert!(!has(&seen, 1, Event::is_readable), "{seen:?}");
    }
}

/// A source that is closed by its other side.
struct Ending {
    name: &'static str,
    source: Box<dyn Source>,
    /// The same object once more, to ask the kernel beside the library.
    twin: OwnedFd,
    read: Box<dyn FnMut() -> io::Result<usize>>,
    write: Box<dyn FnMut() -> io::Result<usize>>,
}

/// What is shared by a source and the functions that use it.
type Shared<S> = std::rc::Rc<std::cell::RefCell<S>>;

struct Handle<S>(Shared<S>);

impl<S: Source> Source for Handle<S> {
    fn register(
        &mut self,
        registry: &ferrio::Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.0.borrow_mut().register(registry, token, interest)
    }

    fn reregister(
        &mut self,
        registry: &ferrio::Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        self.0.borrow_mut().reregister(registry, token, interest)
    }

    fn deregister(&mut self, registry: &ferrio::Registry) -> io::Result<()> {
        self.0.borrow_mut().deregister(registry)
    }
}

fn ending<S: Source + AsRawFd + 'static>(
    name: &'static str,
    source: S,
    mut read: impl FnMut(&mut S) -> io::Result<usize> + 'static,
    mut write: impl FnMut(&mut S) -> io::Result<usize> + 'static,
) -> Ending {
    let twin = descriptors::duplicate(&source);
    let shared = Shared::new(std::cell::RefCell::new(source));
    let (reader, writer) = (shared.clone(), shared.clone());
    Ending {
        name,
        source: Box::new(Handle(shared)),
        twin,
        read: Box::new(move || read(&mut reader.borrow_mut())),
        write: Box::new(move || write(&mut writer.borrow_mut())),
    }
}

fn unsupported<S>(_: &mut S) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

/// Hang-ups of every kind, all of which have happened.
fn endings() -> Vec<Ending> {
    let (closed, peer) = pairs::tcp();
    peer.shutdown(std::net::Shutdown::Both).expect("shutdown");
    closed
        .shutdown(std::net::Shutdown::Write)
        .expect("shutdown");
    let (reset, reset_peer) = pairs::tcp();
    pairs::reset_on_close(&reset_peer);
    let (local, local_peer) = pairs::unix();
    let (sender, receiver) = pipe::new().expect("a pipe");
    let (broken_sender, broken_receiver) = pipe::new().expect("a pipe");
    drop((peer, reset_peer, local_peer, sender, broken_receiver));
    let byte = b"x";
    vec![
        ending(
            "TCP, both halves shut",
            closed,
            |s| s.read(&mut [0; 8]),
            move |s| s.write(byte),
        ),
        ending(
            "TCP, reset",
            reset,
            |s| s.read(&mut [0; 8]),
            move |s| s.write(byte),
        ),
        ending(
            "Unix, closed",
            local,
            |s| s.read(&mut [0; 8]),
            move |s| s.write(byte),
        ),
        ending(
            "pipe without a writer",
            receiver,
            |r| r.read(&mut [0; 8]),
            unsupported,
        ),
        ending(
            "pipe without a reader",
            broken_sender,
            unsupported,
            move |s| s.write(byte),
        ),
    ]
}

fn wait_for_the_end(driver: &mut Driver, name: &str, token: usize) {
    let seen = driver.until(name, |seen| {
        has(seen, token, |event| {
            event.is_read_closed() || event.is_write_closed() || event.is_error()
        })
    });
    assert!(
        seen.iter().all(|event| event.token() == Token(token)),
        "{name}: {seen:?}"
    );
    driver.assert_quiet();
}

fn a_registration_changes_and_ends_after_any_hang_up(b: &Backend) {
    let mut driver = b.driver();
    for Ending {
        name, mut source, ..
    } in endings()
    {
        driver.add(&mut source, 1, BOTH);
        for round in 1..4 {
            wait_for_the_end(&mut driver, name, round);
            driver
                .registry()
                .reregister(&mut source, Token(round + 10), BOTH)
                .unwrap_or_else(|error| panic!("{name}: reregister: {error}"));
            wait_for_the_end(&mut driver, name, round + 10);
            driver
                .registry()
                .deregister(&mut source)
                .unwrap_or_else(|error| panic!("{name}: deregister: {error}"));
            driver.assert_quiet();
            driver.add(&mut source, round + 1, BOTH);
        }
        driver.remove(&mut source);
        let again = driver.registry().deregister(&mut source);
        assert_eq!(again.expect_err(name).kind(), ErrorKind::NotFound);
    }
}

/// What an operation gives, so that two can be compared.
fn outcome(result: io::Result<usize>) -> Result<usize, Option<i32>> {
    result.map_err(|error| error.raw_os_error())
}

/// One more operation is the kernel's answer as the library passes it on; the next is the kernel's
/// without it. The first read of a reset differs: it takes the error with it.
fn io_after_any_hang_up_is_the_kernels(b: &Backend) {
    let mut driver = b.driver();
    for mut end in endings() {
        driver.add(&mut end.source, 1, BOTH);
        wait_for_the_end(&mut driver, end.name, 1);
        let mut raw = std::fs::File::from(end.twin);
        for _ in 0..3 {
            let ours = outcome((end.read)());
            if ours == Err(Some(libc::ECONNRESET)) {
                assert_eq!(end.name, "TCP, reset");
            } else if ours != Err(None) {
                assert_eq!(ours, outcome(raw.read(&mut [0; 8])), "{}", end.name);
            }
            let ours = outcome((end.write)());
            if ours != Err(None) {
                assert_eq!(ours, Err(Some(libc::EPIPE)), "{}", end.name);
                assert_eq!(ours, outcome(raw.write(b"x")), "{}", end.name);
            }
        }
        driver.remove(&mut end.source);
    }
}
