//! Contract rows 15, 18 and 21 beside registrations: a selector that learns of them by being rung
//! must not take a wake for one of its own rings, nor a ring for the end of the time.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ferrio::net::UnixStream;
use ferrio::{Interest, Registry, Token, fault};
use ferrio_conformance::{Backend, Background, Driver, LIMIT, conformance, in_thread, pairs};

conformance! { poll_wakes {
    wake_then_register_and_deregister_then_poll,
    wake_between_any_changes_then_poll,
    wakes_arrive_at_polls_that_do_not_block_beside_traffic,
    wakes_arrive_at_blocked_polls_beside_traffic,
    two_wakers_arrive_beside_traffic,
    forty_wakers_arrive_beside_traffic,
    a_poll_ends_in_time_beside_traffic,
    a_change_costs_a_blocked_poll_one_wait,
    traffic_is_no_event,
} }

const ROUNDS: usize = 200;
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// One of each change, of a source that never is ready.
fn churn(registry: &Registry) {
    let (mut source, _peer) = pairs::unix();
    churn_with(registry, &mut source);
    // And one whose registration ends with it.
    registry
        .register(&mut source, Token(99), Interest::READABLE)
        .expect("register");
    drop(source);
}

fn churn_with(registry: &Registry, source: &mut UnixStream) {
    registry
        .register(source, Token(99), Interest::READABLE)
        .expect("register");
    registry
        .reregister(source, Token(98), Interest::READABLE)
        .expect("reregister");
    registry.deregister(source).expect("deregister");
}

/// A thread that changes registrations until it is ended.
struct Traffic {
    stop: Arc<AtomicBool>,
    thread: Option<Background<()>>,
}

impl Traffic {
    fn start(driver: &Driver) -> Traffic {
        let registry = driver.registry().try_clone().expect("a clone");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = in_thread(move || {
            while !stopped.load(Ordering::Relaxed) {
                churn(&registry);
            }
        });
        Traffic {
            stop,
            thread: Some(thread),
        }
    }

    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join();
        }
    }
}

/// A case that fails leaves no busy thread behind.
impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One poll, which has to return with an event.
fn tokens_of_a_poll(driver: &mut Driver) -> Vec<usize> {
    driver.poll(Some(LIMIT)).expect("poll");
    driver.tokens()
}

fn wake_then_register_and_deregister_then_poll(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let (mut source, _peer) = pairs::tcp();
    for round in 0..ROUNDS {
        waker.wake().expect("wake");
        driver.add(&mut source, 2, Interest::READABLE);
        driver.remove(&mut source);
        assert_eq!(tokens_of_a_poll(&mut driver), [1], "in round {round}");
    }
}

fn wake_between_any_changes_then_poll(b: &Backend) {
    type Change = fn(&Driver, &mut UnixStream);
    let changes: [Change; 4] = [
        |driver, source| driver.add(source, 2, Interest::READABLE),
        |driver, source| {
            let registry = driver.registry();
            registry
                .reregister(source, Token(3), Interest::READABLE)
                .expect("reregister");
        },
        // Which a selector with made edges has to be told.
        |_, source| pairs::assert_would_block(std::io::Read::read(source, &mut [0; 8])),
        |driver, source| driver.remove(source),
    ];
    let mut driver = b.driver();
    let waker = driver.waker(1);
    for at in 0..=changes.len() {
        let (mut source, _peer) = pairs::unix();
        for (number, change) in changes.iter().enumerate() {
            if number == at {
                waker.wake().expect("wake");
            }
            change(&driver, &mut source);
        }
        if at == changes.len() {
            waker.wake().expect("wake");
        }
        churn(driver.registry());
        assert_eq!(
            tokens_of_a_poll(&mut driver),
            [1],
            "wake before change {at}"
        );
    }
}

fn wakes_arrive_at_polls_that_do_not_block_beside_traffic(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let traffic = Traffic::start(&driver);
    for _ in 0..ROUNDS * 5 {
        waker.wake().expect("wake");
        // At once, in a poll of zero.
        driver.turn();
        assert_eq!(driver.tokens(), [1]);
    }
    traffic.end();
    driver.assert_quiet();
}

/// Wakes each of `wakers` in turn, and waits for its event each time.
fn wakes_of_blocked_polls(b: &Backend, wakers: usize) {
    let mut driver = b.driver();
    let wakers: Vec<_> = (0..wakers).map(|token| driver.waker(token)).collect();
    let traffic = Traffic::start(&driver);
    let (sender, seen) = mpsc::channel();
    let poller = in_thread(move || {
        for _ in 0..ROUNDS {
            let tokens = tokens_of_a_poll(&mut driver);
            sender.send(tokens).expect("the case waits for this");
        }
        driver
    });
    for round in 0..ROUNDS {
        let token = round % wakers.len();
        wakers[token].wake().expect("wake");
        let tokens = seen.recv_timeout(LIMIT).expect("the wake arrives");
        assert_eq!(tokens, [token]);
    }
    let mut driver = poller.join();
    traffic.end();
    driver.assert_quiet();
}

