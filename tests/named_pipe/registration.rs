use std::fmt::Debug;
use std::io::{ErrorKind, Read, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};

use ferrio::windows::NamedPipe;
use ferrio::{Interest, Poll, Token};

use crate::fixture::{BOTH, CLIENT, Driver, SERVER, connected, fill, read_blocks};

#[test]
fn a_pipe_crosses_threads_and_panics() {
    fn anywhere<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug>() {}
    anywhere::<NamedPipe>();
}

#[test]
fn a_second_registration_is_already_exists_and_changes_nothing() {
    let mut driver = Driver::new();
    let (mut server, client) = connected(&mut driver);
    let registry = driver.poll.registry();
    let other = Poll::new().unwrap();
    for registry in [registry, other.registry()] {
        let again = registry.register(&mut server, Token(1), Interest::WRITABLE);
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
    let wrong = other.registry().reregister(&mut server, Token(1), BOTH);
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::AlreadyExists);
    let wrong = other.registry().deregister(&mut server);
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::NotFound);
    (&client).write_all(b"x").unwrap();
    driver.readable(SERVER);
}

#[test]
fn a_pipe_belongs_to_its_first_poll_for_good() {
    let mut driver = Driver::new();
    let (mut server, _client) = connected(&mut driver);
    driver.poll.registry().deregister(&mut server).unwrap();
    let other = Poll::new().unwrap();
    for _ in 0..2 {
        let moved = other.registry().register(&mut server, SERVER, BOTH);
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
    driver.add(&mut server, SERVER, BOTH);
    driver.writable(SERVER);

    drop(driver);
    let moved = other.registry().register(&mut server, SERVER, BOTH);
    assert_eq!(moved.unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn changes_without_registration_are_not_found() {
    let mut driver = Driver::new();
    let (mut server, _client) = connected(&mut driver);
    let registry = driver.poll.registry();
    registry.deregister(&mut server).unwrap();
    let error = registry.deregister(&mut server).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = registry.reregister(&mut server, SERVER, BOTH).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_read_that_ends_after_deregister_brings_no_event_and_loses_no_data() {
    let mut driver = Driver::new();
    let (mut server, client) = connected(&mut driver);
    read_blocks(&server);
    driver.poll.registry().deregister(&mut server).unwrap();
    (&client).write_all(b"abc").unwrap();
    driver.until("the write ends", || (&client).write(b"").ok());
    driver.expect_silence();

    driver.add(&mut server, Token(99), Interest::READABLE);
    let event = driver.readable(Token(99));
    assert!(!event.is_writable());
    assert_eq!(driver.read_exactly(&server, Token(99), 3), b"abc");
}

#[test]
fn an_event_that_is_due_is_gone_with_the_registration() {
    let mut driver = Driver::new();
    let (mut server, _client) = connected(&mut driver);
    let registry = driver.poll.registry();
    registry.reregister(&mut server, SERVER, BOTH).unwrap();
    registry.deregister(&mut server).unwrap();
    driver.expect_silence();
}

#[test]
fn after_deregister_only_what_has_come_can_be_read() {
    let mut driver = Driver::new();
    let (mut server, client) = connected(&mut driver);
    (&client).write_all(b"abc").unwrap();
    driver.readable(SERVER);
    driver.poll.registry().deregister(&mut server).unwrap();
    assert_eq!(server.read(&mut [0; 2]).unwrap(), 2);
    assert_eq!(server.read(&mut [0; 2]).unwrap(), 1);
    assert_eq!(
        server.read(&mut [0; 2]).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(server.write(b"x").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn reregister_tells_at_once_what_is_ready() {
    let mut driver = Driver::new();
    let (mut server, client) = connected(&mut driver);
    (&client).write_all(b"abc").unwrap();
    driver.readable(SERVER);
    driver.expect_silence();
    let registry = driver.poll.registry();
    registry.reregister(&mut server, Token(5), BOTH).unwrap();
    let event = driver.readable(Token(5));
    assert!(event.is_writable());
    let registry = driver.poll.registry();
    registry
        .reregister(&mut server, Token(6), Interest::WRITABLE)
        .unwrap();
    let event = driver.writable(Token(6));
    assert!(!event.is_readable());
    driver.expect_silence();
}

#[test]
fn a_registration_during_a_write_hears_of_its_end() {
    let mut driver = Driver::new();
    let (mut server, client) = connected(&mut driver);
    // It does not fit, and nobody tries another.
    assert_eq!(server.write(&[7; 300_000]).unwrap(), 300_000);
    let registry = driver.poll.registry();
    registry.deregister(&mut server).unwrap();
    registry
        .register(&mut server, Token(5), Interest::WRITABLE)
        .unwrap();
    driver.read_exactly(&client, CLIENT, 300_000);
    driver.writable(Token(5));
}

#[test]
fn a_batch_has_one_event_for_each_pipe() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    // `Driver::batch` looks for a second one. Here a read and a write end at the same time.
    let mut merged = 0;
    for _ in 0..50 {
        let accepted = fill(&server);
        (&client).write_all(b"x").unwrap();
        read_away(&client, accepted, &mut driver);
        let events = driver.all();
        merged +=
            usize::from(events.iter().any(|event| {
                event.token() == SERVER && event.is_readable() && event.is_writable()
            }));
        driver.read_exactly(&server, SERVER, 1);
    }
    assert!(merged > 0);
}

/// Reads so much without looking at the other end's events.
fn read_away(mut pipe: &NamedPipe, count: usize, driver: &mut Driver) {
    let mut left = count;
    let mut room = vec![0; 100_000];
    while left > 0 {
        match pipe.read(&mut room) {
            Ok(count) => left -= count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                driver.readable(CLIENT);
            }
        }
    }
}
