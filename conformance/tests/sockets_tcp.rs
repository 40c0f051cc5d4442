//! TCP: every method of the two types, and what connecting and accepting promise.
//!
//! Needs IPv6 on the loopback interface.

#![cfg_attr(wasi_p1, allow(unused_imports))] // Some cases are not compiled.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::OwnedFd;

use ferrio::Interest;
#[cfg(unix)]
use ferrio::Token;
use ferrio::net::{TcpListener, TcpStream};
use ferrio_conformance::pairs::{assert_would_block, refusing_address};
use ferrio_conformance::{Backend, Driver, conformance, has, kernel, pairs, sockets};
#[cfg(unix)]
use ferrio_conformance::{unix_sockets, wait_for};
#[cfg(unix)]
use socket2::SockRef;
#[cfg(not(wasi_p1))]
use socket2::{Domain, Type};

conformance! { sockets_tcp {
    connect_is_writable_then_without_error_then_has_a_peer needs OwnSockets,
    refused_connect_is_told_by_take_error needs OwnSockets,
    #[cfg(unix)]
    connect_to_a_full_queue_waits_and_nothing_is_lost,
    accept_gives_every_queued_connection_and_its_address needs OwnSockets,
    accept_on_an_empty_queue_would_block needs OwnSockets,
    accept_of_a_connection_that_was_reset_spoils_nothing needs ResetAtWill,
    a_reset_is_the_readers_error_and_nobody_elses needs ResetIsTheReadersError and ResetAtWill,
    read_and_write_move_the_bytes,
    peek_leaves_the_bytes needs Peek,
    read_and_write_work_on_references,
    vectored_operations_take_all_buffers needs AllBuffers,
    vectored_operations_move_the_bytes,
    try_io_hands_the_answer_on,
    shutdown_of_each_half_reaches_the_peer,
    a_megabyte_echoed_through_the_loop_arrives_whole needs Threads,
} }

fn any(host: &str) -> SocketAddr {
    SocketAddr::new(host.parse().expect("an address"), 0)
}

/// What a program does to learn how a connect ended.
fn finish_connect(driver: &mut Driver, stream: &mut TcpStream, token: usize) -> SocketAddr {
    driver.add(stream, token, Interest::WRITABLE);
    loop {
        driver.expect_writable(token);
        assert!(stream.take_error().expect("SO_ERROR").is_none());
        match stream.peer_addr() {
            Ok(peer) => return peer,
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotConnected),
        }
    }
}

fn connect_is_writable_then_without_error_then_has_a_peer(b: &Backend) {
    let mut driver = b.driver();
    for host in ["127.0.0.1", "::1"] {
        let listener = net::TcpListener::bind((host, 0)).expect("bind");
        let address = listener.local_addr().expect("an address");
        let mut stream = TcpStream::connect(address).expect("connect");
        assert_eq!(finish_connect(&mut driver, &mut stream, 1), address);
        assert_eq!(stream.local_addr().expect("an address").ip(), address.ip());
        driver.remove(&mut stream);
    }
}

fn refused_connect_is_told_by_take_error(b: &Backend) {
    let mut driver = b.driver();
    match TcpStream::connect(refusing_address()) {
        // Both are the kernel's right: the answer may be there before connect(2) returns.
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused),
        Ok(mut stream) => {
            driver.add(&mut stream, 1, Interest::WRITABLE);
            driver.expect_writable(1);
            let error = stream.take_error().expect("SO_ERROR").expect("an error");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            assert!(stream.peer_addr().is_err());
        }
    }
}

