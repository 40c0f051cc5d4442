//! Contract row 11: what the closed and error bits mean. The table below is written down from the
//! kernel's documentation; `differential.rs` compares the same scenes with mio. Unix sockets and pipes
//! are in `closed_local.rs`.

use std::io::{self, Read, Write};
use std::net::{self, Shutdown};

use ferrio::Interest;
#[cfg(unix)]
use ferrio::SelectorKind;
use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio_conformance::closed::{BOTH, END_OF_READING, Told, assert_bits, bits, merge};
#[cfg(unix)]
use ferrio_conformance::sockets;
use ferrio_conformance::{Backend, Capability, conformance, kernel, pairs, wait_for};
#[cfg(unix)]
use socket2::{Domain, Type};

conformance! { closed {
    tcp_peer_closed,
    tcp_peer_shut_its_writing_half,
    tcp_peer_shut_its_reading_half_is_unseen,
    tcp_local_reading_half_shut,
    tcp_local_writing_half_shut,
    tcp_both_local_halves_shut,
    tcp_both_sides_shut_writing,
    tcp_reset needs OwnSockets,
    a_read_after_a_reset_tells_of_it needs ResetIsTheReadersError and ResetAtWill,
    tcp_refused_connection needs OwnSockets,
    an_error_is_taken_once needs ErrorIsTakenOnce,
    #[cfg(unix)]
    tcp_unconnected,
    tcp_buffered_data_comes_before_the_end needs EndIsToldBesideData,
    tcp_data_is_read_before_the_end,
    udp_error_is_not_a_closed_connection needs RefusedDatagramIsReported,
    udp_error_beside_data_closes_nothing needs RefusedDatagramIsReported,
    write_interest_alone_hears_of_a_full_close_only needs EndsAreTold,
    open_connections_have_no_closed_bits,
    a_listener_has_nothing_of_a_stream_that_had_its_number needs OwnSockets,
} }

fn tcp_peer_closed(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let (_, mut stream) = assert_bits(b, stream, |_| drop(peer), kernel::RDHUP, END_OF_READING);
    assert_eq!(stream.read(&mut [0; 8]).expect("read"), 0);
}

fn tcp_peer_shut_its_writing_half(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let shut = |_: &mut _| peer.shutdown(Shutdown::Write).expect("shutdown");
    let (_, mut stream) = assert_bits(b, stream, shut, kernel::RDHUP, END_OF_READING);
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
    let (_, mut stream) = assert_bits(b, stream, shut, kernel::OWN_END, END_OF_READING);
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
    assert_bits(b, stream, shut, kernel::OWN_HUP, "rwRW");
}

fn tcp_both_sides_shut_writing(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let shut = |s: &mut TcpStream| {
        peer.shutdown(Shutdown::Write).expect("shutdown");
        s.shutdown(Shutdown::Write).expect("shutdown");
    };
    assert_bits(b, stream, shut, kernel::HUP, "rwRW");
}

fn tcp_reset(b: &Backend) {
    let (stream, peer) = pairs::tcp();
    let reset = |stream: &mut TcpStream| pairs::reset(stream, peer);
    assert_bits(b, stream, reset, kernel::ERR, "rweRW");
}

