//! Contract rows 12 and 13: whatever the capacity, repeated polls reach everything that is ready.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::time::Duration;

use ferrio::{Events, Interest, Token, Waker};
use ferrio_conformance::kernel;
use ferrio_conformance::pairs::{Local, LocalPeer};
use ferrio_conformance::{Backend, Driver, conformance, in_thread, pairs};

conformance! { fairness {
    every_ready_source_is_reached_at_any_capacity needs WholeAnswers,
    every_ready_source_is_reached_in_the_end,
    every_pending_waker_is_reached_at_any_capacity,
    sources_and_wakers_share_a_small_buffer,
    always_ready_sources_do_not_starve_each_other,
    always_ready_sources_do_not_starve_a_waker,
    hammered_waker_does_not_starve_sources,
    hammered_wakers_do_not_starve_each_other,
    hammered_wakers_and_always_ready_sources_share,
    waker_hammered_from_another_thread_does_not_starve_sources needs Threads,
    waking_while_the_buffer_is_full_is_kept,
    a_batch_never_exceeds_the_capacity,
    capacity_is_what_was_asked_for,
    capacity_zero_is_invalid_input,
    capacity_zero_loses_nothing,
    polls_without_room_lead_no_wake_astray needs Threads,
} }

/// Sources of tokens 0 to `count`, all registered.
fn sources(driver: &Driver, count: usize) -> Vec<(Local, LocalPeer)> {
    (0..count)
        .map(|token| {
            let (mut stream, peer) = pairs::local();
            driver.add(&mut stream, token, Interest::READABLE);
            (stream, peer)
        })
        .collect()
}

/// Wakers of tokens 1000 to 1000 + `count`.
fn wakers(driver: &Driver, count: usize) -> Vec<Waker> {
    (0..count).map(|n| driver.waker(1000 + n)).collect()
}

/// Makes the source an edge again, without letting its buffer fill up.
fn touch((stream, peer): &mut (Local, LocalPeer)) {
    pairs::drain(&*stream);
    peer.write_all(b"x").expect("write");
    // Some hosts send in the background.
    pairs::kernel_ready(stream, kernel::IN);
}

/// Polls `polls` times after `before` each, and counts the events per token.
fn count(driver: &mut Driver, polls: usize, mut before: impl FnMut()) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    let capacity = driver.events.capacity();
    for _ in 0..polls {
        before();
        let batch = driver.turn_within(ferrio_conformance::LIMIT);
        assert!(batch.len() <= capacity, "{batch:?}");
        let mut tokens = driver.tokens();
        tokens.dedup();
        assert_eq!(tokens.len(), batch.len(), "twice in a batch: {batch:?}");
        for event in batch {
            *counts.entry(event.token().0).or_default() += 1;
        }
    }
    counts
}

/// Each token came up at least `least` times.
fn assert_all(counts: &BTreeMap<usize, usize>, tokens: impl Iterator<Item = usize>, least: usize) {
    for token in tokens {
        let times = counts.get(&token).copied().unwrap_or(0);
        assert!(
            times >= least,
            "{token} came {times} of {least} times: {counts:?}"
        );
    }
}

const CAPACITIES: &[usize] = &[1, 2, 3, 7, 64];

fn every_ready_source_is_reached_at_any_capacity(b: &Backend) {
    const SOURCES: usize = 64;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, SOURCES);
        all.iter_mut().for_each(touch);
        let polls = SOURCES.div_ceil(capacity);
        let counts = count(&mut driver, polls, || {});
        assert_all(&counts, 0..SOURCES, 1);
        driver.assert_quiet();
    }
}

fn every_ready_source_is_reached_in_the_end(b: &Backend) {
    const SOURCES: usize = 64;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, SOURCES);
        all.iter_mut().for_each(touch);
        let seen = driver.until("all", |seen| seen.len() == SOURCES);
        let mut tokens: Vec<_> = seen.iter().map(|event| event.token().0).collect();
        tokens.sort_unstable();
        assert_eq!(tokens, (0..SOURCES).collect::<Vec<_>>());
        driver.assert_quiet();
    }
}

