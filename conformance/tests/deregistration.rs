//! Contract row 6: when `deregister` has returned, no poll that begins later knows the old token.

use std::io::Write;
#[cfg(unix)]
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrio::net::TcpStream;
#[cfg(unix)]
use ferrio::net::UnixStream;
use ferrio::{Interest, Registry, Token};
#[cfg(unix)]
use ferrio_conformance::descriptors;
use ferrio_conformance::{
    Backend, Driver, conformance, in_thread, kernel, pairs, samples, wait_for,
};

conformance! { deregistration {
    pending_event_is_gone_after_deregister,
    pending_event_is_gone_after_drop,
    pending_event_has_the_new_token_after_reregister,
    rest_of_a_full_batch_forgets_what_was_deregistered,
    reused_token_belongs_to_the_new_source,
    #[cfg(unix)]
    reused_number_and_token_belong_to_the_new_source,
    #[cfg(unix)]
    reused_number_after_drop_reports_only_the_new_source,
    deregister_during_a_blocked_poll_is_final needs Threads,
    reregister_during_a_blocked_poll_is_final needs Threads,
    deregister_races_with_polls_and_readiness needs Threads,
    drop_races_with_polls_and_readiness needs Threads,
} }

fn pending_event_is_gone_after_deregister(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        sample.trigger();
        driver.remove(&mut sample.source);
        driver.assert_quiet();
        sample.trigger();
        driver.assert_quiet();
    }
}

fn pending_event_is_gone_after_drop(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        // Not `SourceFd`, which owns nothing: see the suite `raw`.
        for mut sample in samples::owned() {
            if sample.name == "pipe::Sender" {
                continue; // The sample keeps a duplicate of it.
            }
            driver.add(&mut sample.source, 1, sample.interest);
            sample.trigger();
            drop(sample);
            driver.assert_quiet();
        }
    });
}

fn pending_event_has_the_new_token_after_reregister(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        sample.trigger();
        driver
            .registry()
            .reregister(&mut sample.source, Token(2), sample.interest)
            .expect(sample.name);
        let seen = driver.until("an event", |seen| !seen.is_empty());
        assert!(
            seen.iter().all(|event| event.token() == Token(2)),
            "{}: {seen:?}",
            sample.name
        );
        driver.remove(&mut sample.source);
    }
}

/// With a buffer for one, the kernel still holds events of the others while the first is handled.
fn rest_of_a_full_batch_forgets_what_was_deregistered(b: &Backend) {
    let mut driver = b.driver_with(1);
    let mut pairs: Vec<_> = (0..8).map(|_| pairs::local()).collect();
    for (token, (stream, peer)) in pairs.iter_mut().enumerate() {
        driver.add(stream, token, Interest::READABLE);
        peer.write_all(b"x").expect("write");
        pairs::kernel_ready(stream, kernel::IN);
    }
    let first = driver.turn();
    assert_eq!(first.len(), 1);
    let first = first[0].token().0;
    for (token, (stream, _)) in pairs.iter_mut().enumerate() {
        if token != first {
            driver.remove(stream);
        }
    }
    driver.assert_quiet();
}

fn reused_token_belongs_to_the_new_source(b: &Backend) {
    let mut driver = b.driver();
    for mut old in samples::all() {
        let (mut new, mut peer) = pairs::tcp();
        driver.add(&mut old.source, 1, old.interest);
        old.trigger();
        driver.remove(&mut old.source);
        driver.add(&mut new, 1, Interest::READABLE);
        // The old source is ready and the new one is not.
        old.trigger();
        driver.assert_quiet();
        peer.write_all(b"x").expect("write");
        driver.expect_readable(1);
        driver.remove(&mut new);
    }
}

/// A socket whose descriptor has the number `fd`, and its peer.
#[cfg(unix)]
fn at_number(fd: RawFd) -> (UnixStream, std::os::unix::net::UnixStream) {
    let (stream, peer) = pairs::unix();
    if stream.as_raw_fd() == fd {
        return (stream, peer);
    }
    let moved: OwnedFd = descriptors::duplicate_to(&stream, fd);
    (UnixStream::from(moved), peer)
}

