//! Contract rows 9, 10 and 14: no event without a change, one event per source, one direction each.

use std::io::{Read, Write};
use std::net;

use ferrio::event::Event;
use ferrio::net::{TcpStream, UdpSocket};
use ferrio::{Interest, Token};
use ferrio_conformance::{Backend, Driver, conformance, has, kernel, pairs, samples};

conformance! { spurious {
    blocked_tcp_reads_give_no_writable_event,
    blocked_tcp_writes_give_no_readable_event,
    blocked_tcp_accepts_give_no_event,
    blocked_udp_receives_give_no_writable_event needs Datagrams,
    blocked_peeks_give_no_writable_event needs Peek,
    new_udp_socket_is_writable_and_not_readable needs Datagrams,
    #[cfg(unix)]
    blocked_unix_reads_give_no_writable_event,
    #[cfg(unix)]
    blocked_pipe_reads_give_no_event,
    blocked_try_io_gives_at_most_one_extra_event,
    idle_tcp_connection_gives_no_event,
    new_tcp_connection_is_writable_once needs OwnSockets,
    tcp_listener_gives_one_event_for_a_batch_of_clients,
    tcp_exchange_has_no_spurious_event,
    tcp_reads_in_pieces_give_no_further_event,
    tcp_writes_that_fit_give_no_further_event needs RoomIsNews,
    closing_peer_gives_one_batch_of_events needs EndsAreTold,
    one_event_per_source_in_a_batch needs OneEventPerSource,
    readable_and_writable_are_one_event needs OneEventPerSource,
    empty_polls_stay_empty,
    stale_events_are_gone_from_the_buffer,
} }

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

fn blocked_tcp_reads_give_no_writable_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, _peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    driver.assert_quiet();
    for _ in 0..100 {
        pairs::assert_would_block(stream.read(&mut [0; 8]));
        driver.assert_quiet();
    }
}

fn blocked_tcp_writes_give_no_readable_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    driver.quiesce();
    let mut blocked = 0;
    while blocked < 100 {
        match stream.write(&[0; 64 * 1024]) {
            // The kernel moves data to the peer by and by, until there is no room there either.
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                blocked += 1;
            }
        }
        // That is a change of writability. There is data to read all the time, which is none.
        let seen = driver.quiesce();
        assert!(seen.iter().all(Event::is_writable), "{seen:?}");
    }
}

fn blocked_tcp_accepts_give_no_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut listener, _) = pairs::listener();
    driver.add(&mut listener, 1, Interest::READABLE);
    for _ in 0..100 {
        pairs::assert_would_block(listener.accept());
        driver.assert_quiet();
    }
}

fn blocked_udp_receives_give_no_writable_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut socket, _peer) = pairs::udp();
    driver.add(&mut socket, 1, BOTH);
    driver.expect_writable(1);
    for _ in 0..100 {
        pairs::assert_would_block(socket.recv(&mut [0; 8]));
        pairs::assert_would_block(socket.recv_from(&mut [0; 8]));
        driver.assert_quiet();
    }
}

fn blocked_peeks_give_no_writable_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, _peer) = pairs::tcp();
    let (mut socket, _other) = pairs::udp();
    driver.add(&mut stream, 1, BOTH);
    driver.add(&mut socket, 2, BOTH);
    driver.expect_writable(1);
    driver.quiesce();
    for _ in 0..100 {
        pairs::assert_would_block(stream.peek(&mut [0; 8]));
        driver.assert_quiet();
        pairs::assert_would_block(socket.peek_from(&mut [0; 8]));
        pairs::assert_would_block(socket.peek(&mut [0; 8]));
        driver.assert_quiet();
    }
}

