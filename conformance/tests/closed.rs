//! Contract row 11: what the closed and error bits mean. The table below is written down from the
//! kernel's documentation; `differential.rs` compares the same scenes with mio.

use std::io::{self, Read, Write};
use std::net::{self, Shutdown};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use ferrio::Interest;
use ferrio::event::{Event, Source};
use ferrio::net::TcpStream;
use ferrio::unix::pipe;
use ferrio_conformance::{Backend, Capability, Driver, conformance, kernel, pairs};

conformance! { closed {
    tcp_peer_closed,
    tcp_peer_shut_its_writing_half,
    tcp_peer_shut_its_reading_half_is_unseen,
    tcp_local_reading_half_shut,
    tcp_local_writing_half_shut,
    tcp_both_local_halves_shut,
    tcp_both_sides_shut_writing,
    tcp_reset,
    tcp_refused_connection,
    tcp_unconnected,
    tcp_buffered_data_comes_before_the_end,
    unix_peer_closed,
    unix_peer_shut_its_writing_half,
    unix_local_reading_half_shut,
    unix_local_writing_half_shut,
    unix_both_local_halves_shut,
    unix_peer_closed_with_unread_data,
    pipe_writer_closed,
    pipe_writer_closed_with_data_left,
    pipe_reader_closed,
    pipe_reader_closed_while_full,
    udp_error_is_not_a_closed_connection,
    udp_error_beside_data_closes_nothing,
    write_interest_alone_hears_of_a_full_close_only,
    open_connections_have_no_closed_bits,
    registrations_outlive_a_hang_up,
    io_errors_after_a_hang_up_are_the_kernels,
} }

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The five bits of an event, or of several.
#[derive(Debug, PartialEq, Eq, Default)]
struct Bits {
    readable: bool,
    writable: bool,
    error: bool,
    read_closed: bool,
    write_closed: bool,
}

/// From the letters r, w, e, R (read closed), W (write closed); anything else is 0.
fn bits(letters: &str) -> Bits {
    Bits {
        readable: letters.contains('r'),
        writable: letters.contains('w'),
        error: letters.contains('e'),
        read_closed: letters.contains('R'),
        write_closed: letters.contains('W'),
    }
}

fn merge(events: &[Event]) -> Bits {
    let any = |bit: fn(&Event) -> bool| events.iter().any(bit);
    Bits {
        readable: any(Event::is_readable),
        writable: any(Event::is_writable),
        error: any(Event::is_error),
        read_closed: any(Event::is_read_closed),
        write_closed: any(Event::is_write_closed),
    }
}

/// What is reported when `change` happens to a registered, quiet source, and what a registration
/// after the change reports. `settled` is what the kernel says when the change has arrived.
fn assert_bits<S: Source + AsRawFd>(
    b: &Backend,
    mut source: S,
    change: impl FnOnce(&mut S),
    settled: libc::c_short,
    expected: &str,
) -> (Driver, S) {
    let mut driver = b.driver();
    driver.add(&mut source, 1, BOTH);
    driver.quiesce();
    change(&mut source);
    let flags = pairs::kernel_ready(&source, settled);
    assert_ne!(flags & settled, 0, "the kernel says {flags:#x}");
    let change_seen = driver.quiesce();
    driver
        .registry()
        .reregister(&mut source, ferrio::Token(1), BOTH)
        .expect("reregister");
    let again = driver.quiesce();
    let mut expected = bits(expected);
    if b.gap(Capability::BareErrors).is_some() {
        expected.readable |= expected.error;
        // Closed both ways is a hang-up.
        expected.writable |= expected.error || expected.read_closed && expected.write_closed;
    }
    assert_eq!(merge(&change_seen), expected, "at once: {change_seen:?}");
    assert_eq!(merge(&again), expected, "afterwards: {again:?}");
    (driver, source)
}

fn tcp_peer_closed(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let (_, mut stream) = assert_bits(b, stream, |_| drop(peer), libc::POLLRDHUP, "rwR");
    assert_eq!(stream.read(&mut [0; 8]).expect("read"), 0);
}

fn tcp_peer_shut_its_writing_half(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let shut = |_: &mut _| peer.shutdown(Shutdown::Write).expect("shutdown");
    let (_, mut stream) = assert_bits(b, stream, shut, libc::POLLRDHUP, "rwR");
    // Half closed: this side still sends.
    stream.write_all(b"x").expect("write");
    pairs::read_all(&peer, 1);
}

fn tcp_peer_shut_its_reading_half_is_unseen(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.quiesce();
    peer.shutdown(Shutdown::Read).expect("shutdown");
    driver.assert_quiet();
}

fn tcp_local_reading_half_shut(b: &Backend) {
    let (stream, _peer) = pairs::tcp();
    let shut = |s: &mut TcpStream| s.shutdown(Shutdown::Read).expect("shutdown");
    let (_, mut stream) = assert_bits(b, stream, shut, libc::POLLRDHUP, "rwR");
    assert_eq!(stream.read(&mut [0; 8]).expect("read"), 0);
    stream.write_all(b"x").expect("the other half is open");
}

