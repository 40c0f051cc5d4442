//! Contract row 21: any token, for a source and for a waker, also the one that is the library's own
//! identity for its wakers' descriptor.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferrio::event::Event;
#[cfg(any(unix, windows))]
use ferrio::fault;
#[cfg(unix)]
use ferrio::unix::SourceFd;
use ferrio::{Interest, Token, Waker};
#[cfg(unix)]
use ferrio_conformance::descriptors;
#[cfg(any(unix, windows))]
use ferrio_conformance::kernel::error;
use ferrio_conformance::{Backend, Driver, conformance, in_thread, pairs, samples};

conformance! { tokens {
    every_token_is_delivered_unchanged,
    every_token_of_a_source_beside_a_waker,
    every_token_of_a_source_beside_a_waker_ends_a_blocked_poll needs Threads,
    source_taking_the_internal_identity_while_blocked needs Threads,
    source_with_the_internal_identity_before_the_first_waker,
    source_with_the_internal_identity_before_the_first_waker_of_a_blocked_poll needs Threads,
    #[cfg(any(unix, windows))]
    failed_change_of_the_internal_identity_leaves_all_working,
    #[cfg(unix)]
    refused_source_under_the_internal_identity_leaves_nothing,
    taking_the_internal_identity_beside_wakes_is_no_event needs Threads,
} }

/// The identity under which the library's own descriptor is registered with epoll. It must not
/// matter that a user's token equals it.
const INTERNAL: usize = 0xFE11_10C0_57A7_E5ED_u64 as usize;

const TOKENS: &[usize] = &[
    0,
    1,
    INTERNAL,
    INTERNAL - 1,
    INTERNAL + 1,
    usize::MAX,
    usize::MAX - 1,
    isize::MAX as usize,
    1 << (usize::BITS - 1),
    u32::MAX as usize,
    i32::MAX as usize,
    0xDEAD_BEEF,
];

fn wake(waker: &Waker) {
    waker.wake().expect("wake");
}

fn every_token_is_delivered_unchanged(b: &Backend) {
    let mut driver = b.driver();
    for &token in TOKENS {
        let waker = driver.waker(token);
        wake(&waker);
        driver.turn();
        assert_eq!(driver.tokens(), [token], "a waker's {token:#x}");
        drop(waker);
        for mut sample in samples::all() {
            driver.add(&mut sample.source, token, sample.interest);
            sample.trigger();
            let seen = driver.expect(token, |_| true);
            assert!(
                seen.iter().all(|event| event.token().0 == token),
                "{} {token:#x}",
                sample.name
            );
            driver.remove(&mut sample.source);
        }
        driver.assert_quiet();
    }
}

/// A source of each token, registered or reregistered to it, next to a waker with another token and
/// one with the same: all three are told apart.
fn every_token_of_a_source_beside_a_waker(b: &Backend) {
    every_token_beside_a_waker(b, Polls::Briefly);
}

fn every_token_of_a_source_beside_a_waker_ends_a_blocked_poll(b: &Backend) {
    every_token_beside_a_waker(b, Polls::Blocked);
}

fn every_token_beside_a_waker(b: &Backend, polls: Polls) {
    for &token in TOKENS {
        for reregister in [false, true] {
            let driver = b.driver();
            let other = driver.waker(3);
            let same = driver.waker(token);
            let (mut stream, mut peer) = pairs::tcp();
            let first = if reregister { 9 } else { token };
            driver.add(&mut stream, first, Interest::READABLE);
            if reregister {
                driver
                    .registry()
                    .reregister(&mut stream, Token(token), Interest::READABLE)
                    .expect("reregister");
            }
            assert_told_apart(polls, driver, token, &other, &same, 3, &mut || {
                pairs::drain(&mut stream);
                peer.write_all(b"x").expect("write");
            });
        }
    }
}

/// When the events happen.
#[derive(Copy, Clone, PartialEq)]
enum Polls {
    /// Before a poll.
    Briefly,
    /// While a poll is blocked, and before one.
    Blocked,
}

fn assert_told_apart(
    polls: Polls,
    mut driver: Driver,
    token: usize,
    other: &Waker,
    same: &Waker,
    others: usize,
    source: &mut dyn FnMut(),
) {
    driver.assert_quiet();
    let mut rounds: Vec<(Box<dyn FnMut() + '_>, usize)> = vec![
        (Box::new(|| wake(other)), others),
        (Box::new(|| wake(same)), token),
        (Box::new(source), token),
    ];
    for _ in 0..2 {
        for (cause, expected) in &mut rounds {
            if polls == Polls::Blocked {
                let poller = in_thread(move || {
                    driver.poll(None).expect("poll");
                    driver
                });
                poller.wait_until_blocked();
                cause();
                driver = poller.join();
                assert_eq!(driver.tokens(), [*expected], "blocked, {token:#x}");
                driver.assert_quiet();
            }
            cause();
            let seen = driver.expect(*expected, Event::is_readable);
            assert_eq!(seen.len(), 1, "{token:#x}: {seen:?}");
            driver.assert_quiet();
        }
    }
}

