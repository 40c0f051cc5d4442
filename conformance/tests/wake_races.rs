//! Contract row 18 where threads and signals meet: a wake is never lost.

#![cfg(any(unix, windows))]

#[cfg(unix)]
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use ferrio::{Token, Waker, fault};
use ferrio_conformance::kernel::error;
#[cfg(unix)]
use ferrio_conformance::signal;
use ferrio_conformance::{Backend, Background, Driver, conformance, in_thread, samples, wait_for};

conformance! { wake_races {
    registration_traffic_beside_a_blocked_poll_erases_no_wake,
    #[cfg(unix)]
    wake_survives_an_interrupted_poll,
    #[cfg(unix)]
    wake_during_an_interrupted_poll_survives_it,
    wake_survives_every_error_of_the_wait,
    #[cfg(unix)]
    wake_and_signal_together_lose_no_wake,
    #[cfg(unix)]
    wake_from_a_signal_handler_ends_the_poll,
    #[cfg(unix)]
    wake_from_a_signal_handler_before_the_poll,
    wake_from_many_threads,
    every_wake_is_answered,
    wake_racing_with_the_end_of_a_poll,
    wake_racing_with_short_timeouts,
} }

const WAKE: usize = 7;

#[cfg(unix)]
const WAIT_ERRORS: &[i32] = &[libc::EINTR, error::EINVAL];
#[cfg(windows)]
const WAIT_ERRORS: &[i32] = &[error::EFAULT, error::EINVAL];

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

fn registration_traffic_beside_a_blocked_poll_erases_no_wake(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let waker = driver.waker(WAKE);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let traffic = in_thread(move || {
        let mut samples = samples::all();
        while !stopped.load(Ordering::Relaxed) {
            for sample in &mut samples {
                registry
                    .register(&mut sample.source, Token(1), sample.interest)
                    .expect(sample.name);
                registry.deregister(&mut sample.source).expect(sample.name);
            }
        }
    });
    for _ in 0..200 {
        let poller = poll_once(driver);
        wake(&waker);
        let (back, tokens) = poller.join();
        driver = back;
        assert_eq!(tokens, [WAKE]);
    }
    stop.store(true, Ordering::Relaxed);
    traffic.join();
}

/// Interrupted first, woken before the next poll: 100 of 100 arrive.
#[cfg(unix)]
fn wake_survives_an_interrupted_poll(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for _ in 0..100 {
        let interrupted = in_thread(move || {
            let error = driver
                .poll(None)
                .expect_err("nothing but the signal ends it");
            (driver, error.kind())
        });
        interrupted.wait_until_blocked();
        interrupted.interrupt();
        let (back, kind) = interrupted.join();
        assert_eq!(kind, ErrorKind::Interrupted);
        wake(&waker);
        let (back, tokens) = poll_once(back).join();
        driver = back;
        assert_eq!(tokens, [WAKE]);
    }
}

/// The poll is held in a signal handler, so that the wake comes while it is blocked, and the signal
/// ends it nevertheless.
#[cfg(unix)]
fn wake_during_an_interrupted_poll_survives_it(b: &Backend) {
    signal::install();
    for timeout in [None, Some(Duration::from_secs(3600)), Some(Duration::MAX)] {
        let mut driver = b.driver();
        let waker = driver.waker(WAKE);
        for _ in 0..20 {
            let gate = Arc::new(signal::Gate::default());
            let held = Arc::clone(&gate);
            let poller = in_thread(move || {
                signal::with_gate_in_handler(&held, || {
                    while let Err(error) = driver.poll(timeout) {
                        assert_eq!(error.kind(), ErrorKind::Interrupted);
                    }
                });
                driver
            });
            poller.wait_until_blocked();
            poller.interrupt();
            gate.wait_until_held();
            wake(&waker);
            gate.open();
            driver = poller.join();
            assert_eq!(driver.tokens(), [WAKE], "{timeout:?}");
        }
    }
}

fn wake_survives_every_error_of_the_wait(b: &Backend) {
    let timeouts = [
        None,
        Some(Duration::ZERO),
        Some(Duration::from_micros(100)),
        Some(Duration::from_millis(2)),
    ];
    for capacity in [1, 2, 64] {
        let mut driver = b.driver_with(capacity);
        let waker = driver.waker(WAKE);
        for &call in b.calls().wait {
            for timeout in timeouts {
                for &errno in WAIT_ERRORS {
                    wake(&waker);
                    let injection = fault::inject(call, errno);
                    let failed = driver.poll(timeout).is_err();
                    drop(injection);
                    if failed {
                        assert!(driver.events.is_empty());
                        driver.poll(None).expect("poll");
                    }
                    assert_eq!(driver.tokens(), [WAKE], "{call:?} {timeout:?} {errno}");
                }
            }
        }
    }
}

