//! Contract row 18: a wake is never lost.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use ferrio::event::Event;
use ferrio::{Interest, Token, Waker};
use ferrio_conformance::{
    Backend, Background, Driver, apart, conformance, has, in_thread, kernel, pairs, samples,
};

conformance! { wake {
    wake_before_the_first_poll,
    wake_before_a_poll_without_timeout,
    wake_between_polls,
    wake_ends_a_blocked_poll needs Threads,
    many_wakes_are_one_event,
    waker_event_is_readable_and_nothing_else,
    waker_event_that_ends_a_poll_is_readable_and_nothing_else needs Threads,
    wake_after_wake_is_delivered_each_time,
    wake_from_the_polling_thread_itself,
    wake_through_a_shared_waker needs Threads,
    waker_made_while_the_poll_is_blocked needs Threads,
    waker_of_a_cloned_registry,
    waker_of_a_cloned_registry_ends_a_blocked_poll needs Threads,
    registration_traffic_never_erases_a_wake,
    wake_beside_source_events,
    pending_wakes_come_first_in_a_batch,
    wake_after_the_poll_is_gone,
    wake_after_poll_and_registry_are_gone,
    dropping_an_idle_waker_changes_nothing,
    two_polls_do_not_share_wakes,
} }

const WAKE: usize = 7;

fn wake(waker: &Waker) {
    waker.wake().expect("wake");
}

/// One poll without a timeout; the driver and what it returned.
fn poll_once(mut driver: Driver) -> Background<(Driver, Vec<usize>)> {
    in_thread(move || {
        driver.poll(None).expect("poll");
        let tokens = driver.tokens();
        (driver, tokens)
    })
}

fn wake_before_the_first_poll(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    wake(&waker);
    driver.turn();
    assert_eq!(driver.tokens(), [WAKE]);
    driver.assert_quiet();
}

fn wake_before_a_poll_without_timeout(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    wake(&waker);
    let tokens = apart(move || {
        driver.poll(None).expect("poll");
        driver.tokens()
    });
    assert_eq!(tokens, [WAKE]);
}

fn wake_between_polls(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for timeout in [
        None,
        Some(Duration::ZERO),
        Some(Duration::from_millis(1)),
        Some(Duration::MAX),
    ] {
        driver.assert_quiet();
        wake(&waker);
        driver.poll(timeout).expect("poll");
        assert_eq!(driver.tokens(), [WAKE], "{timeout:?}");
    }
}

fn wake_ends_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for _ in 0..100 {
        let poller = poll_once(driver);
        poller.wait_until_blocked();
        wake(&waker);
        let (back, tokens) = poller.join();
        driver = back;
        assert_eq!(tokens, [WAKE]);
        driver.assert_quiet();
    }
}

fn many_wakes_are_one_event(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for wakes in [1, 2, 16, 1000] {
        for _ in 0..wakes {
            wake(&waker);
        }
        driver.turn();
        assert_eq!(driver.tokens(), [WAKE]);
        driver.assert_quiet();
    }
}

fn waker_event_is_readable_and_nothing_else(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    wake(&waker);
    assert_readable_only(&driver.expect_readable(WAKE));
}

fn waker_event_that_ends_a_poll_is_readable_and_nothing_else(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    let poller = in_thread(move || driver.expect_readable(WAKE));
    poller.wait_until_blocked();
    wake(&waker);
    assert_readable_only(&poller.join());
}

fn assert_readable_only(events: &[Event]) {
    let [event] = events else {
        panic!("not one: {events:?}");
    };
    assert!(event.is_readable(), "{event:?}");
    let others: [fn(&Event) -> bool; 7] = [
        Event::is_writable,
        Event::is_error,
        Event::is_read_closed,
        Event::is_write_closed,
        Event::is_priority,
        Event::is_aio,
        Event::is_lio,
    ];
    assert!(others.iter().all(|is| !is(event)), "{event:?}");
}

fn wake_after_wake_is_delivered_each_time(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for _ in 0..1000 {
        wake(&waker);
        driver.turn();
        assert_eq!(driver.tokens(), [WAKE]);
    }
    driver.assert_quiet();
}

fn wake_from_the_polling_thread_itself(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    for event in driver.expect_readable(1) {
        assert_eq!(event.token(), Token(1));
        wake(&waker); // while the events of the batch are handled
    }
    driver.poll(None).expect("poll");
    assert_eq!(driver.tokens(), [WAKE]);
}