fn source_taking_the_internal_identity_while_blocked(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let waker = driver.waker(1);
    for round in 0..3 {
        let poller = in_thread(move || {
            driver.poll(None).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        let (mut stream, mut peer) = pairs::tcp();
        registry
            .register(&mut stream, Token(INTERNAL), Interest::READABLE)
            .expect("register");
        assert!(!poller.is_finished());
        wake(&waker);
        driver = poller.join();
        assert_eq!(driver.tokens(), [1], "round {round}");
        peer.write_all(b"x").expect("write");
        driver.expect_readable(INTERNAL);
        driver.remove(&mut stream);
        driver.assert_quiet();
    }
}

fn source_with_the_internal_identity_before_the_first_waker(b: &Backend) {
    internal_identity_before_the_first_waker(b, Polls::Briefly);
}

fn source_with_the_internal_identity_before_the_first_waker_of_a_blocked_poll(b: &Backend) {
    internal_identity_before_the_first_waker(b, Polls::Blocked);
}

fn internal_identity_before_the_first_waker(b: &Backend, polls: Polls) {
    let driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, INTERNAL, Interest::READABLE);
    let other = driver.waker(3);
    let same = driver.waker(INTERNAL);
    assert_told_apart(polls, driver, INTERNAL, &other, &same, 3, &mut || {
        pairs::drain(&mut stream);
        peer.write_all(b"x").expect("write");
    });
}

/// The library's own descriptor has to make room for such a source; each call of that fails in turn.
#[cfg(any(unix, windows))]
fn failed_change_of_the_internal_identity_leaves_all_working(b: &Backend) {
    let calls = [b.calls().create, b.calls().control].concat();
    for call in calls {
        for n in 0..4 {
            let mut driver = b.driver();
            let waker = driver.waker(1);
            let (mut stream, mut peer) = pairs::tcp();
            let injection = fault::inject(call, error::ENOMEM).skip(n);
            let result =
                driver
                    .registry()
                    .register(&mut stream, Token(INTERNAL), Interest::READABLE);
            let failed = injection.hits() > 0;
            drop(injection);
            assert_eq!(result.is_err(), failed, "{call:?} {n}");
            for _ in 0..3 {
                let poller = in_thread(move || {
                    driver.poll(None).expect("poll");
                    driver
                });
                poller.wait_until_blocked();
                wake(&waker);
                driver = poller.join();
                assert_eq!(driver.tokens(), [1], "after {call:?} {n}");
                driver.assert_quiet();
            }
            if failed {
                driver.add(&mut stream, INTERNAL, Interest::READABLE);
            }
            peer.write_all(b"x").expect("write");
            driver.expect_readable(INTERNAL);
            let same = driver.waker(INTERNAL);
            assert_told_apart(
                Polls::Blocked,
                driver,
                INTERNAL,
                &waker,
                &same,
                1,
                &mut || {
                    pairs::drain(&mut stream);
                    peer.write_all(b"x").expect("write");
                },
            );
        }
    }
}

/// The room that was made for it is given back.
#[cfg(unix)]
fn refused_source_under_the_internal_identity_leaves_nothing(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(1);
        descriptors::assert_none_left("a refused source", || {
            let result =
                driver
                    .registry()
                    .register(&mut SourceFd(&-1), Token(INTERNAL), Interest::READABLE);
            let error = result.expect_err("there is no descriptor -1");
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        });
        wake(&waker);
        driver.poll(None).expect("poll");
        assert_eq!(driver.tokens(), [1]);
        driver.assert_quiet();
    });
}

/// A source that is never ready takes the identity while wakes pour in. A poll that is under way
/// meanwhile may take the wakers' descriptor for the source, which is a spurious event; one that
/// begins later may not.
fn taking_the_internal_identity_beside_wakes_is_no_event(b: &Backend) {
    for round in 0..300 {
        let mut driver = b.driver();
        let registry = driver.registry().try_clone().expect("a clone");
        let waker = driver.waker(1);
        let taken = Arc::new(AtomicBool::new(false));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let hammer = in_thread(move || {
            while !stopped.load(Ordering::SeqCst) {
                wake(&waker);
            }
            waker
        });
        let (stopped, known) = (Arc::clone(&stop), Arc::clone(&taken));
        let poller = in_thread(move || {
            while !stopped.load(Ordering::SeqCst) {
                let late = known.load(Ordering::SeqCst);
                for event in driver.turn_within(Duration::from_millis(5)) {
                    assert!(
                        event.token() == Token(1) || !late,
                        "round {round}: {event:?} of a source that is not ready"
                    );
                }
            }
            driver
        });
        let (mut stream, _peer) = pairs::local();
        registry
            .register(&mut stream, Token(INTERNAL), Interest::READABLE)
            .expect("register");
        taken.store(true, Ordering::SeqCst);
        stop.store(true, Ordering::SeqCst);
        let waker = hammer.join();
        let mut driver = poller.join();
        driver.quiesce();
        wake(&waker);
        driver.turn();
        assert_eq!(driver.tokens(), [1], "round {round}");
    }
}
