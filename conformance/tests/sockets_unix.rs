//! Unix sockets: every method of the three types. The names they can have are in `addresses.rs`.
#![cfg(unix)]

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::path::Path;

use ferrio::Interest;
use ferrio::net::{UnixDatagram, UnixListener, UnixStream};
use ferrio_conformance::pairs::assert_would_block;
use ferrio_conformance::samples::TempPath;
use ferrio_conformance::{Backend, conformance, kernel, pairs, sockets};
use socket2::{Domain, SockRef, Type};

conformance! { sockets_unix {
    connections_through_a_path_carry_bytes_both_ways,
    accept_gives_every_queued_connection,
    connect_to_a_full_queue_would_block_and_works_later,
    read_write_and_their_references_move_the_bytes,
    vectored_operations_take_all_buffers,
    shutdown_of_each_half_reaches_the_peer,
    a_pair_of_streams_is_connected,
    a_closed_peer_is_the_end_of_the_stream,
    datagrams_keep_their_borders_and_order,
    datagrams_of_a_bound_sender_carry_its_name,
    a_full_receiver_would_block_and_loses_nothing,
    a_datagram_that_does_not_fit_is_cut,
    shutdown_of_a_datagram_socket_ends_a_direction,
    try_io_hands_the_answer_on,
} }

fn connections_through_a_path_carry_bytes_both_ways(b: &Backend) {
    let mut driver = b.driver();
    let path = TempPath::new();
    let mut listener = UnixListener::bind(&path).expect("bind");
    driver.add(&mut listener, 0, Interest::READABLE);
    assert_would_block(listener.accept());
    let mut client = UnixStream::connect(&path).expect("connect");
    driver.add(&mut client, 1, Interest::READABLE | Interest::WRITABLE);
    driver.expect_readable(0);
    let (mut server, _) = listener.accept().expect("accept");
    driver.add(&mut server, 2, Interest::READABLE);

    client.write_all(b"ping").expect("write");
    driver.expect_readable(2);
    let mut buffer = [0; 16];
    assert_eq!(server.read(&mut buffer).expect("read"), 4);
    server.write_all(b"pong!").expect("write");
    driver.expect_readable(1);
    assert_eq!(client.read(&mut buffer).expect("read"), 5);
    assert_eq!(&buffer[..5], b"pong!");
}

fn accept_gives_every_queued_connection(b: &Backend) {
    let mut driver = b.driver();
    let path = TempPath::new();
    let mut listener = UnixListener::bind(&path).expect("bind");
    driver.add(&mut listener, 1, Interest::READABLE);
    let mut clients: Vec<_> = (0..20_u8)
        .map(|number| {
            let mut client = net::UnixStream::connect(&path).expect("connect");
            client.write_all(&[number]).expect("write");
            client
        })
        .collect();
    driver.expect_readable(1);
    for number in 0..20_u8 {
        let (mut server, from) = listener.accept().expect("accept");
        assert!(from.is_unnamed());
        let mut buffer = [0; 4];
        assert_eq!(server.read(&mut buffer).expect("read"), 1);
        assert_eq!(buffer[0], number, "in the order of connecting");
        drop(server);
        let client = &mut clients[usize::from(number)];
        assert_eq!(client.read(&mut buffer).expect("the end"), 0);
    }
    assert_would_block(listener.accept());
}

/// unix(7) and connect(2): a full queue is EAGAIN, and nothing was started.
fn connect_to_a_full_queue_would_block_and_works_later(b: &Backend) {
    let mut driver = b.driver();
    let path = TempPath::new();
    let mut listener = UnixListener::bind(&path).expect("bind");
    SockRef::from(&listener).listen(1).expect("listen");
    driver.add(&mut listener, 1, Interest::READABLE);
    let first = UnixStream::connect(&path).expect("room for one");
    let second = UnixStream::connect(&path).expect("the kernel lets one more in");
    for _ in 0..3 {
        assert_would_block(UnixStream::connect(&path));
    }
    driver.expect_readable(1);
    let _accepted = listener.accept().expect("accept");
    let third = UnixStream::connect(&path).expect("room again");
    for stream in [&first, &second, &third] {
        assert!(
            stream
                .peer_addr()
                .expect("connected")
                .as_pathname()
                .is_some()
        );
    }
    listener.accept().expect("the second");
    listener.accept().expect("the third");
    assert_would_block(listener.accept());
}

