//! Contract row 21, and the end of a waker in row 18: several wakers. Their tokens are `tokens.rs`'s.

use std::io::Write;
use std::time::Duration;

use ferrio::event::Event;
use ferrio::{Interest, Token, Waker};
use ferrio_conformance::{Backend, Driver, conformance, has, in_thread, kernel, outside, pairs};

conformance! { wakers {
    each_of_many_wakers_has_its_event,
    any_subset_of_many_wakers_is_exact,
    each_of_many_wakers_ends_a_blocked_poll needs Threads,
    wakers_may_share_a_token,
    waker_and_source_may_share_a_token,
    dropping_a_waker_discards_its_wake,
    dropping_a_waker_keeps_the_wakes_of_others,
    a_new_waker_does_not_inherit_a_wake,
    wakers_come_and_go_a_thousand_times,
    wakers_come_and_go_beside_a_blocked_poll needs Threads,
    dropped_waker_beyond_the_slots_discards_its_wake,
    wakers_of_clones_are_wakers_of_the_poll,
} }

/// More than the 29 that have a bit of their own in the asleep-state word.
const MANY: usize = 40;

fn wake(waker: &Waker) {
    waker.wake().expect("wake");
}

fn many(driver: &Driver) -> Vec<Waker> {
    (0..MANY).map(|token| driver.waker(token)).collect()
}

fn each_of_many_wakers_has_its_event(b: &Backend) {
    let mut driver = b.driver();
    let mut wakers = Vec::new();
    for count in 1..=MANY {
        wakers.push(driver.waker(count - 1));
        for (token, waker) in wakers.iter().enumerate() {
            wake(waker);
            driver.turn();
            assert_eq!(driver.tokens(), [token], "of {count}");
        }
        driver.assert_quiet();
    }
}

fn any_subset_of_many_wakers_is_exact(b: &Backend) {
    let mut driver = b.driver();
    let wakers = many(&driver);
    // Every pattern of a simple generator: xorshift, with a fixed beginning.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..300 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let chosen: Vec<_> = (0..MANY).filter(|n| state >> n & 1 == 1).collect();
        for &token in &chosen {
            wake(&wakers[token]);
            wake(&wakers[token]);
        }
        driver.turn();
        assert_eq!(driver.tokens(), chosen);
        driver.assert_quiet();
    }
}

fn each_of_many_wakers_ends_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let wakers = many(&driver);
    for (token, waker) in wakers.iter().enumerate() {
        let poller = in_thread(move || {
            driver.poll(None).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        wake(waker);
        driver = poller.join();
        assert_eq!(driver.tokens(), [token]);
    }
}

fn wakers_may_share_a_token(b: &Backend) {
    let mut driver = b.driver();
    let (first, second) = (driver.waker(5), driver.waker(5));
    wake(&first);
    driver.turn();
    assert_eq!(driver.tokens(), [5]);
    wake(&second);
    driver.turn();
    assert_eq!(driver.tokens(), [5]);
    drop(first);
    wake(&second);
    driver.turn();
    assert_eq!(driver.tokens(), [5]);
}

fn waker_and_source_may_share_a_token(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(5);
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 5, Interest::WRITABLE);
    let seen = driver.expect_writable(5);
    assert!(!has(&seen, 5, Event::is_readable), "the source alone");
    wake(&waker);
    let seen = driver.quiesce();
    assert_eq!(seen.len(), 1);
    assert!(!has(&seen, 5, Event::is_writable), "the waker alone");
    driver
        .registry()
        .reregister(&mut stream, Token(5), Interest::READABLE)
        .expect("reregister");
    peer.write_all(b"x").expect("write");
    pairs::kernel_ready(&stream, kernel::IN);
    wake(&waker);
    driver.turn();
    assert_eq!(driver.tokens(), [5, 5], "both, each with its own event");
}