/// Nothing was done with it before it is registered.
fn new_udp_socket_is_writable_and_not_readable(b: &Backend) {
    for host in ["127.0.0.1:0", "[::1]:0"] {
        let mut driver = b.driver();
        let mut socket = UdpSocket::bind(host.parse().expect("an address")).expect("bind");
        driver.add(&mut socket, 1, Interest::READABLE);
        driver.assert_quiet();
        let address = socket.local_addr().expect("its address");
        let peer = net::UdpSocket::bind(host).expect("bind");
        peer.send_to(b"x", address).expect("send");
        let seen = driver.expect_readable(1);
        assert_eq!(seen.len(), 1, "{seen:?}");

        let mut socket = UdpSocket::bind(host.parse().expect("an address")).expect("bind");
        driver.add(&mut socket, 2, BOTH);
        let seen = driver.expect_writable(2);
        assert!(!has(&seen, 2, Event::is_readable), "{seen:?}");
        // What came before the registration is not lost by it.
        let mut socket = UdpSocket::bind(host.parse().expect("an address")).expect("bind");
        let address = socket.local_addr().expect("its address");
        peer.send_to(b"y", address).expect("send");
        driver.add(&mut socket, 3, Interest::READABLE);
        driver.expect_readable(3);
        assert_eq!(socket.recv(&mut [0; 8]).expect("receive"), 1);
    }
}

#[cfg(unix)]
fn blocked_unix_reads_give_no_writable_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, _peer) = pairs::unix();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    for _ in 0..100 {
        pairs::assert_would_block(stream.read(&mut [0; 8]));
        driver.assert_quiet();
    }
}

#[cfg(unix)]
fn blocked_pipe_reads_give_no_event(b: &Backend) {
    let mut driver = b.driver();
    let (_sender, mut receiver) = ferrio::unix::pipe::new().expect("a pipe");
    driver.add(&mut receiver, 1, Interest::READABLE);
    for _ in 0..100 {
        pairs::assert_would_block(receiver.read(&mut [0; 8]));
        driver.assert_quiet();
    }
}

/// `try_io` does not say what was tried, so backends that emulate edges may look at both directions.
fn blocked_try_io_gives_at_most_one_extra_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, _peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    driver.assert_quiet();
    for _ in 0..100 {
        pairs::assert_would_block(stream.try_io(|| (&stream).read(&mut [0; 8])));
        let seen = driver.quiesce();
        assert!(seen.len() <= 1, "{seen:?}");
        assert!(!has(&seen, 1, Event::is_readable), "{seen:?}");
    }
}

fn idle_tcp_connection_gives_no_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, _peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    for _ in 0..100 {
        driver.assert_quiet();
    }
}

fn new_tcp_connection_is_writable_once(b: &Backend) {
    let mut driver = b.driver();
    let listener = net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("its address");
    let mut stream = TcpStream::connect(address).expect("connect");
    driver.add(&mut stream, 1, BOTH);
    let seen = driver.expect_writable(1);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(!has(&seen, 1, Event::is_readable), "{seen:?}");
    assert!(!has(&seen, 1, Event::is_error), "{seen:?}");
    assert!(stream.take_error().expect("take_error").is_none());
    let (_peer, _) = listener.accept().expect("accept");
    driver.assert_quiet();
}

fn tcp_listener_gives_one_event_for_a_batch_of_clients(b: &Backend) {
    let mut driver = b.driver();
    let (mut listener, address) = pairs::listener();
    driver.add(&mut listener, 1, Interest::READABLE);
    for _ in 0..10 {
        let clients: Vec<_> = (0..5).map(|_| pairs::client(address)).collect();
        let seen = driver.expect_readable(1);
        assert_eq!(seen.len(), 1, "{seen:?}");
        for _ in &clients {
            listener.accept().expect("a client");
        }
        pairs::assert_would_block(listener.accept());
        driver.assert_quiet();
    }
}

/// Every readable event has data, every event of the exchange is one that was waited for.
fn tcp_exchange_has_no_spurious_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    let mut buffer = [0; 64];
    for _ in 0..1000 {
        peer.write_all(&[7; 64]).expect("write");
        let seen = driver.expect_readable(1);
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(stream.read(&mut buffer).expect("read"), 64);
        pairs::assert_would_block(stream.read(&mut buffer));
        stream.write_all(&buffer).expect("write");
        pairs::read_all(&peer, 64);
        driver.assert_quiet();
    }
}

