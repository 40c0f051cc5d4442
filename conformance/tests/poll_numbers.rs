//! Contract rows 3, 5, 6 and the `SourceFd` half of row 7 for a selector that knows descriptors by
//! their numbers: closed, refused, and used again while changes are under way.
#![cfg(unix)]

use std::io::{ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::UnixStream;
use ferrio::unix::SourceFd;
use ferrio::{Interest, SelectorKind, Token, fault};
use ferrio_conformance::samples::eventfd;
use ferrio_conformance::{Backend, Background, Driver, conformance, descriptors, in_thread, pairs};

conformance! { poll_numbers {
    a_closed_descriptor_does_not_make_polls_spin,
    a_closed_descriptor_does_not_make_a_blocked_poll_spin,
    a_reused_number_can_be_registered_once_its_end_was_seen,
    a_number_reused_before_its_end_was_seen_can_be_deregistered,
    what_is_no_descriptor_is_refused_and_leaves_nothing,
    a_closed_number_is_refused_and_leaves_nothing,
    the_highest_number_works,
    numbers_reused_after_drops_between_polls,
    numbers_reused_after_deregistrations_between_polls,
    numbers_reused_while_a_poll_is_blocked,
    readiness_of_the_old_object_is_not_the_new_ones,
} }

const READABLE: Interest = Interest::READABLE;

fn waits(b: &Backend) -> u64 {
    let wait = b.calls().wait;
    wait.iter().map(|&call| fault::calls(call)).sum()
}

/// A registered descriptor that was closed.
fn closed(driver: &Driver, token: usize) -> RawFd {
    let (fd, _twin) = eventfd();
    let number = fd.as_raw_fd();
    driver.add(&mut SourceFd(&number), token, READABLE);
    number
}

/// Something that is readable, at `number`.
fn readable_at(number: RawFd) -> OwnedFd {
    let (fd, mut twin) = eventfd();
    twin.write_all(&1_u64.to_ne_bytes()).expect("write");
    if fd.as_raw_fd() == number {
        return fd;
    }
    descriptors::duplicate_to(&fd, number)
}

fn a_closed_descriptor_does_not_make_polls_spin(b: &Backend) {
    b.isolated(|| {
        const POLLS: u32 = 20;
        let timeout = Duration::from_millis(5);
        let mut driver = b.driver();
        let _number = closed(&driver, 1);
        let (before, start) = (waits(b), Instant::now());
        let mut events = 0;
        for _ in 0..POLLS {
            events += driver.turn_within(timeout).len();
        }
        assert!(events <= 1, "{events} events");
        // All of them but the one with the event took their time, in one wait each.
        assert!(start.elapsed() >= timeout * (POLLS - 1));
        let waits = waits(b) - before;
        assert!(waits <= u64::from(POLLS) + 1, "{waits} waits");
    });
}

fn a_closed_descriptor_does_not_make_a_blocked_poll_spin(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(9);
        let (fd, twin) = eventfd();
        let number = fd.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, READABLE);
        let b = *b;
        let poller = in_thread(move || {
            let before = waits(&b);
            let mut seen = driver.expect_readable(9);
            seen.retain(|event| event.token() == Token(1));
            (driver, seen.len(), waits(&b) - before)
        });
        poller.wait_until_blocked();
        drop((fd, twin));
        // The poll sees nothing of that, or says it once, and then sleeps again.
        poller.wait_until_blocked();
        waker.wake().expect("wake");
        let (mut driver, events, waits) = poller.join();
        let events = events + driver.quiesce().len();
        assert!(events <= 1, "{events} events");
        assert!(waits <= 4, "{waits} waits");
    });
}

fn a_reused_number_can_be_registered_once_its_end_was_seen(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let number = closed(&driver, 1);
        let events = driver.quiesce();
        assert!(events.iter().all(|event| event.token() == Token(1)));
        assert_eq!(events.len(), usize::from(b.selector == SelectorKind::Poll));
        let _new = readable_at(number);
        driver.assert_quiet();
        driver.add(&mut SourceFd(&number), 2, READABLE);
        let seen = driver.expect_readable(2);
        assert!(seen.iter().all(|event| event.token() == Token(2)));
        driver.remove(&mut SourceFd(&number));
        driver.assert_quiet();
    });
}

