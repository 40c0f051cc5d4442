//! Contract rows 15 to 17: deadlines, timeouts of every length, signals.

#[cfg(unix)]
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use ferrio::fault;
use ferrio::{Interest, Token};
use ferrio_conformance::descriptors;
use ferrio_conformance::kernel::error;
#[cfg(unix)]
use ferrio_conformance::signal;
use ferrio_conformance::{
    Backend, Driver, apart, conformance, in_thread, kernel, outside, pairs, samples,
};

conformance! { time {
    never_returns_before_the_timeout,
    zero_does_not_block,
        zero_asks_the_kernel_once,
    tiny_timeouts_are_not_zero,
    sub_millisecond_timeouts_are_short needs SubMillisecondTimeout,
        huge_timeouts_wait needs Threads,
        no_timeout_waits needs Threads,
    an_event_ends_a_long_wait needs Threads,
    registrations_do_not_restart_the_timeout needs Threads,
    wakers_that_come_and_go_do_not_restart_the_timeout needs Threads,
    #[cfg(unix)]
    empty_rings_do_not_restart_the_timeout needs BellHoldsRings,
    discarded_wakes_do_not_end_the_poll,
    late_rings_do_not_end_the_poll,
    deregistered_readiness_does_not_end_the_poll,
    #[cfg(unix)]
    a_signal_is_interrupted,
    #[cfg(unix)]
    a_signal_before_the_poll_is_not_interrupted,
    #[cfg(unix)]
    interrupted_poll_loses_no_source_event,
        poll_works_after_any_error_of_the_wait,
} }

fn micros(n: u64) -> Duration {
    Duration::from_micros(n)
}

/// One poll that nothing disturbs; how long it took.
fn time(driver: &mut Driver, timeout: Duration) -> Duration {
    let start = Instant::now();
    driver.poll(Some(timeout)).expect("poll");
    let elapsed = start.elapsed();
    assert!(driver.events.is_empty(), "{:?}", driver.events);
    elapsed
}

fn never_returns_before_the_timeout(b: &Backend) {
    let mut driver = b.driver();
    let _waker = driver.waker(1);
    for timeout in [1, 10, 100, 500, 999, 1000, 1001, 1500, 2500, 10_000, 25_300] {
        for _ in 0..5 {
            let elapsed = time(&mut driver, micros(timeout));
            assert!(elapsed >= micros(timeout), "{timeout} us: {elapsed:?}");
        }
    }
}

fn zero_does_not_block(b: &Backend) {
    let mut driver = b.driver();
    let mut sample = samples::all();
    for (token, sample) in sample.iter_mut().enumerate() {
        driver.add(&mut sample.source, token, sample.interest);
    }
    apart(move || {
        for _ in 0..1000 {
            driver.poll(Some(Duration::ZERO)).expect("poll");
        }
    });
}

fn zero_asks_the_kernel_once(b: &Backend) {
    let mut driver = b.driver();
    let _waker = driver.waker(1);
    // Where wakers are not the kernel's, there has to be something to ask about.
    let (mut stream, _peer) = pairs::local();
    driver.add(&mut stream, 2, Interest::READABLE);
    let before = waits(b);
    for _ in 0..100 {
        driver.poll(Some(Duration::ZERO)).expect("poll");
    }
    assert_eq!(waits(b) - before, 100);
}

/// Rounded down to 0 they would make a program spin; that shows in the number of waits, since each
/// has to last as long as it was told to.
fn tiny_timeouts_are_not_zero(b: &Backend) {
    let mut driver = b.driver();
    for nanos in [1, 999, 1000, 999_999] {
        let timeout = Duration::from_nanos(nanos);
        let elapsed = time(&mut driver, timeout);
        assert!(elapsed >= timeout, "{timeout:?}: {elapsed:?}");
    }
}

fn sub_millisecond_timeouts_are_short(b: &Backend) {
    let mut driver = b.driver();
    // The best of many: a busy machine delays some, but rounding up to 1 ms delays all.
    let best = (0..200)
        .map(|_| time(&mut driver, micros(100)))
        .min()
        .expect("some");
    assert!(best >= micros(100), "{best:?}");
    assert!(best < micros(900), "the shortest took {best:?}");
}

/// Waits with `timeout` on another thread, sees it block, and ends it by a wake.
fn assert_waits(b: &Backend, timeout: Option<Duration>) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    let b = *b;
    let poller = in_thread(move || {
        driver.poll(timeout).expect("poll");
        (driver.tokens(), waits(&b))
    });
    poller.wait_until_blocked();
    waker.wake().expect("wake");
    let (tokens, waits) = poller.join();
    assert_eq!(tokens, [1], "{timeout:?}");
    // Not cut into pieces, which would be a busy loop.
    assert!(waits <= 2, "{waits} waits for {timeout:?}");
}