fn tcp_reads_in_pieces_give_no_further_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    peer.write_all(&[7; 1000]).expect("write");
    driver.expect_readable(1);
    driver.assert_quiet();
    for _ in 0..100 {
        assert_eq!(stream.read(&mut [0; 10]).expect("read"), 10);
        driver.assert_quiet();
    }
    pairs::assert_would_block(stream.read(&mut [0; 10]));
    driver.assert_quiet();
}

fn tcp_writes_that_fit_give_no_further_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    for _ in 0..100 {
        stream.write_all(&[7; 100]).expect("write");
        pairs::read_all(&peer, 100);
        driver.assert_quiet();
    }
}

fn closing_peer_gives_one_batch_of_events(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 1, BOTH);
    driver.expect_writable(1);
    peer.shutdown(net::Shutdown::Both).expect("shutdown");
    let seen = driver.expect(1, Event::is_read_closed);
    assert_eq!(seen.len(), 1, "{seen:?}");
    for _ in 0..10 {
        assert_eq!(stream.read(&mut [0; 8]).expect("read"), 0);
        driver.assert_quiet();
    }
}

fn assert_one_each(driver: &Driver) {
    let mut tokens = driver.tokens();
    let all = tokens.len();
    tokens.dedup();
    assert_eq!(tokens.len(), all, "a source twice: {:?}", driver.batch());
}

fn one_event_per_source_in_a_batch(b: &Backend) {
    let mut driver = b.driver();
    let mut samples: Vec<_> = (0..4).flat_map(|_| samples::all()).collect();
    for _ in 0..10 {
        for (token, sample) in samples.iter_mut().enumerate() {
            driver.add(&mut sample.source, token, Interest::READABLE);
            // Several changes before one poll.
            sample.trigger();
            sample.trigger();
            driver
                .registry()
                .reregister(&mut sample.source, Token(token), BOTH)
                .expect("reregister");
        }
        let mut total = 0;
        while total < samples.len() {
            driver.poll(Some(ferrio_conformance::LIMIT)).expect("poll");
            assert_one_each(&driver);
            total += driver.batch().len();
        }
        for sample in &mut samples {
            sample.settle(b);
            driver.remove(&mut sample.source);
        }
        driver.quiesce();
    }
}

fn readable_and_writable_are_one_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut tcp, mut tcp_peer) = pairs::tcp();
    let (mut local, mut local_peer) = pairs::local();
    #[cfg(not(wasi_p1))] // It has none.
    let (mut udp, udp_peer) = pairs::udp();
    tcp_peer.write_all(b"x").expect("write");
    local_peer.write_all(b"x").expect("write");
    pairs::kernel_ready(&tcp, kernel::IN);
    pairs::kernel_ready(&local, kernel::IN);
    driver.add(&mut tcp, 1, BOTH);
    driver.add(&mut local, 2, BOTH);
    #[cfg(not(wasi_p1))]
    {
        udp_peer.send(b"x").expect("send");
        pairs::kernel_ready(&udp, kernel::IN);
        driver.add(&mut udp, 3, BOTH);
    }
    let seen = driver.turn();
    let expected: &[usize] = if cfg!(wasi_p1) { &[1, 2] } else { &[1, 2, 3] };
    assert_eq!(driver.tokens(), expected);
    assert!(
        seen.iter()
            .all(|event| event.is_readable() && event.is_writable()),
        "{seen:?}"
    );
}

fn empty_polls_stay_empty(b: &Backend) {
    let mut driver = b.driver();
    for _ in 0..1000 {
        assert!(driver.turn().is_empty());
        assert!(driver.events.is_empty());
    }
}

fn stale_events_are_gone_from_the_buffer(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    assert!(!driver.events.is_empty());
    // Not cleared by the caller: the poll does that.
    assert!(driver.turn().is_empty());
    assert_eq!(driver.events.iter().count(), 0);
    let mut other = b.poll();
    pairs::drain(&mut stream);
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    other
        .poll(&mut driver.events, Some(std::time::Duration::ZERO))
        .expect("poll");
    assert!(driver.events.is_empty(), "events of another poll");
}
