//! Contract row 7: dropping a source closes it and ends its registration, at once.
//!
//! Every case is isolated: see `src/child.rs` on processes started by other cases.

use std::io::{ErrorKind, Read, Write};
use std::net;
#[cfg(not(windows))]
use std::os::fd::{FromRawFd, IntoRawFd};
#[cfg(unix)]
use std::os::unix;
#[cfg(windows)]
use std::os::windows::io::{FromRawSocket, IntoRawSocket};

use ferrio::event::Event;
use ferrio::net::{TcpListener, TcpStream, UdpSocket};
#[cfg(unix)]
use ferrio::net::{UnixDatagram, UnixListener};
#[cfg(unix)]
use ferrio::unix::pipe;
use ferrio::{Interest, Token};
#[cfg(unix)]
use ferrio_conformance::samples::TempPath;
use ferrio_conformance::{
    Backend, Capability, Driver, conformance, descriptors, has, in_thread, kernel, pairs, samples,
};

conformance! { lifetime {
    dropped_tcp_stream_is_closed_at_once,
    #[cfg(unix)]
    dropped_unix_stream_is_closed_at_once,
    dropped_tcp_listener_refuses_at_once needs OwnSockets,
    #[cfg(unix)]
    dropped_unix_listener_refuses_at_once,
    dropped_udp_socket_frees_its_port_at_once needs Datagrams,
    #[cfg(unix)]
    dropped_unix_datagram_refuses_at_once,
    #[cfg(unix)]
    dropped_pipe_ends_are_closed_at_once,
    drop_closes_while_another_thread_is_blocked_in_poll needs Threads,
    dropped_source_gives_no_further_event,
    drop_releases_every_descriptor,
    duplicate_keeps_a_dropped_source_registered needs DuplicateKeepsRegistration and Duplicates,
    deregister_before_drop_silences_a_duplicate needs Duplicates,
    into_raw_fd_keeps_descriptor_and_registration,
    poll_may_be_dropped_before_its_sources_and_wakers,
    events_survive_their_poll,
} }

fn dropped_tcp_stream_is_closed_at_once(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
        driver.quiesce();
        drop(stream);
        assert_eq!(peer.read(&mut [0]).expect("read"), 0, "end of the stream");
        driver.assert_quiet();
    });
}

#[cfg(unix)]
fn dropped_unix_stream_is_closed_at_once(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut stream, mut peer) = pairs::unix();
        driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
        driver.quiesce();
        drop(stream);
        assert_eq!(peer.read(&mut [0]).expect("read"), 0, "end of the stream");
        let error = peer.write(b"x").expect_err("the reader is gone");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        driver.assert_quiet();
    });
}

fn dropped_tcp_listener_refuses_at_once(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let mut listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
        let address = listener.local_addr().expect("its address");
        driver.add(&mut listener, 1, Interest::READABLE);
        drop(listener);
        let error = net::TcpStream::connect(address).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        driver.assert_quiet();
    });
}

#[cfg(unix)]
fn dropped_unix_listener_refuses_at_once(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let path = TempPath::new();
        let mut listener = UnixListener::bind(&path).expect("bind");
        driver.add(&mut listener, 1, Interest::READABLE);
        drop(listener);
        let error = unix::net::UnixStream::connect(&path).expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        driver.assert_quiet();
    });
}

fn dropped_udp_socket_frees_its_port_at_once(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let mut socket = UdpSocket::bind(pairs::private_loopback()).expect("bind");
        let address = socket.local_addr().expect("its address");
        driver.add(&mut socket, 1, Interest::READABLE | Interest::WRITABLE);
        driver.quiesce();
        net::UdpSocket::bind(address).expect_err("the port is taken");
        drop(socket);
        net::UdpSocket::bind(address).expect("the port is free");
        driver.assert_quiet();
    });
}

#[cfg(unix)]
fn dropped_unix_datagram_refuses_at_once(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut socket, peer) = UnixDatagram::pair().expect("a pair");
        driver.add(&mut socket, 1, Interest::READABLE);
        drop(socket);
        let error = peer.send(b"x").expect_err("nobody receives");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        driver.assert_quiet();
    });
}

#[cfg(unix)]
fn dropped_pipe_ends_are_closed_at_once(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut sender, mut receiver) = pipe::new().expect("a pipe");
        driver.add(&mut sender, 1, Interest::WRITABLE);
        driver.quiesce();
        drop(sender);
        assert_eq!(receiver.read(&mut [0]).expect("read"), 0, "end of the pipe");
        driver.assert_quiet();

        let (mut sender, mut receiver) = pipe::new().expect("a pipe");
        driver.add(&mut receiver, 1, Interest::READABLE);
        drop(receiver);
        // Rust programs ignore SIGPIPE.
        let error = sender.write(b"x").expect_err("the reader is gone");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        driver.assert_quiet();
    });
}

/// A pipe whose writing end is registered and full, and whose reads wait.
#[cfg(unix)]
fn full_pipe(driver: &Driver, token: usize) -> (pipe::Sender, pipe::Receiver) {
    let (mut sender, receiver) = pipe::new().expect("a pipe");
    receiver.set_nonblocking(false).expect("blocking");
    pairs::fill(&sender);
    driver.add(&mut sender, token, Interest::WRITABLE);
    (sender, receiver)
}

