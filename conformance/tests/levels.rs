//! What a selector that asks for levels promises where it cannot keep what the others do: the other
//! side of the capability table.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use ferrio::event::Event;
use ferrio::unix::{SourceFd, pipe};
use ferrio::{Interest, Token};
use ferrio_conformance::samples::{Raw, eventfd};
use ferrio_conformance::{
    Backend, Capability, conformance, descriptors, has, in_thread, pairs, sockets,
};

conformance! { levels {
    source_fd_is_level_triggered_or_edge_triggered_as_said,
    source_fd_tells_again_what_is_left_to_read,
    source_fd_may_become_a_sources_and_the_reverse,
    a_regular_file_is_always_ready_or_refused,
    a_number_is_taken_until_its_close_was_seen,
    an_error_makes_who_waits_try needs ErrorBit,
    an_error_is_no_end needs ErrorBit,
    urgent_data_is_reported_each_time needs Priority,
    a_socket_registered_before_it_connects_reports_both,
    the_wakers_descriptor_tells_of_wakes,
} }

fn source_fd_is_level_triggered_or_edge_triggered_as_said(b: &Backend) {
    let level = b.gap(Capability::EdgeTriggeredSourceFd).is_some();
    let mut driver = b.driver();
    let (fd, mut counter) = eventfd();
    let mut source = Raw(fd);
    driver.add(&mut source, 1, Interest::READABLE);
    driver.assert_quiet();
    for _ in 0..3 {
        counter.write_all(&1_u64.to_ne_bytes()).expect("write");
        driver.expect_readable(1);
        for _ in 0..5 {
            assert_eq!(driver.turn().len(), usize::from(level));
        }
        counter.read_exact(&mut [0; 8]).expect("read");
        driver.assert_quiet();
    }
}

fn source_fd_tells_again_what_is_left_to_read(b: &Backend) {
    if b.gap(Capability::EdgeTriggeredSourceFd).is_none() {
        return source_fd_is_level_triggered_or_edge_triggered_as_said(b);
    }
    let mut driver = b.driver_with(1);
    let (mut reader, mut writer) = pairs::std_pipe();
    driver.add(&mut SourceFd(&reader.as_raw_fd()), 1, Interest::READABLE);
    writer.write_all(b"four").expect("write");
    for _ in 0..4 {
        driver.expect_readable(1);
        reader.read_exact(&mut [0]).expect("read");
    }
    driver.assert_quiet();
}

/// A source's descriptor is also a bare one: whoever changes the registration last decides.
fn source_fd_may_become_a_sources_and_the_reverse(b: &Backend) {
    let level = b.gap(Capability::EdgeTriggeredSourceFd).is_some();
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    let number = stream.as_raw_fd();
    driver.add(&mut stream, 1, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    driver.assert_quiet();
    driver
        .registry()
        .reregister(&mut SourceFd(&number), Token(2), Interest::READABLE)
        .expect("reregister");
    driver.expect_readable(2);
    assert_eq!(driver.turn().len(), usize::from(level));
    driver
        .registry()
        .reregister(&mut stream, Token(3), Interest::READABLE)
        .expect("reregister");
    driver.expect_readable(3);
    driver.assert_quiet();
    for _ in 0..3 {
        pairs::drain(&mut stream);
        peer.write_all(b"x").expect("write");
        driver.expect_readable(3);
        driver.assert_quiet();
    }
    drop(stream);
    driver.assert_quiet();
}

fn a_regular_file_is_always_ready_or_refused(b: &Backend) {
    let mut driver = b.driver();
    let file = File::open("/proc/self/exe").expect("a file");
    let number = file.as_raw_fd();
    let mut source = SourceFd(&number);
    let result = driver
        .registry()
        .register(&mut source, Token(1), Interest::READABLE);
    if b.gap(Capability::RegularFileRefused).is_none() {
        let error = result.expect_err("refused");
        assert_eq!(error.raw_os_error(), Some(libc::EPERM));
        return;
    }
    result.expect("not refused");
    let times = match b.gap(Capability::EdgeTriggeredSourceFd) {
        Some(_) => 3,
        None => 1,
    };
    for _ in 0..times {
        driver.expect_readable(1);
    }
    driver.remove(&mut source);
    driver.assert_quiet();
}

fn a_number_is_taken_until_its_close_was_seen(b: &Backend) {
    b.isolated(|| {
        let stays = b.gap(Capability::CloseEndsRegistration).is_some();
        let mut driver = b.driver();
        let (old, other) = eventfd();
        drop(other);
        let number = old.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::READABLE);
        driver.assert_quiet();
        drop(old);
        // At most one event tells of the close, however often one asks.
        let mut seen = 0;
        for _ in 0..20 {
            seen += driver.turn().len();
        }
        assert_eq!(seen, usize::from(stays));
        let (mut sender, receiver) = pipe::new().expect("a pipe");
        let receiver = if receiver.as_raw_fd() == number {
            OwnedFd::from(receiver)
        } else {
            descriptors::duplicate_to(&receiver, number)
        };
        driver.add(&mut SourceFd(&number), 2, Interest::READABLE);
        driver.assert_quiet();
        sender.write_all(b"x").expect("write");
        let events = driver.expect_readable(2);
        assert!(!has(&events, 1, |_| true), "{events:?}");
        driver.remove(&mut SourceFd(&number));
        drop(receiver);
    });
}

