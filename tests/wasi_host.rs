//! What only WASI does: polls that nothing can end, descriptors that the host has opened, and a host
//! that gives no network. Runs under both previews.

#![cfg(all(target_os = "wasi", feature = "net", feature = "os-ext"))]

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use ferrio::wasi::SourceFd;
use ferrio::{Events, Interest, Poll, Token, Waker, net};

fn poll() -> (Poll, Events) {
    (Poll::new().expect("a poll"), Events::with_capacity(8))
}

#[test]
fn a_poll_that_nothing_can_end_is_refused() {
    let (mut poll, mut events) = poll();
    for _ in 0..3 {
        let error = poll
            .poll(&mut events, None)
            .expect_err("nothing to wait for");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("never end"), "{error}");
    }
}

#[test]
fn without_a_source_it_sleeps_for_the_timeout() {
    let (mut poll, mut events) = poll();
    for timeout in [0, 1, 20].map(Duration::from_millis) {
        let start = Instant::now();
        poll.poll(&mut events, Some(timeout)).expect("poll");
        assert!(start.elapsed() >= timeout);
        assert!(events.is_empty());
    }
}

#[test]
fn a_wake_comes_before_any_timeout() {
    let (mut poll, mut events) = poll();
    let waker = Waker::new(poll.registry(), Token(3)).expect("a waker");
    for timeout in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
        waker.wake().expect("wake");
        poll.poll(&mut events, timeout).expect("poll");
        let tokens: Vec<_> = events.iter().map(ferrio::event::Event::token).collect();
        assert_eq!(tokens, [Token(3)], "{timeout:?}");
    }
}

#[test]
fn what_is_no_descriptor_is_refused_and_leaves_nothing() {
    let (mut poll, mut events) = poll();
    for fd in [-1, i32::MIN, 77, i32::MAX] {
        for _ in 0..2 {
            let mut source = SourceFd(&fd);
            let register = poll
                .registry()
                .register(&mut source, Token(1), Interest::READABLE);
            let error = register.expect_err("no descriptor");
            assert_eq!(error.raw_os_error(), Some(libc::EBADF), "{fd}: {error}");
            assert!(poll.registry().deregister(&mut source).is_err());
        }
    }
    let error = poll
        .poll(&mut events, None)
        .expect_err("nothing is registered");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// The runner opens this directory for the program.
#[test]
fn a_directory_is_refused_or_told_of_once() {
    let (mut poll, mut events) = poll();
    let fd = 3;
    let mut source = SourceFd(&fd);
    let register = poll
        .registry()
        .register(&mut source, Token(1), Interest::READABLE);
    if let Err(error) = register {
        let is_closed = error.raw_os_error() == Some(libc::EBADF);
        assert!(
            is_closed || error.kind() == ErrorKind::Unsupported,
            "{error}"
        );
        return;
    }
    let mut seen = 0;
    for _ in 0..3 {
        poll.poll(&mut events, Some(Duration::from_millis(1)))
            .expect("poll");
        seen += events.iter().count();
    }
    assert!(seen <= 1, "{seen} events");
    poll.registry().deregister(&mut source).expect("deregister");
}

/// Under preview 1 there never is one; under preview 2 the runner gives none to this test.
#[test]
fn without_the_network_there_are_errors() {
    let address = "127.0.0.1:0".parse().expect("an address");
    let to = "127.0.0.1:9".parse().expect("an address");
    let errors = [
        net::TcpListener::bind(address).err(),
        net::UdpSocket::bind(address).err(),
        net::TcpStream::connect(to).err(),
    ];
    for error in errors {
        let error = error.expect("no network");
        let kind = error.kind();
        let expected = [ErrorKind::PermissionDenied, ErrorKind::Unsupported];
        assert!(expected.contains(&kind), "{error:?}");
    }
}
