//! `Builder::spin`: what a poll promises (contract rows 12, 15, 16, 18 and 20) it keeps while it looks without
//! blocking.

use std::io::Write;
use std::time::{Duration, Instant};

use ferrio::fault::{self, Call};
use ferrio::{Events, Interest, Poll, Token};
use ferrio_conformance::{Backend, Driver, LIMIT, conformance, in_thread, pairs};

conformance! { spin {
    an_event_ends_a_spin needs Threads,
    a_wake_ends_a_spin_without_a_call needs Threads,
    a_registration_during_a_spin_takes_effect needs Threads,
    a_poll_that_has_spun_for_nothing_blocks needs Threads,
    a_timeout_shorter_than_the_spin_is_kept,
    a_timeout_longer_than_the_spin_is_kept,
    a_timeout_of_zero_asks_once,
    what_is_there_already_is_asked_for_once,
    a_late_ring_does_not_end_a_spin,
    the_only_slot_goes_round,
    an_error_ends_a_spin,
} }

/// Longer than any case runs.
const NO_END: Duration = Duration::MAX;

fn spinning(b: &Backend, capacity: usize, time: Duration) -> Driver {
    let poll = Poll::builder()
        .selector(b.selector)
        .waker(b.waker)
        .spin(time)
        .build()
        .expect("a Poll");
    Driver::new(poll, capacity)
}

/// How often this thread has asked the selector.
fn waits(b: &Backend) -> u64 {
    b.calls().wait.iter().map(|&call| fault::calls(call)).sum()
}

fn all_calls() -> u64 {
    Call::ALL.iter().map(|&call| fault::calls(call)).sum()
}

fn an_event_ends_a_spin(b: &Backend) {
    for time in [NO_END, Duration::from_micros(100)] {
        let mut driver = spinning(b, 8, time);
        let (mut stream, mut peer) = pairs::local();
        driver.add(&mut stream, 1, Interest::READABLE);
        for timeout in [None, Some(LIMIT)] {
            let poller = in_thread(move || {
                driver.poll(timeout).expect("poll");
                driver
            });
            peer.write_all(b"x").expect("write");
            driver = poller.join();
            assert_eq!(driver.tokens(), [1]);
            pairs::drain(&mut stream);
            driver.quiesce();
        }
    }
}

fn a_wake_ends_a_spin_without_a_call(b: &Backend) {
    let mut driver = spinning(b, 8, NO_END);
    let waker = driver.waker(1);
    for timeout in [None, Some(LIMIT)].repeat(20) {
        let poller = in_thread(move || {
            driver.poll(timeout).expect("poll");
            driver
        });
        let before = all_calls();
        waker.wake().expect("wake");
        assert_eq!(all_calls(), before, "nobody is blocked");
        driver = poller.join();
        assert_eq!(driver.tokens(), [1]);
    }
}

fn a_registration_during_a_spin_takes_effect(b: &Backend) {
    let mut driver = spinning(b, 8, NO_END);
    let registry = driver.registry().try_clone().expect("a clone");
    let (mut stream, _peer) = pairs::local();
    let poller = in_thread(move || {
        driver.poll(None).expect("poll");
        driver
    });
    registry
        .register(&mut stream, Token(4), Interest::WRITABLE)
        .expect("register");
    assert_eq!(poller.join().tokens(), [4]);
}

fn a_poll_that_has_spun_for_nothing_blocks(b: &Backend) {
    // Windows doesn't tell a thread that waits from one that looks: there most of the time is to be spent
    // waiting, and a round that hits the rest is repeated.
    let looks_the_same = cfg!(windows);
    let spin = Duration::from_micros(if looks_the_same { 1 } else { 300 });
    let mut driver = spinning(b, 8, spin);
    let waker = driver.waker(1);
    for timeout in [None, Some(LIMIT)] {
        let start = Instant::now();
        let mut has_rung = false;
        while !has_rung {
            assert!(start.elapsed() < LIMIT, "it doesn't block");
            let poller = in_thread(move || {
                driver.poll(timeout).expect("poll");
                driver
            });
            poller.wait_until_blocked();
            let before = all_calls();
            waker.wake().expect("wake");
            has_rung = all_calls() - before == 1;
            assert!(has_rung || looks_the_same);
            driver = poller.join();
            assert_eq!(driver.tokens(), [1]);
            driver.quiesce();
        }
    }
}

