//! Contract row 25: a `Poll` as a descriptor that another loop waits for. It is readable whenever
//! `poll` would return an event; a late wake may make it readable once without one.
#![cfg(unix)]

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use ferrio::event::Event;
use ferrio::{Interest, Registry, Token, Waker};
use ferrio_conformance::outside::{is_readable, take_all};
use ferrio_conformance::{Backend, Driver, conformance, has, kernel, pairs, samples};

conformance! { nested {
    readable_when_a_source_is_ready needs DescriptorOfPoll,
    readable_when_a_wake_was_posted_before_handing_out needs DescriptorOfPoll,
    readable_when_a_wake_is_posted_after_handing_out needs DescriptorOfPoll,
    readable_for_wakers_made_after_handing_out needs DescriptorOfPoll,
    handed_out_by_any_way_and_any_registry needs DescriptorOfPoll,
    readable_while_wakes_are_left_over needs DescriptorOfPoll,
    readable_while_events_are_left_over needs DescriptorOfPoll,
    readable_while_a_small_buffer_leaves_a_wake_behind needs DescriptorOfPoll,
    readable_as_long_as_a_wake_is_pending,
    readable_after_an_interrupted_or_failed_poll needs DescriptorOfPoll,
    readable_with_a_source_under_the_internal_identity needs DescriptorOfPoll,
    wakes_and_sources_in_one_batch_are_told_apart needs DescriptorOfPoll,
    quiet_again_after_the_events_were_taken needs DescriptorOfPoll,
    discarded_wake_makes_it_readable_at_most_once needs DescriptorOfPoll,
} }

fn wake(waker: &Waker) {
    waker.wake().expect("wake");
}

fn readable_when_a_source_is_ready(b: &Backend) {
    for mut sample in samples::all() {
        let mut driver = b.driver();
        let fd = driver.poll.as_raw_fd();
        driver.add(&mut sample.source, 1, sample.interest);
        assert!(!is_readable(fd), "{}", sample.name);
        sample.trigger();
        pairs::kernel_ready(&driver.poll, kernel::IN);
        let seen = take_all(&mut driver);
        assert!(has(&seen, 1, |_| true), "{}: {seen:?}", sample.name);
    }
}

fn readable_when_a_wake_was_posted_before_handing_out(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    wake(&waker);
    let fd = driver.poll.as_raw_fd();
    assert!(is_readable(fd));
    assert!(has(&take_all(&mut driver), 1, Event::is_readable));
}

fn readable_when_a_wake_is_posted_after_handing_out(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let fd = driver.poll.as_raw_fd();
    for _ in 0..20 {
        assert!(!is_readable(fd));
        wake(&waker);
        assert!(is_readable(fd));
        wake(&waker);
        assert!(is_readable(fd));
        let seen = take_all(&mut driver);
        assert_eq!(seen.len(), 1, "{seen:?}");
    }
}

fn readable_for_wakers_made_after_handing_out(b: &Backend) {
    let mut driver = b.driver();
    let fd = driver.poll.as_raw_fd();
    let wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
    assert!(!is_readable(fd));
    for (token, waker) in wakers.iter().enumerate() {
        wake(waker);
        assert!(is_readable(fd));
        assert!(has(&take_all(&mut driver), token, Event::is_readable));
    }
}

fn handed_out_by_any_way_and_any_registry(b: &Backend) {
    let ways: [fn(&Driver, &Registry) -> RawFd; 6] = [
        |driver, _| driver.poll.as_raw_fd(),
        |driver, _| driver.poll.as_fd().as_raw_fd(),
        |driver, _| driver.registry().as_raw_fd(),
        |driver, _| driver.registry().as_fd().as_raw_fd(),
        |_, clone| clone.as_raw_fd(),
        |_, clone| clone.as_fd().as_raw_fd(),
    ];
    for hand_out in ways {
        for posted_before in [false, true] {
            let mut driver = b.driver();
            let clone = driver.registry().try_clone().expect("a clone");
            let waker = driver.waker(1);
            if posted_before {
                wake(&waker);
            }
            let fd = hand_out(&driver, &clone);
            assert_eq!(is_readable(fd), posted_before);
            wake(&waker);
            assert!(is_readable(fd));
            assert!(has(&take_all(&mut driver), 1, Event::is_readable));
        }
    }
}

fn readable_while_wakes_are_left_over(b: &Backend) {
    for capacity in 1..5 {
        let mut driver = b.driver_with(capacity);
        let fd = driver.poll.as_raw_fd();
        let wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
        wakers.iter().for_each(wake);
        let mut left = wakers.len();
        while left > 0 {
            assert!(is_readable(fd), "{left} left, capacity {capacity}");
            left -= driver.turn().len();
        }
        take_all(&mut driver);
    }
}

fn readable_while_events_are_left_over(b: &Backend) {
    let mut driver = b.driver_with(1);
    let fd = driver.poll.as_raw_fd();
    let waker = driver.waker(1000);
    let mut all: Vec<_> = (0..10).map(|_| pairs::unix()).collect();
    for (token, (stream, peer)) in all.iter_mut().enumerate() {
        driver.add(stream, token, Interest::READABLE);
        peer.write_all(b"x").expect("write");
    }
    wake(&waker);
    let mut left = all.len() + 1;
    while left > 0 {
        assert!(is_readable(fd), "{left} left");
        left -= driver.turn().len();
    }
    take_all(&mut driver);
}