fn wakes_arrive_at_blocked_polls_beside_traffic(b: &Backend) {
    wakes_of_blocked_polls(b, 1);
}

fn two_wakers_arrive_beside_traffic(b: &Backend) {
    wakes_of_blocked_polls(b, 2);
    let mut driver = b.driver();
    let (one, two) = (driver.waker(1), driver.waker(2));
    let traffic = Traffic::start(&driver);
    for _ in 0..ROUNDS {
        one.wake().expect("wake");
        two.wake().expect("wake");
        assert_eq!(tokens_of_a_poll(&mut driver), [1, 2]);
    }
    traffic.end();
}

fn forty_wakers_arrive_beside_traffic(b: &Backend) {
    wakes_of_blocked_polls(b, 40);
    let mut driver = b.driver();
    let wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
    let traffic = Traffic::start(&driver);
    let poller = in_thread(move || {
        let mut missing: BTreeSet<usize> = (0..40).collect();
        while !missing.is_empty() {
            for token in tokens_of_a_poll(&mut driver) {
                assert!(missing.remove(&token), "{token} twice, or nobody's");
            }
        }
    });
    let threads: Vec<_> = wakers
        .into_iter()
        .map(|waker| {
            in_thread(move || {
                waker.wake().expect("wake");
                waker
            })
        })
        .collect();
    // Dropping a waker discards its wake.
    let _wakers: Vec<_> = threads.into_iter().map(Background::join).collect();
    poller.join();
    traffic.end();
}

/// More registrations, 5 ms apart, than a poll of 50 ms ever sees: if each started the time again,
/// the poll would last until they end.
const MANY: usize = 600;

fn a_poll_ends_in_time_beside_traffic(b: &Backend) {
    let timeout = Duration::from_millis(50);
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let stop = Arc::new(AtomicBool::new(false));
    let changes = Arc::new(AtomicUsize::new(0));
    let (stopped, counter) = (stop.clone(), changes.clone());
    let traffic = in_thread(move || {
        let (mut source, _peer) = pairs::unix();
        while !stopped.load(Ordering::Relaxed) && counter.load(Ordering::Relaxed) < MANY {
            churn_with(&registry, &mut source);
            counter.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(5));
        }
    });
    for _ in 0..3 {
        let start = Instant::now();
        driver.poll(Some(timeout)).expect("poll");
        let took = start.elapsed();
        assert!(driver.events.is_empty(), "{:?}", driver.events);
        assert!(took >= timeout, "early, after {took:?}");
    }
    let seen = changes.load(Ordering::Relaxed);
    assert!(seen < MANY, "the polls lasted as long as the traffic");
    stop.store(true, Ordering::Relaxed);
    traffic.join();
}

/// A busy loop would ask the kernel over and over again.
fn a_change_costs_a_blocked_poll_one_wait(b: &Backend) {
    const CHANGES: u64 = 100;
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let registry = driver.registry().try_clone().expect("a clone");
    let wait = b.calls().wait;
    let waits = move || wait.iter().map(|&call| fault::calls(call)).sum::<u64>();
    let poller = in_thread(move || {
        let before = waits();
        assert_eq!(tokens_of_a_poll(&mut driver), [1]);
        waits() - before
    });
    let (mut source, _peer) = pairs::unix();
    for round in 0..CHANGES {
        poller.wait_until_blocked();
        if round % 2 == 0 {
            registry
                .register(&mut source, Token(2), Interest::READABLE)
                .expect("register");
        } else {
            registry.deregister(&mut source).expect("deregister");
        }
    }
    poller.wait_until_blocked();
    waker.wake().expect("wake");
    let waits = poller.join();
    // The first, one more for each change, and one for the wake.
    assert!(waits <= CHANGES + 2, "{waits} waits");
}

fn traffic_is_no_event(b: &Backend) {
    let mut driver = b.driver();
    let (mut ready, mut peer) = pairs::tcp();
    driver.add(&mut ready, 1, BOTH);
    driver.quiesce();
    let traffic = Traffic::start(&driver);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(100) {
        let seen = driver.turn_within(Duration::from_millis(3));
        assert!(seen.is_empty(), "{seen:?}");
    }
    std::io::Write::write_all(&mut peer, b"x").expect("write");
    driver.expect_readable(1);
    traffic.end();
    driver.assert_quiet();
}