fn every_pending_waker_is_reached_at_any_capacity(b: &Backend) {
    const WAKERS: usize = 40;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let all = wakers(&driver, WAKERS);
        for waker in &all {
            waker.wake().expect("wake");
        }
        let polls = WAKERS.div_ceil(capacity);
        let counts = count(&mut driver, polls, || {});
        assert_all(&counts, 1000..1000 + WAKERS, 1);
        assert!(counts.values().all(|&times| times == 1), "{counts:?}");
        driver.assert_quiet();
    }
}

fn sources_and_wakers_share_a_small_buffer(b: &Backend) {
    const EACH: usize = 35;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, EACH);
        let wakers = wakers(&driver, EACH);
        all.iter_mut().for_each(touch);
        for waker in &wakers {
            waker.wake().expect("wake");
        }
        let seen = driver.quiesce();
        let mut tokens: Vec<_> = seen.iter().map(|event| event.token().0).collect();
        tokens.sort_unstable();
        let expected: Vec<_> = (0..EACH).chain(1000..1000 + EACH).collect();
        assert_eq!(tokens, expected, "capacity {capacity}");
    }
}

fn always_ready_sources_do_not_starve_each_other(b: &Backend) {
    const SOURCES: usize = 20;
    const ROUNDS: usize = 20;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, SOURCES);
        // Twice the polls that an exact rotation needs.
        let polls = 2 * ROUNDS * SOURCES.div_ceil(capacity);
        let counts = count(&mut driver, polls, || all.iter_mut().for_each(touch));
        assert_all(&counts, 0..SOURCES, ROUNDS);
    }
}

fn always_ready_sources_do_not_starve_a_waker(b: &Backend) {
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, 100);
        let wakers = wakers(&driver, 2);
        let mut polls = 0;
        let counts = count(&mut driver, 40, || {
            all.iter_mut().for_each(touch);
            if polls % 8 == 0 {
                wakers[0].wake().expect("wake");
                wakers[1].wake().expect("wake");
            }
            polls += 1;
        });
        assert_all(&counts, 1000..1002, 5);
    }
}

fn hammered_waker_does_not_starve_sources(b: &Backend) {
    const SOURCES: usize = 20;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, SOURCES);
        let waker = driver.waker(1000);
        all.iter_mut().for_each(touch);
        // At capacity 1 the waker gets every other poll.
        let polls = 2 * SOURCES.div_ceil(capacity) + 2;
        let counts = count(&mut driver, polls, || waker.wake().expect("wake"));
        assert_all(&counts, 0..SOURCES, 1);
        assert_all(&counts, 1000..1001, 1);
    }
}

fn hammered_wakers_do_not_starve_each_other(b: &Backend) {
    const WAKERS: usize = 40;
    const ROUNDS: usize = 20;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let all = wakers(&driver, WAKERS);
        // The wakers beyond the 29 with a place of their own share one place in the rotation.
        let polls = ROUNDS * 16 * 32_usize.div_ceil(capacity);
        let counts = count(&mut driver, polls, || {
            for waker in &all {
                waker.wake().expect("wake");
            }
        });
        assert_all(&counts, 1000..1000 + WAKERS, ROUNDS);
    }
}

fn hammered_wakers_and_always_ready_sources_share(b: &Backend) {
    const SOURCES: usize = 20;
    const WAKERS: usize = 5;
    const ROUNDS: usize = 10;
    for &capacity in CAPACITIES {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, SOURCES);
        let wakers = wakers(&driver, WAKERS);
        // One slot of a batch may be all that either kind gets, and half of it at capacity 1.
        let polls = 4 * ROUNDS * SOURCES;
        let counts = count(&mut driver, polls, || {
            all.iter_mut().for_each(touch);
            for waker in &wakers {
                waker.wake().expect("wake");
            }
        });
        assert_all(&counts, 0..SOURCES, ROUNDS);
        assert_all(&counts, 1000..1000 + WAKERS, ROUNDS);
    }
}

