//! Contract rows 4 to 7, 11 and 12 for a pipe whose reader is gone before its writing end is
//! registered. A BSD refuses to watch such an end for writing, so a selector over kqueue(2) makes its
//! event.
#![cfg(unix)]

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ferrio::event::Event;
use ferrio::unix::SourceFd;
use ferrio::unix::pipe::{self, Sender};
use ferrio::{Events, Interest, Token};
use ferrio_conformance::outside::take_all;
use ferrio_conformance::{
    Backend, Capability, Driver, conformance, descriptors, has, in_thread, kernel, pairs,
};

/// More than it takes to be told.
const LONG: Duration = Duration::from_secs(5);

conformance! { late_pipes {
    registering_reports_the_end_of_writing,
    registering_wakes_a_blocked_poll,
    registering_for_both_directions_reports_it_too,
    reregistering_reports_it_again_with_the_new_token,
    a_registration_for_writing_may_come_later,
    deregistering_takes_the_event_back,
    dropping_takes_the_event_back,
    a_reused_number_does_not_inherit_the_event,
    many_are_all_reported_with_room_for_one,
    a_failed_ring_leaves_nothing_behind,
    an_outer_loop_learns_of_it needs DescriptorOfPoll,
    an_outer_loop_learns_of_one_beside_a_poll needs DescriptorOfPoll,
    a_closed_descriptor_is_still_ebadf,
} }

/// The writing end of a pipe that nobody reads.
fn late() -> Sender {
    let (sender, receiver) = pipe::new().expect("a pipe");
    drop(receiver);
    sender
}

fn assert_told(seen: &[Event], token: usize) {
    assert!(has(seen, token, Event::is_write_closed), "{seen:?}");
    assert!(!has(seen, token, Event::is_read_closed), "{seen:?}");
}

/// Once where edges are reported; poll(2) repeats an error when it was looked away from and back only.
fn expect_told(driver: &mut Driver, token: usize) {
    let seen = driver.expect(token, Event::is_write_closed);
    assert_told(&seen, token);
    driver.assert_quiet();
}

fn registering_reports_the_end_of_writing(b: &Backend) {
    let mut driver = b.driver();
    let mut sender = late();
    driver.add(&mut sender, 1, Interest::WRITABLE);
    expect_told(&mut driver, 1);
    let error = sender.write(b"x").expect_err("nobody reads");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    driver.quiesce();
    driver.remove(&mut sender);
    let error = driver.registry().deregister(&mut sender);
    assert_eq!(error.expect_err("gone").kind(), ErrorKind::NotFound);
    driver.assert_quiet();
    driver.add(&mut sender, 2, Interest::WRITABLE);
    expect_told(&mut driver, 2);
}

fn registering_wakes_a_blocked_poll(b: &Backend) {
    let mut driver = b.driver();
    let registry = driver.registry().try_clone().expect("a clone");
    let poller = in_thread(move || {
        let seen = driver.expect(1, Event::is_write_closed);
        (driver, seen)
    });
    poller.wait_until_blocked();
    let mut sender = late();
    registry
        .register(&mut sender, Token(1), Interest::WRITABLE)
        .expect("register");
    let (mut driver, seen) = poller.join();
    assert_told(&seen, 1);
    driver.assert_quiet();
}

fn registering_for_both_directions_reports_it_too(b: &Backend) {
    let mut driver = b.driver();
    let mut sender = late();
    driver.add(&mut sender, 1, Interest::READABLE | Interest::WRITABLE);
    driver.expect(1, Event::is_write_closed);
    driver.quiesce();
    driver.remove(&mut sender);
    driver.assert_quiet();
}

fn reregistering_reports_it_again_with_the_new_token(b: &Backend) {
    let mut driver = b.driver();
    let mut sender = late();
    driver.add(&mut sender, 1, Interest::WRITABLE);
    // Once before the first event was fetched, and then after each.
    for token in [2, 3, 4] {
        driver
            .registry()
            .reregister(&mut sender, Token(token), Interest::WRITABLE)
            .expect("reregister");
        let seen = driver.expect(token, Event::is_write_closed);
        assert!(
            seen.iter().all(|event| event.token() == Token(token)),
            "{seen:?}"
        );
        driver.assert_quiet();
    }
    driver.remove(&mut sender);
}

fn a_registration_for_writing_may_come_later(b: &Backend) {
    let mut driver = b.driver();
    let mut sender = late();
    driver.add(&mut sender, 1, Interest::READABLE);
    driver.quiesce();
    driver
        .registry()
        .reregister(&mut sender, Token(2), Interest::WRITABLE)
        .expect("reregister");
    expect_told(&mut driver, 2);
    driver
        .registry()
        .reregister(&mut sender, Token(3), Interest::READABLE)
        .expect("reregister");
    let seen = driver.quiesce();
    assert!(!has(&seen, 2, |_| true), "{seen:?}");
    driver.remove(&mut sender);
}

fn deregistering_takes_the_event_back(b: &Backend) {
    let mut driver = b.driver();
    let mut sender = late();
    for _ in 0..3 {
        driver.add(&mut sender, 1, Interest::WRITABLE);
        driver.remove(&mut sender);
        driver.assert_quiet();
    }
}

fn dropping_takes_the_event_back(b: &Backend) {
    let mut driver = b.driver();
    for token in 0..3 {
        let mut sender = late();
        driver.add(&mut sender, token, Interest::WRITABLE);
        drop(sender);
    }
    driver.assert_quiet();
}