/// How often this thread has asked the kernel.
fn waits(b: &Backend) -> u64 {
    b.calls().wait.iter().map(|&call| fault::calls(call)).sum()
}

fn huge_timeouts_wait(b: &Backend) {
    let days = |n: u64| Duration::from_secs(n * 86400);
    let timeouts = [
        Duration::from_secs(31 * 60),
        days(24),
        days(25), // more milliseconds than an i32 holds
        Duration::from_millis(i32::MAX as u64),
        Duration::from_millis(i32::MAX as u64) + Duration::from_nanos(1),
        days(50), // more than a u32 holds
        Duration::from_millis(u64::from(u32::MAX)),
        Duration::from_millis(u64::from(u32::MAX) + 1),
        Duration::from_millis((1 << 32) + 1), // little, in a u32
        days(365 * 300),                      // more nanoseconds than an i64 holds
        Duration::from_nanos(i64::MAX as u64),
        Duration::from_nanos(u64::MAX),
        Duration::from_millis(u64::MAX),
        Duration::from_secs(i64::MAX as u64),
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ];
    for timeout in timeouts {
        assert_waits(b, Some(timeout));
    }
}

fn no_timeout_waits(b: &Backend) {
    assert_waits(b, None);
}

fn an_event_ends_a_long_wait(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        let poller = in_thread(move || {
            driver.poll(Some(Duration::MAX)).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        sample.trigger();
        driver = poller.join();
        assert_eq!(driver.tokens(), [1], "{}", sample.name);
        sample.settle(b);
        driver.quiesce();
    }
}

/// Repeats `disturb` while a poll with a timeout lasts: a timeout that starts anew with every
/// disturbance never ends, and one that ends by it ends early.
fn disturbed(mut driver: Driver, mut disturb: impl FnMut()) {
    for attempt in 0..8 {
        let timeout = Duration::from_millis(50 << attempt);
        let poller = in_thread(move || {
            let elapsed = time(&mut driver, timeout);
            (driver, elapsed)
        });
        let start = Instant::now();
        let mut disturbances = 0;
        while !poller.is_finished() {
            if poller.is_blocked() {
                disturb();
                disturbances += 1;
            }
            assert!(
                start.elapsed() < timeout + ferrio_conformance::LIMIT,
                "a poll of {timeout:?} goes on and on"
            );
            std::thread::sleep(Duration::from_millis(1)); // only to leave the processor to others
        }
        let (back, elapsed) = poller.join();
        assert!(elapsed >= timeout, "{elapsed:?}");
        // On a busy machine the poll may be over before this thread gets to run; then again, longer.
        if disturbances >= 10 {
            return;
        }
        driver = back;
    }
    panic!("this thread never got to run while the poll was blocked");
}

fn registrations_do_not_restart_the_timeout(b: &Backend) {
    let driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let (mut stream, _peer) = pairs::tcp();
    disturbed(driver, move || {
        registry
            .register(&mut stream, Token(1), Interest::READABLE)
            .expect("register");
        registry
            .reregister(&mut stream, Token(2), Interest::READABLE)
            .expect("reregister");
        registry.deregister(&mut stream).expect("deregister");
    });
}

fn wakers_that_come_and_go_do_not_restart_the_timeout(b: &Backend) {
    let driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    disturbed(driver, move || {
        let waker = ferrio::Waker::new(&registry, Token(1)).expect("a waker");
        drop(waker);
    });
}

/// The kernel's side of a wake without a wake: what a late or a discarded one leaves behind.
#[cfg(unix)]
fn empty_rings_do_not_restart_the_timeout(b: &Backend) {
    b.isolated(|| {
        let ((driver, waker), opened) = descriptors::opened_by(|| {
            let driver = b.driver();
            let waker = driver.waker(1);
            (driver, waker)
        });
        let ring = descriptors::ring_of(&opened);
        disturbed(driver, ring);
        drop(waker);
    });
}

fn discarded_wakes_do_not_end_the_poll(b: &Backend) {
    for handed_out in [false, true] {
        let mut driver = b.driver();
        let keep = driver.waker(2);
        if handed_out {
            // Now every wake goes to the kernel, also while nobody sleeps.
            outside::hand_out(&driver);
        }
        // One that has a bit of its own, and one of the many that share one.
        for number in [1, 40] {
            let mut wakers: Vec<_> = (0..number).map(|_| driver.waker(1)).collect();
            let last = wakers.pop().expect("at least one");
            last.wake().expect("wake");
            drop(last);
            let timeout = Duration::from_millis(5);
            let elapsed = time(&mut driver, timeout);
            assert!(elapsed >= timeout, "{elapsed:?}");
        }
        keep.wake().expect("wake");
        driver.expect_readable(2);
    }
}

/// With one slot that a source's event takes, the kernel's news of a wake stays behind and comes
/// after the wake itself was delivered.
fn late_rings_do_not_end_the_poll(b: &Backend) {
    let mut driver = b.driver_with(1);
    let waker = driver.waker(2);
    outside::hand_out(&driver);
    let (mut stream, mut peer) = pairs::local();
    driver.add(&mut stream, 1, Interest::READABLE);
    for _ in 0..5 {
        pairs::drain(&mut stream);
        std::io::Write::write_all(&mut peer, b"x").expect("write");
        pairs::kernel_ready(&stream, kernel::IN);
        waker.wake().expect("wake");
        let mut tokens = driver.quiesce();
        tokens.sort_by_key(|event| event.token());
        assert_eq!(tokens.len(), 2, "{tokens:?}");
        waker.wake().expect("wake");
        pairs::drain(&mut stream);
        std::io::Write::write_all(&mut peer, b"x").expect("write");
        pairs::kernel_ready(&stream, kernel::IN);
        driver.turn();
        driver.turn();
        let timeout = Duration::from_millis(5);
        let elapsed = time(&mut driver, timeout);
        assert!(elapsed >= timeout, "{elapsed:?}");
    }
}

fn deregistered_readiness_does_not_end_the_poll(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        sample.trigger();
        driver.remove(&mut sample.source);
        let timeout = Duration::from_millis(3);
        let elapsed = time(&mut driver, timeout);
        assert!(elapsed >= timeout, "{}: {elapsed:?}", sample.name);
    }
}

