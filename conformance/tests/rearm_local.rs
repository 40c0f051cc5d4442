//! Contract row 8 for Unix sockets, pipes and raw descriptors: after `WouldBlock` from any I/O
//! method, a change is an event.
#![cfg(unix)]

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix;

use ferrio::Interest;
use ferrio::net::{UnixDatagram, UnixListener, UnixStream};
use ferrio::unix::pipe::{self, Receiver, Sender};
use ferrio_conformance::rearm::{make_room, raw_read, raw_write, reads, some, writes};
use ferrio_conformance::samples::{Raw, TempPath, eventfd};
use ferrio_conformance::{Backend, conformance, pairs};

conformance! { rearm_local {
    unix_stream_read_rearms,
    unix_stream_read_through_a_reference_rearms,
    unix_stream_read_vectored_rearms,
    unix_stream_try_io_that_reads_rearms,
    unix_stream_short_read_is_followed_by_an_event,
    unix_stream_write_rearms,
    unix_stream_write_through_a_reference_rearms,
    unix_stream_write_vectored_rearms,
    unix_stream_try_io_that_writes_rearms,
    unix_datagram_recv_rearms,
    unix_datagram_recv_from_rearms,
    unix_datagram_send_rearms,
    unix_datagram_send_to_rearms,
    unix_datagram_try_io_rearms,
    unix_listener_accept_rearms,
    pipe_read_rearms,
    pipe_read_through_a_reference_rearms,
    pipe_read_vectored_rearms,
    pipe_try_io_that_reads_rearms,
    pipe_write_rearms,
    pipe_write_through_a_reference_rearms,
    pipe_write_vectored_rearms,
    pipe_try_io_that_writes_rearms,
    source_fd_read_rearms needs EdgeTriggeredSourceFd,
} }

fn unix_reads(b: &Backend, mut operate: impl FnMut(&mut UnixStream) -> io::Result<usize>) {
    let (stream, mut peer) = pairs::unix();
    reads(
        b,
        stream,
        |stream| operate(stream).map(some),
        || peer.write_all(b"x").expect("write"),
    );
}

fn unix_stream_read_rearms(b: &Backend) {
    unix_reads(b, |stream| stream.read(&mut [0; 8]));
}

fn unix_stream_read_through_a_reference_rearms(b: &Backend) {
    unix_reads(b, |stream| (&*stream).read(&mut [0; 8]));
}

fn unix_stream_read_vectored_rearms(b: &Backend) {
    unix_reads(b, |stream| {
        let (mut first, mut second) = ([0; 2], [0; 2]);
        stream.read_vectored(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)])
    });
}

fn unix_stream_try_io_that_reads_rearms(b: &Backend) {
    unix_reads(b, |stream| stream.try_io(|| raw_read(stream)).map(|()| 1));
}

fn unix_stream_short_read_is_followed_by_an_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::unix();
    driver.add(&mut stream, 1, Interest::READABLE);
    for _ in 0..20 {
        peer.write_all(b"abc").expect("write");
        driver.expect_readable(1);
        assert_eq!(stream.read(&mut [0; 64]).expect("read"), 3);
    }
}

fn unix_writes(b: &Backend, mut operate: impl FnMut(&mut UnixStream) -> io::Result<usize>) {
    let (stream, peer) = pairs::unix();
    let fd = stream.as_raw_fd();
    writes(
        b,
        stream,
        |stream| operate(stream).map(some),
        || make_room(&peer, fd),
    );
}

fn unix_stream_write_rearms(b: &Backend) {
    unix_writes(b, |stream| stream.write(&[0; 8 * 1024]));
}

fn unix_stream_write_through_a_reference_rearms(b: &Backend) {
    unix_writes(b, |stream| (&*stream).write(&[0; 8 * 1024]));
}

fn unix_stream_write_vectored_rearms(b: &Backend) {
    let half = [0; 4 * 1024];
    unix_writes(b, |stream| {
        stream.write_vectored(&[IoSlice::new(&half), IoSlice::new(&half)])
    });
}

fn unix_stream_try_io_that_writes_rearms(b: &Backend) {
    unix_writes(b, |stream| stream.try_io(|| raw_write(stream)).map(|()| 1));
}

fn datagram_reads(b: &Backend, mut operate: impl FnMut(&mut UnixDatagram) -> io::Result<usize>) {
    let (socket, peer) = UnixDatagram::pair().expect("a pair");
    reads(
        b,
        socket,
        |socket| operate(socket).map(some),
        || some(peer.send(b"x").expect("send")),
    );
}

