//! Contract row 24 for the waker: an eventfd that an old kernel or a filter refuses gives way to a
//! pipe. And what a pipe is like as a waker: rows 18 and 20 with a full one.
#![cfg(unix)]

use std::io;
use std::os::fd::AsRawFd;

use ferrio::fault::{self, Call};
use ferrio::{Interest, Poll, Token, Waker, WakerKind};
use ferrio_conformance::operations::PIPE;
use ferrio_conformance::{
    Backend, Driver, conformance, descriptors, in_thread, outside, pairs, seccomp,
};

conformance! { waker_fallback {
    a_refused_eventfd_gives_way_to_a_pipe,
    a_refusal_is_remembered_for_every_poll,
    a_refusal_is_not_remembered_when_the_pipe_fails_too,
    other_errors_are_returned_and_leave_nothing,
    a_filter_that_answers_enosys_leaves_working_wakers needs WorksBehindFilter,
    a_filter_that_answers_eperm_leaves_working_wakers needs WorksBehindFilter,
    a_pipe_that_was_asked_for_needs_no_eventfd,
    a_full_bell_takes_wakes,
    a_full_bell_rings_again_after_a_poll needs BellHoldsRings,
    a_bell_that_would_block_takes_a_wake needs BellHoldsRings,
    an_interrupted_ring_is_tried_again needs BellHoldsRings,
    an_interrupted_silence_rings_no_more,
} }

/// A `Poll` of the backend, whichever waker it gets.
fn try_poll(b: &Backend) -> io::Result<Poll> {
    Poll::builder().selector(b.selector).waker(b.waker).build()
}

/// The same with its first waker: what needs the kernel object is made by then.
fn with_waker(b: &Backend) -> io::Result<(Driver, Waker)> {
    let driver = Driver::new(try_poll(b)?, 16);
    let waker = Waker::new(driver.registry(), Token(1))?;
    Ok((driver, waker))
}

/// Wakes before a poll, during one, and beside a source.
fn assert_works(mut driver: Driver, waker: Waker) {
    for _ in 0..3 {
        waker.wake().expect("wake");
        driver.poll(None).expect("poll");
        assert_eq!(driver.tokens(), [1]);
        let poller = in_thread(move || {
            driver.poll(None).expect("poll");
            driver
        });
        poller.wait_until_blocked();
        waker.wake().expect("wake");
        driver = poller.join();
        assert_eq!(driver.tokens(), [1]);
        driver.assert_quiet();
    }
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 2, Interest::READABLE);
    io::Write::write_all(&mut peer, b"x").expect("write");
    driver.expect_readable(2);
    let second = driver.waker(3);
    second.wake().expect("wake");
    waker.wake().expect("wake");
    driver.poll(None).expect("poll");
    assert_eq!(driver.tokens(), [1, 3]);
}

/// The call that makes the wakers' kernel object, and may be refused.
fn refusable(b: &Backend) -> Call {
    match b.waker {
        WakerKind::Kqueue => Call::Kevent,
        _ => Call::Eventfd,
    }
}

/// The errors that mean a refusal. A kernel that doesn't know the filter says that it is invalid.
fn refusals(b: &Backend) -> &'static [i32] {
    match b.waker {
        WakerKind::Kqueue => &[libc::EINVAL, libc::ENOSYS, libc::EPERM],
        _ => &[libc::ENOSYS, libc::EPERM],
    }
}

/// How many of the calls that could fail are made: none where a pipe is asked for.
fn once(b: &Backend) -> usize {
    usize::from(b.waker != WakerKind::Pipe)
}

fn a_refused_eventfd_gives_way_to_a_pipe(b: &Backend) {
    b.isolated(|| {
        for &errno in refusals(b) {
            fault::forget_fallbacks();
            let refusal = fault::inject(refusable(b), errno).times(once(b));
            let (driver, waker) = with_waker(b).expect("a pipe does as well");
            assert_eq!(refusal.hits(), once(b));
            assert_eq!(driver.poll.waker(), WakerKind::Pipe);
            assert_eq!(driver.poll.selector(), b.selector);
            assert!(format!("{:?}", driver.poll).contains("Pipe"));
            assert_works(driver, waker);
        }
    });
}