fn a_read_after_a_reset_tells_of_it(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    pairs::reset_on_close(&peer);
    drop(peer);
    driver.expect_readable(1);
    let error = stream.read(&mut [0; 8]).expect_err("reset");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// A connection that is in progress, and will be refused: when it is refused at once, there is none.
fn refused() -> TcpStream {
    let mut stream = None;
    wait_for("a connection in progress", || {
        stream = TcpStream::connect(pairs::refusing_address()).ok();
        stream.is_some()
    });
    stream.expect("waited for")
}

fn tcp_refused_connection(b: &Backend) {
    let mut driver = b.driver();
    let mut stream = refused();
    driver.add(&mut stream, 1, BOTH);
    let seen = driver.expect(1, Event::is_error);
    assert_eq!(merge(&seen), bits("rweRW"), "{seen:?}");
    let error = stream.take_error().expect("take_error").expect("an error");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

fn an_error_is_taken_once(b: &Backend) {
    let mut driver = b.driver();
    let mut stream = refused();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    stream.take_error().expect("take_error").expect("an error");
    assert!(stream.take_error().expect("take_error").is_none());
}

/// The kernel reports EPOLLOUT and EPOLLHUP for a socket that was never connected.
#[cfg(unix)]
fn tcp_unconnected(b: &Backend) {
    let socket = sockets::unconnected(Domain::IPV4, Type::STREAM);
    let mut driver = b.driver();
    let mut stream = TcpStream::from(kernel::Owned::from(socket));
    driver.add(&mut stream, 1, BOTH);
    let seen = driver.quiesce();
    // Neither connected nor shut: a kqueue has nothing to say.
    let expected = match b.selector {
        SelectorKind::Kqueue => "",
        _ => "wRW",
    };
    assert_eq!(merge(&seen), bits(expected), "{seen:?}");
}

fn tcp_buffered_data_comes_before_the_end(b: &Backend) {
    let (stream, mut peer) = pairs::tcp();
    let end = |_: &mut _| {
        peer.write_all(b"last words").expect("write");
        drop(peer);
    };
    let (mut driver, mut stream) =
        assert_bits(b, stream, end, kernel::DATA_AND_END, END_OF_READING);
    let mut text = String::new();
    // Where the kernel doesn't tell of the end it may come after the data.
    while let Err(error) = stream.read_to_string(&mut text) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        driver.expect_readable(1);
    }
    assert_eq!(text, "last words");
}

fn tcp_data_is_read_before_the_end(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.quiesce();
    peer.write_all(b"last words").expect("write");
    drop(peer);
    driver.expect_readable(1);
    let mut text = String::new();
    while let Err(error) = stream.read_to_string(&mut text) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        driver.expect_readable(1);
    }
    assert_eq!(text, "last words");
}

/// An ICMP error is pending on the socket, which goes on working.
fn udp_error_is_not_a_closed_connection(b: &Backend) {
    let (socket, peer) = pairs::udp();
    drop(peer);
    let refuse = |socket: &mut ferrio::net::UdpSocket| pairs::until_refused(socket);
    let told = Told {
        norm: "weW",
        kqueue: "rw",
        kqueue_afterwards: "rw",
        kqueue_room: false,
    };
    let (mut driver, socket) = assert_bits(b, socket, refuse, kernel::ERR, told);
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
    let expected = match b.gap(Capability::ErrorBit) {
        Some(_) => "r",
        None => "re",
    };
    assert_eq!(merge(&seen), bits(expected), "{seen:?}");
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
    let (mut local, mut local_peer) = pairs::local();
    driver.add(&mut stream, 1, BOTH);
    driver.add(&mut local, 2, BOTH);
    for _ in 0..100 {
        peer.write_all(b"x").expect("write");
        local_peer.write_all(b"x").expect("write");
        let mut seen = driver.expect_readable(1);
        seen.extend(driver.quiesce());
        let all = merge(&seen);
        assert!(
            !all.error && !all.read_closed && !all.write_closed,
            "{seen:?}"
        );
        pairs::drain(&stream);
        pairs::drain(&local);
    }
}

/// The stream was dropped before anything was told of it.
fn a_listener_has_nothing_of_a_stream_that_had_its_number(b: &Backend) {
    let mut driver = b.driver();
    let (_other, address) = pairs::listener();
    drop(TcpStream::connect(address).expect("in progress"));
    // Mostly under the same number.
    let (mut listener, address) = pairs::listener();
    driver.add(&mut listener, 1, Interest::READABLE);
    let _client = pairs::client(address);
    let seen = driver.expect_readable(1);
    assert_eq!(merge(&seen), bits("r"), "{seen:?}");
}
