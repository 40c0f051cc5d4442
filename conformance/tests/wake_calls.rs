//! Contract row 20, and the waker's part of rows 22 to 24: which system calls a wake makes, and what
//! happens when they fail.

#[cfg(unix)]
use std::sync::Arc;
use std::time::Duration;

#[cfg(unix)]
use ferrio::Token;
use ferrio::fault::{self, Call};
use ferrio::{Interest, Waker};
use ferrio_conformance::kernel::error;
#[cfg(unix)]
use ferrio_conformance::operations::PIPE;
use ferrio_conformance::{Backend, LIMIT, apart, conformance, in_thread, kernel, outside, pairs};
#[cfg(unix)]
use ferrio_conformance::{descriptors, signal};

conformance! { wake_calls {
    wake_of_a_poll_that_is_not_blocked_makes_no_call,
    wake_that_is_pending_already_makes_no_call,
    wake_of_a_blocked_poll_makes_one_call needs Threads,
    #[cfg(unix)]
    wake_of_a_blocked_poll_that_is_being_woken_makes_no_call,
    wake_after_a_poll_that_failed_makes_no_call,
    wake_after_a_poll_that_timed_out_makes_no_call,
    wake_after_a_poll_that_saw_a_source_makes_no_call,
    looking_at_a_poll_costs_its_wakes_nothing,
    poll_with_a_pending_wake_does_not_wait,
    poll_after_a_wake_reads_nothing,
    #[cfg(unix)]
    more_wakers_make_no_more_descriptors,
    wake_never_blocks,
    #[cfg(unix)]
    wake_with_a_full_counter needs BellHoldsRings,
    #[cfg(unix)]
    wake_that_finds_the_counter_full_tries_again needs BellHoldsRings,
    #[cfg(unix)]
    wake_retries_an_interrupted_call needs BellHoldsRings,
    failed_wake_does_not_silence_later_wakes needs Threads,
    #[cfg(unix)]
    failed_waker_leaves_nothing_behind,
    #[cfg(unix)]
    failed_waker_can_be_made_again,
    #[cfg(unix)]
    failed_second_waker_leaves_the_first_working,
} }

#[cfg(unix)]
const WAIT_ERROR: i32 = libc::EINTR;
#[cfg(not(unix))]
const WAIT_ERROR: i32 = error::EFAULT;

fn wake(waker: &Waker) {
    waker.wake().expect("wake");
}

/// All system calls that this thread has made through the library.
fn all_calls() -> u64 {
    Call::ALL.iter().map(|&call| fault::calls(call)).sum()
}

fn wake_of_a_poll_that_is_not_blocked_makes_no_call(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    for _ in 0..100 {
        let before = all_calls();
        wake(&waker);
        assert_eq!(all_calls(), before);
        driver.turn();
        assert_eq!(driver.tokens(), [1]);
    }
}

fn wake_that_is_pending_already_makes_no_call(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let other = driver.waker(2);
    wake(&waker);
    let before = all_calls();
    for _ in 0..1000 {
        wake(&waker);
        wake(&other);
    }
    assert_eq!(all_calls(), before);
    driver.turn();
    assert_eq!(driver.tokens(), [1, 2]);
}