fn a_refusal_is_remembered_for_every_poll(b: &Backend) {
    b.isolated(|| {
        // Every eventfd fails; of kevent(2) the first, for it has other work too.
        let times = match refusable(b) {
            Call::Kevent => once(b),
            _ => usize::MAX,
        };
        let refusal = fault::inject(refusable(b), libc::ENOSYS).times(times);
        for _ in 0..10 {
            let (driver, waker) = with_waker(b).expect("a pipe does as well");
            assert_eq!(driver.poll.waker(), WakerKind::Pipe);
            assert_works(driver, waker);
        }
        assert_eq!(refusal.hits(), once(b), "no failed call per `Poll`");
    });
}

fn a_refusal_is_not_remembered_when_the_pipe_fails_too(b: &Backend) {
    b.isolated(|| {
        for errno in [libc::EMFILE, libc::ENFILE, libc::ENOMEM] {
            descriptors::assert_none_left("no waker", || {
                let _refusal = fault::inject(refusable(b), libc::EPERM).times(once(b));
                let _failure = fault::inject(PIPE, errno);
                let error = with_waker(b).map(drop).expect_err("both fail");
                assert_eq!(error.raw_os_error(), Some(errno));
            });
        }
        // Nothing was learnt from that.
        let (driver, waker) = with_waker(b).expect("a Poll");
        assert_eq!(driver.poll.waker(), b.waker);
        assert_works(driver, waker);
    });
}

fn other_errors_are_returned_and_leave_nothing(b: &Backend) {
    b.isolated(|| {
        let call = match b.waker {
            WakerKind::Pipe => PIPE,
            _ => refusable(b),
        };
        for errno in [
            libc::EMFILE,
            libc::ENFILE,
            libc::ENOMEM,
            libc::ENODEV,
            libc::EINVAL,
        ] {
            if call == refusable(b) && refusals(b).contains(&errno) {
                continue;
            }
            let failure = fault::inject(call, errno);
            let error = descriptors::assert_none_left("no waker", || {
                with_waker(b).map(drop).expect_err("made to fail")
            });
            assert_eq!(error.raw_os_error(), Some(errno));
            assert_eq!(failure.hits(), 1);
            drop(failure);
            let (driver, waker) = with_waker(b).expect("a Poll");
            assert_eq!(driver.poll.waker(), b.waker);
            assert_works(driver, waker);
        }
    });
}

fn behind_a_filter(b: &Backend, errno: i32) {
    b.isolated(|| {
        seccomp::refuse(&[(libc::SYS_eventfd2, errno)]);
        for round in 0..3 {
            let before = fault::calls(Call::Eventfd);
            let (driver, waker) = with_waker(b).expect("a pipe does as well");
            assert_eq!(driver.poll.waker(), WakerKind::Pipe);
            let calls = fault::calls(Call::Eventfd) - before;
            let expected = if round == 0 { once(b) as u64 } else { 0 };
            assert_eq!(calls, expected, "in round {round}");
            assert_works(driver, waker);
        }
    });
}

fn a_filter_that_answers_enosys_leaves_working_wakers(b: &Backend) {
    behind_a_filter(b, libc::ENOSYS);
}

fn a_filter_that_answers_eperm_leaves_working_wakers(b: &Backend) {
    behind_a_filter(b, libc::EPERM);
}