/// With a full queue the kernel drops the request for a connection, and the client tries again
/// after a second.
#[cfg(unix)]
fn connect_to_a_full_queue_waits_and_nothing_is_lost(b: &Backend) {
    let mut driver = b.driver();
    let listener = net::TcpListener::bind(pairs::private_loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    SockRef::from(&listener).listen(1).expect("listen");
    listener.set_nonblocking(true).expect("non-blocking");
    let listener = TcpListener::from_std(listener);

    // Two fit: the kernel lets one more in than the backlog says.
    let mut clients: Vec<TcpStream> = Vec::new();
    for token in 0..2 {
        let mut client = TcpStream::connect(address).expect("connect");
        finish_connect(&mut driver, &mut client, token);
        clients.push(client);
    }
    wait_for("both in the queue", || {
        unix_sockets::tcp_queue(&listener).0 == 2
    });
    for token in 2..4 {
        let mut client = TcpStream::connect(address).expect("connect");
        driver.add(&mut client, token, Interest::WRITABLE);
        assert!(client.take_error().expect("SO_ERROR").is_none());
        let error = client.peer_addr().expect_err("not connected");
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        clients.push(client);
    }

    let mut accepted = Vec::new();
    wait_for("all connections", || {
        if let Ok((stream, _)) = listener.accept() {
            accepted.push(stream);
        }
        accepted.len() == clients.len()
    });
    driver.expect_writable(2);
    for client in &clients {
        assert_eq!(client.peer_addr().expect("connected"), address);
    }
}

fn accept_gives_every_queued_connection_and_its_address(b: &Backend) {
    let mut driver = b.driver();
    for host in ["127.0.0.1", "::1"] {
        let mut listener = TcpListener::bind(any(host)).expect("bind");
        driver.add(&mut listener, 1, Interest::READABLE);
        let address = listener.local_addr().expect("an address");
        let clients: Vec<_> = (0..20)
            .map(|_| net::TcpStream::connect(address).expect("connect"))
            .collect();
        let mut wanted: Vec<_> = clients
            .iter()
            .map(|client| client.local_addr().expect("an address"))
            .collect();
        while !wanted.is_empty() {
            driver.expect_readable(1);
            while let Ok((stream, from)) = listener.accept() {
                assert_eq!(stream.local_addr().expect("an address"), address);
                assert_eq!(stream.peer_addr().expect("an address"), from);
                // Another test's connection may be here too; ours have to be, each once.
                wanted.retain(|address| *address != from);
            }
        }
        driver.remove(&mut listener);
    }
}

fn accept_on_an_empty_queue_would_block(b: &Backend) {
    let mut driver = b.driver();
    let mut listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
    driver.add(&mut listener, 1, Interest::READABLE);
    assert_would_block(listener.accept());
    driver.assert_quiet();
}

fn accept_of_a_connection_that_was_reset_spoils_nothing(b: &Backend) {
    let mut driver = b.driver();
    let mut listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
    driver.add(&mut listener, 1, Interest::READABLE);
    let address = listener.local_addr().expect("an address");

    let short_lived = net::TcpStream::connect(address).expect("connect");
    pairs::reset_on_close(&short_lived);
    drop(short_lived);
    let lasting = net::TcpStream::connect(address).expect("connect");

    let mut from = Vec::new();
    while !from.contains(&lasting.local_addr().expect("an address")) {
        driver.expect_readable(1);
        loop {
            match listener.accept() {
                Ok((_, peer)) => from.push(peer),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if cfg!(unix) => {
                    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
                }
                // It may have been accepted, and have no peer.
                Err(_) => {}
            }
        }
    }
}

fn a_reset_is_the_readers_error_and_nobody_elses(b: &Backend) {
    let mut driver = b.driver();
    let (mut reset, peer) = pairs::tcp();
    let (mut other, mut other_peer) = pairs::tcp();
    driver.add(&mut reset, 1, Interest::READABLE);
    driver.add(&mut other, 2, Interest::READABLE);
    pairs::reset_on_close(&peer);
    drop(peer);
    driver.expect_readable(1);
    let error = reset.read(&mut [0; 8]).expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(reset.read(&mut [0; 8]).expect("the end"), 0);
    let error = reset.write(b"x").expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);

    other_peer.write_all(b"alive").expect("write");
    let seen = driver.expect_readable(2);
    assert!(!has(&seen, 2, ferrio::event::Event::is_error));
    assert_eq!(other.read(&mut [0; 8]).expect("read"), 5);
}

fn read_and_write_move_the_bytes(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
    assert_would_block(stream.read(&mut [0; 8]));
    assert_eq!(stream.write(b"to the peer").expect("write"), 11);
    assert_eq!(stream.write(b"").expect("write"), 0);
    stream.flush().expect("flush");
    let mut buffer = [0; 11];
    peer.read_exact(&mut buffer).expect("read");
    assert_eq!(&buffer, b"to the peer");

    peer.write_all(b"from the peer").expect("write");
    driver.expect_readable(1);
    let mut buffer = [0; 32];
    assert_eq!(stream.read(&mut buffer[..4]).expect("read"), 4);
    assert_eq!(stream.read(&mut buffer[4..]).expect("read"), 9);
    assert_eq!(&buffer[..13], b"from the peer");
    assert_would_block(stream.read(&mut buffer));
    drop(peer);
    driver.expect_readable(1);
    assert_eq!(stream.read(&mut buffer).expect("read"), 0);
}

