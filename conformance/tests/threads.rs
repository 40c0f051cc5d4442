//! Contract rows 4, 19, 27 and 28 where threads meet: `Registry` and `Waker` from everywhere.

#![cfg(any(unix, windows))]

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use ferrio::event::{Event, Source};
use ferrio::{Interest, Token};
use ferrio_conformance::{Backend, conformance, has, in_thread, kernel, pairs, samples};

conformance! { threads {
    register_reaches_a_blocked_poll,
    register_of_a_ready_source_ends_a_blocked_poll,
    reregister_reaches_a_blocked_poll,
    reregister_to_present_readiness_ends_a_blocked_poll,
    deregister_reaches_a_blocked_poll,
    registering_does_not_wait_for_the_blocked_poll,
    registering_alone_does_not_end_a_blocked_poll,
    many_threads_register_while_one_polls,
    changes_of_many_threads_beside_a_blocked_poll_are_all_seen,
    writes_before_wake_are_visible_after_the_event,
    poll_moves_between_threads,
    sources_move_between_threads,
    io_inside_try_io_may_use_the_registry,
} }

fn register_reaches_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    for mut sample in samples::all() {
        let poller = in_thread(move || {
            let seen = driver.until("an event", |seen| !seen.is_empty());
            (driver, seen)
        });
        poller.wait_until_blocked();
        registry
            .register(&mut sample.source, Token(1), sample.interest)
            .expect(sample.name);
        sample.trigger();
        let (back, seen) = poller.join();
        driver = back;
        assert!(has(&seen, 1, |_| true), "{}: {seen:?}", sample.name);
        driver.remove(&mut sample.source);
        driver.quiesce();
    }
}

fn register_of_a_ready_source_ends_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    for mut sample in samples::all() {
        sample.trigger();
        let poller = in_thread(move || {
            let seen = driver.until("an event", |seen| !seen.is_empty());
            (driver, seen)
        });
        poller.wait_until_blocked();
        registry
            .register(&mut sample.source, Token(1), sample.interest)
            .expect(sample.name);
        let (back, seen) = poller.join();
        driver = back;
        assert!(has(&seen, 1, |_| true), "{}: {seen:?}", sample.name);
        driver.remove(&mut sample.source);
    }
}

fn reregister_reaches_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let (mut stream, mut peer) = pairs::local();
    pairs::fill(&stream);
    driver.add(&mut stream, 1, Interest::WRITABLE);
    driver.quiesce();
    let poller = in_thread(move || driver.until("an event", |seen| !seen.is_empty()));
    poller.wait_until_blocked();
    registry
        .reregister(&mut stream, Token(2), Interest::READABLE)
        .expect("reregister");
    assert!(!poller.is_finished());
    peer.write_all(b"x").expect("write");
    let seen = poller.join();
    assert!(has(&seen, 2, Event::is_readable), "{seen:?}");
}

fn reregister_to_present_readiness_ends_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let (mut stream, _peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    driver.assert_quiet();
    let poller = in_thread(move || driver.until("an event", |seen| !seen.is_empty()));
    poller.wait_until_blocked();
    registry
        .reregister(&mut stream, Token(2), Interest::WRITABLE)
        .expect("reregister");
    let seen = poller.join();
    assert!(has(&seen, 2, Event::is_writable), "{seen:?}");
}

fn deregister_reaches_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let (mut gone, mut gone_peer) = pairs::tcp();
    let (mut stays, mut stays_peer) = pairs::tcp();
    driver.add(&mut gone, 1, Interest::READABLE);
    driver.add(&mut stays, 2, Interest::READABLE);
    driver.assert_quiet();
    let poller = in_thread(move || driver.expect_readable(2));
    poller.wait_until_blocked();
    registry.deregister(&mut gone).expect("deregister");
    gone_peer.write_all(b"x").expect("write");
    pairs::kernel_ready(&gone, kernel::IN);
    stays_peer.write_all(b"x").expect("write");
    let seen = poller.join();
    assert!(!has(&seen, 1, |_| true), "{seen:?}");
}

fn registering_does_not_wait_for_the_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let waker = driver.waker(9);
    // Without a timeout: a registration that waited for the poll would wait for ever.
    let poller = in_thread(move || driver.poll(None).map(|()| driver.batch()));
    poller.wait_until_blocked();
    let other = in_thread(move || {
        for _ in 0..100 {
            for mut sample in samples::all() {
                registry
                    .register(&mut sample.source, Token(1), sample.interest)
                    .expect(sample.name);
                registry
                    .reregister(&mut sample.source, Token(2), sample.interest)
                    .expect(sample.name);
                registry.deregister(&mut sample.source).expect(sample.name);
            }
        }
    });
    other.join();
    assert!(!poller.is_finished(), "none of the sources was ready");
    waker.wake().expect("wake");
    let seen = poller.join().expect("poll");
    assert!(has(&seen, 9, Event::is_readable), "{seen:?}");
}

fn registering_alone_does_not_end_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let poller = in_thread(move || driver.poll(None).map(|()| driver.batch()));
    poller.wait_until_blocked();
    let mut sample = samples::all();
    for sample in &mut sample {
        registry
            .register(&mut sample.source, Token(1), sample.interest)
            .expect(sample.name);
    }
    poller.wait_until_blocked();
    assert!(!poller.is_finished());
    sample[1].trigger();
    let seen = poller.join().expect("poll");
    assert!(has(&seen, 1, |_| true), "{seen:?}");
}