fn tcp_local_writing_half_shut(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.quiesce();
    stream.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(peer.read(&mut [0; 8]).expect("read"), 0);
    // The kernel reports nothing in particular, and what it reports is not the end of reading.
    let seen = driver.quiesce();
    assert!(!merge(&seen).read_closed && !merge(&seen).error, "{seen:?}");
    peer.write_all(b"x").expect("the other half is open");
    let seen = driver.expect_readable(1);
    assert!(!merge(&seen).read_closed, "{seen:?}");
}

fn tcp_both_local_halves_shut(b: &Backend) {
    let (stream, _peer) = pairs::tcp();
    let shut = |s: &mut TcpStream| s.shutdown(Shutdown::Both).expect("shutdown");
    assert_bits(b, stream, shut, libc::POLLHUP, "rwRW");
}

fn tcp_both_sides_shut_writing(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let shut = |s: &mut TcpStream| {
        peer.shutdown(Shutdown::Write).expect("shutdown");
        s.shutdown(Shutdown::Write).expect("shutdown");
    };
    assert_bits(b, stream, shut, libc::POLLHUP, "rwRW");
}

fn tcp_reset(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let reset = |_: &mut _| {
        pairs::reset_on_close(&peer);
        drop(peer);
    };
    let (_, mut stream) = assert_bits(b, stream, reset, libc::POLLERR, "rweRW");
    let error = stream.read(&mut [0; 8]).expect_err("reset");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

fn tcp_refused_connection(b: &Backend) {
    let mut driver = b.driver();
    let mut stream = TcpStream::connect(pairs::refusing_address()).expect("in progress");
    driver.add(&mut stream, 1, BOTH);
    let seen = driver.expect(1, Event::is_error);
    assert_eq!(merge(&seen), bits("rweRW"), "{seen:?}");
    let error = stream.take_error().expect("take_error").expect("an error");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(stream.take_error().expect("take_error").is_none());
}

/// The kernel reports EPOLLOUT and EPOLLHUP for a socket that was never connected.
fn tcp_unconnected(b: &Backend) {
    // SAFETY: socket(2) takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0) };
    assert_ne!(fd, -1, "socket: {}", io::Error::last_os_error());
    // SAFETY: the call above made this descriptor and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut driver = b.driver();
    let mut stream = TcpStream::from(fd);
    driver.add(&mut stream, 1, BOTH);
    let seen = driver.quiesce();
    assert_eq!(merge(&seen), bits("wRW"), "{seen:?}");
}

fn tcp_buffered_data_comes_before_the_end(b: &Backend) {
    let (stream, mut peer) = pairs::tcp();
    let end = |_: &mut _| {
        peer.write_all(b"last words").expect("write");
        drop(peer);
    };
    let (_, mut stream) = assert_bits(b, stream, end, libc::POLLRDHUP, "rwR");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("read");
    assert_eq!(text, "last words");
}

fn unix_peer_closed(b: &Backend) {
    let (stream, peer) = pairs::unix();
    assert_bits(b, stream, |_| drop(peer), libc::POLLHUP, "rwRW");
}

fn unix_peer_shut_its_writing_half(b: &Backend) {
    let (stream, peer) = pairs::unix();
    let shut = |_: &mut _| peer.shutdown(Shutdown::Write).expect("shutdown");
    assert_bits(b, stream, shut, libc::POLLRDHUP, "rwR");
}

fn unix_local_reading_half_shut(b: &Backend) {
    let (stream, _peer) = pairs::unix();
    assert_bits(
        b,
        stream,
        |s| s.shutdown(Shutdown::Read).expect("shutdown"),
        libc::POLLRDHUP,
        "rwR",
    );
}

fn unix_local_writing_half_shut(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, _peer) = pairs::unix();
    driver.add(&mut stream, 1, BOTH);
    driver.quiesce();
    stream.shutdown(Shutdown::Write).expect("shutdown");
    let seen = driver.quiesce();
    assert!(!merge(&seen).read_closed && !merge(&seen).error, "{seen:?}");
}

fn unix_both_local_halves_shut(b: &Backend) {
    let (stream, _peer) = pairs::unix();
    assert_bits(
        b,
        stream,
        |s| s.shutdown(Shutdown::Both).expect("shutdown"),
        libc::POLLHUP,
        "rwRW",
    );
}

/// unix(7): what the peer had not read when it closed comes back as ECONNRESET.
fn unix_peer_closed_with_unread_data(b: &Backend) {
    let (mut stream, peer) = pairs::unix();
    stream.write_all(b"unread").expect("write");
    let (_, stream) = assert_bits(b, stream, |_| drop(peer), libc::POLLHUP, "rweRW");
    let error = stream.take_error().expect("take_error").expect("an error");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

fn pipe_writer_closed(b: &Backend) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    assert_bits(b, receiver, |_| drop(sender), libc::POLLHUP, "RW");
}