fn peek_leaves_the_bytes(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
    assert_would_block(stream.peek(&mut [0; 8]));
    peer.write_all(b"from the peer").expect("write");
    driver.expect_readable(1);
    let mut buffer = [0; 32];
    assert_eq!(stream.peek(&mut buffer[..4]).expect("peek"), 4);
    assert_eq!(stream.peek(&mut buffer).expect("peek"), 13);
    assert_eq!(stream.read(&mut buffer).expect("read"), 13);
    assert_eq!(&buffer[..13], b"from the peer");
    assert_would_block(stream.peek(&mut buffer));
    drop(peer);
    driver.expect_readable(1);
    assert_eq!(stream.peek(&mut buffer).expect("peek"), 0);
    assert_eq!(stream.read(&mut buffer).expect("read"), 0);
}

fn read_and_write_work_on_references(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    let (mut reader, mut writer) = (&stream, &stream);
    writer.write_all(b"ping").expect("write");
    writer.flush().expect("flush");
    let mut buffer = [0; 4];
    peer.read_exact(&mut buffer).expect("read");
    peer.write_all(&buffer).expect("write");
    driver.expect_readable(1);
    assert_eq!(reader.read(&mut buffer).expect("read"), 4);
    assert_eq!(&buffer, b"ping");
}

fn vectored_operations_take_all_buffers(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert_eq!(stream.write_vectored(&parts).expect("write"), 5);
    let mut buffer = [0; 5];
    peer.read_exact(&mut buffer).expect("read");
    assert_eq!(&buffer, b"abcde");
    peer.write_all(&buffer).expect("write");
    driver.expect_readable(1);
    let (mut first, mut second) = ([0; 2], [0; 8]);
    let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(stream.read_vectored(&mut parts).expect("read"), 5);
    assert_eq!((&first, &second[..3]), (b"ab", &b"cde"[..]));
}

/// However many buffers each takes: all of them together move everything.
fn vectored_operations_move_the_bytes(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    let text = b"abcde";
    let mut written = 0;
    while written < text.len() {
        let (first, second) = text[written..].split_at((text.len() - written).min(2));
        let parts = [IoSlice::new(b""), IoSlice::new(first), IoSlice::new(second)];
        let n = stream.write_vectored(&parts).expect("write");
        assert!(n > 0, "nothing was written");
        written += n;
    }
    let mut buffer = [0; 5];
    peer.read_exact(&mut buffer).expect("read");
    assert_eq!(&buffer, text);
    peer.write_all(&buffer).expect("write");
    driver.expect_readable(1);
    let mut received = Vec::new();
    while received.len() < text.len() {
        let (mut first, mut second) = ([0; 2], [0; 8]);
        let mut parts = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let n = stream.read_vectored(&mut parts).expect("read");
        assert!(n > 0, "the end");
        received.extend_from_slice(&[&first[..], &second].concat()[..n]);
    }
    assert_eq!(received, text);
}

