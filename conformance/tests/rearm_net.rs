//! Contract row 8 for TCP and UDP: after `WouldBlock` from any I/O method, a change is an event.
//!
//! `UdpSocket::send` and `send_to` are missing: on the loopback interface a datagram leaves the
//! sender's buffer at once, so they never block.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use ferrio::net::{TcpStream, UdpSocket};
use ferrio_conformance::rearm::{make_room, raw_read, raw_write, reads, some, writes};
use ferrio_conformance::{Backend, conformance, kernel, pairs};

conformance! { rearm_net {
    tcp_read_rearms,
    tcp_read_through_a_reference_rearms,
    tcp_read_vectored_rearms,
    tcp_peek_rearms needs Peek,
    tcp_try_io_that_reads_rearms,
    tcp_short_read_is_followed_by_an_event,
    tcp_write_rearms,
    tcp_write_through_a_reference_rearms,
    tcp_write_vectored_rearms,
    tcp_try_io_that_writes_rearms,
    tcp_short_write_is_followed_by_an_event,
    tcp_accept_rearms,
    udp_recv_rearms needs Datagrams,
    udp_recv_from_rearms needs Datagrams,
    udp_peek_rearms needs Peek,
    udp_peek_from_rearms needs Peek,
    udp_try_io_rearms needs Datagrams,
} }

fn tcp_reads(b: &Backend, mut operate: impl FnMut(&mut TcpStream) -> io::Result<usize>) {
    let (stream, mut peer) = pairs::tcp();
    reads(
        b,
        stream,
        |stream| operate(stream).map(some),
        || peer.write_all(b"x").expect("write"),
    );
}

fn tcp_read_rearms(b: &Backend) {
    tcp_reads(b, |stream| stream.read(&mut [0; 8]));
}

fn tcp_read_through_a_reference_rearms(b: &Backend) {
    tcp_reads(b, |stream| (&*stream).read(&mut [0; 8]));
}

fn tcp_read_vectored_rearms(b: &Backend) {
    tcp_reads(b, |stream| {
        let (mut first, mut second) = ([0; 2], [0; 2]);
        stream.read_vectored(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)])
    });
}

/// A peek takes nothing out; what it found is read before the next one.
fn tcp_peek_rearms(b: &Backend) {
    let mut found = false;
    tcp_reads(b, move |stream| {
        if found {
            pairs::drain(&*stream);
        }
        let result = stream.peek(&mut [0; 8]);
        found = result.is_ok();
        result
    });
}

fn tcp_try_io_that_reads_rearms(b: &Backend) {
    tcp_reads(b, |stream| stream.try_io(|| raw_read(stream)).map(|()| 1));
}

/// A read that returned less than was asked for has emptied the socket as surely as `WouldBlock`
/// tells; runtimes stop there.
fn tcp_short_read_is_followed_by_an_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, ferrio::Interest::READABLE);
    for _ in 0..20 {
        peer.write_all(b"abc").expect("write");
        driver.expect_readable(1);
        assert_eq!(stream.read(&mut [0; 64]).expect("read"), 3);
    }
}

fn tcp_writes(b: &Backend, mut operate: impl FnMut(&mut TcpStream) -> io::Result<usize>) {
    let (stream, peer) = pairs::tcp();
    let fd = kernel::number(&stream);
    writes(
        b,
        stream,
        |stream| operate(stream).map(some),
        || make_room(&peer, fd),
    );
}

fn tcp_write_rearms(b: &Backend) {
    tcp_writes(b, |stream| stream.write(&[0; 64 * 1024]));
}

fn tcp_write_through_a_reference_rearms(b: &Backend) {
    tcp_writes(b, |stream| (&*stream).write(&[0; 64 * 1024]));
}

fn tcp_write_vectored_rearms(b: &Backend) {
    let half = [0; 32 * 1024];
    tcp_writes(b, |stream| {
        stream.write_vectored(&[IoSlice::new(&half), IoSlice::new(&half)])
    });
}

fn tcp_try_io_that_writes_rearms(b: &Backend) {
    tcp_writes(b, |stream| stream.try_io(|| raw_write(stream)).map(|()| 1));
}

fn tcp_short_write_is_followed_by_an_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    let fd = kernel::number(&stream);
    let much = vec![0; 64 * 1024 * 1024];
    driver.add(&mut stream, 1, ferrio::Interest::WRITABLE);
    for _ in 0..5 {
        driver.expect_writable(1);
        let n = stream.write(&much).expect("write");
        assert!(n < much.len(), "the kernel took it all");
        // What it took travels to the peer by and by, so the event may come before this.
        make_room(&peer, fd);
    }
    driver.expect_writable(1);
}

fn tcp_accept_rearms(b: &Backend) {
    let (listener, address) = pairs::listener();
    let mut clients = Vec::new();
    reads(
        b,
        listener,
        |listener| listener.accept().map(|_| ()),
        || clients.push(pairs::client(address)),
    );
}

fn udp_reads(b: &Backend, mut operate: impl FnMut(&mut UdpSocket) -> io::Result<usize>) {
    let (socket, peer) = pairs::udp();
    reads(
        b,
        socket,
        |socket| operate(socket).map(some),
        || some(peer.send(b"x").expect("send")),
    );
}

fn udp_recv_rearms(b: &Backend) {
    udp_reads(b, |socket| socket.recv(&mut [0; 8]));
}

fn udp_recv_from_rearms(b: &Backend) {
    udp_reads(b, |socket| socket.recv_from(&mut [0; 8]).map(|(n, _)| n));
}

fn udp_peeks(b: &Backend, peek: fn(&UdpSocket) -> io::Result<usize>) {
    let mut found = false;
    udp_reads(b, move |socket| {
        if found {
            socket.recv(&mut [0; 8]).expect("what was peeked at");
        }
        let result = peek(socket);
        found = result.is_ok();
        result
    });
}

fn udp_peek_rearms(b: &Backend) {
    udp_peeks(b, |socket| socket.peek(&mut [0; 8]));
}

fn udp_peek_from_rearms(b: &Backend) {
    udp_peeks(b, |socket| socket.peek_from(&mut [0; 8]).map(|(n, _)| n));
}

fn udp_try_io_rearms(b: &Backend) {
    udp_reads(b, |socket| socket.try_io(|| raw_read(socket)).map(|()| 1));
}