fn unix_datagram_recv_rearms(b: &Backend) {
    datagram_reads(b, |socket| socket.recv(&mut [0; 8]));
}

fn unix_datagram_recv_from_rearms(b: &Backend) {
    datagram_reads(b, |socket| socket.recv_from(&mut [0; 8]).map(|(n, _)| n));
}

fn unix_datagram_try_io_rearms(b: &Backend) {
    datagram_reads(b, |socket| socket.try_io(|| raw_read(socket)).map(|()| 1));
}

fn unix_datagram_send_rearms(b: &Backend) {
    let (socket, peer) = UnixDatagram::pair().expect("a pair");
    let fd = socket.as_raw_fd();
    writes(
        b,
        socket,
        |socket| socket.send(&[0; 1024]).map(some),
        || make_room(&peer, fd),
    );
}

/// A `send_to` that blocks is itself an edge: the kernel makes a buffer and frees it again. Contract
/// row 14 permits that on Unix sockets, so nothing is said about silence here.
fn unix_datagram_send_to_rearms(b: &Backend) {
    let path = TempPath::new();
    let peer = UnixDatagram::bind(&path).expect("bind");
    let mut socket = UnixDatagram::unbound().expect("a socket");
    let mut driver = b.driver();
    driver.add(&mut socket, 1, Interest::WRITABLE);
    for _ in 0..5 {
        while let Ok(n) = socket.send_to(&[0; 1024], &path) {
            some(n);
        }
        pairs::assert_would_block(socket.send_to(&[0; 1024], &path));
        // What is full is the peer's queue. A selector that asks for levels hears of the socket's
        // own buffer, which is writable at once.
        let early = driver.quiesce();
        while let Ok(n) = peer.recv(&mut [0; 1024]) {
            some(n);
        }
        if early.is_empty() {
            driver.expect_writable(1);
        }
        some(socket.send_to(&[0; 1024], &path).expect("send_to"));
    }
}

fn unix_listener_accept_rearms(b: &Backend) {
    let path = TempPath::new();
    let listener = UnixListener::bind(&path).expect("bind");
    let mut clients = Vec::new();
    reads(
        b,
        listener,
        |listener| listener.accept().map(|_| ()),
        || clients.push(unix::net::UnixStream::connect(&path).expect("connect")),
    );
}

fn pipe_reads(b: &Backend, mut operate: impl FnMut(&mut Receiver) -> io::Result<usize>) {
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    reads(
        b,
        receiver,
        |receiver| operate(receiver).map(some),
        || sender.write_all(b"x").expect("write"),
    );
}

fn pipe_read_rearms(b: &Backend) {
    pipe_reads(b, |receiver| receiver.read(&mut [0; 8]));
}

fn pipe_read_through_a_reference_rearms(b: &Backend) {
    pipe_reads(b, |receiver| (&*receiver).read(&mut [0; 8]));
}

fn pipe_read_vectored_rearms(b: &Backend) {
    pipe_reads(b, |receiver| {
        let (mut first, mut second) = ([0; 2], [0; 2]);
        receiver.read_vectored(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)])
    });
}

fn pipe_try_io_that_reads_rearms(b: &Backend) {
    pipe_reads(b, |receiver| {
        receiver.try_io(|| raw_read(receiver)).map(|()| 1)
    });
}

fn pipe_writes(b: &Backend, mut operate: impl FnMut(&mut Sender) -> io::Result<usize>) {
    let (sender, receiver) = pipe::new().expect("a pipe");
    writes(
        b,
        sender,
        |sender| operate(sender).map(some),
        || some(pairs::drain(&receiver)),
    );
}

fn pipe_write_rearms(b: &Backend) {
    pipe_writes(b, |sender| sender.write(&[0; 4096]));
}

fn pipe_write_through_a_reference_rearms(b: &Backend) {
    pipe_writes(b, |sender| (&*sender).write(&[0; 4096]));
}

fn pipe_write_vectored_rearms(b: &Backend) {
    let half = [0; 2048];
    pipe_writes(b, |sender| {
        sender.write_vectored(&[IoSlice::new(&half), IoSlice::new(&half)])
    });
}

fn pipe_try_io_that_writes_rearms(b: &Backend) {
    pipe_writes(b, |sender| sender.try_io(|| raw_write(sender)).map(|()| 1));
}

fn source_fd_read_rearms(b: &Backend) {
    let (fd, mut counter) = eventfd();
    reads(
        b,
        Raw(fd),
        |source| raw_read(&source.0),
        || counter.write_all(&1_u64.to_ne_bytes()).expect("write"),
    );
}