fn pipe_writer_closed_with_data_left(b: &Backend) {
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    let end = |_: &mut _| {
        sender.write_all(b"last words").expect("write");
        drop(sender);
    };
    let (_, mut receiver) = assert_bits(b, receiver, end, libc::POLLHUP, "rRW");
    let mut text = String::new();
    receiver.read_to_string(&mut text).expect("read");
    assert_eq!(text, "last words");
}

fn pipe_reader_closed(b: &Backend) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    assert_bits(b, sender, |_| drop(receiver), libc::POLLERR, "weW");
}

fn pipe_reader_closed_while_full(b: &Backend) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    pairs::fill(&sender);
    assert_bits(b, sender, |_| drop(receiver), libc::POLLERR, "eW");
}

/// An ICMP error is pending on the socket, which goes on working.
fn udp_error_is_not_a_closed_connection(b: &Backend) {
    let (socket, peer) = pairs::udp();
    drop(peer);
    let refuse = |socket: &mut ferrio::net::UdpSocket| pairs::until_refused(socket);
    let (mut driver, socket) = assert_bits(b, socket, refuse, libc::POLLERR, "weW");
    let error = socket.recv(&mut [0; 8]).expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    let peer = net::UdpSocket::bind("127.0.0.1:0").expect("bind");
    socket
        .connect(peer.local_addr().expect("its address"))
        .expect("connect");
    peer.connect(socket.local_addr().expect("its address"))
        .expect("connect");
    driver.quiesce();
    peer.send(b"y").expect("send");
    driver.expect_readable(1);
}

fn udp_error_beside_data_closes_nothing(b: &Backend) {
    let mut driver = b.driver();
    let (mut socket, peer) = pairs::udp();
    peer.send(b"x").expect("send");
    pairs::kernel_ready(&socket, kernel::IN);
    drop(peer);
    pairs::until_refused(&socket);
    driver.add(&mut socket, 1, Interest::READABLE);
    let seen = driver.turn();
    assert_eq!(merge(&seen), bits("re"), "{seen:?}");
}

fn write_interest_alone_hears_of_a_full_close_only(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::WRITABLE);
    driver.quiesce();
    peer.shutdown(Shutdown::Write).expect("shutdown");
    pairs::kernel_ready(&stream, kernel::RDHUP);
    let seen = driver.quiesce();
    assert!(
        !merge(&seen).read_closed && !merge(&seen).write_closed,
        "{seen:?}"
    );
    stream.shutdown(Shutdown::Write).expect("shutdown");
    driver.expect(1, Event::is_write_closed);
}

fn open_connections_have_no_closed_bits(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    let (mut unix, mut unix_peer) = pairs::unix();
    driver.add(&mut stream, 1, BOTH);
    driver.add(&mut unix, 2, BOTH);
    for _ in 0..100 {
        peer.write_all(b"x").expect("write");
        unix_peer.write_all(b"x").expect("write");
        let mut seen = driver.expect_readable(1);
        seen.extend(driver.quiesce());
        let all = merge(&seen);
        assert!(
            !all.error && !all.read_closed && !all.write_closed,
            "{seen:?}"
        );
        pairs::drain(&stream);
        pairs::drain(&unix);
    }
}

/// A hang-up ends the connection, not the registration: that is the user's to end.
fn registrations_outlive_a_hang_up(b: &Backend) {
    let mut driver = b.driver();
    let (sender, mut reader) = pipe::new().expect("a pipe");
    let (mut writer, receiver) = pipe::new().expect("a pipe");
    let (mut tcp, tcp_peer) = pairs::tcp();
    let (mut unix, unix_peer) = pairs::unix();
    pairs::reset_on_close(&tcp_peer);
    let mut all: [&mut dyn Source; 4] = [&mut reader, &mut writer, &mut tcp, &mut unix];
    for (token, source) in all.iter_mut().enumerate() {
        driver
            .registry()
            .register(*source, ferrio::Token(token), BOTH)
            .expect("register");
    }
    drop((sender, receiver, tcp_peer, unix_peer));
    driver.until("four hang-ups", |seen| {
        (0..4).all(|token| ferrio_conformance::has(seen, token, Event::is_write_closed))
    });
    for (token, source) in all.into_iter().enumerate() {
        driver
            .registry()
            .reregister(source, ferrio::Token(token), BOTH)
            .expect("still registered");
        driver.expect(token, Event::is_write_closed);
        driver
            .registry()
            .deregister(source)
            .expect("still registered");
        driver
            .registry()
            .register(source, ferrio::Token(token), BOTH)
            .expect("register again");
        driver.expect(token, Event::is_write_closed);
    }
}

fn io_errors_after_a_hang_up_are_the_kernels(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::unix();
    driver.add(&mut stream, 1, BOTH);
    drop(peer);
    driver.expect(1, Event::is_write_closed);
    assert_eq!(stream.read(&mut [0; 8]).expect("read"), 0);
    let error = stream.write(b"x").expect_err("nobody reads");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let (mut quiet, _peer) = pairs::unix();
    driver.add(&mut quiet, 2, Interest::READABLE);
    pairs::assert_would_block(quiet.read(&mut [0; 8]));
}
