//! loom: whatever the order of changes and polls, no change is lost to a poll that is blocked or about
//! to be, and no event is another registration's. What ships runs here, on real descriptors; only to
//! block is to let the other threads go on, until there is an answer. A poll for which there is never
//! one ends the model, with an error.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use loom::thread;

use super::*;
use crate::kind::WakerKind;
use crate::sync::{AtomicUsize, Ordering};
use crate::sys::DEFAULT_WAKER;

const LONG: Option<Duration> = Some(Duration::from_secs(1 << 30));
const A: Token = Token(1);
const B: Token = Token(2);
const READABLE: Interest = Interest::READABLE;

/// In the place of the call that blocks.
pub(super) fn ask(
    records: &mut [crate::sys::os::poll::PollFd],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    loop {
        let count = crate::sys::ask(records, Some(Duration::ZERO))?;
        if count > 0 || timeout == Some(Duration::ZERO) {
            return Ok(count);
        }
        thread::yield_now();
    }
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(f);
}

fn poll() -> Arc<Poll> {
    poll_with(DEFAULT_WAKER)
}

fn poll_with(waker: WakerKind) -> Arc<Poll> {
    let hub = Arc::new(WakeHub::new(waker));
    Arc::new(crate::sys::over_poll(&hub).unwrap())
}

/// A pair whose first half can be read.
fn readable() -> (UnixStream, UnixStream) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.write_all(b"1").unwrap();
    (ours, theirs)
}

fn wait(poll: &Poll, timeout: Option<Duration>) -> Vec<Token> {
    let mut list = Vec::new();
    poll.wait(&mut list, 8, timeout).unwrap();
    list.iter().map(Event::token).collect()
}

/// Polls, blocking, until all of `wanted` have come.
fn collect(poll: &Poll, wanted: &[Token]) {
    let mut seen = Vec::new();
    while !wanted.iter().all(|token| seen.contains(token)) {
        seen.extend(wait(poll, LONG));
        // What is ready for good is reported by every poll. It is the others' turn.
        thread::yield_now();
    }
}

#[test]
fn a_blocked_poll_learns_of_registrations_by_two_threads() {
    model(|| {
        let poll = poll();
        let users = [A, B].map(|token| {
            let poll = poll.clone();
            thread::spawn(move || {
                let (ours, theirs) = readable();
                poll.register(ours.as_raw_fd(), token, READABLE).unwrap();
                (ours, theirs)
            })
        });
        collect(&poll, &[A, B]);
        for user in users {
            user.join().unwrap();
        }
    });
}

#[test]
fn a_blocked_poll_learns_of_a_reregistration() {
    model(|| {
        let poll = poll();
        let (ours, theirs) = readable();
        // There is room to write from the start, and nobody asked.
        poll.register(theirs.as_raw_fd(), A, READABLE).unwrap();
        let user = {
            let (poll, fd) = (poll.clone(), theirs.as_raw_fd());
            thread::spawn(move || poll.reregister(fd, B, Interest::WRITABLE).unwrap())
        };
        collect(&poll, &[B]);
        user.join().unwrap();
        drop((ours, theirs));
    });
}

/// An edge-triggered source is asked about again once its user has come to the end.
#[test]
fn a_blocked_poll_learns_that_a_source_is_rearmed() {
    model(|| {
        let poll = poll();
        let (mut ours, mut theirs) = readable();
        let mut registration = None;
        poll.register_source(&mut registration, ours.as_raw_fd(), A, READABLE)
            .unwrap();
        assert_eq!(wait(&poll, LONG), [A]);
        let user = thread::spawn(move || {
            let mut byte = [0; 4];
            assert_eq!(ours.read(&mut byte).unwrap(), 1);
            assert!(ours.read(&mut byte).is_err(), "it would block");
            theirs.write_all(b"2").unwrap();
            registration.as_ref().unwrap().rearm(table::READ);
            (ours, theirs, registration)
        });
        collect(&poll, &[A]);
        user.join().unwrap();
    });
}

/// The generations: a descriptor's number is registered anew while a poll may have an answer that
/// belongs to its last registration. What was readable has been read by then.
#[test]
fn no_event_is_that_of_a_registration_that_has_ended() {
    model(|| {
        let poll = poll();
        let ended = Arc::new(AtomicUsize::new(0));
        let (mut ours, mut theirs) = readable();
        let fd = ours.as_raw_fd();
        poll.register(fd, A, READABLE).unwrap();
        let user = {
            let (poll, ended) = (poll.clone(), ended.clone());
            thread::spawn(move || {
                poll.deregister(fd).unwrap();
                ended.store(1, Ordering::SeqCst);
                assert_eq!(ours.read(&mut [0; 4]).unwrap(), 1);
                poll.register(fd, B, READABLE).unwrap();
                ours
            })
        };
        for _ in 0..2 {
            let over = ended.load(Ordering::SeqCst) == 1;
            let seen = wait(&poll, Some(Duration::ZERO));
            assert!(!(over && seen.contains(&A)), "an event of the first");
            assert!(!seen.contains(&B), "an answer to the first is the second's");
        }
        let ours = user.join().unwrap();
        assert_eq!(wait(&poll, Some(Duration::ZERO)), []);
        theirs.write_all(b"2").unwrap();
        collect(&poll, &[B]);
        drop(ours);
    });
}

/// A source that is dropped takes nothing along that was registered under its number since.
#[test]
fn a_source_that_leaves_late_ends_nobody_elses_registration() {
    model(|| {
        let poll = poll();
        let (ours, theirs) = readable();
        let fd = ours.as_raw_fd();
        let mut registration = None;
        poll.register_source(&mut registration, fd, A, READABLE)
            .unwrap();
        poll.deregister(fd).unwrap();
        let leaving = thread::spawn(move || drop(registration));
        let other = {
            let poll = poll.clone();
            thread::spawn(move || poll.register(fd, B, READABLE).unwrap())
        };
        collect(&poll, &[B]);
        leaving.join().unwrap();
        other.join().unwrap();
        drop((ours, theirs));
    });
}

/// Changes that bring nothing end a blocked poll, and hide none that does.
#[test]
fn a_poll_that_was_ended_for_nothing_learns_of_the_next_change() {
    model(|| {
        let poll = poll_with(WakerKind::Pipe);
        let (ours, theirs) = UnixStream::pair().unwrap();
        let fd = ours.as_raw_fd();
        let user = {
            let poll = poll.clone();
            thread::spawn(move || {
                poll.register(fd, A, READABLE).unwrap();
                poll.deregister(fd).unwrap();
                poll.register(theirs.as_raw_fd(), B, Interest::WRITABLE)
                    .unwrap();
                theirs
            })
        };
        collect(&poll, &[B]);
        user.join().unwrap();
        drop(ours);
    });
}