/// The kernel's record of the wake goes into the buffer's only slot, or stays behind when a source
/// takes that slot: neither way may the wake fall silent.
fn readable_while_a_small_buffer_leaves_a_wake_behind(b: &Backend) {
    for first in [false, true] {
        let mut driver = b.driver_with(1);
        let fd = driver.poll.as_raw_fd();
        let waker = driver.waker(1);
        let (mut stream, mut peer) = pairs::unix();
        driver.add(&mut stream, 2, Interest::READABLE);
        for _ in 0..20 {
            if first {
                wake(&waker);
            }
            peer.write_all(b"x").expect("write");
            if !first {
                wake(&waker);
            }
            let mut tokens = Vec::new();
            while tokens.len() < 2 {
                assert!(is_readable(fd), "after {tokens:?}");
                driver.turn();
                tokens.extend(driver.tokens());
            }
            tokens.sort_unstable();
            assert_eq!(tokens, [1, 2]);
            take_all(&mut driver);
        }
    }
}

/// Where the descriptor is the wakers' alone, too.
fn readable_as_long_as_a_wake_is_pending(b: &Backend) {
    for capacity in 1..4 {
        let mut driver = b.driver_with(capacity);
        let fd = driver.poll.as_raw_fd();
        let waker = driver.waker(100);
        let mut all: Vec<_> = (0..5).map(|_| pairs::unix()).collect();
        for (token, (stream, _)) in all.iter_mut().enumerate() {
            driver.add(stream, token, Interest::WRITABLE);
        }
        for _ in 0..20 {
            for (token, (stream, _)) in all.iter_mut().enumerate() {
                let again = driver
                    .registry()
                    .reregister(stream, Token(token), Interest::WRITABLE);
                again.expect("reregister");
            }
            wake(&waker);
            let mut woken = false;
            while !woken {
                assert!(is_readable(fd), "capacity {capacity}");
                driver.turn();
                woken = driver.tokens().contains(&100);
            }
            driver.turn();
        }
    }
}

fn readable_after_an_interrupted_or_failed_poll(b: &Backend) {
    let mut driver = b.driver();
    let fd = driver.poll.as_raw_fd();
    let waker = driver.waker(1);
    for &call in b.calls().wait {
        for errno in [libc::EINTR, libc::EINVAL] {
            wake(&waker);
            let injection = ferrio::fault::inject(call, errno).times(usize::MAX);
            let failed = driver.poll(Some(std::time::Duration::from_micros(200)));
            drop(injection);
            if failed.is_err() {
                assert!(is_readable(fd), "{call:?}");
            }
            take_all(&mut driver);
        }
    }
}

fn readable_with_a_source_under_the_internal_identity(b: &Backend) {
    const TOKEN: usize = 0xFE11_10C0_57A7_E5ED_u64 as usize;
    for source_first in [false, true] {
        let mut driver = b.driver();
        let fd = driver.poll.as_raw_fd();
        let (mut stream, mut peer) = pairs::unix();
        if source_first {
            driver.add(&mut stream, TOKEN, Interest::READABLE);
        }
        let waker = driver.waker(1);
        if !source_first {
            wake(&waker);
            driver.add(&mut stream, TOKEN, Interest::READABLE);
            assert!(is_readable(fd));
            assert!(has(&take_all(&mut driver), 1, Event::is_readable));
        }
        for _ in 0..5 {
            assert!(!is_readable(fd));
            wake(&waker);
            assert!(is_readable(fd));
            let seen = take_all(&mut driver);
            assert_eq!(seen.len(), 1, "{seen:?}");
            peer.write_all(b"x").expect("write");
            assert!(is_readable(fd));
            assert!(has(&take_all(&mut driver), TOKEN, Event::is_readable));
        }
    }
}

/// The kernel's record of a wake is at any place of the batch, and the only one taken out of it.
fn wakes_and_sources_in_one_batch_are_told_apart(b: &Backend) {
    const SOURCES: usize = 4;
    for place in 0..=SOURCES {
        let mut driver = b.driver();
        driver.poll.as_raw_fd();
        let waker = driver.waker(100);
        let mut all: Vec<_> = (0..SOURCES).map(|_| pairs::unix()).collect();
        for (token, (stream, _)) in all.iter_mut().enumerate() {
            driver.add(stream, token, Interest::READABLE);
        }
        for (token, (_, peer)) in all.iter_mut().enumerate() {
            if token == place {
                wake(&waker);
            }
            peer.write_all(b"x").expect("write");
        }
        if place == SOURCES {
            wake(&waker);
        }
        driver.turn();
        assert_eq!(driver.tokens(), [0, 1, 2, 3, 100], "the wake at {place}");
        take_all(&mut driver);
    }
}

fn quiet_again_after_the_events_were_taken(b: &Backend) {
    let mut driver = b.driver();
    let fd = driver.poll.as_raw_fd();
    let waker = driver.waker(1);
    for _ in 0..100 {
        wake(&waker);
        assert!(has(&take_all(&mut driver), 1, Event::is_readable));
        assert!(!is_readable(fd));
    }
}

fn discarded_wake_makes_it_readable_at_most_once(b: &Backend) {
    let mut driver = b.driver();
    let fd = driver.poll.as_raw_fd();
    for _ in 0..10 {
        let waker = driver.waker(1);
        wake(&waker);
        drop(waker);
        let seen = take_all(&mut driver);
        assert!(seen.is_empty(), "{seen:?}");
        assert!(!is_readable(fd));
    }
}
