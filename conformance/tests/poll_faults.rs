//! Contract rows 17, 18 and 28 where a selector keeps state of its own: what was queued, pending or
//! blocked when the kernel refused a call is still there afterwards.
#![cfg(unix)]

use std::io::{self, Write};
use std::time::Duration;

use ferrio::fault::{self, Call, Injection};
use ferrio::net::UnixStream;
use ferrio::{Interest, SelectorKind, Token};
use ferrio_conformance::{
    Backend, Driver, LIMIT, conformance, descriptors, in_thread, pairs, signal,
};

conformance! { poll_faults {
    an_error_of_the_wait_is_returned_once_and_loses_nothing,
    an_error_of_the_wait_loses_no_change,
    after_an_error_of_the_wait_nobody_is_blocked,
    interrupted_polls_beside_changes_lose_nothing,
    an_error_that_a_smaller_array_cures_is_not_returned,
    more_registrations_than_the_limit_are_an_error_until_it_is_raised,
    more_registrations_than_the_limit_are_an_error_until_some_have_ended,
    a_failed_ring_loses_no_change,
    a_failed_ring_does_not_fail_the_change,
    a_bell_that_cannot_be_silenced_loses_no_wake,
} }

const READABLE: Interest = Interest::READABLE;

/// The errors of poll(2), and of epoll_wait(2) but for those of its arguments.
const ERRORS: [i32; 3] = [libc::EINTR, libc::ENOMEM, libc::EINVAL];

/// Whatever call the selector waits with: its next one fails.
fn next_wait_fails(b: &Backend, errno: i32) -> Vec<Injection> {
    next_waits_fail(b, errno, 1)
}

fn next_waits_fail(b: &Backend, errno: i32, times: usize) -> Vec<Injection> {
    let wait = b.calls().wait;
    wait.iter()
        .map(|&call| fault::inject(call, errno).times(times))
        .collect()
}

#[track_caller]
fn assert_fails(driver: &mut Driver, timeout: Option<Duration>, errno: i32) {
    let error = driver.poll(timeout).expect_err("made to fail");
    assert_eq!(error.raw_os_error(), Some(errno));
    assert!(driver.events.is_empty(), "{:?}", driver.events);
}

/// A readable stream, registered.
fn ready(driver: &Driver, token: usize) -> (UnixStream, std::os::unix::net::UnixStream) {
    let (mut stream, mut peer) = pairs::unix();
    peer.write_all(b"x").expect("write");
    driver.add(&mut stream, token, READABLE);
    (stream, peer)
}

fn timeouts() -> [Option<Duration>; 4] {
    [
        Some(Duration::ZERO),
        Some(Duration::from_micros(10)),
        Some(LIMIT),
        None,
    ]
}

fn an_error_of_the_wait_is_returned_once_and_loses_nothing(b: &Backend) {
    for errno in ERRORS {
        for timeout in timeouts() {
            for with_wake in [false, true] {
                let mut driver = b.driver();
                let waker = driver.waker(1);
                let (_stream, _peer) = ready(&driver, 2);
                if with_wake {
                    waker.wake().expect("wake");
                }
                let failures = next_wait_fails(b, errno);
                assert_fails(&mut driver, timeout, errno);
                drop(failures);
                driver.poll(timeout).expect("poll");
                let expected: &[usize] = if with_wake { &[1, 2] } else { &[2] };
                assert_eq!(driver.tokens(), expected);
                driver.assert_quiet();
            }
        }
    }
}

fn an_error_of_the_wait_loses_no_change(b: &Backend) {
    b.isolated(|| {
        for errno in ERRORS {
            let mut driver = b.driver();
            let (mut ended, _ended_peer) = ready(&driver, 1);
            let (mut moved, _moved_peer) = ready(&driver, 2);
            let (dropped, _dropped_peer) = ready(&driver, 3);
            let failures = next_wait_fails(b, errno);
            assert_fails(&mut driver, None, errno);
            drop(failures);
            driver.remove(&mut ended);
            driver
                .registry()
                .reregister(&mut moved, Token(20), READABLE)
                .expect("reregister");
            drop(dropped);
            let (_new, _new_peer) = ready(&driver, 4);
            for _ in 0..3 {
                // Twice: one might be for the array with the places of those that have ended.
                let failures = next_waits_fail(b, errno, 2);
                assert_fails(&mut driver, None, errno);
                drop(failures);
            }
            driver.poll(None).expect("poll");
            assert_eq!(driver.tokens(), [4, 20]);
            driver.assert_quiet();
        }
    });
}