fn wake_of_a_blocked_poll_makes_one_call(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    for _ in 0..50 {
        let poller = in_thread(move || {
            driver.poll(None).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        let before = all_calls();
        wake(&waker);
        assert_eq!(all_calls() - before, 1);
        driver = poller.join();
        assert_eq!(driver.tokens(), [1]);
        let before = all_calls();
        wake(&waker);
        assert_eq!(all_calls(), before, "nobody is blocked any more");
        driver.quiesce();
    }
}

/// The poll is held in a signal handler, so that it stays blocked after the first wake.
#[cfg(unix)]
fn wake_of_a_blocked_poll_that_is_being_woken_makes_no_call(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let other = driver.waker(2);
    let gate = Arc::new(signal::Gate::default());
    let held = Arc::clone(&gate);
    let poller = in_thread(move || {
        signal::with_gate_in_handler(&held, || {
            while let Err(error) = driver.poll(None) {
                assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
            }
        });
        driver.tokens()
    });
    poller.wait_until_blocked();
    poller.interrupt();
    gate.wait_until_held();
    let before = all_calls();
    wake(&waker);
    let first = all_calls() - before;
    for _ in 0..100 {
        wake(&waker);
        wake(&other);
    }
    let all = all_calls() - before;
    gate.open();
    assert_eq!(poller.join(), [1, 2]);
    assert_eq!((first, all), (1, 1));
}

fn wake_after_a_poll_that_failed_makes_no_call(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let (mut stream, _peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    for &call in b.calls().wait {
        let timeouts = [None, Some(Duration::from_micros(100)), Some(Duration::MAX)];
        for timeout in timeouts {
            let injection = fault::inject(call, WAIT_ERROR);
            // Without a timeout that is short enough some calls are not used.
            if timeout.is_none_or(|timeout| timeout > LIMIT) && call != b.calls().wait[0] {
                continue;
            }
            let _ = driver.poll(timeout);
            drop(injection);
            let before = all_calls();
            wake(&waker);
            assert_eq!(all_calls(), before, "{call:?} {timeout:?}");
            driver.quiesce();
        }
    }
}

fn wake_after_a_poll_that_timed_out_makes_no_call(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    for micros in [0, 50, 1500] {
        let timeout = Duration::from_micros(micros);
        driver.poll(Some(timeout)).expect("poll");
        let before = all_calls();
        wake(&waker);
        assert_eq!(all_calls(), before, "{timeout:?}");
        driver.quiesce();
    }
}

fn wake_after_a_poll_that_saw_a_source_makes_no_call(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let (mut stream, mut peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    let short = Duration::from_micros(100);
    for timeout in [None, Some(Duration::ZERO), Some(short), Some(Duration::MAX)] {
        pairs::drain(&mut stream);
        std::io::Write::write_all(&mut peer, b"x").expect("write");
        pairs::kernel_ready(&stream, kernel::IN);
        driver.poll(timeout).expect("poll");
        assert_eq!(driver.tokens(), [2]);
        let before = all_calls();
        wake(&waker);
        assert_eq!(all_calls(), before, "{timeout:?}");
        driver.quiesce();
    }
}

/// Handing the descriptor out makes every wake a call. Debug output shows it and must not do that.
fn looking_at_a_poll_costs_its_wakes_nothing(b: &Backend) {
    let driver = b.driver();
    let waker = driver.waker(1);
    let clone = driver.registry().try_clone().expect("a clone");
    let text = format!("{:?} {:#?} {clone:?} {waker:?}", driver.poll, driver.poll);
    assert!(!text.is_empty());
    let before = all_calls();
    wake(&waker);
    assert_eq!(all_calls(), before);
}

/// The wait that such a poll makes is for sources that are ready too; it must not sleep, which the
/// missing timeout shows.
fn poll_with_a_pending_wake_does_not_wait(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    apart(move || {
        for _ in 0..100 {
            wake(&waker);
            driver.poll(None).expect("poll");
            assert_eq!(driver.tokens(), [1]);
        }
    });
}

fn poll_after_a_wake_reads_nothing(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    // Where wakers are not the kernel's, there has to be something to ask about.
    let (mut stream, _peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    // The first question after a registration may be two.
    driver.poll(Some(Duration::ZERO)).expect("poll");
    assert_eq!(driver.tokens(), []);
    for _ in 0..10 {
        wake(&waker);
        #[cfg(unix)]
        let reads = fault::calls(Call::Read);
        let before = all_calls();
        driver.poll(None).expect("poll");
        #[cfg(unix)]
        assert_eq!(fault::calls(Call::Read), reads);
        assert_eq!(all_calls() - before, 1, "one question to the kernel");
    }
}

#[cfg(unix)]
fn more_wakers_make_no_more_descriptors(b: &Backend) {
    b.isolated(|| {
        let driver = b.driver();
        let _first = driver.waker(0);
        let (_more, opened) =
            descriptors::opened_by(|| (1..100).map(|n| driver.waker(n)).collect::<Vec<_>>());
        assert!(opened.is_empty(), "{opened:?}");
    });
}

/// With nobody to take them, wakes are posted without end, handed out or not.
fn wake_never_blocks(b: &Backend) {
    let driver = b.driver();
    let waker = driver.waker(1);
    let (mut driver, _waker) = apart(move || {
        for _ in 0..100_000 {
            wake(&waker);
        }
        outside::hand_out(&driver);
        // More than a pipe holds.
        for _ in 0..200_000 {
            wake(&waker);
        }
        (driver, waker)
    });
    driver.turn();
    assert_eq!(driver.tokens(), [1]);
}

/// The kernel object of the waker is as full as it gets: 2^64 - 2 in an eventfd, eventfd(2); a pipe
/// takes no more bytes.
#[cfg(unix)]
fn wake_with_a_full_counter(b: &Backend) {
    b.isolated(|| {
        let ((mut driver, waker), opened) = descriptors::opened_by(|| {
            let driver = b.driver();
            let waker = driver.waker(1);
            (driver, waker)
        });
        descriptors::fill_rings(&opened);
        let poller = in_thread(move || {
            driver.poll(None).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        wake(&waker);
        driver = poller.join();
        assert_eq!(driver.tokens(), [1]);
        // And it works on.
        for _ in 0..3 {
            let poller = in_thread(move || {
                driver.poll(None).expect("poll");
                driver
            });
            poller.wait_until_blocked();
            wake(&waker);
            driver = poller.join();
            assert_eq!(driver.tokens(), [1]);
        }
    });
}

/// A wake of a blocked poll whose first write fails with `errno`; what it answers.
fn wake_with(b: &Backend, errno: i32) -> std::io::Result<()> {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let poller = in_thread(move || {
        driver.poll(None).expect("poll");
        driver.tokens()
    });
    poller.wait_until_blocked();
    let injection = fault::inject(b.ringing(), errno);
    let result = waker.wake();
    assert_eq!(injection.hits(), 1);
    drop(injection);
    // Whatever came of the first, a second wake finds the poll.
    wake(&waker);
    assert_eq!(poller.join(), [1]);
    result
}

#[cfg(unix)]
fn wake_that_finds_the_counter_full_tries_again(b: &Backend) {
    wake_with(b, libc::EAGAIN).expect("wake");
}

#[cfg(unix)]
fn wake_retries_an_interrupted_call(b: &Backend) {
    wake_with(b, libc::EINTR).expect("wake");
}

fn failed_wake_does_not_silence_later_wakes(b: &Backend) {
    for errno in [error::EPERM, error::EBADF, error::ENOMEM] {
        let error = wake_with(b, errno).expect_err("the error is reported");
        assert_eq!(error.raw_os_error(), Some(errno));
    }
}

/// The calls that make a waker. Under poll(2) the `Poll` makes its kernel object.
#[cfg(unix)]
fn making(b: &Backend) -> Vec<Call> {
    let object: &[Call] = match (b.selector, b.waker) {
        (ferrio::SelectorKind::Poll, _) => &[],
        (_, ferrio::WakerKind::Eventfd) => &[Call::Eventfd],
        // A change of the selector's own queue.
        (ferrio::SelectorKind::Kqueue, ferrio::WakerKind::Kqueue) => &[],
        (_, ferrio::WakerKind::Pipe) => &[PIPE],
        (_, other) => panic!("name the calls that make a {other} waker"),
    };
    object.iter().chain(b.calls().control).copied().collect()
}

#[cfg(unix)]
fn failed_waker_leaves_nothing_behind(b: &Backend) {
    b.isolated(|| {
        for call in making(b) {
            for errno in [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENODEV] {
                descriptors::assert_none_left(&format!("{call:?} failed"), || {
                    let mut driver = b.driver();
                    let injection = fault::inject(call, errno);
                    let result = Waker::new(driver.registry(), Token(1));
                    assert_eq!(injection.hits(), 1, "{call:?}");
                    let error = result.expect_err("made to fail");
                    assert_eq!(error.raw_os_error(), Some(errno), "{call:?}");
                    let left = descriptors::opened_by(|| {
                        drop(injection);
                        driver.assert_quiet();
                    });
                    assert!(left.1.is_empty());
                });
            }
        }
    });
}

#[cfg(unix)]
fn failed_waker_can_be_made_again(b: &Backend) {
    for call in making(b) {
        let mut driver = b.driver();
        {
            let _injection = fault::inject(call, libc::ENOMEM);
            Waker::new(driver.registry(), Token(1)).expect_err("made to fail");
        }
        let waker = driver.waker(2);
        let poller = in_thread(move || {
            driver.poll(None).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        wake(&waker);
        assert_eq!(poller.join().tokens(), [2], "{call:?}");
    }
}

/// Nothing of the first waker is shared with one that could not be made.
#[cfg(unix)]
fn failed_second_waker_leaves_the_first_working(b: &Backend) {
    let mut driver = b.driver();
    let first = driver.waker(1);
    for call in making(b) {
        let _injection = fault::inject(call, libc::ENOMEM);
        // Later wakers may need no system call at all; then there is nothing to fail.
        if let Err(error) = Waker::new(driver.registry(), Token(2)) {
            assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
        }
    }
    wake(&first);
    driver.poll(Some(Duration::from_secs(3600))).expect("poll");
    assert_eq!(driver.tokens(), [1]);
}