fn wake_through_a_shared_waker(b: &Backend) {
    let driver = b.driver();
    let waker = Arc::new(driver.waker(WAKE));
    let poller = poll_once(driver);
    poller.wait_until_blocked();
    let other = Arc::clone(&waker);
    in_thread(move || wake(&other)).join();
    assert_eq!(poller.join().1, [WAKE]);
}

fn waker_made_while_the_poll_is_blocked(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    for token in 0..50 {
        let poller = poll_once(driver);
        poller.wait_until_blocked();
        let waker = Waker::new(&registry, Token(token)).expect("a waker");
        wake(&waker);
        let (back, tokens) = poller.join();
        driver = back;
        assert_eq!(tokens, [token]);
    }
}

fn waker_of_a_cloned_registry(b: &Backend) {
    let mut driver = b.driver();
    let clone = driver.registry().try_clone().expect("a clone");
    let waker = Waker::new(&clone, Token(WAKE)).expect("a waker");
    drop(clone);
    wake(&waker);
    driver.turn();
    assert_eq!(driver.tokens(), [WAKE]);
    driver.assert_quiet();
}

fn waker_of_a_cloned_registry_ends_a_blocked_poll(b: &Backend) {
    let driver = b.driver();
    let clone = driver.registry().try_clone().expect("a clone");
    let waker = Waker::new(&clone, Token(WAKE)).expect("a waker");
    drop(clone);
    let poller = poll_once(driver);
    poller.wait_until_blocked();
    wake(&waker);
    assert_eq!(poller.join().1, [WAKE]);
}

fn registration_traffic_never_erases_a_wake(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for _ in 0..200 {
        let mut sample = samples::owned().swap_remove(1);
        wake(&waker);
        driver.add(&mut sample.source, 1, sample.interest);
        driver
            .registry()
            .reregister(&mut sample.source, Token(2), sample.interest)
            .expect("reregister");
        driver.remove(&mut sample.source);
        driver.turn();
        assert_eq!(driver.tokens(), [WAKE]);
    }
}

fn wake_beside_source_events(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        sample.trigger();
        wake(&waker);
        let seen = driver.until("both", |seen| seen.len() >= 2);
        assert!(has(&seen, WAKE, Event::is_readable), "{seen:?}");
        assert!(has(&seen, 1, |_| true), "{seen:?}");
        driver.remove(&mut sample.source);
        driver.quiesce();
    }
}

/// Not a promise of the contract, but of the documentation: COMPATIBILITY.md.
fn pending_wakes_come_first_in_a_batch(b: &Backend) {
    let mut driver = b.driver_with(4);
    let waker = driver.waker(WAKE);
    let mut all: Vec<_> = (0..8).map(|_| pairs::local()).collect();
    for (stream, _) in &mut all {
        driver.add(stream, 1, Interest::READABLE);
    }
    for timeout in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
        for (stream, peer) in &mut all {
            pairs::drain(&*stream);
            peer.write_all(b"x").expect("write");
            pairs::kernel_ready(stream, kernel::IN);
        }
        wake(&waker);
        driver.poll(timeout).expect("poll");
        let batch = driver.batch();
        assert_eq!(batch.len(), 4);
        assert_eq!(batch[0].token(), Token(WAKE), "{batch:?}");
        driver.quiesce();
    }
}

fn wake_after_the_poll_is_gone(b: &Backend) {
    let driver = b.driver();
    let waker = driver.waker(WAKE);
    let registry = driver.registry().try_clone().expect("a clone");
    wake(&waker);
    drop(driver);
    for _ in 0..10 {
        wake(&waker);
    }
    // The registry is still there, so wakers can still be made; they wake nobody.
    let late = Waker::new(&registry, Token(1)).expect("a waker");
    wake(&late);
}

fn wake_after_poll_and_registry_are_gone(b: &Backend) {
    let driver = b.driver();
    let waker = driver.waker(WAKE);
    drop(driver);
    for _ in 0..10 {
        wake(&waker);
    }
    apart(move || {
        wake(&waker);
        drop(waker);
    });
}

fn dropping_an_idle_waker_changes_nothing(b: &Backend) {
    let mut driver = b.driver();
    let keep = driver.waker(WAKE);
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    drop(driver.waker(8));
    driver.assert_quiet();
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    wake(&keep);
    driver.expect_readable(WAKE);
}

fn two_polls_do_not_share_wakes(b: &Backend) {
    let (mut first, mut second) = (b.driver(), b.driver());
    let (one, two) = (first.waker(1), second.waker(2));
    wake(&one);
    second.assert_quiet();
    first.expect_readable(1);
    wake(&two);
    first.assert_quiet();
    second.expect_readable(2);
}