fn waker_hammered_from_another_thread_does_not_starve_sources(b: &Backend) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    const SOURCES: usize = 20;
    let mut driver = b.driver_with(1);
    let mut all = sources(&driver, SOURCES);
    let waker = driver.waker(1000);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let hammer = in_thread(move || {
        while !stopped.load(Ordering::Relaxed) {
            waker.wake().expect("wake");
        }
        waker
    });
    all.iter_mut().for_each(touch);
    let counts = count(&mut driver, 2 * SOURCES + 2, || {});
    stop.store(true, Ordering::Relaxed);
    hammer.join();
    assert_all(&counts, 0..SOURCES, 1);
}

fn waking_while_the_buffer_is_full_is_kept(b: &Backend) {
    for capacity in 1..4 {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, 8);
        let waker = driver.waker(1000);
        all.iter_mut().for_each(touch);
        let first = driver.turn();
        assert_eq!(first.len(), capacity);
        waker.wake().expect("wake");
        let rest = driver.quiesce();
        let tokens: Vec<_> = rest.iter().map(|event| event.token()).collect();
        assert_eq!(tokens.iter().filter(|&&t| t == Token(1000)).count(), 1);
        assert_eq!(tokens.len(), 8 - capacity + 1, "{tokens:?}");
        // Two polls at most until the wake shows.
        let position = tokens.iter().position(|&t| t == Token(1000));
        assert!(position.is_some_and(|p| p < 2 * capacity), "{tokens:?}");
    }
}

fn a_batch_never_exceeds_the_capacity(b: &Backend) {
    for capacity in 1..40 {
        let mut driver = b.driver_with(capacity);
        let mut all = sources(&driver, 40);
        let wakers = wakers(&driver, 40);
        for _ in 0..4 {
            all.iter_mut().for_each(touch);
            for waker in &wakers {
                waker.wake().expect("wake");
            }
            let batch = driver.turn();
            assert_eq!(batch.len(), capacity, "as many as fit");
            assert_eq!(driver.events.capacity(), capacity);
        }
    }
}

fn capacity_is_what_was_asked_for(b: &Backend) {
    for capacity in [0, 1, 3, 100, 1000, 4097] {
        let mut events = Events::with_capacity(capacity);
        assert_eq!(events.capacity(), capacity);
        assert!(events.is_empty());
        if capacity > 0 {
            b.poll()
                .poll(&mut events, Some(Duration::ZERO))
                .expect("poll");
        }
        assert_eq!(events.capacity(), capacity);
    }
}

fn capacity_zero_is_invalid_input(b: &Backend) {
    let mut driver = b.driver_with(0);
    let timeouts = [None, Some(Duration::ZERO), Some(Duration::from_secs(3600))];
    for timeout in timeouts {
        let error = driver.poll(timeout).expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(driver.events.is_empty());
    }
}

fn capacity_zero_loses_nothing(b: &Backend) {
    let mut driver = b.driver_with(0);
    let mut all = sources(&driver, 1);
    let waker = driver.waker(1000);
    all.iter_mut().for_each(touch);
    waker.wake().expect("wake");
    for _ in 0..3 {
        driver.poll(None).expect_err("no room");
    }
    driver.events = Events::with_capacity(8);
    driver.turn();
    assert_eq!(driver.tokens(), [0, 1000]);
}

fn polls_without_room_lead_no_wake_astray(b: &Backend) {
    let mut driver = b.driver_with(0);
    let waker = driver.waker(1000);
    for _ in 0..3 {
        driver.poll(None).expect_err("no room");
    }
    driver.events = Events::with_capacity(8);
    let poller = in_thread(move || {
        driver.expect_readable(1000);
    });
    poller.wait_until_blocked();
    waker.wake().expect("wake");
    poller.join();
}
