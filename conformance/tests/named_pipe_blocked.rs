//! Named pipes that are connected, registered and dropped while a poll in another thread is blocked.
#![cfg(windows)]

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::OwnedHandle;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrio::windows::NamedPipe;
use ferrio::{Interest, Poll, Token};
use ferrio_conformance::pairs::assert_would_block;
use ferrio_conformance::{Driver, LIMIT, in_thread};

const FILE_FLAG_OVERLAPPED: u32 = 0x4000_0000;
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const SERVER: usize = 10;
const CLIENT: usize = 20;

#[test]
fn connect_from_another_thread_reaches_a_blocked_poll() {
    let mut driver = driver();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    driver.quiesce();
    let poller = in_thread(move || {
        driver.expect_writable(SERVER);
        driver
    });
    poller.wait_until_blocked();
    assert_would_block(server.connect());
    let client = open(&name).unwrap();
    let _driver = poller.join();
    server.connect().unwrap();
    drop(client);
}

#[test]
fn registration_from_another_thread_reaches_a_blocked_poll() {
    let mut driver = driver();
    let name = name();
    let _server = NamedPipe::new(&name).unwrap();
    let mut client = open(&name).unwrap();
    let registry = driver.registry().try_clone().unwrap();
    let poller = in_thread(move || {
        driver.expect_writable(CLIENT);
        driver
    });
    poller.wait_until_blocked();
    registry.register(&mut client, Token(CLIENT), BOTH).unwrap();
    let _driver = poller.join();
}

#[test]
fn a_pipe_dropped_while_the_poll_is_blocked_does_not_disturb_it() {
    let ((mut one, server), (mut two, client)) = apart();
    let waker = one.waker(1);
    one.quiesce();
    let poller = in_thread(move || {
        let events = one.turn_within(LIMIT);
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].token(), Token(1));
    });
    poller.wait_until_blocked();
    drop(server);
    assert_eq!(read_to_end(&mut two, &client, CLIENT), b"");
    waker.wake().unwrap();
    poller.join();
}

fn driver() -> Driver {
    Driver::new(Poll::new().unwrap(), 64)
}

/// A name that nobody else uses.
fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(r"\\.\pipe\ferrio-blocked-{}-{next}", std::process::id())
}

fn open(name: &str) -> io::Result<NamedPipe> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = options.custom_flags(FILE_FLAG_OVERLAPPED).open(name)?;
    Ok(NamedPipe::from(OwnedHandle::from(file)))
}

/// Two ends, each with a `Poll` of its own.
fn apart() -> ((Driver, NamedPipe), (Driver, NamedPipe)) {
    let (mut one, mut two) = (driver(), driver());
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    one.add(&mut server, SERVER, BOTH);
    assert_would_block(server.connect());
    let mut client = open(&name).unwrap();
    two.add(&mut client, CLIENT, BOTH);
    one.expect_writable(SERVER);
    server.connect().unwrap();
    two.expect_writable(CLIENT);
    ((one, server), (two, client))
}

/// Reads until the end.
fn read_to_end(driver: &mut Driver, mut pipe: &NamedPipe, token: usize) -> Vec<u8> {
    let mut data = Vec::new();
    let mut room = [0; 4096];
    loop {
        match pipe.read(&mut room) {
            Ok(0) => return data,
            Ok(more) => data.extend_from_slice(&room[..more]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                driver.expect_readable(token);
            }
        }
    }
}
