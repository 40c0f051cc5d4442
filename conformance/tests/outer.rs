//! Contract row 25, the other side: loops that a `Poll` is nested in.
#![cfg(unix)]

use std::io::Write;
use std::os::fd::AsRawFd;

use ferrio::event::Event;
use ferrio::unix::SourceFd;
use ferrio::{Interest, Waker};
use ferrio_conformance::outside::take_all;
use ferrio_conformance::{Backend, Driver, conformance, has, in_thread, kernel, pairs, samples};

conformance! { outer {
    each_wake_is_an_edge_for_an_outer_poll needs DescriptorOfPoll,
    a_blocked_outer_poll_sees_wakes_and_sources needs DescriptorOfPoll,
    a_blocked_libc_poll_sees_wakes_and_sources needs DescriptorOfPoll,
    three_deep needs DescriptorOfPoll,
    two_outer_loops_both_see_a_wake needs DescriptorOfPoll,
    every_wake_reaches_the_outer_loop needs DescriptorOfPoll,
} }

fn wake(waker: &Waker) {
    waker.wake().expect("wake");
}

/// `inner` as a source of an outer poll, under token 50.
fn outer_of(b: &Backend, inner: &Driver) -> Driver {
    let outer = b.driver();
    let fd = inner.poll.as_raw_fd();
    outer.add(&mut SourceFd(&fd), 50, Interest::READABLE);
    outer
}

fn each_wake_is_an_edge_for_an_outer_poll(b: &Backend) {
    let mut inner = b.driver();
    let waker = inner.waker(1);
    let mut outer = outer_of(b, &inner);
    outer.assert_quiet();
    for _ in 0..100 {
        wake(&waker);
        outer.expect_readable(50);
        assert!(has(&take_all(&mut inner), 1, Event::is_readable));
        outer.quiesce();
    }
}

fn a_blocked_outer_poll_sees_wakes_and_sources(b: &Backend) {
    let mut inner = b.driver();
    let waker = inner.waker(1);
    let mut outer = outer_of(b, &inner);
    for mut sample in samples::all() {
        inner.add(&mut sample.source, 2, sample.interest);
        for round in 0..4 {
            let poller = in_thread(move || {
                outer.poll(None).expect("poll");
                outer
            });
            poller.wait_until_blocked();
            if round % 2 == 0 {
                wake(&waker);
            } else {
                sample.trigger();
            }
            outer = poller.join();
            assert_eq!(outer.tokens(), [50], "{}", sample.name);
            let seen = take_all(&mut inner);
            assert!(
                has(&seen, 1 + round % 2, |_| true),
                "{}: {seen:?}",
                sample.name
            );
            outer.quiesce();
        }
        inner.remove(&mut sample.source);
    }
}

fn a_blocked_libc_poll_sees_wakes_and_sources(b: &Backend) {
    let mut inner = b.driver();
    let waker = inner.waker(1);
    let (mut stream, mut peer) = pairs::tcp();
    inner.add(&mut stream, 2, Interest::READABLE);
    for round in 0..20 {
        let fd = inner.poll.as_raw_fd();
        let waiter = in_thread(move || pairs::kernel_ready(&fd, kernel::IN));
        waiter.wait_until_blocked();
        if round % 2 == 0 {
            wake(&waker);
        } else {
            peer.write_all(b"x").expect("write");
        }
        assert_eq!(waiter.join(), libc::POLLIN);
        let seen = take_all(&mut inner);
        assert!(has(&seen, 1 + round % 2, Event::is_readable), "{seen:?}");
    }
}

fn three_deep(b: &Backend) {
    let mut inner = b.driver();
    let waker = inner.waker(1);
    let mut middle = outer_of(b, &inner);
    let mut outer = outer_of(b, &middle);
    for _ in 0..10 {
        wake(&waker);
        outer.expect_readable(50);
        middle.expect_readable(50);
        inner.expect_readable(1);
        inner.quiesce();
        middle.quiesce();
        outer.quiesce();
    }
}

fn two_outer_loops_both_see_a_wake(b: &Backend) {
    let mut inner = b.driver();
    let waker = inner.waker(1);
    let mut first = outer_of(b, &inner);
    let mut second = outer_of(b, &inner);
    for _ in 0..20 {
        wake(&waker);
        first.expect_readable(50);
        second.expect_readable(50);
        inner.expect_readable(1);
        inner.quiesce();
        first.quiesce();
        second.quiesce();
    }
}

/// The outer loop runs as one would: sleep, then take what the inner poll has. One lost wake and
/// both threads stop.
fn every_wake_reaches_the_outer_loop(b: &Backend) {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const WAKES: usize = 5_000;
    let mut inner = b.driver_with(1);
    let waker = inner.waker(1);
    let mut outer = outer_of(b, &inner);
    let answers = Arc::new(AtomicUsize::new(0));
    let answered = Arc::clone(&answers);
    let poller = in_thread(move || {
        let mut seen = 0;
        while seen < WAKES {
            outer.poll(None).expect("poll");
            while !inner.turn().is_empty() {
                seen += 1;
                answered.store(seen, Ordering::Release);
            }
        }
    });
    for n in 1..=WAKES {
        wake(&waker);
        ferrio_conformance::wait_for("the answer", || {
            answers.load(Ordering::Acquire) == n || poller.is_finished()
        });
    }
    poller.join();
}
