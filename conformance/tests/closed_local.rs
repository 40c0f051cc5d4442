//! Contract row 11 for Unix sockets and pipes: what the closed and error bits mean. See `closed.rs`.
#![cfg(unix)]

use std::io::{self, Read, Write};
use std::net::Shutdown;

use ferrio::Interest;
use ferrio::event::{Event, Source};
use ferrio::unix::pipe;
use ferrio_conformance::closed::{BOTH, END_OF_READING, Told, assert_bits, merge};
use ferrio_conformance::{Backend, conformance, kernel, pairs};

conformance! { closed_local {
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
    registrations_outlive_a_hang_up,
    io_errors_after_a_hang_up_are_the_kernels,
} }

const END_OF_UNIX_READING: Told = Told {
    kqueue_room: true,
    ..END_OF_READING
};

fn unix_peer_closed(b: &Backend) {
    let (stream, peer) = pairs::unix();
    assert_bits(b, stream, |_| drop(peer), kernel::HUP, "rwRW");
}

fn unix_peer_shut_its_writing_half(b: &Backend) {
    let (stream, peer) = pairs::unix();
    let shut = |_: &mut _| peer.shutdown(Shutdown::Write).expect("shutdown");
    assert_bits(b, stream, shut, kernel::RDHUP, END_OF_UNIX_READING);
}

fn unix_local_reading_half_shut(b: &Backend) {
    let (stream, _peer) = pairs::unix();
    assert_bits(
        b,
        stream,
        |s| s.shutdown(Shutdown::Read).expect("shutdown"),
        kernel::RDHUP,
        END_OF_UNIX_READING,
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
        kernel::HUP,
        "rwRW",
    );
}

/// unix(7): what the peer had not read when it closed comes back as ECONNRESET.
fn unix_peer_closed_with_unread_data(b: &Backend) {
    let (mut stream, peer) = pairs::unix();
    stream.write_all(b"unread").expect("write");
    let unread = Told {
        norm: "rweRW",
        kqueue: "rwRW",
        kqueue_afterwards: "rwRW",
        kqueue_room: false,
    };
    let (_, stream) = assert_bits(b, stream, |_| drop(peer), kernel::HUP, unread);
    let error = stream.take_error().expect("take_error").expect("an error");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

fn pipe_writer_closed(b: &Backend) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    let told = Told {
        norm: "RW",
        kqueue: "rR",
        kqueue_afterwards: "rR",
        kqueue_room: false,
    };
    assert_bits(b, receiver, |_| drop(sender), kernel::HUP, told);
}

fn pipe_writer_closed_with_data_left(b: &Backend) {
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    let end = |_: &mut _| {
        sender.write_all(b"last words").expect("write");
        drop(sender);
    };
    let told = Told {
        norm: "rRW",
        kqueue: "rR",
        kqueue_afterwards: "rR",
        kqueue_room: false,
    };
    let (_, mut receiver) = assert_bits(b, receiver, end, kernel::HUP, told);
    let mut text = String::new();
    receiver.read_to_string(&mut text).expect("read");
    assert_eq!(text, "last words");
}

/// On kqueue(2) writable in any case: trying gives the error.
const READER_GONE: Told = Told {
    norm: "",
    kqueue: "wW",
    kqueue_afterwards: "wW",
    kqueue_room: false,
};

fn pipe_reader_closed(b: &Backend) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    let told = Told {
        norm: "weW",
        ..READER_GONE
    };
    assert_bits(b, sender, |_| drop(receiver), kernel::ERR, told);
}

fn pipe_reader_closed_while_full(b: &Backend) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    pairs::fill(&sender);
    let told = Told {
        norm: "eW",
        ..READER_GONE
    };
    assert_bits(b, sender, |_| drop(receiver), kernel::ERR, told);
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
    // Of a pipe's reading end kqueue(2) says nothing about writing.
    let closed = |event: &Event| event.is_write_closed() || event.is_read_closed();
    driver.until("four hang-ups", |seen| {
        (0..4).all(|token| ferrio_conformance::has(seen, token, closed))
    });
    for (token, source) in all.into_iter().enumerate() {
        driver
            .registry()
            .reregister(source, ferrio::Token(token), BOTH)
            .expect("still registered");
        driver.expect(token, closed);
        driver
            .registry()
            .deregister(source)
            .expect("still registered");
        driver
            .registry()
            .register(source, ferrio::Token(token), BOTH)
            .expect("register again");
        driver.expect(token, closed);
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
