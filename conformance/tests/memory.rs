//! Contract row 23 for memory: nothing is left behind, on error paths either; and what the
//! documentation promises: a wake allocates nothing, and a poll reuses its buffer.

use std::time::Duration;

use ferrio::fault::{self, Call};
use ferrio::{Events, Interest, Token, Waker};
use ferrio_conformance::allocations::{self, Counting};
use ferrio_conformance::kernel::error;
use ferrio_conformance::{Backend, conformance, pairs, samples};

conformance! { memory {
    wakes_allocate_nothing,
    polls_allocate_nothing needs PollsWithoutAllocation,
    registrations_allocate_nothing_for_good,
    polls_and_wakers_leave_no_memory_behind,
    wakers_beyond_the_slots_leave_no_memory_behind,
    failed_calls_leave_no_memory_behind,
} }

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The number of allocations that `body` makes.
fn allocations(body: impl FnOnce()) -> usize {
    let before = allocations::made();
    body();
    allocations::made() - before
}

/// Runs `body` until what is set up once is set up, and then again: it must not use more memory.
fn assert_no_growth(what: &str, mut body: impl FnMut()) {
    for _ in 0..ROUNDS / 7 {
        body();
    }
    let before = in_use();
    for _ in 0..ROUNDS {
        body();
    }
    let after = in_use();
    assert_eq!(after, before, "{what}");
}

#[cfg(not(target_os = "wasi"))]
const ROUNDS: usize = 21;
#[cfg(not(target_os = "wasi"))]
fn in_use() -> i64 {
    allocations::live_bytes()
}

/// On WASI what the host answers is allocated here and freed by wasi-libc, past this allocator. So the
/// size of the program's memory is looked at, which grows by pages of 64 KiB.
#[cfg(target_os = "wasi")]
const ROUNDS: usize = 140;
#[cfg(target_os = "wasi")]
fn in_use() -> i64 {
    core::arch::wasm32::memory_size(0) as i64
}

fn wakes_allocate_nothing(b: &Backend) {
    let mut driver = b.driver();
    let wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
    for waker in &wakers {
        waker.wake().expect("wake");
    }
    driver.quiesce();
    let made = allocations(|| {
        for _ in 0..3 {
            for waker in &wakers {
                waker.wake().expect("wake");
            }
        }
    });
    assert_eq!(made, 0);
}

fn polls_allocate_nothing(b: &Backend) {
    let mut driver = b.driver_with(64);
    let wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
    let mut all: Vec<_> = (0..40).map(|_| pairs::local()).collect();
    for (token, (stream, _)) in all.iter_mut().enumerate() {
        driver.add(stream, 100 + token, Interest::READABLE);
    }
    let timeouts = [Some(Duration::ZERO), Some(Duration::from_micros(50)), None];
    for round in 0..5 {
        for (_, peer) in &mut all {
            std::io::Write::write_all(peer, b"x").expect("write");
        }
        for waker in &wakers {
            waker.wake().expect("wake");
        }
        let made = allocations(|| {
            for timeout in timeouts {
                if timeout.is_none() {
                    wakers[0].wake().expect("wake");
                }
                driver.poll(timeout).expect("poll");
            }
        });
        // The first round sets up what there is to set up. What WASI's host answers is allocated for it.
        let most = if cfg!(target_os = "wasi") {
            timeouts.len()
        } else {
            0
        };
        assert!(made <= most || round == 0, "{made} in round {round}");
        driver.quiesce();
    }
}

fn registrations_allocate_nothing_for_good(b: &Backend) {
    // Alone: the numbers of the descriptors are the same each time then, and so is the table that
    // some selectors keep of them.
    b.isolated(|| {
        let mut driver = b.driver();
        let mut all: Vec<_> = (0..100).map(|_| pairs::local()).collect();
        assert_no_growth("registrations that ended", || {
            for (token, (stream, _)) in all.iter_mut().enumerate() {
                driver.add(stream, token, Interest::READABLE);
            }
            for (stream, _) in &mut all {
                driver
                    .registry()
                    .reregister(stream, Token(1), Interest::WRITABLE)
                    .expect("reregister");
                driver.remove(stream);
            }
            driver.turn();
        });
        assert_no_growth("sources that were dropped", || {
            for mut sample in samples::owned() {
                driver.add(&mut sample.source, 1, sample.interest);
            }
            // On Windows the kernel has something of theirs until the next poll.
            driver.turn();
        });
    });
}

fn polls_and_wakers_leave_no_memory_behind(b: &Backend) {
    assert_no_growth("polls", || {
        let mut driver = b.driver_with(8);
        let clone = driver.registry().try_clone().expect("a clone");
        let wakers: Vec<_> = (0..40).map(|token| driver.waker(token)).collect();
        for waker in &wakers {
            waker.wake().expect("wake");
        }
        driver.quiesce();
        wakers[39].wake().expect("wake");
        drop(driver);
        wakers[1].wake().expect("wake");
        drop(clone);
    });
}

fn wakers_beyond_the_slots_leave_no_memory_behind(b: &Backend) {
    let mut driver = b.driver();
    let _keep: Vec<_> = (0..29).map(|token| driver.waker(token)).collect();
    assert_no_growth("wakers", || {
        for token in 100..200 {
            let waker = driver.waker(token);
            let other = driver.waker(token + 100);
            waker.wake().expect("wake");
            other.wake().expect("wake");
            driver.turn();
        }
    });
}

/// Uses a poll, and does not mind errors.
fn use_a_poll(b: &Backend) {
    let Ok(mut poll) = b.try_poll() else { return };
    let mut events = Events::with_capacity(4);
    let waker = Waker::new(poll.registry(), Token(1));
    // Not thousands of TCP connections, whose ports are kept for a minute each.
    #[cfg(all(target_os = "wasi", not(wasi_p1)))]
    let (mut stream, _peer) = pairs::udp();
    #[cfg(any(not(target_os = "wasi"), wasi_p1))]
    let (mut stream, _peer) = pairs::local();
    let _ = poll
        .registry()
        .register(&mut stream, Token(2), Interest::WRITABLE);
    if let Ok(waker) = &waker {
        let _ = waker.wake();
    }
    let _ = poll.poll(&mut events, Some(Duration::from_micros(20)));
    let _ = poll.registry().deregister(&mut stream);
}

fn failed_calls_leave_no_memory_behind(b: &Backend) {
    for &call in Call::ALL {
        for skip in 0..3 {
            assert_no_growth(&format!("{call:?} failed, number {skip}"), || {
                let _injection = fault::inject(call, error::ENOMEM).skip(skip);
                use_a_poll(b);
            });
        }
    }
}