#[cfg(unix)]
fn a_signal_is_interrupted(b: &Backend) {
    signal::install();
    for timeout in [None, Some(Duration::from_secs(3600)), Some(Duration::MAX)] {
        let mut driver = b.driver();
        let poller = in_thread(move || {
            let result = driver.poll(timeout);
            (
                result.err().map(|error| error.kind()),
                signal::caught(),
                driver,
            )
        });
        poller.wait_until_blocked();
        poller.interrupt();
        let (kind, caught, driver) = poller.join();
        assert_eq!(kind, Some(ErrorKind::Interrupted), "{timeout:?}");
        assert_eq!(caught, 1);
        assert!(driver.events.is_empty());
    }
}

#[cfg(unix)]
fn a_signal_before_the_poll_is_not_interrupted(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    let waker = driver.waker(1);
    waker.wake().expect("wake");
    // SAFETY: raise(3) takes a number; the handler is installed.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    driver.poll(None).expect("poll");
    assert_eq!(driver.tokens(), [1]);
}

#[cfg(unix)]
fn interrupted_poll_loses_no_source_event(b: &Backend) {
    signal::install();
    let mut driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        let poller = in_thread(move || {
            // The event may be there before the thread gets to see the signal.
            while let Err(error) = driver.poll(None) {
                assert_eq!(error.kind(), ErrorKind::Interrupted);
            }
            driver
        });
        poller.wait_until_blocked();
        poller.interrupt();
        sample.trigger();
        driver = poller.join();
        assert_eq!(driver.tokens(), [1], "{}", sample.name);
        sample.settle(b);
        driver.quiesce();
    }
}

fn poll_works_after_any_error_of_the_wait(b: &Backend) {
    b.isolated(|| {
        descriptors::assert_none_left("failed waits", || {
            let mut driver = b.driver();
            let waker = driver.waker(1);
            let (mut stream, _peer) = pairs::local();
            driver.add(&mut stream, 2, Interest::READABLE);
            for &call in b.calls().wait {
                for errno in [
                    #[cfg(unix)]
                    libc::EINTR,
                    error::EBADF,
                    error::EFAULT,
                    error::EINVAL,
                    error::ENOMEM,
                ] {
                    let injection = fault::inject(call, errno);
                    // Each kind of wait is used for some of these.
                    for timeout in [Duration::ZERO, micros(100), Duration::from_millis(2)] {
                        if let Err(error) = driver.poll(Some(timeout)) {
                            assert_eq!(error.raw_os_error(), Some(errno));
                        }
                        assert!(driver.events.is_empty());
                    }
                    assert_eq!(injection.hits(), 1, "{call:?}");
                    drop(injection);
                    waker.wake().expect("wake");
                    driver.expect_readable(1);
                }
            }
        });
    });
}
