//! The calls behind the readiness of Windows' sockets, failing: an error, or readiness so that the user
//! tries, and never silence. What `hostile.rs` and `memory.rs` do to every backend they do to this one as
//! well.
#![cfg(windows)]

use std::io::{ErrorKind, Read, Write};

use ferrio::fault::{self, Call};
use ferrio::{Interest, Poll, Token};
use ferrio_conformance::{Driver, LIMIT, descriptors, isolated, pairs};

const NOT_ENOUGH_MEMORY: i32 = 8;
const WSAEFAULT: i32 = 10014;
const WSAENOTSOCK: i32 = 10038;
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

fn driver() -> Driver {
    Driver::new(Poll::new().expect("a poll"), 16)
}

#[test]
fn a_question_that_could_not_be_asked_lets_the_user_try() {
    let mut driver = driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    let injection = fault::inject(Call::AfdPoll, NOT_ENOUGH_MEMORY);
    let seen = driver.turn();
    assert_eq!(injection.hits(), 1);
    assert!(
        seen.iter().any(|e| e.is_readable() && !e.is_error()),
        "{seen:?}"
    );
    pairs::assert_would_block(stream.read(&mut [0; 8]));
    driver.assert_quiet();
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
}

#[test]
fn what_can_be_told_in_no_way_is_the_polls_error() {
    let mut driver = driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    let ask = fault::inject(Call::AfdPoll, NOT_ENOUGH_MEMORY);
    let post = fault::inject(Call::Post, NOT_ENOUGH_MEMORY);
    let error = driver.poll(Some(LIMIT)).expect_err("both have failed");
    assert_eq!(error.raw_os_error(), Some(NOT_ENOUGH_MEMORY));
    assert_eq!((ask.hits(), post.hits()), (1, 1));
    driver.expect_readable(1);
}

#[test]
fn a_question_that_could_not_be_cancelled_is_cancelled_later() {
    let mut driver = driver();
    let (mut stream, _peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    driver.assert_quiet();
    let registry = driver.registry();
    registry
        .reregister(&mut stream, Token(2), BOTH)
        .expect("reregister");
    let injection = fault::inject(Call::Cancel, NOT_ENOUGH_MEMORY);
    let error = driver.poll(Some(LIMIT)).expect_err("it has failed");
    assert_eq!(error.raw_os_error(), Some(NOT_ENOUGH_MEMORY));
    assert_eq!(injection.hits(), 1);
    driver.expect_writable(2);
}

#[test]
fn a_registration_that_failed_leaves_nothing_and_can_be_made_again() {
    isolated(
        "a_registration_that_failed_leaves_nothing_and_can_be_made_again",
        || {
            let attempt = |call| {
                let mut driver = driver();
                let (mut stream, mut peer) = pairs::tcp();
                let registry = driver.registry();
                let injection = fault::inject(call, NOT_ENOUGH_MEMORY).times(3);
                let result = registry.register(&mut stream, Token(1), Interest::READABLE);
                result.expect_err("it has failed");
                assert!(injection.hits() > 0, "{call:?} was not made");
                drop(injection);
                let missing = registry.deregister(&mut stream).expect_err("not there");
                assert_eq!(missing.kind(), ErrorKind::NotFound);
                driver.add(&mut stream, 2, Interest::READABLE);
                peer.write_all(b"x").expect("write");
                driver.expect_readable(2);
            };
            attempt(Call::CreateAfd);
            for call in [Call::BaseHandle, Call::CreateAfd, Call::Associate] {
                descriptors::assert_none_left(&format!("{call:?}"), || attempt(call));
            }
        },
    );
}

/// Layered providers that don't know SIO_BASE_HANDLE are asked in other ways. A socket without such a
/// provider has no other layer to tell of.
#[test]
fn a_hidden_base_socket_is_unsupported_and_no_socket_is_what_it_is() {
    let driver = driver();
    let (mut stream, _peer) = pairs::tcp();
    let mut register = |error| {
        let _injection = fault::inject(Call::BaseHandle, error);
        let registry = driver.registry();
        let before = fault::calls(Call::BaseHandle);
        let error = registry
            .register(&mut stream, Token(1), Interest::READABLE)
            .expect_err("it has failed");
        (error, fault::calls(Call::BaseHandle) - before)
    };
    let (error, asked) = register(WSAEFAULT);
    assert_eq!(
        (error.kind(), asked),
        (ErrorKind::Unsupported, 3),
        "{error}"
    );
    let (error, asked) = register(WSAENOTSOCK);
    assert_eq!((error.raw_os_error(), asked), (Some(WSAENOTSOCK), 1));
}
