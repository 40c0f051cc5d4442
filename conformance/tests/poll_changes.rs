//! Contract rows 4, 6, 7 and 28 under load: changes that a selector applies later than they are made,
//! and polls that are blocked meanwhile.
#![cfg(unix)]

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferrio::event::Source;
use ferrio::net::UnixStream;
use ferrio::unix::pipe;
use ferrio::{Interest, Registry, Token};
use ferrio_conformance::{
    Backend, Background, Driver, LIMIT, conformance, in_thread, kernel, pairs, samples, wait_for,
};

conformance! { poll_changes {
    deregistered_during_a_blocked_poll_is_silent,
    dropped_during_a_blocked_poll_is_silent,
    the_peer_sees_a_drop_while_the_poll_stays_blocked,
    ten_thousand_pairs_before_the_first_poll,
    ten_thousand_pairs_of_many_sources_before_the_first_poll,
    ten_thousand_pairs_during_a_blocked_poll,
    four_threads_register_and_deregister_while_one_polls,
} }

const READABLE: Interest = Interest::READABLE;
const PAIRS: usize = 10_000;

/// A blocked poll that ends with its first event.
fn blocked(mut driver: Driver) -> Background<Driver> {
    let poller = in_thread(move || {
        driver.poll(Some(LIMIT)).expect("poll");
        driver
    });
    poller.wait_until_blocked();
    poller
}

/// Every kind of source is taken from a blocked poll and becomes ready afterwards.
fn ended_during_a_blocked_poll(b: &Backend, end: fn(&Registry, &mut samples::Sample)) {
    for mut sample in samples::owned() {
        let driver = b.driver();
        let waker = driver.waker(9);
        let registry = driver.registry().try_clone().expect("a clone");
        driver.add(&mut sample.source, 1, sample.interest);
        let poller = blocked(driver);
        end(&registry, &mut sample);
        poller.wait_until_blocked();
        waker.wake().expect("wake");
        let mut driver = poller.join();
        assert_eq!(driver.tokens(), [9], "{}", sample.name);
        driver.assert_quiet();
    }
}

fn deregistered_during_a_blocked_poll_is_silent(b: &Backend) {
    ended_during_a_blocked_poll(b, |registry, sample| {
        registry.deregister(&mut sample.source).expect("deregister");
        sample.trigger();
    });
}

/// Something else in its place: the sample's trigger may need its other half only.
fn dropped_during_a_blocked_poll_is_silent(b: &Backend) {
    b.isolated(|| {
        ended_during_a_blocked_poll(b, |_, sample| {
            let (other, _) = UnixStream::pair().expect("a pair");
            drop(std::mem::replace(&mut sample.source, Box::new(other)));
        });
    });
}

/// The file is not kept open by the poll that waits for it.
fn the_peer_sees_a_drop_while_the_poll_stays_blocked(b: &Backend) {
    b.isolated(|| {
        let (tcp, mut tcp_peer) = pairs::tcp();
        let (unix, mut unix_peer) = pairs::unix();
        let (sender, receiver) = pipe::new().expect("a pipe");
        let driver = b.driver();
        let waker = driver.waker(9);
        let mut sources: Vec<Box<dyn Source + Send>> = vec![Box::new(tcp), Box::new(unix)];
        for (token, source) in sources.iter_mut().enumerate() {
            driver.add(source, token, READABLE);
        }
        let mut full = sender;
        pairs::fill(&full);
        driver.add(&mut full, 2, Interest::WRITABLE);
        // Full, with an event for "has room" to come: after the drop there is none.
        let poller = blocked(driver);

        drop(sources.remove(0));
        assert_eq!(tcp_peer.read(&mut [0; 8]).expect("the end"), 0);
        drop(sources.remove(0));
        assert_eq!(unix_peer.read(&mut [0; 8]).expect("the end"), 0);
        drop(full);
        pairs::kernel_ready(&receiver, kernel::IN);
        let mut ended = receiver;
        wait_for("the end of the pipe", || {
            matches!(ended.read(&mut [0; 4096]), Ok(0))
        });

        poller.wait_until_blocked();
        assert!(!poller.is_finished());
        waker.wake().expect("wake");
        let mut driver = poller.join();
        assert_eq!(driver.tokens(), [9]);
        driver.assert_quiet();
    });
}

/// What has to work after any number of changes.
fn a_real_event_arrives(driver: &mut Driver) {
    driver.assert_quiet();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, READABLE);
    driver.assert_quiet();
    peer.write_all(b"x").expect("write");
    let seen = driver.expect_readable(1);
    assert!(seen.iter().all(|event| event.token() == Token(1)));
    driver.remove(&mut stream);
    driver.assert_quiet();
}