fn drop_closes_while_another_thread_is_blocked_in_poll(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(9);
        let (mut stream, mut peer) = pairs::tcp();
        let (mut local, mut local_peer) = pairs::local();
        #[cfg(unix)]
        let (sender, mut receiver) = full_pipe(&driver, 3);
        driver.add(&mut stream, 1, Interest::READABLE);
        driver.add(&mut local, 2, Interest::READABLE);
        driver.assert_quiet();
        // No timeout: nothing but the drops could make the poll let go of the sockets.
        let poller = in_thread(move || driver.poll(None).map(|()| driver.batch()));
        poller.wait_until_blocked();
        drop(stream);
        assert_eq!(peer.read(&mut [0]).expect("read"), 0, "end of the stream");
        drop(local);
        assert_eq!(
            local_peer.read(&mut [0]).expect("read"),
            0,
            "end of the stream"
        );
        #[cfg(unix)]
        {
            drop(sender);
            let rest = receiver.read_to_end(&mut Vec::new());
            rest.expect("the end of the pipe");
        }
        assert!(!poller.is_finished(), "dropping a source is not an event");
        waker.wake().expect("wake");
        let seen = poller.join().expect("poll");
        assert!(
            seen.iter().all(|event| event.token() == Token(9)),
            "{seen:?}"
        );
    });
}

fn dropped_source_gives_no_further_event(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        for _ in 0..100 {
            let (mut stream, mut peer) = pairs::tcp();
            driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
            peer.write_all(b"x").expect("write");
            pairs::kernel_ready(&stream, kernel::IN);
            drop(stream);
            driver.assert_quiet();
        }
    });
}

fn drop_releases_every_descriptor(b: &Backend) {
    b.isolated(|| {
        descriptors::assert_none_left("a poll with everything in it", || {
            let mut driver = b.driver();
            let clone = driver.registry().try_clone().expect("a clone");
            let wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
            let mut samples = samples::all();
            for (token, sample) in samples.iter_mut().enumerate() {
                driver.add(&mut sample.source, token, sample.interest);
                sample.trigger();
            }
            wakers[3].wake().expect("wake");
            driver.turn();
            drop(clone);
        });
    });
}

/// What epoll(7) says about duplicates, and what the documentation of the types repeats.
fn duplicate_keeps_a_dropped_source_registered(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 1, Interest::READABLE);
        let duplicate = descriptors::duplicate(&stream);
        drop(stream);
        peer.write_all(b"x").expect("write");
        driver.expect_readable(1);
        driver.assert_quiet();
        drop(duplicate);
        driver.assert_quiet();
        let _ = peer.write(b"x");
        driver.assert_quiet();
    });
}

fn deregister_before_drop_silences_a_duplicate(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 1, Interest::READABLE);
        let duplicate = descriptors::duplicate(&stream);
        driver.remove(&mut stream);
        drop(stream);
        peer.write_all(b"x").expect("write");
        pairs::kernel_ready(&duplicate, kernel::IN);
        driver.assert_quiet();
    });
}

fn into_raw_fd_keeps_descriptor_and_registration(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 1, Interest::READABLE);
        let number = kernel::number(&stream);
        #[cfg(not(windows))]
        let raw = stream.into_raw_fd();
        #[cfg(windows)]
        let raw = stream.into_raw_socket();
        assert_eq!(raw, number);
        peer.write_all(b"x").expect("write");
        if b.gap(Capability::DuplicateKeepsRegistration).is_none() {
            driver.expect_readable(1);
        }
        // SAFETY: the conversion gave this descriptor away, and nothing else owns it.
        #[cfg(not(windows))]
        let mut again = unsafe { net::TcpStream::from_raw_fd(raw) };
        // SAFETY: as above.
        #[cfg(windows)]
        let mut again = unsafe { net::TcpStream::from_raw_socket(raw) };
        again.set_nonblocking(false).expect("blocking");
        assert_eq!(again.read(&mut [0; 8]).expect("read"), 1);
    });
}

fn poll_may_be_dropped_before_its_sources_and_wakers(b: &Backend) {
    b.isolated(|| {
        descriptors::assert_none_left("a poll dropped first", || {
            let driver = b.driver();
            let waker = driver.waker(1);
            let registry = driver.registry().try_clone().expect("a clone");
            let (mut stream, mut peer) = pairs::tcp();
            driver.add(&mut stream, 2, Interest::READABLE);
            drop(driver);
            waker.wake().expect("a wake for nobody is fine");
            drop(registry);
            waker.wake().expect("a wake for nobody is fine");
            drop(stream);
            assert_eq!(peer.read(&mut [0]).expect("read"), 0);
        });
    });
}

fn events_survive_their_poll(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (mut stream, peer) = pairs::tcp();
        driver.add(&mut stream, 1, Interest::READABLE | Interest::WRITABLE);
        drop(peer);
        let seen = driver.expect(1, Event::is_readable);
        let Driver { poll, events } = driver;
        drop(poll);
        drop::<TcpStream>(stream);
        assert!(has(&seen, 1, Event::is_writable));
        assert!(events.iter().all(|event| event.token() == Token(1)));
    });
}