fn try_io_hands_the_answer_on(b: &Backend) {
    let driver = b.driver();
    let (mut stream, _peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    sockets::try_io_hands_the_answer_on(|f| stream.try_io(f));
}

fn shutdown_of_each_half_reaches_the_peer(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    stream.shutdown(Shutdown::Write).expect("shutdown");
    assert_eq!(peer.read(&mut [0; 8]).expect("the end"), 0);
    let error = stream.write(b"x").expect_err("shut");
    if cfg!(unix) {
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
    peer.write_all(b"still").expect("write");
    driver.expect_readable(1);
    assert_eq!(stream.read(&mut [0; 8]).expect("read"), 5);
    stream.shutdown(Shutdown::Read).expect("shutdown");
    assert_eq!(stream.read(&mut [0; 8]).expect("the end"), 0);

    let (stream, mut peer) = pairs::tcp();
    stream.shutdown(Shutdown::Both).expect("shutdown");
    assert_eq!(peer.read(&mut [0; 8]).expect("the end"), 0);
}

fn a_megabyte_echoed_through_the_loop_arrives_whole(b: &Backend) {
    const SIZE: usize = 1 << 20;
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    let echo = ferrio_conformance::in_thread(move || {
        let (mut reader, mut writer) = (&peer, &peer);
        std::io::copy(&mut reader, &mut writer).expect("an echo")
    });
    driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
    let sent: Vec<u8> = (0..SIZE).map(|i| (i * 31 % 251) as u8).collect();
    let (mut written, mut received) = (0, Vec::with_capacity(SIZE));
    let mut buffer = [0; 8 * 1024];
    while received.len() < SIZE {
        let mut moved = false;
        if written < SIZE {
            if let Ok(n) = stream.write(&sent[written..]) {
                (written, moved) = (written + n, true);
            }
            if written == SIZE {
                stream.shutdown(Shutdown::Write).expect("shutdown");
            }
        }
        if let Ok(n) = stream.read(&mut buffer) {
            assert!(n > 0, "the echo ended after {} bytes", received.len());
            received.extend_from_slice(&buffer[..n]);
            moved = true;
        }
        if !moved {
            driver.until("the peer", |seen| !seen.is_empty());
        }
    }
    assert!(received == sent, "the bytes that came back are others");
    assert_eq!(echo.join(), SIZE as u64);
}

#[test]
#[cfg_attr(wasi_p1, ignore = "preview 1: only the host opens sockets")]
fn a_listeners_address_can_be_taken_again_while_old_connections_linger() {
    let listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    let error = TcpListener::bind(address).expect_err("it has a listener");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let mut client = net::TcpStream::connect(address).expect("connect");
    let (accepted, _) = sockets::accept(|| listener.accept());
    // Whoever closes first is left in TIME-WAIT.
    drop(accepted);
    assert_eq!(client.read(&mut [0; 1]).expect("the end"), 0);
    drop(client);
    drop(listener);
    let again = TcpListener::bind(address).expect("bind");
    assert_eq!(again.local_addr().expect("an address"), address);
}

#[cfg(unix)]
#[test]
fn the_queue_is_as_long_as_stds() {
    let ours = TcpListener::bind(any("127.0.0.1")).expect("bind");
    let stds = net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let (ours, stds) = (
        unix_sockets::tcp_queue(&ours).1,
        unix_sockets::tcp_queue(&stds).1,
    );
    assert_eq!(ours, stds);
    assert!(ours > 0);
}

#[test]
#[cfg_attr(wasi_p1, ignore = "preview 1: only the host opens sockets")]
fn bind_errors_are_the_systems() {
    // TEST-NET-1, RFC 5737: no machine has this address.
    let error = TcpListener::bind("192.0.2.1:0".parse().expect("an address"));
    assert_eq!(
        error.expect_err("not ours").kind(),
        ErrorKind::AddrNotAvailable
    );
    let error = TcpStream::connect("255.255.255.255:1".parse().expect("an address"));
    // wasi:sockets says so before the system is asked.
    let kind = if cfg!(target_os = "wasi") {
        ErrorKind::InvalidInput
    } else {
        ErrorKind::NetworkUnreachable
    };
    assert_eq!(error.expect_err("broadcast").kind(), kind);
}

#[test]
#[cfg_attr(wasi_p1, ignore = "preview 1: only the host opens sockets")]
fn options_can_be_set_and_read_back() {
    let listener = TcpListener::bind(any("127.0.0.1")).expect("bind");
    let (stream, _peer) = pairs::tcp();
    for on in [true, false] {
        stream.set_nodelay(on).expect("TCP_NODELAY");
        assert_eq!(stream.nodelay().expect("TCP_NODELAY"), on);
    }
    for ttl in [1, 64, 255] {
        stream.set_ttl(ttl).expect("IP_TTL");
        assert_eq!(stream.ttl().expect("IP_TTL"), ttl);
        listener.set_ttl(ttl).expect("IP_TTL");
        assert_eq!(listener.ttl().expect("IP_TTL"), ttl);
    }
    for ttl in [0, 256, u32::MAX - 1] {
        let kind = |result: std::io::Result<()>| result.expect_err("no TTL").kind();
        assert_eq!(kind(stream.set_ttl(ttl)), ErrorKind::InvalidInput);
        assert_eq!(kind(listener.set_ttl(ttl)), ErrorKind::InvalidInput);
    }
    assert!(listener.take_error().expect("SO_ERROR").is_none());
    assert!(stream.take_error().expect("SO_ERROR").is_none());
}

#[cfg(not(wasi_p1))]
#[test]
fn what_is_not_connected_says_so() {
    let socket = sockets::unconnected(Domain::IPV4, Type::STREAM);
    let stream = TcpStream::from(kernel::Owned::from(socket));
    assert_eq!(
        stream.peer_addr().expect_err("no peer").kind(),
        ErrorKind::NotConnected
    );
    let error = stream.shutdown(Shutdown::Both).expect_err("no connection");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

#[cfg(unix)]
#[test]
fn a_descriptor_of_another_kind_gives_errors_and_no_panic() {
    let (reader, _writer) = pairs::std_pipe();
    let listener = TcpListener::from(OwnedFd::from(reader));
    let errno = listener.accept().expect_err("a pipe").raw_os_error();
    assert_eq!(errno, Some(libc::ENOTSOCK));
    assert!(listener.local_addr().is_err());
    assert!(format!("{listener:?}").contains("TcpListener"));
    // An epoll or kqueue takes it for what it is: a pipe's end.
    let poll = ferrio::Poll::new().expect("a Poll");
    let mut listener = listener;
    poll.registry()
        .register(&mut listener, Token(0), Interest::READABLE)
        .expect("register");
}