#[cfg(unix)]
fn reused_number_and_token_belong_to_the_new_source(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        for _ in 0..100 {
            let (mut old, mut old_peer) = pairs::unix();
            driver.add(&mut old, 1, Interest::READABLE);
            old_peer.write_all(b"x").expect("write");
            driver.remove(&mut old);
            let number = old.as_raw_fd();
            drop(old);
            let (mut new, mut peer) = at_number(number);
            driver.add(&mut new, 1, Interest::READABLE);
            driver.assert_quiet();
            peer.write_all(b"x").expect("write");
            driver.expect_readable(1);
        }
    });
}

#[cfg(unix)]
fn reused_number_after_drop_reports_only_the_new_source(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        for _ in 0..100 {
            let (mut old, mut old_peer) = pairs::unix();
            driver.add(&mut old, 1, Interest::READABLE);
            old_peer.write_all(b"x").expect("write");
            let number = old.as_raw_fd();
            drop(old);
            let (mut new, mut peer) = at_number(number);
            driver.add(&mut new, 2, Interest::READABLE);
            driver.assert_quiet();
            peer.write_all(b"x").expect("write");
            let seen = driver.expect_readable(2);
            assert!(seen.iter().all(|e| e.token() == Token(2)), "{seen:?}");
        }
    });
}

fn deregister_during_a_blocked_poll_is_final(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let waker = driver.waker(9);
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        let poller = in_thread(move || {
            let seen = driver.expect_readable(9);
            (driver, seen)
        });
        poller.wait_until_blocked();
        registry.deregister(&mut sample.source).expect(sample.name);
        sample.trigger();
        waker.wake().expect("wake");
        let (back, seen) = poller.join();
        driver = back;
        assert!(
            seen.iter().all(|event| event.token() == Token(9)),
            "{}: {seen:?}",
            sample.name
        );
        driver.assert_quiet();
    }
}

fn reregister_during_a_blocked_poll_is_final(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        let poller = in_thread(move || {
            let seen = driver.until("an event", |seen| !seen.is_empty());
            (driver, seen)
        });
        poller.wait_until_blocked();
        registry
            .reregister(&mut sample.source, Token(2), sample.interest)
            .expect(sample.name);
        sample.trigger();
        let (back, seen) = poller.join();
        driver = back;
        assert!(
            seen.iter().all(|event| event.token() == Token(2)),
            "{}: {seen:?}",
            sample.name
        );
        driver.remove(&mut sample.source);
    }
}

/// What `race` does with a source that had an event under way.
type End = fn(&Registry, TcpStream) -> Option<TcpStream>;

/// Registers, makes ready and ends sources on one thread, each with a token of its own, while
/// another polls. `ended` is raised after the end: a poll that begins later must not report it.
fn race(mut driver: Driver, end: End) {
    const SOURCES: usize = 2_000;
    let registry = driver.registry().try_clone().expect("a clone");
    let ended = Arc::new(AtomicUsize::new(0));
    let known = Arc::clone(&ended);
    let poller = in_thread(move || {
        let mut delivered = 0;
        loop {
            let before = known.load(Ordering::SeqCst);
            for event in driver.turn() {
                let token = event.token().0;
                assert!(
                    token >= before,
                    "{token} had ended before this poll, {before}"
                );
                delivered += 1;
            }
            if before == SOURCES {
                return delivered;
            }
        }
    });
    let mut kept = Vec::new();
    for token in 0..SOURCES {
        let (mut stream, mut peer) = pairs::tcp();
        registry
            .register(&mut stream, Token(token), Interest::READABLE)
            .expect("register");
        peer.write_all(b"x").expect("write");
        if token % 2 == 0 {
            // Let the poller see some of them, so that both orders happen.
            pairs::kernel_ready(&stream, kernel::IN);
            std::thread::yield_now();
        }
        let stream = end(&registry, stream);
        ended.store(token + 1, Ordering::SeqCst);
        kept.push((stream, peer));
        if kept.len() > 100 {
            kept.clear();
        }
    }
    wait_for("the poller", || poller.is_finished());
    poller.join();
}

fn deregister_races_with_polls_and_readiness(b: &Backend) {
    race(b.driver(), |registry, mut stream| {
        registry.deregister(&mut stream).expect("deregister");
        Some(stream)
    });
}

fn drop_races_with_polls_and_readiness(b: &Backend) {
    b.isolated(|| {
        race(b.driver(), |_, stream| {
            drop(stream);
            None
        });
    });
}