/// Closed behind the selector's back, and given to something else at once.
fn a_reused_number_does_not_inherit_the_event(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (reader, mut writer) = pairs::std_pipe();
        let sender = OwnedFd::from(late());
        let number = sender.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::WRITABLE);
        drop(sender);
        if b.gap(Capability::CloseEndsRegistration).is_some() {
            // Until the selector has seen that, the number is taken.
            driver.quiesce();
        }
        let reader = descriptors::duplicate_to(&reader, number);
        driver.add(&mut SourceFd(&number), 2, Interest::READABLE);
        driver.assert_quiet();
        writer.write_all(b"x").expect("write");
        let seen = driver.expect_readable(2);
        assert!(!has(&seen, 1, |_| true), "{seen:?}");
        driver.remove(&mut SourceFd(&number));
        drop(reader);
    });
}

fn many_are_all_reported_with_room_for_one(b: &Backend) {
    let mut driver = b.driver_with(1);
    let waker = driver.waker(100);
    waker.wake().expect("wake");
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 101, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    let mut senders: Vec<_> = (0..20).map(|_| late()).collect();
    for (token, sender) in senders.iter_mut().enumerate() {
        driver.add(sender, token, Interest::WRITABLE);
    }
    driver.until("everything", |seen| {
        (0..20).all(|token| has(seen, token, Event::is_write_closed))
            && has(seen, 100, Event::is_readable)
            && has(seen, 101, Event::is_readable)
    });
    driver.assert_quiet();
}

/// What it takes to tell the poll may fail; then there is no registration.
fn a_failed_ring_leaves_nothing_behind(b: &Backend) {
    use ferrio::fault::{self, Call};

    let mut driver = b.driver();
    let mut sender = late();
    let calls = |call| fault::calls(call);
    // How many calls does it take, the last of which is the ring?
    let before = calls(Call::Kevent);
    driver.add(&mut sender, 1, Interest::WRITABLE);
    let made = usize::try_from(calls(Call::Kevent) - before).expect("few");
    driver.remove(&mut sender);
    driver.assert_quiet();
    for skipped in 0..made {
        let failure = fault::inject(Call::Kevent, libc::ENOMEM).skip(skipped);
        let result = driver
            .registry()
            .register(&mut sender, Token(2), Interest::WRITABLE);
        let failed = result.is_err();
        drop(failure);
        if !failed {
            // It needed fewer calls this time: the bell was there.
            driver.expect(2, Event::is_write_closed);
            driver.remove(&mut sender);
        }
        driver.assert_quiet();
        driver.add(&mut sender, 3, Interest::WRITABLE);
        driver.expect(3, Event::is_write_closed);
        driver.remove(&mut sender);
        driver.assert_quiet();
    }
}

fn an_outer_loop_learns_of_it(b: &Backend) {
    let mut inner = b.driver();
    let mut outer = b.driver();
    let shown = inner.registry().as_raw_fd();
    outer.add(&mut SourceFd(&shown), 7, Interest::READABLE);
    let mut sender = late();
    inner.add(&mut sender, 1, Interest::WRITABLE);
    outer.expect_readable(7);
    assert_told(&take_all(&mut inner), 1);
}

/// The poll that takes the ring out may have looked for such pipes before, and have other events.
fn an_outer_loop_learns_of_one_beside_a_poll(b: &Backend) {
    const ROUNDS: usize = 6000;

    let mut poll = b.poll();
    let registry = poll.registry().try_clone().expect("a clone");
    let (mut stream, mut peer) = pairs::local();
    registry
        .register(&mut stream, Token(ROUNDS), Interest::READABLE)
        .expect("register");
    let told = AtomicUsize::new(0);
    let learns = std::thread::scope(|scope| {
        scope.spawn(|| {
            for token in 0..ROUNDS {
                let mut sender = late();
                // Nobody reads any more when it has failed.
                let _ = peer.write(b"x");
                registry
                    .register(&mut sender, Token(token), Interest::WRITABLE)
                    .expect("register");
                while told.load(Ordering::Acquire) <= token {
                    std::thread::yield_now();
                }
            }
        });
        let mut events = Events::with_capacity(8);
        while told.load(Ordering::Acquire) < ROUNDS {
            let shown = poll.as_raw_fd();
            if kernel::poll(shown, kernel::IN, LONG).expect("poll(2)") == 0 {
                told.store(usize::MAX, Ordering::Release);
                return false;
            }
            poll.poll(&mut events, Some(Duration::ZERO)).expect("poll");
            for event in &events {
                if event.token() == Token(ROUNDS) {
                    let mut buffer = [0; 64];
                    let _ = stream.read(&mut buffer);
                } else {
                    told.store(event.token().0 + 1, Ordering::Release);
                }
            }
        }
        true
    });
    assert!(learns, "the outer loop was not told");
}

fn a_closed_descriptor_is_still_ebadf(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let sender = late();
        let number = sender.as_raw_fd();
        drop(sender);
        for interest in [Interest::WRITABLE, Interest::READABLE | Interest::WRITABLE] {
            let error = driver
                .registry()
                .register(&mut SourceFd(&number), Token(1), interest)
                .expect_err("closed");
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        }
        driver.assert_quiet();
    });
}