/// A datagram that was refused is an error of the socket, and its next operation gives it.
fn an_error_makes_who_waits_try(b: &Backend) {
    let mut driver = b.driver();
    let (mut socket, peer) = pairs::udp();
    driver.add(&mut socket, 1, Interest::READABLE);
    pairs::assert_would_block(socket.recv(&mut [0; 8]));
    let address = peer.local_addr().expect("an address");
    drop(peer);
    pairs::until_refused(&socket);
    let seen = driver.expect(1, Event::is_error);
    let told = b.gap(Capability::BareErrors).is_some();
    assert_eq!(has(&seen, 1, Event::is_readable), told, "{seen:?}");
    let error = socket.recv(&mut [0; 8]).expect_err("refused");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    // And what comes after the error is reported.
    let peer = std::net::UdpSocket::bind(address).expect("bind");
    peer.send_to(b"y", socket.local_addr().expect("an address"))
        .expect("send");
    driver.expect_readable(1);
}

/// One that the next write takes: what is reported afterwards says nothing of an end.
fn an_error_is_no_end(b: &Backend) {
    let mut driver = b.driver();
    let (mut socket, peer) = pairs::udp();
    let both = Interest::READABLE | Interest::WRITABLE;
    driver.add(&mut socket, 1, both);
    pairs::assert_would_block(socket.recv(&mut [0; 8]));
    let address = peer.local_addr().expect("an address");
    drop(peer);
    pairs::until_refused(&socket);
    let mut seen = driver.expect(1, Event::is_error);
    let error = socket.send(b"x").expect_err("refused");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    let peer = std::net::UdpSocket::bind(address).expect("bind");
    seen.extend(driver.quiesce());
    pairs::assert_would_block(socket.recv(&mut [0; 8]));
    seen.extend(driver.quiesce());
    peer.send_to(b"y", socket.local_addr().expect("an address"))
        .expect("send");
    seen.extend(driver.expect_readable(1));
    assert!(!seen.iter().any(Event::is_read_closed), "{seen:?}");
}

/// Reading it is no operation that ever blocks.
fn urgent_data_is_reported_each_time(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::PRIORITY);
    for round in 0..3_u8 {
        socket2::SockRef::from(&peer)
            .send_out_of_band(&[round])
            .expect("send");
        driver.expect(1, Event::is_priority);
        let mut byte = [std::mem::MaybeUninit::uninit()];
        let read = stream.try_io(|| socket2::SockRef::from(&stream).recv_out_of_band(&mut byte));
        assert_eq!(read.expect("the urgent byte"), 1);
        driver.assert_quiet();
    }
}

fn a_socket_registered_before_it_connects_reports_both(b: &Backend) {
    let mut driver = b.driver();
    let (listener, address) = pairs::listener();
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_nonblocking(true).expect("non-blocking");
    let mut stream = ferrio::net::TcpStream::from_std(socket.into());
    driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
    driver.quiesce();
    let connected = stream.try_io(|| socket2::SockRef::from(&stream).connect(&address.into()));
    assert_eq!(
        connected.expect_err("under way").raw_os_error(),
        Some(libc::EINPROGRESS)
    );
    driver.expect_writable(1);
    let (mut peer, _) = sockets::accept(|| listener.accept());
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
}

/// Where a `Poll` has no descriptor of its own, its wakers' has to do.
fn the_wakers_descriptor_tells_of_wakes(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let shown = driver.registry().as_raw_fd();
    let mut outer = b.driver();
    outer.add(&mut SourceFd(&shown), 7, Interest::READABLE);
    for _ in 0..3 {
        outer.assert_quiet();
        waker.wake().expect("wake");
        outer.expect_readable(7);
        driver.expect_readable(1);
        // Emptied by the inner poll, except where the outer one was told of an edge only.
        outer.quiesce();
    }
    let poller = in_thread(move || {
        outer.poll(Some(Duration::MAX)).expect("poll");
        outer.tokens()
    });
    poller.wait_until_blocked();
    waker.wake().expect("wake");
    assert_eq!(poller.join(), [7]);
}

#[test]
fn the_capability_table_names_each_gap_once() {
    use ferrio_conformance::capability::GAPS;

    for (index, gap) in GAPS.iter().enumerate() {
        let same = GAPS[..index].iter().any(|other| {
            other.capability == gap.capability
                && other.selector == gap.selector
                && other.waker == gap.waker
        });
        assert!(!same, "{gap:?} is there twice");
    }
}