/// Until poll(2) has seen that the old one is gone, the number is the old one's.
fn a_number_reused_before_its_end_was_seen_can_be_deregistered(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let number = closed(&driver, 1);
        let _new = readable_at(number);
        let mut source = SourceFd(&number);
        let result = driver.registry().register(&mut source, Token(2), READABLE);
        match b.selector {
            SelectorKind::Poll => {
                let error = result.expect_err("the old one's");
                assert_eq!(error.kind(), ErrorKind::AlreadyExists);
                driver.remove(&mut source);
                driver.assert_quiet();
                driver.add(&mut source, 2, READABLE);
            }
            // A kernel that keeps the set knows better.
            _ => result.expect("register"),
        }
        let seen = driver.expect_readable(2);
        assert!(seen.iter().all(|event| event.token() == Token(2)));
        driver.remove(&mut source);
        driver.assert_quiet();
    });
}

fn assert_refused(driver: &mut Driver, number: RawFd) {
    let mut source = SourceFd(&number);
    let registry = driver.registry();
    let error = registry
        .register(&mut source, Token(1), READABLE)
        .expect_err("no descriptor");
    assert_eq!(error.raw_os_error(), Some(libc::EBADF), "register {number}");
    let reregister = registry.reregister(&mut source, Token(2), READABLE);
    let deregister = registry.deregister(&mut source);
    for error in [reregister, deregister].map(|result| result.expect_err("not registered")) {
        let is_said = error.raw_os_error() == Some(libc::EBADF);
        assert!(
            is_said || error.kind() == ErrorKind::NotFound,
            "{number}: {error}"
        );
    }
    driver.assert_quiet();
}

fn what_is_no_descriptor_is_refused_and_leaves_nothing(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let limit = descriptors::soft_limit();
        let numbers = [-1, -2, i32::MIN, i32::MIN + 1, i32::MAX, limit, limit - 1];
        descriptors::assert_none_left("refused registrations", || {
            for number in numbers {
                assert_refused(&mut driver, number);
            }
        });
        let (mut stream, mut peer) = pairs::tcp();
        driver.add(&mut stream, 3, READABLE);
        peer.write_all(b"x").expect("write");
        driver.expect_readable(3);
        for number in numbers {
            assert_refused(&mut driver, number);
        }
    });
}

fn a_closed_number_is_refused_and_leaves_nothing(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let number = {
            let (fd, _twin) = eventfd();
            fd.as_raw_fd()
        };
        assert_refused(&mut driver, number);
        // No entry is in the way of the number's next object.
        let _new = readable_at(number);
        driver.assert_quiet();
        driver.add(&mut SourceFd(&number), 2, READABLE);
        driver.expect_readable(2);
        driver.remove(&mut SourceFd(&number));
    });
}

fn the_highest_number_works(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let number = descriptors::soft_limit() - 1;
        let fd = readable_at(number);
        driver.add(&mut SourceFd(&number), 1, READABLE);
        driver.expect_readable(1);
        driver.remove(&mut SourceFd(&number));
        driver.assert_quiet();
        drop(fd);
        assert_refused(&mut driver, number);
    });
}

/// Two readable connections at the same number, one after the other. A poll, or none, between any
/// two steps: whichever steps the selector learns of together, no event is the old one's.
fn reuse(b: &Backend, end: fn(&Driver, UnixStream)) {
    for polls in 0..1_u32 << 5 {
        let mut driver = b.driver();
        let mut step = 0;
        let mut live = None;
        let mut between = |driver: &mut Driver, live: Option<usize>| {
            if polls >> step & 1 == 1 {
                let seen = driver.quiesce();
                let is_live = |event: &Event| Some(event.token().0) == live;
                assert!(seen.iter().all(is_live), "polls {polls:b}: {seen:?}");
            }
            step += 1;
        };
        let (mut old, mut old_peer) = pairs::unix();
        let number = old.as_raw_fd();
        old_peer.write_all(b"x").expect("write");
        driver.add(&mut old, 1, READABLE);
        between(&mut driver, Some(1));
        end(&driver, old);
        between(&mut driver, live);

        let (fresh, mut peer) = pairs::unix();
        peer.write_all(b"x").expect("write");
        let mut new = if fresh.as_raw_fd() == number {
            fresh
        } else {
            let std =
                std::os::unix::net::UnixStream::from(descriptors::duplicate_to(&fresh, number));
            UnixStream::from_std(std)
        };
        between(&mut driver, live);
        driver.add(&mut new, 2, READABLE);
        live = Some(2);
        between(&mut driver, live);
        driver.remove(&mut new);
        between(&mut driver, None);
        driver.assert_quiet();
        driver.add(&mut new, 3, READABLE);
        let seen = driver.expect_readable(3);
        assert!(seen.iter().all(|event| event.token() == Token(3)));
    }
}

