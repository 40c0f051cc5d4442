//! What only WASI does: polls that nothing can end, descriptors that the host has opened, and a host
//! that gives no network. Runs under both previews.

#![cfg(all(target_os = "wasi", feature = "net", feature = "os-ext"))]

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use ferrio::event::Event;
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

/// Not even a poll that waits for nothing: it was given a timeout. `cargo xtask wasi` looks whether it
/// sleeps.
#[test]
#[ignore = "never ends"]
fn the_longest_timeout_is_slept_for() {
    let (mut poll, mut events) = poll();
    println!("asleep");
    let result = poll.poll(&mut events, Some(Duration::MAX));
    panic!("awake: {result:?}, {events:?}");
}

/// The standard input, which the runner holds open: silent, then something, then its end.
#[test]
#[ignore = "is driven from outside"]
fn the_standard_input_is_waited_for() {
    use std::io::Read;

    let (mut poll, mut events) = poll();
    let mut input = SourceFd(&0);
    poll.registry()
        .register(&mut input, Token(1), Interest::READABLE)
        .expect("register");
    for timeout in [0, 1].map(Duration::from_millis) {
        poll.poll(&mut events, Some(timeout)).expect("poll");
        assert!(events.is_empty(), "{timeout:?}: {events:?}");
    }
    println!("asleep");
    poll.poll(&mut events, Some(Duration::MAX)).expect("poll");
    let event = events.iter().next().expect("an event");
    assert!(
        event.token() == Token(1) && event.is_readable(),
        "{event:?}"
    );
    let mut text = [0; 5];
    std::io::stdin().lock().read_exact(&mut text).expect("read");
    assert_eq!(&text, b"hello");
    println!("asleep again");
    poll.poll(&mut events, Some(Duration::MAX)).expect("poll");
    assert_eq!(events.iter().next().map(Event::token), Some(Token(1)));
    assert_eq!(std::io::stdin().lock().read(&mut text).expect("read"), 0);
    println!("ended");
}

#[test]
fn a_wake_comes_before_any_timeout() {
    let (mut poll, mut events) = poll();
    let waker = Waker::new(poll.registry(), Token(3)).expect("a waker");
    for timeout in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
        waker.wake().expect("wake");
        poll.poll(&mut events, timeout).expect("poll");
        let tokens: Vec<_> = events.iter().map(Event::token).collect();
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

/// The directory that the runner opens for the program, once more.
fn directory() -> File {
    File::open(".").expect("a directory")
}

/// Polls a few times, for a moment each; the events of token 1, which may be no others.
fn look(poll: &mut Poll, events: &mut Events) -> Vec<Event> {
    let mut seen = Vec::new();
    for _ in 0..5 {
        poll.poll(events, Some(Duration::from_millis(1)))
            .expect("poll");
        seen.extend(events.iter().cloned());
    }
    assert!(
        seen.iter().all(|event| event.token() == Token(1)),
        "{seen:?}"
    );
    seen
}

/// It can never be ready: an error says so when it is registered, or a single event.
#[test]
fn a_directory_is_refused_or_told_of_once() {
    let directory = directory();
    for interest in [Interest::READABLE, Interest::WRITABLE] {
        let (mut poll, mut events) = poll();
        let fd = directory.as_raw_fd();
        let mut source = SourceFd(&fd);
        let register = poll.registry().register(&mut source, Token(1), interest);
        if let Err(error) = register {
            let number = error.raw_os_error().expect("the system's");
            assert!([libc::EBADF, libc::EISDIR].contains(&number), "{error}");
            continue;
        }
        let seen = look(&mut poll, &mut events);
        assert!(seen.len() == 1 && seen[0].is_error(), "{seen:?}");
        // Nothing is waited for any more.
        let error = poll.poll(&mut events, None).expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        poll.registry().deregister(&mut source).expect("deregister");
    }
}

/// Where a socket is expected.
#[test]
fn a_listener_that_is_a_directory_gives_errors() {
    let (mut poll, mut events) = poll();
    let mut listener = net::TcpListener::from(OwnedFd::from(directory()));
    let error = listener.accept().expect_err("no listener");
    assert!(error.raw_os_error().is_some(), "{error:?}");
    let register = poll
        .registry()
        .register(&mut listener, Token(1), Interest::READABLE);
    if register.is_ok() {
        let seen = look(&mut poll, &mut events);
        assert_eq!(seen.len(), 1, "{seen:?}");
        listener.accept().expect_err("no listener");
        assert!(look(&mut poll, &mut events).is_empty());
    }
}

/// A file of the directory that the runner opens; `None` if the host does not let the program wait for
/// one.
fn file(poll: &Poll) -> Option<(File, i32)> {
    let file = File::open("Cargo.toml").expect("a file");
    let fd = file.as_raw_fd();
    let register = poll
        .registry()
        .register(&mut SourceFd(&fd), Token(1), Interest::READABLE);
    register.is_ok().then_some((file, fd))
}

#[test]
fn a_file_is_ready_whenever_it_is_asked() {
    let (mut poll, mut events) = poll();
    let Some((file, fd)) = file(&poll) else {
        println!("kept from WASI: a file: the host does not wait for files");
        return;
    };
    // Level-triggered.
    for _ in 0..5 {
        poll.poll(&mut events, None).expect("poll");
        assert!(events.iter().all(Event::is_readable), "{events:?}");
        assert_eq!(events.iter().count(), 1);
    }
    poll.registry()
        .deregister(&mut SourceFd(&fd))
        .expect("deregister");
    assert!(look(&mut poll, &mut events).is_empty());
    drop(file);
}

#[test]
fn a_descriptor_that_was_closed_is_told_of_once() {
    let (mut poll, mut events) = poll();
    let Some((closed, _)) = file(&poll) else {
        println!("kept from WASI: a closed file: the host does not wait for files");
        return;
    };
    drop(closed);
    let seen = look(&mut poll, &mut events);
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].is_error() && seen[0].is_read_closed(), "{seen:?}");
    let error = poll.poll(&mut events, None).expect_err("no end");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    // The next file, which has the same number on some hosts, is registered like any.
    let (next, fd) = file(&poll).expect("as before");
    poll.poll(&mut events, None).expect("poll");
    assert_eq!(events.iter().count(), 1);
    poll.registry()
        .deregister(&mut SourceFd(&fd))
        .expect("deregister");
    drop(next);
}

#[test]
fn the_selector_is_as_targets_toml_says() {
    let (poll, _) = poll();
    let preview = if cfg!(target_env = "p1") { 1 } else { 2 };
    let table = include_str!("../targets.toml");
    let (_, row) = table
        .split_once(&format!("\nname = \"wasm32-wasip{preview}\"\n"))
        .expect("a row");
    let line = format!("selector = \"{}\"", poll.selector());
    let mut lines = row.lines().take_while(|line| *line != "[[target]]");
    assert!(lines.any(|other| other == line), "{line}");
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
        let text = error.to_string();
        if cfg!(target_env = "p1") {
            assert_eq!(kind, ErrorKind::Unsupported);
            assert!(text.starts_with("WASI preview 1 "), "{text}");
        } else {
            assert_eq!(kind, ErrorKind::PermissionDenied);
            assert!(text.starts_with("Permission denied"), "{text}");
        }
    }
}