fn a_pipe_that_was_asked_for_needs_no_eventfd(b: &Backend) {
    b.isolated(|| {
        let (eventfds, pipes) = (fault::calls(Call::Eventfd), fault::calls(PIPE));
        let ((driver, waker), opened) =
            descriptors::opened_by(|| with_waker(b).expect("a `Poll` with a waker"));
        let eventfds = fault::calls(Call::Eventfd) - eventfds;
        let pipes = fault::calls(PIPE) - pipes;
        assert_eq!(eventfds, u64::from(b.waker == WakerKind::Eventfd));
        assert_eq!(pipes, u64::from(b.waker == WakerKind::Pipe));
        let ends = opened
            .iter()
            .filter(|&&fd| descriptors::kind(fd).starts_with("pipe:"));
        assert_eq!(ends.count() as u64, pipes * 2);
        assert_works(driver, waker);
    });
}

/// More than a pipe holds: 64 KiB unless somebody has changed it, pipe(7).
const MORE_THAN_A_PIPE_HOLDS: usize = 70_000;

/// A loop outside watches, so every wake rings.
fn watched(b: &Backend) -> (Driver, Waker) {
    let driver = b.driver();
    driver.poll.as_raw_fd();
    let waker = driver.waker(1);
    (driver, waker)
}

/// And never more than full: no wake waits, or is refused.
fn a_full_bell_takes_wakes(b: &Backend) {
    let (mut driver, waker) = watched(b);
    let before = fault::calls(b.ringing());
    for _ in 0..MORE_THAN_A_PIPE_HOLDS {
        waker.wake().expect("wake");
    }
    let rings = fault::calls(b.ringing()) - before;
    // A full pipe is emptied, and written to again.
    let expected = MORE_THAN_A_PIPE_HOLDS as u64;
    assert!((expected..expected + 4).contains(&rings), "{rings} rings");
    assert!(outside::is_readable(driver.poll.as_raw_fd()));
    driver.turn();
    assert_eq!(driver.tokens(), [1]);
    driver.assert_quiet();
    assert!(!outside::is_readable(driver.poll.as_raw_fd()));
    assert_works(driver, waker);
}

/// Filled by nobody's wakes: what a stranger who got hold of the descriptor could do.
fn a_full_bell_rings_again_after_a_poll(b: &Backend) {
    b.isolated(|| {
        for poll_first in [false, true] {
            let ((mut driver, waker), opened) = descriptors::opened_by(|| watched(b));
            descriptors::fill_rings(&opened);
            if poll_first {
                // No signal, so no event.
                driver.assert_quiet();
            }
            for _ in 0..3 {
                waker.wake().expect("wake");
                assert!(outside::is_readable(driver.poll.as_raw_fd()));
                driver.poll(None).expect("poll");
                assert_eq!(driver.tokens(), [1]);
                driver.assert_quiet();
            }
            assert_works(driver, waker);
        }
    });
}

fn a_bell_that_would_block_takes_a_wake(b: &Backend) {
    let (mut driver, waker) = watched(b);
    let refusal = fault::inject(Call::Write, libc::EAGAIN);
    waker.wake().expect("wake");
    assert_eq!(refusal.hits(), 1);
    driver.poll(None).expect("poll");
    assert_eq!(driver.tokens(), [1]);
    drop(refusal);
    assert_works(driver, waker);
}

fn an_interrupted_ring_is_tried_again(b: &Backend) {
    let (mut driver, waker) = watched(b);
    let interruption = fault::inject(Call::Write, libc::EINTR).times(3);
    waker.wake().expect("wake");
    assert_eq!(interruption.hits(), 3);
    assert!(outside::is_readable(driver.poll.as_raw_fd()));
    driver.poll(None).expect("poll");
    assert_eq!(driver.tokens(), [1]);
    drop(interruption);
    assert_works(driver, waker);
}

fn an_interrupted_silence_rings_no_more(b: &Backend) {
    let (mut driver, waker) = watched(b);
    let _interruption = fault::inject(Call::Read, libc::EINTR).times(2);
    waker.wake().expect("wake");
    driver.poll(None).expect("poll");
    assert_eq!(driver.tokens(), [1]);
    driver.assert_quiet();
    driver.assert_quiet();
    assert!(!outside::is_readable(driver.poll.as_raw_fd()));
    assert_works(driver, waker);
}
