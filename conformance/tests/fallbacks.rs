//! Contract row 24 for the wait: a call that an old kernel or a filter refuses leads to another one.
//! `accept4` has its own suite, `faults_accept.rs`.
#![cfg(unix)]

use std::io::Write;
use std::time::{Duration, Instant};

use ferrio::Interest;
use ferrio::event::Event;
use ferrio::fault;
use ferrio_conformance::{Backend, Driver, conformance, has, kernel, pairs};

conformance! { fallbacks {
    refused_precise_wait_falls_back needs CallForShortTimeouts,
    refused_precise_wait_is_remembered_after_the_other_worked needs CallForShortTimeouts,
    refused_precise_wait_does_not_make_a_poll_spin needs CallForShortTimeouts,
    refusal_is_remembered_for_every_poll needs CallForShortTimeouts,
    errors_that_are_no_refusal_are_not_remembered needs CallForShortTimeouts,
} }

/// Short enough for the call that is precise.
const SHORT: Duration = Duration::from_micros(100);

/// One short poll that nothing ends but its time.
fn poll(driver: &mut Driver) {
    let start = Instant::now();
    driver.poll(Some(SHORT)).expect("poll");
    assert!(start.elapsed() >= SHORT);
    assert!(driver.events.is_empty(), "{:?}", driver.events);
}

/// The call with which a selector waits for less than a millisecond.
fn precise_wait(b: &Backend) -> fault::Call {
    match b.selector {
        ferrio::SelectorKind::Epoll => fault::Call::EpollPwait2,
        ferrio::SelectorKind::Poll => fault::Call::Ppoll,
        other => panic!("name the precise call of {other}"),
    }
}

fn refused_precise_wait_falls_back(b: &Backend) {
    b.isolated(|| {
        for errno in [libc::ENOSYS, libc::EPERM] {
            fault::forget_fallbacks();
            let refusal = fault::inject(precise_wait(b), errno).times(usize::MAX);
            let mut driver = b.driver();
            let (mut stream, mut peer) = pairs::tcp();
            driver.add(&mut stream, 1, Interest::READABLE);
            for _ in 0..10 {
                poll(&mut driver);
            }
            peer.write_all(b"x").expect("write");
            pairs::kernel_ready(&stream, kernel::IN);
            let seen = driver.turn_within(SHORT);
            assert!(has(&seen, 1, Event::is_readable), "{seen:?}");
            assert_eq!(
                refusal.hits(),
                1,
                "asked again after the other call had worked"
            );
        }
    });
}

fn refused_precise_wait_is_remembered_after_the_other_worked(b: &Backend) {
    b.isolated(|| {
        let precise = precise_wait(b);
        let plain = b.calls().wait[0];
        let mut driver = b.driver();
        for errno in [libc::EINTR, libc::EINVAL] {
            let _refused = fault::inject(precise, libc::EPERM);
            let _fails_too = fault::inject(plain, errno);
            driver.poll(Some(SHORT)).expect_err("both fail");
        }
        // Nothing was learnt from that: the precise call is tried again, and works.
        let before = fault::calls(precise);
        poll(&mut driver);
        assert_eq!(fault::calls(precise), before + 1);

        // Once the other way has worked, no failing call per operation.
        {
            let _refused = fault::inject(precise, libc::ENOSYS);
            poll(&mut driver);
        }
        let before = fault::calls(precise);
        for _ in 0..5 {
            poll(&mut driver);
        }
        assert_eq!(fault::calls(precise), before);
    });
}

/// The other call counts in milliseconds, and has to round up.
fn refused_precise_wait_does_not_make_a_poll_spin(b: &Backend) {
    b.isolated(|| {
        let _refusal = fault::inject(precise_wait(b), libc::ENOSYS).times(usize::MAX);
        let plain = b.calls().wait[0];
        let mut driver = b.driver();
        for micros in [1, 100, 999, 1500, 2100] {
            let before = fault::calls(plain);
            let timeout = Duration::from_micros(micros);
            driver.poll(Some(timeout)).expect("poll");
            let waits = fault::calls(plain) - before;
            assert!(waits <= 2, "{waits} waits for {timeout:?}");
        }
    });
}

fn refusal_is_remembered_for_every_poll(b: &Backend) {
    b.isolated(|| {
        let refusal = fault::inject(precise_wait(b), libc::ENOSYS).times(usize::MAX);
        for _ in 0..5 {
            poll(&mut b.driver());
        }
        assert_eq!(refusal.hits(), 1);
    });
}

fn errors_that_are_no_refusal_are_not_remembered(b: &Backend) {
    b.isolated(|| {
        let precise = precise_wait(b);
        let mut driver = b.driver();
        for errno in [libc::EINTR, libc::EBADF, libc::EINVAL, libc::EFAULT] {
            let failure = fault::inject(precise, errno);
            let error = driver.poll(Some(SHORT)).expect_err("made to fail");
            assert_eq!(error.raw_os_error(), Some(errno));
            assert_eq!(failure.hits(), 1);
            let before = fault::calls(precise);
            poll(&mut driver);
            assert_eq!(fault::calls(precise), before + 1, "tried again");
        }
    });
}