/// The call of a ring, which for kqueue(2) is that of registrations as well: there a call that is not
/// made stands in for it.
fn ring(b: &Backend) -> Call {
    match b.selector {
        SelectorKind::Kqueue => Call::Write,
        _ => b.ringing(),
    }
}

/// Nobody has to be rung then, so nobody is.
fn after_an_error_of_the_wait_nobody_is_blocked(b: &Backend) {
    for errno in ERRORS {
        let mut driver = b.driver();
        let waker = driver.waker(1);
        let failures = next_wait_fails(b, errno);
        assert_fails(&mut driver, None, errno);
        drop(failures);
        let before = fault::calls(ring(b));
        waker.wake().expect("wake");
        let (mut stream, _peer) = pairs::unix();
        driver.add(&mut stream, 2, READABLE);
        driver.remove(&mut stream);
        assert_eq!(fault::calls(ring(b)), before);
        driver.poll(None).expect("poll");
        assert_eq!(driver.tokens(), [1]);
    }
}

/// A real signal, while another thread changes registrations and wakes.
fn interrupted_polls_beside_changes_lose_nothing(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let registry = driver.registry().try_clone().expect("a clone");
    let poller = in_thread(move || {
        let (mut interrupted, mut sources) = (0, Vec::new());
        loop {
            match driver.poll(Some(LIMIT)) {
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
                    interrupted += 1;
                }
                Ok(()) => sources.extend(driver.tokens()),
            }
            assert!(!driver.events.is_empty() || interrupted > 0, "time is up");
            if sources.contains(&1) {
                return (interrupted, sources, driver);
            }
        }
    });
    let mut kept = Vec::new();
    for token in 2..52 {
        poller.wait_until_blocked();
        poller.interrupt();
        let (mut stream, mut peer) = pairs::unix();
        peer.write_all(b"x").expect("write");
        registry
            .register(&mut stream, Token(token), READABLE)
            .expect("register");
        kept.push((stream, peer));
    }
    poller.wait_until_blocked();
    poller.interrupt();
    waker.wake().expect("wake");
    let (interrupted, mut sources, mut driver) = poller.join();
    assert!(interrupted > 0, "no signal was seen");
    sources.extend(driver.quiesce().iter().map(|event| event.token().0));
    sources.sort_unstable();
    assert_eq!(sources, (1..52).collect::<Vec<_>>());
}

/// poll(2) says EINVAL for more records than RLIMIT_NOFILE, and places of the array may be unused.
fn an_error_that_a_smaller_array_cures_is_not_returned(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let (mut ended, _ended_peer) = ready(&driver, 2);
    let (_stream, _peer) = ready(&driver, 3);
    driver.quiesce();
    driver.remove(&mut ended);
    driver.assert_quiet();
    waker.wake().expect("wake");
    let failures = next_wait_fails(b, libc::EINVAL);
    if b.selector != SelectorKind::Poll {
        assert_fails(&mut driver, None, libc::EINVAL);
    }
    driver.poll(None).expect("poll");
    assert_eq!(driver.tokens(), [1]);
    drop(failures);
    // Now it is as small as it gets.
    let failures = next_wait_fails(b, libc::EINVAL);
    assert_fails(&mut driver, None, libc::EINVAL);
    drop(failures);
}

const MANY: usize = 100;

/// `MANY` ready sources, and a limit with which the process may not ask about them all.
fn beyond_the_limit(driver: &Driver) -> Vec<(UnixStream, std::os::unix::net::UnixStream)> {
    (0..MANY).map(|token| ready(driver, token)).collect()
}

/// poll(2) is refused, and epoll_wait(2) does not mind.
fn assert_refused(b: &Backend, driver: &mut Driver) {
    if b.selector == SelectorKind::Poll {
        for timeout in timeouts() {
            assert_fails(driver, timeout, libc::EINVAL);
        }
    }
}

fn more_registrations_than_the_limit_are_an_error_until_it_is_raised(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(MANY);
        let mut sources = beyond_the_limit(&driver);
        let limit = descriptors::soft_limit();
        descriptors::set_soft_limit(50);
        assert_refused(b, &mut driver);
        waker.wake().expect("wake");
        assert_refused(b, &mut driver);
        // Changes are possible meanwhile.
        driver.remove(&mut sources[0].0);
        sources.pop();
        descriptors::set_soft_limit(limit);
        driver.poll(None).expect("poll");
        let expected: Vec<usize> = (1..MANY - 1).chain([MANY]).collect();
        assert_eq!(driver.tokens(), expected);
        driver.assert_quiet();
    });
}