fn ten_thousand_pairs_before_the_first_poll(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(9);
    waker.wake().expect("wake");
    let (mut source, mut peer) = pairs::unix();
    peer.write_all(b"x").expect("write");
    for token in 0..PAIRS {
        driver.add(&mut source, token, READABLE);
        driver.remove(&mut source);
    }
    driver.turn();
    assert_eq!(driver.tokens(), [9]);
    a_real_event_arrives(&mut driver);
}

fn ten_thousand_pairs_of_many_sources_before_the_first_poll(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let mut sources: Vec<_> = (0..100)
            .map(|_| {
                let (source, mut peer) = pairs::unix();
                peer.write_all(b"x").expect("write");
                (source, peer)
            })
            .collect();
        for _ in 0..PAIRS / 100 {
            for (source, _) in &mut sources {
                driver.add(source, 7, READABLE);
            }
            for (source, _) in &mut sources {
                driver.remove(source);
            }
        }
        // The last of them stay.
        for (token, (source, _)) in sources.iter_mut().enumerate().skip(90) {
            driver.add(source, token, READABLE);
        }
        driver.turn();
        assert_eq!(driver.tokens(), (90..100).collect::<Vec<_>>());
        drop(sources);
        a_real_event_arrives(&mut driver);
    });
}

fn ten_thousand_pairs_during_a_blocked_poll(b: &Backend) {
    let driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let waker = driver.waker(9);
    let poller = blocked(driver);
    let (mut source, _peer) = pairs::unix();
    for token in 0..PAIRS {
        registry
            .register(&mut source, Token(token), READABLE)
            .expect("register");
        registry.deregister(&mut source).expect("deregister");
    }
    assert!(!poller.is_finished(), "changes are no events");
    waker.wake().expect("wake");
    let mut driver = poller.join();
    assert_eq!(driver.tokens(), [9]);
    a_real_event_arrives(&mut driver);
}

const THREADS: usize = 4;
const EACH: usize = 5_000;
/// Tokens are `thread * SPACE + number of the registration`.
const SPACE: usize = 1 << 20;

/// For each thread, the last registration that has ended: its token is of the past from then on.
type Ended = Arc<[AtomicUsize; THREADS]>;

fn register_and_deregister(registry: &Registry, ended: &AtomicUsize, thread: usize) {
    // Always readable: each registration is an event, unless it ends before a poll sees it.
    let mut sources: Vec<_> = (0..2)
        .map(|_| {
            let (source, mut peer) = pairs::unix();
            peer.write_all(b"x").expect("write");
            (source, peer)
        })
        .collect();
    for number in 1..=EACH {
        let (source, _) = &mut sources[number % 2];
        let token = Token(thread * SPACE + number);
        registry
            .register(source, token, READABLE)
            .expect("register");
        if number % 5 == 0 {
            // A drop ends a registration as well.
            let (fresh, mut peer) = pairs::unix();
            peer.write_all(b"x").expect("write");
            drop(std::mem::replace(source, fresh));
            sources[number % 2].1 = peer;
        } else {
            registry.deregister(source).expect("deregister");
        }
        ended.store(number, Ordering::SeqCst);
    }
}

fn four_threads_register_and_deregister_while_one_polls(b: &Backend) {
    b.isolated(|| {
        let ended: Ended = Arc::default();
        let mut driver = b.driver();
        let waker = driver.waker(usize::MAX);
        let registry = driver.registry().try_clone().expect("a clone");
        let seen_by_poller = ended.clone();
        let poller = in_thread(move || {
            let timeouts = [Some(Duration::ZERO), Some(Duration::from_millis(1)), None];
            let mut events = 0;
            for timeout in timeouts.into_iter().cycle() {
                // Before the poll begins.
                let past = seen_by_poller.each_ref().map(|n| n.load(Ordering::SeqCst));
                driver.poll(timeout).expect("poll");
                for token in driver.tokens() {
                    if token == usize::MAX {
                        return (driver, events);
                    }
                    let (thread, number) = (token / SPACE, token % SPACE);
                    assert!(
                        number > past[thread],
                        "thread {thread}: {number}, which ended before {}",
                        past[thread]
                    );
                    events += 1;
                }
            }
            unreachable!("the timeouts go round and round")
        });
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let registry = registry.try_clone().expect("a clone");
                let ended = ended.clone();
                in_thread(move || register_and_deregister(&registry, &ended[thread], thread))
            })
            .collect();
        for thread in threads {
            thread.join();
        }
        waker.wake().expect("wake");
        let (mut driver, events) = poller.join();
        assert!(events > 0, "no registration was ever seen");
        a_real_event_arrives(&mut driver);
        // A blocked poll with something ready is none.
        let (mut ready, mut peer) = pairs::unix();
        peer.write_all(b"x").expect("write");
        driver.add(&mut ready, 1, READABLE);
        driver.poll(None).expect("poll");
        assert_eq!(driver.tokens(), [1]);
    });
}