fn read_write_and_their_references_move_the_bytes(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::unix();
    driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
    assert_would_block(stream.read(&mut [0; 8]));
    assert_eq!(stream.write(b"").expect("write"), 0);
    stream.write_all(b"one").expect("write");
    (&stream).write_all(b"two").expect("write");
    stream.flush().expect("flush");
    (&stream).flush().expect("flush");
    let mut buffer = [0; 6];
    peer.read_exact(&mut buffer).expect("read");
    assert_eq!(&buffer, b"onetwo");
    peer.write_all(b"abcdef").expect("write");
    driver.expect_readable(1);
    assert_eq!(stream.read(&mut buffer[..3]).expect("read"), 3);
    assert_eq!((&stream).read(&mut buffer[3..]).expect("read"), 3);
    assert_eq!(&buffer, b"abcdef");
    assert_would_block((&stream).read(&mut buffer));
}

fn vectored_operations_take_all_buffers(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::unix();
    driver.add(&mut stream, 1, Interest::READABLE);
    let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert_eq!(stream.write_vectored(&parts).expect("write"), 5);
    assert_eq!((&stream).write_vectored(&parts).expect("write"), 5);
    let mut buffer = [0; 10];
    peer.read_exact(&mut buffer).expect("read");
    assert_eq!(&buffer, b"abcdeabcde");
    peer.write_all(&buffer).expect("write");
    driver.expect_readable(1);
    let (mut first, mut second) = ([0; 2], [0; 3]);
    for _ in 0..2 {
        let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!((&stream).read_vectored(&mut parts).expect("read"), 5);
        assert_eq!((&first, &second), (b"ab", b"cde"));
    }
}

fn shutdown_of_each_half_reaches_the_peer(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::unix();
    driver.add(&mut stream, 1, Interest::READABLE);
    stream.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(peer.read(&mut [0; 8]).expect("the end"), 0);
    let error = stream.write(b"x").expect_err("shut");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    peer.write_all(b"still").expect("write");
    driver.expect_readable(1);
    assert_eq!(stream.read(&mut [0; 8]).expect("read"), 5);
    stream.shutdown(Shutdown::Read).expect("shutdown");
    assert_eq!(stream.read(&mut [0; 8]).expect("the end"), 0);
    assert!(peer.write(b"x").is_err());
}

fn a_pair_of_streams_is_connected(b: &Backend) {
    let mut driver = b.driver();
    let (mut one, mut other) = UnixStream::pair().expect("a pair");
    driver.add(&mut one, 1, Interest::READABLE);
    driver.add(&mut other, 2, Interest::READABLE);
    let mut buffer = [0; 8];
    one.write_all(b"there").expect("write");
    driver.expect_readable(2);
    assert_eq!(other.read(&mut buffer).expect("read"), 5);
    other.write_all(b"back").expect("write");
    driver.expect_readable(1);
    assert_eq!(one.read(&mut buffer).expect("read"), 4);
    assert!(one.local_addr().expect("a name").is_unnamed());
    assert!(one.peer_addr().expect("a name").is_unnamed());
    assert!(one.take_error().expect("SO_ERROR").is_none());
}