fn more_registrations_than_the_limit_are_an_error_until_some_have_ended(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let mut sources = beyond_the_limit(&driver);
        driver.quiesce();
        for (stream, _) in &mut sources {
            assert_eq!(pairs::drain(stream), 1);
        }
        descriptors::set_soft_limit(50);
        assert_refused(b, &mut driver);
        // Room for 49, and the bell.
        for (stream, _) in &mut sources[..MANY - 49] {
            driver.remove(stream);
        }
        driver.assert_quiet();
        let mut expected = Vec::new();
        for (token, (_, peer)) in sources.iter_mut().enumerate().skip(MANY - 49) {
            peer.write_all(b"x").expect("write");
            expected.push(token);
        }
        driver.poll(None).expect("poll");
        assert_eq!(driver.tokens(), expected);
    });
}

/// The change is in the table all the same, and whoever comes next rings again.
fn a_failed_ring_loses_no_change(b: &Backend) {
    for errno in [libc::EIO, libc::ENOMEM, libc::EBADF] {
        let mut driver = b.driver();
        let registry = driver.registry().try_clone().expect("a clone");
        let poller = in_thread(move || {
            let seen = driver.until("both", |seen| seen.len() == 2);
            let mut tokens: Vec<usize> = seen.iter().map(|event| event.token().0).collect();
            tokens.sort_unstable();
            tokens
        });
        poller.wait_until_blocked();
        let mut kept = Vec::new();
        let failure = fault::inject(ring(b), errno);
        for token in [1, 2] {
            let (mut stream, mut peer) = pairs::unix();
            // Not through the library, so not the write that fails.
            peer.write_all(b"x").expect("write");
            registry
                .register(&mut stream, Token(token), READABLE)
                .expect("register");
            kept.push((stream, peer));
        }
        assert_eq!(
            failure.hits(),
            usize::from(b.selector == SelectorKind::Poll)
        );
        assert_eq!(poller.join(), [1, 2]);
    }
}

fn a_failed_ring_does_not_fail_the_change(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(9);
    let registry = driver.registry().try_clone().expect("a clone");
    let (mut stream, mut peer) = pairs::unix();
    let poller = in_thread(move || {
        driver.expect_readable(9);
        driver
    });
    poller.wait_until_blocked();
    {
        let _failure = fault::inject(ring(b), libc::EIO).times(usize::MAX);
        registry
            .register(&mut stream, Token(1), READABLE)
            .expect("register");
        registry
            .reregister(&mut stream, Token(2), READABLE)
            .expect("reregister");
        registry.deregister(&mut stream).expect("deregister");
        registry
            .register(&mut stream, Token(3), READABLE)
            .expect("register");
    }
    waker.wake().expect("wake");
    let mut driver = poller.join();
    peer.write_all(b"x").expect("write");
    let seen = driver.expect_readable(3);
    assert!(seen.iter().all(|event| event.token() == Token(3)));
}

/// Whether the poll fails then is the selector's affair; the wake and the source are not.
fn a_bell_that_cannot_be_silenced_loses_no_wake(b: &Backend) {
    for errno in [libc::EIO, libc::ENOMEM, libc::EBADF] {
        let mut driver = b.driver();
        // From now on each wake rings.
        std::os::fd::AsRawFd::as_raw_fd(&driver.poll);
        let waker = driver.waker(1);
        let (_stream, _peer) = ready(&driver, 2);
        waker.wake().expect("wake");
        let failure = fault::inject(Call::Read, errno);
        let mut seen = Vec::new();
        match driver.poll(None) {
            Ok(()) => seen.extend(driver.tokens()),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(errno));
                assert_eq!(failure.hits(), 1);
            }
        }
        drop(failure);
        seen.extend(driver.quiesce().iter().map(|event| event.token().0));
        seen.sort_unstable();
        assert_eq!(seen, [1, 2]);
        // And the bell still works.
        waker.wake().expect("wake");
        driver.poll(None).expect("poll");
        assert_eq!(driver.tokens(), [1]);
        driver.assert_quiet();
    }
}