fn dropping_a_waker_discards_its_wake(b: &Backend) {
    for handed_out in [false, true] {
        let mut driver = b.driver();
        if handed_out {
            outside::hand_out(&driver);
        }
        let waker = driver.waker(1);
        wake(&waker);
        drop(waker);
        driver.assert_quiet();
        driver.poll(Some(Duration::from_millis(2))).expect("poll");
        assert!(driver.events.is_empty(), "{:?}", driver.events);
    }
}

fn dropping_a_waker_keeps_the_wakes_of_others(b: &Backend) {
    let mut driver = b.driver();
    for gone in 0..MANY {
        let mut wakers = many(&driver);
        wakers.iter().for_each(wake);
        drop(wakers.remove(gone));
        driver.turn();
        let expected: Vec<_> = (0..MANY).filter(|&n| n != gone).collect();
        assert_eq!(driver.tokens(), expected);
    }
}

fn a_new_waker_does_not_inherit_a_wake(b: &Backend) {
    let mut driver = b.driver();
    for token in 0..100 {
        let old = driver.waker(token);
        wake(&old);
        drop(old);
        let new = driver.waker(1000 + token);
        driver.assert_quiet();
        wake(&new);
        driver.turn();
        assert_eq!(driver.tokens(), [1000 + token]);
    }
}

fn wakers_come_and_go_a_thousand_times(b: &Backend) {
    let mut driver = b.driver();
    let keep: Vec<_> = (0..28).map(|n| driver.waker(5000 + n)).collect();
    for token in 0..1000 {
        let waker = driver.waker(token);
        wake(&waker);
        if token % 3 == 0 {
            wake(&keep[token % 28]);
        }
        let seen = driver.expect_readable(token);
        let strangers = seen
            .iter()
            .any(|event| event.token().0 < 5000 && event.token().0 != token);
        assert!(!strangers, "{seen:?}");
        driver.quiesce();
    }
}

fn wakers_come_and_go_beside_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let stop = driver.waker(usize::MAX);
    let poller = in_thread(move || {
        let mut seen = Vec::new();
        while !seen.contains(&usize::MAX) {
            driver.poll(None).expect("poll");
            seen.extend(driver.tokens());
        }
        seen
    });
    let mut kept = Vec::new();
    for token in 0..2 * MANY {
        let waker = Waker::new(&registry, Token(token)).expect("a waker");
        if token % 2 == 0 {
            wake(&waker);
            kept.push(waker); // its wake has to arrive
        } else {
            drop(waker); // it never woke
        }
    }
    wake(&stop);
    let mut seen = poller.join();
    seen.sort_unstable();
    seen.dedup();
    let expected: Vec<_> = (0..2 * MANY).step_by(2).chain([usize::MAX]).collect();
    assert_eq!(seen, expected);
}

fn dropped_waker_beyond_the_slots_discards_its_wake(b: &Backend) {
    let mut driver = b.driver();
    let mut wakers = many(&driver);
    for _ in 0..3 {
        let last = wakers.pop().expect("some");
        wake(&last);
        drop(last);
        driver.assert_quiet();
        wake(wakers.last().expect("some"));
        driver.turn();
        assert_eq!(driver.tokens(), [wakers.len() - 1]);
    }
    // A place that became free among the first serves a new one at once.
    drop(wakers.remove(3));
    let new = driver.waker(77);
    wake(&new);
    wake(&wakers[3]);
    driver.turn();
    assert_eq!(driver.tokens(), [4, 77]);
}

fn wakers_of_clones_are_wakers_of_the_poll(b: &Backend) {
    let mut driver = b.driver();
    let clones: Vec<_> = (0..5)
        .map(|_| driver.registry().try_clone().expect("a clone"))
        .collect();
    let wakers: Vec<_> = (0..MANY)
        .map(|n| Waker::new(&clones[n % 5], Token(n)).expect("a waker"))
        .collect();
    drop(clones);
    wakers.iter().for_each(wake);
    driver.turn();
    assert_eq!(driver.tokens(), (0..MANY).collect::<Vec<_>>());
}