fn a_closed_peer_is_the_end_of_the_stream(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::unix();
    driver.add(&mut stream, 1, Interest::READABLE);
    peer.write_all(b"last").expect("write");
    drop(peer);
    driver.expect_readable(1);
    let mut buffer = [0; 8];
    assert_eq!(stream.read(&mut buffer).expect("read"), 4);
    assert_eq!(stream.read(&mut buffer).expect("the end"), 0);
    let error = stream.write(b"x").expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

fn datagrams_keep_their_borders_and_order(b: &Backend) {
    let mut driver = b.driver();
    let (one, mut other) = UnixDatagram::pair().expect("a pair");
    driver.add(&mut other, 1, Interest::READABLE);
    assert_would_block(other.recv(&mut [0; 8]));
    for message in [&b"first"[..], b"", b"second"] {
        assert_eq!(one.send(message).expect("send"), message.len());
    }
    driver.expect_readable(1);
    let mut buffer = [0; 16];
    for message in [&b"first"[..], b"", b"second"] {
        let (len, from) = other.recv_from(&mut buffer).expect("receive");
        assert_eq!(&buffer[..len], message);
        assert!(from.is_unnamed());
    }
    assert_would_block(other.recv_from(&mut buffer));
}

fn datagrams_of_a_bound_sender_carry_its_name(b: &Backend) {
    let mut driver = b.driver();
    let (path, sender_path) = (TempPath::new(), TempPath::new());
    let mut receiver = UnixDatagram::bind(&path).expect("bind");
    driver.add(&mut receiver, 1, Interest::READABLE);
    let sender = UnixDatagram::bind(&sender_path).expect("bind");
    assert_eq!(sender.send_to(b"hello", &path).expect("send"), 5);
    sender.connect(&path).expect("connect");
    let peer = sender.peer_addr().expect("a peer");
    assert_eq!(peer.as_pathname(), Some(path.as_ref()));
    assert_eq!(sender.send(b"again").expect("send"), 5);
    UnixDatagram::unbound()
        .expect("a socket")
        .send_to(b"nameless", &path)
        .expect("send");

    driver.expect_readable(1);
    let mut buffer = [0; 16];
    for _ in 0..2 {
        let (len, from) = receiver.recv_from(&mut buffer).expect("receive");
        assert_eq!(len, 5);
        assert_eq!(from.as_pathname(), Some(sender_path.as_ref()));
    }
    let (len, from) = receiver.recv_from(&mut buffer).expect("receive");
    assert!(len == 8 && from.is_unnamed());
}

fn a_full_receiver_would_block_and_loses_nothing(b: &Backend) {
    let mut driver = b.driver();
    let (mut one, mut other) = UnixDatagram::pair().expect("a pair");
    driver.add(&mut one, 1, Interest::WRITABLE);
    driver.add(&mut other, 2, Interest::READABLE);
    let mut sent = 0_u32;
    let send = |sent: &mut u32| loop {
        match one.send(&sent.to_le_bytes()) {
            Ok(len) => {
                assert_eq!(len, 4);
                *sent += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
    };
    send(&mut sent);
    assert!(sent > 0);
    driver.quiesce();
    let mut buffer = [0; 8];
    for wanted in 0..sent {
        assert_eq!(other.recv(&mut buffer).expect("receive"), 4);
        assert_eq!(buffer[..4], wanted.to_le_bytes());
    }
    assert_would_block(other.recv(&mut buffer));
    driver.expect_writable(1);
    let before = sent;
    send(&mut sent);
    assert!(sent > before);
}

fn a_datagram_that_does_not_fit_is_cut(b: &Backend) {
    let mut driver = b.driver();
    let (one, mut other) = UnixDatagram::pair().expect("a pair");
    driver.add(&mut other, 1, Interest::READABLE);
    one.send(b"0123456789").expect("send");
    one.send(b"next").expect("send");
    driver.expect_readable(1);
    let mut buffer = [0; 4];
    assert_eq!(other.recv(&mut buffer).expect("receive"), 4);
    assert_eq!(&buffer, b"0123");
    assert_eq!(other.recv(&mut buffer).expect("receive"), 4);
    assert_eq!(&buffer, b"next");
}

fn shutdown_of_a_datagram_socket_ends_a_direction(b: &Backend) {
    let mut driver = b.driver();
    let (one, mut other) = UnixDatagram::pair().expect("a pair");
    driver.add(&mut other, 1, Interest::READABLE);
    other.shutdown(Shutdown::Read).expect("shutdown");
    driver.expect_readable(1);
    assert_eq!(
        one.send(b"x").expect_err("shut").kind(),
        ErrorKind::BrokenPipe
    );
    assert_eq!(other.send(b"still").expect("send"), 5);
    assert_eq!(one.recv(&mut [0; 8]).expect("receive"), 5);
}

fn try_io_hands_the_answer_on(b: &Backend) {
    let driver = b.driver();
    let (mut stream, _peer) = pairs::unix();
    driver.add(&mut stream, 1, Interest::READABLE);
    sockets::try_io_hands_the_answer_on(|f| stream.try_io(f));
    let mut socket = UnixDatagram::unbound().expect("a socket");
    driver.add(&mut socket, 2, Interest::READABLE);
    sockets::try_io_hands_the_answer_on(|f| socket.try_io(f));
}

#[test]
fn paths_that_nobody_serves_are_refused() {
    let path = TempPath::new();
    let kind = |error: std::io::Error| error.kind();
    let connect = || UnixStream::connect(&path).map(drop).map_err(kind);
    let send = || {
        let socket = UnixDatagram::unbound().expect("a socket");
        let sent = socket.send_to(b"x", &path).map(drop).map_err(kind);
        assert_eq!(socket.connect(&path).map_err(kind), sent);
        sent
    };
    assert_eq!(connect(), Err(ErrorKind::NotFound));
    assert_eq!(send(), Err(ErrorKind::NotFound));
    drop(UnixListener::bind(&path).expect("bind"));
    assert!(
        AsRef::<Path>::as_ref(&path).exists(),
        "closing leaves the path"
    );
    assert_eq!(connect(), Err(ErrorKind::ConnectionRefused));
    assert_eq!(send(), Err(ErrorKind::ConnectionRefused));
    for error in [
        UnixListener::bind(&path).map(drop),
        UnixDatagram::bind(&path).map(drop),
    ] {
        assert_eq!(error.expect_err("it exists").kind(), ErrorKind::AddrInUse);
    }
}

#[test]
fn the_queue_is_longer_than_128_as_stds() {
    let path = TempPath::new();
    let _listener = UnixListener::bind(&path).expect("bind");
    let clients: Result<Vec<_>, _> = (0..200).map(|_| UnixStream::connect(&path)).collect();
    assert_eq!(clients.expect("room for all").len(), 200);
}

#[test]
fn what_is_not_connected_says_so() {
    let not_connected = ErrorKind::NotConnected;
    let socket = UnixDatagram::unbound().expect("a socket");
    assert_eq!(socket.peer_addr().expect_err("none").kind(), not_connected);
    assert_eq!(socket.send(b"x").expect_err("none").kind(), not_connected);
    assert!(socket.take_error().expect("SO_ERROR").is_none());
    let stream = UnixStream::from(kernel::Owned::from(sockets::unconnected(
        Domain::UNIX,
        Type::STREAM,
    )));
    assert_eq!(stream.peer_addr().expect_err("none").kind(), not_connected);
}

#[test]
fn a_descriptor_of_another_kind_gives_errors_and_no_panic() {
    let (reader, _writer) = pairs::std_pipe();
    let listener = UnixListener::from(OwnedFd::from(reader));
    let errno = listener.accept().expect_err("a pipe").raw_os_error();
    assert_eq!(errno, Some(libc::ENOTSOCK));
    assert!(listener.local_addr().is_err());
    assert!(listener.take_error().is_err());

    // A TCP listener: its connections are no Unix sockets.
    let (tcp, address) = pairs::listener();
    let listener = UnixListener::from(OwnedFd::from(tcp));
    let _client = std::net::TcpStream::connect(address).expect("connect");
    pairs::kernel_ready(&listener, kernel::IN);
    let error = listener.accept().expect_err("not a Unix socket");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