/// How long a poll takes that nothing comes to.
fn time(driver: &mut Driver, timeout: Duration) -> Duration {
    let start = Instant::now();
    driver.poll(Some(timeout)).expect("poll");
    let elapsed = start.elapsed();
    assert!(driver.events.is_empty(), "{:?}", driver.events);
    elapsed
}

fn a_timeout_shorter_than_the_spin_is_kept(b: &Backend) {
    for spin in [NO_END, Duration::from_secs(3600), Duration::from_millis(6)] {
        let mut driver = spinning(b, 8, spin);
        let _waker = driver.waker(1);
        for micros in [1, 10, 100, 999, 1000, 1001, 5500] {
            let timeout = Duration::from_micros(micros);
            let elapsed = time(&mut driver, timeout);
            assert!(
                timeout <= elapsed && elapsed < LIMIT,
                "{timeout:?}: {elapsed:?}"
            );
        }
    }
}

fn a_timeout_longer_than_the_spin_is_kept(b: &Backend) {
    for spin in [Duration::from_nanos(1), Duration::from_micros(250)] {
        let mut driver = spinning(b, 8, spin);
        let _waker = driver.waker(1);
        for micros in [251, 300, 999, 1000, 1251, 5500] {
            let timeout = Duration::from_micros(micros);
            let elapsed = time(&mut driver, timeout);
            assert!(
                timeout <= elapsed && elapsed < LIMIT,
                "{timeout:?}: {elapsed:?}"
            );
        }
    }
}

fn a_timeout_of_zero_asks_once(b: &Backend) {
    let mut driver = spinning(b, 8, NO_END);
    let _waker = driver.waker(1);
    // Where wakers are not the kernel's, there has to be something to ask about.
    let (mut stream, _peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    for _ in 0..5 {
        let before = waits(b);
        time(&mut driver, Duration::ZERO);
        assert_eq!(waits(b) - before, 1);
    }
}

fn what_is_there_already_is_asked_for_once(b: &Backend) {
    let mut driver = spinning(b, 8, NO_END);
    let waker = driver.waker(1);
    let (mut stream, _peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    for timeout in [None, Some(LIMIT), Some(NO_END)] {
        waker.wake().expect("wake");
        let before = waits(b);
        driver.poll(timeout).expect("poll");
        assert_eq!(waits(b) - before, 1, "{timeout:?}");
        assert_eq!(driver.tokens(), [1]);
    }
}

/// The ring of a wake that was discarded, as `late_rings_do_not_end_the_poll` makes it.
fn a_late_ring_does_not_end_a_spin(b: &Backend) {
    let mut driver = spinning(b, 8, NO_END);
    let waker = driver.waker(1);
    waker.wake().expect("wake");
    drop(waker);
    let timeout = Duration::from_millis(3);
    assert!(time(&mut driver, timeout) >= timeout);
}

fn the_only_slot_goes_round(b: &Backend) {
    let mut driver = spinning(b, 1, NO_END);
    let waker = driver.waker(1);
    let (mut stream, mut peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    let mut seen = [false; 3];
    let start = Instant::now();
    while !(seen[1] && seen[2]) {
        assert!(start.elapsed() < LIMIT, "saw {seen:?}");
        waker.wake().expect("wake");
        pairs::drain(&mut stream);
        peer.write_all(b"x").expect("write");
        driver.poll(None).expect("poll");
        for token in driver.tokens() {
            seen[token] = true;
        }
    }
}

fn an_error_ends_a_spin(b: &Backend) {
    let mut driver = spinning(b, 8, NO_END);
    let waker = driver.waker(1);
    let (mut stream, _peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    let call = b.calls().wait[0];
    let fault = fault::inject(call, 22).skip(3);
    driver.poll(None).expect_err("the fault");
    assert_eq!(fault.hits(), 1);
    drop(fault);
    let before = all_calls();
    waker.wake().expect("wake");
    assert_eq!(all_calls(), before, "nobody is blocked");
    let mut events = Events::with_capacity(1);
    driver.poll.poll(&mut events, None).expect("poll");
    assert_eq!(events.iter().count(), 1);
}