/// Both while the poll is blocked: whichever ends it, the wake is in this poll or the next.
#[cfg(unix)]
fn wake_and_signal_together_lose_no_wake(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for round in 0..200 {
        let poller = in_thread(move || {
            while let Err(error) = driver.poll(None) {
                assert_eq!(error.kind(), ErrorKind::Interrupted);
            }
            let tokens = driver.tokens();
            (driver, tokens)
        });
        poller.wait_until_blocked();
        if round % 2 == 0 {
            poller.interrupt();
            wake(&waker);
        } else {
            wake(&waker);
            poller.interrupt();
        }
        let (back, tokens) = poller.join();
        driver = back;
        assert_eq!(tokens, [WAKE], "round {round}");
        driver.assert_quiet();
    }
}

#[cfg(unix)]
fn wake_from_a_signal_handler_ends_the_poll(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    let waker = Arc::new(driver.waker(WAKE));
    for _ in 0..100 {
        let in_handler = Arc::clone(&waker);
        let poller = in_thread(move || {
            signal::with_waker_in_handler(&in_handler, || {
                while let Err(error) = driver.poll(None) {
                    assert_eq!(error.kind(), ErrorKind::Interrupted);
                }
            });
            let tokens = driver.tokens();
            (driver, tokens)
        });
        poller.wait_until_blocked();
        poller.interrupt();
        let (back, tokens) = poller.join();
        driver = back;
        assert_eq!(tokens, [WAKE]);
    }
}

#[cfg(unix)]
fn wake_from_a_signal_handler_before_the_poll(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    for _ in 0..100 {
        signal::with_waker_in_handler(&waker, || {
            // SAFETY: raise(3) takes a number; the handler is installed.
            assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
        });
        driver.poll(None).expect("poll");
        assert_eq!(driver.tokens(), [WAKE]);
    }
}

fn wake_from_many_threads(b: &Backend) {
    const THREADS: usize = 8;
    const WAKES: usize = 500;
    let mut driver = b.driver();
    let waker = Arc::new(driver.waker(WAKE));
    let posted: Arc<[AtomicUsize; THREADS]> = Arc::default();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (waker, posted) = (Arc::clone(&waker), Arc::clone(&posted));
            in_thread(move || {
                for n in 1..=WAKES {
                    posted[thread].store(n, Ordering::Relaxed);
                    wake(&waker);
                }
            })
        })
        .collect();
    let poller = in_thread(move || {
        // The last wakes are seen, whatever was merged.
        while posted.iter().any(|n| n.load(Ordering::Relaxed) < WAKES) {
            driver.poll(None).expect("poll");
            assert_eq!(driver.tokens(), [WAKE]);
        }
        driver
    });
    for thread in threads {
        thread.join();
    }
    poller.join().quiesce();
}

/// One thread wakes and waits for the answer, 20,000 times: a single lost wake stops both.
fn every_wake_is_answered(b: &Backend) {
    const WAKES: usize = 20_000;
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    let answers = Arc::new(AtomicUsize::new(0));
    let answered = Arc::clone(&answers);
    let poller = in_thread(move || {
        for n in 1..=WAKES {
            driver.poll(None).expect("poll");
            assert_eq!(driver.tokens(), [WAKE]);
            answered.store(n, Ordering::Release);
        }
    });
    for n in 1..=WAKES {
        wake(&waker);
        wait_for("the answer", || {
            answers.load(Ordering::Acquire) == n || poller.is_finished()
        });
    }
    poller.join();
}

/// The waking thread does not wait, so wakes hit the poll in every state, its end included.
fn wake_racing_with_the_end_of_a_poll(b: &Backend) {
    const WAKES: usize = 50_000;
    let mut driver = b.driver_with(1);
    let waker = driver.waker(WAKE);
    let posted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&posted);
    let poller = in_thread(move || {
        while count.load(Ordering::Relaxed) < WAKES {
            driver.poll(None).expect("poll");
            assert_eq!(driver.tokens(), [WAKE]);
        }
    });
    for n in 1..=WAKES {
        posted.store(n, Ordering::Relaxed);
        wake(&waker);
    }
    poller.join();
}

fn wake_racing_with_short_timeouts(b: &Backend) {
    const WAKES: usize = 2_000;
    let mut driver = b.driver();
    let waker = driver.waker(WAKE);
    let answers = Arc::new(AtomicUsize::new(0));
    let answered = Arc::clone(&answers);
    let poller = in_thread(move || {
        let mut seen = 0;
        for timeout in [0, 1, 20, 60, 1000].into_iter().cycle() {
            driver
                .poll(Some(Duration::from_micros(timeout)))
                .expect("poll");
            seen += driver.batch().len();
            answered.store(seen, Ordering::Release);
            if seen == WAKES {
                return driver;
            }
        }
        unreachable!("the timeouts repeat for ever")
    });
    for n in 1..=WAKES {
        wake(&waker);
        wait_for("the answer", || {
            answers.load(Ordering::Acquire) == n || poller.is_finished()
        });
    }
    poller.join().assert_quiet();
}