fn numbers_reused_after_drops_between_polls(b: &Backend) {
    b.isolated(|| reuse(b, |_, old| drop(old)));
}

fn numbers_reused_after_deregistrations_between_polls(b: &Backend) {
    b.isolated(|| {
        reuse(b, |driver, mut old| {
            driver.remove(&mut old);
            drop(old);
        });
    });
}

/// The poll that is blocked began with the old one; what it says is the last one's.
fn numbers_reused_while_a_poll_is_blocked(b: &Backend) {
    b.isolated(|| {
        for rounds in 1..20 {
            let mut driver = b.driver();
            let registry = driver.registry().try_clone().expect("a clone");
            let (mut source, _quiet) = pairs::unix();
            let number = source.as_raw_fd();
            driver.add(&mut source, 0, READABLE);
            let poller = in_thread(move || {
                driver.poll(Some(ferrio_conformance::LIMIT)).expect("poll");
                driver
            });
            poller.wait_until_blocked();
            let mut peers = Vec::new();
            for token in 1..=rounds {
                drop(source);
                let (fresh, peer) = pairs::unix();
                source = if fresh.as_raw_fd() == number {
                    fresh
                } else {
                    UnixStream::from_std(descriptors::duplicate_to(&fresh, number).into())
                };
                peers.push(peer);
                registry
                    .register(&mut source, Token(token), READABLE)
                    .expect("register");
            }
            let last = peers.last_mut().expect("one at least");
            last.write_all(b"x").expect("write");
            let mut driver = poller.join();
            assert_eq!(driver.tokens(), [rounds]);
            driver.remove(&mut source);
            driver.assert_quiet();
        }
    });
}

/// The old one's event is on its way to the poll when its number becomes a quiet object's. How far it
/// has come differs from round to round, and other threads' changes hold it up.
fn readiness_of_the_old_object_is_not_the_new_ones(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(9);
        let stop = Arc::new(AtomicBool::new(false));
        let traffic: Vec<_> = (0..2).map(|_| churn(&driver, stop.clone())).collect();
        let registry = driver.registry().try_clone().expect("a clone");
        for round in 0..200 {
            let (mut old, mut old_peer) = pairs::unix();
            let (fresh, _quiet) = pairs::unix();
            driver.add(&mut old, 1, READABLE);
            let poller = in_thread(move || {
                let mut seen = Vec::new();
                while !seen.contains(&9) {
                    driver.poll(Some(ferrio_conformance::LIMIT)).expect("poll");
                    seen.extend(driver.tokens());
                }
                (driver, seen)
            });
            poller.wait_until_blocked();
            let number = old.as_raw_fd();
            old_peer.write_all(b"x").expect("write");
            for _ in 0..round * 8 {
                std::hint::spin_loop();
            }
            drop(old);
            let std = descriptors::duplicate_to(&fresh, number).into();
            let mut new = UnixStream::from_std(std);
            registry
                .register(&mut new, Token(2), READABLE)
                .expect("register");
            waker.wake().expect("wake");
            let (back, seen) = poller.join();
            driver = back;
            assert!(!seen.contains(&2), "{seen:?}");
            driver.assert_quiet();
        }
        stop.store(true, Ordering::Relaxed);
        for thread in traffic {
            thread.join();
        }
    });
}

/// A thread that registers and deregisters something quiet until it is told to stop.
fn churn(driver: &Driver, stop: Arc<AtomicBool>) -> Background<()> {
    let registry = driver.registry().try_clone().expect("a clone");
    in_thread(move || {
        let (mut source, _peer) = pairs::unix();
        while !stop.load(Ordering::Relaxed) {
            registry
                .register(&mut source, Token(3), READABLE)
                .expect("register");
            registry.deregister(&mut source).expect("deregister");
        }
    })
}