fn many_threads_register_while_one_polls(b: &Backend) {
    const THREADS: usize = 4;
    const ROUNDS: usize = 200;
    let mut driver = b.driver_with(16);
    let seen = Arc::new([const { AtomicBool::new(false) }; THREADS * ROUNDS]);
    let stop = Arc::new(AtomicBool::new(false));
    let start = Arc::new(Barrier::new(THREADS));
    let workers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let registry = driver.registry().try_clone().expect("a clone");
            let (seen, start) = (Arc::clone(&seen), Arc::clone(&start));
            in_thread(move || {
                start.wait();
                for round in 0..ROUNDS {
                    let token = thread * ROUNDS + round;
                    let (mut stream, mut peer) = pairs::local();
                    registry
                        .register(&mut stream, Token(token), Interest::READABLE)
                        .expect("register");
                    peer.write_all(b"x").expect("write");
                    ferrio_conformance::wait_for("the event", || {
                        seen[token].load(Ordering::Relaxed)
                    });
                    registry.deregister(&mut stream).expect("deregister");
                }
            })
        })
        .collect();
    let waker = driver.waker(usize::MAX);
    let stopped = Arc::clone(&stop);
    let poller = in_thread(move || {
        while !stopped.load(Ordering::Relaxed) {
            driver.poll(None).expect("poll");
            for token in driver.tokens() {
                if token != usize::MAX {
                    seen[token].store(true, Ordering::Relaxed);
                }
            }
        }
    });
    for worker in workers {
        worker.join();
    }
    stop.store(true, Ordering::Relaxed);
    waker.wake().expect("wake");
    poller.join();
}

/// Each change makes something due that was not asked about before. With room for few events, and with
/// sources that come and go between, no change may be passed over.
fn changes_of_many_threads_beside_a_blocked_poll_are_all_seen(b: &Backend) {
    const THREADS: usize = 3;
    const ROUNDS: usize = 100;
    let mut driver = b.driver_with(2);
    let seen = Arc::new([const { AtomicBool::new(false) }; THREADS * ROUNDS]);
    let stop = Arc::new(AtomicBool::new(false));
    let waker = driver.waker(usize::MAX);
    let workers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let registry = driver.registry().try_clone().expect("a clone");
            let seen = Arc::clone(&seen);
            in_thread(move || {
                let add = |source: &mut dyn Source, token, interest| {
                    let added = registry.register(source, Token(token), interest);
                    added.expect("register");
                };
                for round in 0..ROUNDS {
                    let token = thread * ROUNDS + round;
                    let (mut left, mut right) = pairs::tcp();
                    let (mut other, _peer) = pairs::udp();
                    add(&mut left, usize::MAX - 1, Interest::READABLE);
                    add(&mut other, usize::MAX - 1, Interest::READABLE);
                    registry.deregister(&mut other).expect("deregister");
                    add(&mut other, usize::MAX - 1, Interest::WRITABLE);
                    let both = Interest::READABLE | Interest::WRITABLE;
                    let changed = registry.reregister(&mut left, Token(token), both);
                    changed.expect("reregister");
                    ferrio_conformance::wait_for("the event", || {
                        seen[token].load(Ordering::Relaxed)
                    });
                    right.write_all(b"x").expect("write");
                }
            })
        })
        .collect();
    let stopped = Arc::clone(&stop);
    let poller = in_thread(move || {
        while !stopped.load(Ordering::Relaxed) {
            driver.poll(None).expect("poll");
            for event in driver.batch().iter().filter(|event| event.is_writable()) {
                if let Some(seen) = seen.get(event.token().0) {
                    seen.store(true, Ordering::Relaxed);
                }
            }
        }
    });
    // The first that fails is waited for by nobody else.
    for worker in workers {
        worker.join();
    }
    stop.store(true, Ordering::Relaxed);
    waker.wake().expect("wake");
    poller.join();
}

/// The written value is only ever accessed relaxed: wake and poll alone must order it.
fn writes_before_wake_are_visible_after_the_event(b: &Backend) {
    const ROUNDS: usize = 5_000;
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let written = Arc::new(AtomicUsize::new(0));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let (value, acks) = (Arc::clone(&written), Arc::clone(&acknowledged));
    let poller = in_thread(move || {
        for round in 1..=ROUNDS {
            driver.expect_readable(1);
            assert_eq!(value.load(Ordering::Relaxed), round);
            acks.store(round, Ordering::Release);
        }
    });
    for round in 1..=ROUNDS {
        written.store(round, Ordering::Relaxed);
        waker.wake().expect("wake");
        ferrio_conformance::wait_for("the poller", || {
            acknowledged.load(Ordering::Acquire) == round || poller.is_finished()
        });
    }
    poller.join();
}

fn poll_moves_between_threads(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    for _ in 0..10 {
        peer.write_all(b"x").expect("write");
        driver = in_thread(move || {
            driver.expect_readable(1);
            driver
        })
        .join();
        assert_eq!(pairs::drain(&stream), 1);
    }
}

fn sources_move_between_threads(b: &Backend) {
    let mut driver = b.driver();
    let registry = Arc::new(driver.registry().try_clone().expect("a clone"));
    for mut sample in samples::all() {
        let other = Arc::clone(&registry);
        let mut sample = in_thread(move || {
            other
                .register(&mut sample.source, Token(1), sample.interest)
                .expect(sample.name);
            sample
        })
        .join();
        sample.trigger();
        driver.expect(1, |_| true);
        let other = Arc::clone(&registry);
        in_thread(move || other.deregister(&mut sample.source).expect(sample.name)).join();
        driver.quiesce();
    }
}

fn io_inside_try_io_may_use_the_registry(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    let (mut other, mut other_peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    stream
        .try_io(|| {
            driver
                .registry()
                .register(&mut other, Token(2), Interest::READABLE)
        })
        .expect("register");
    other_peer.write_all(b"x").expect("write");
    driver.expect_readable(2);
}
