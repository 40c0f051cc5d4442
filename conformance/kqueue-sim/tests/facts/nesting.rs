//! i. Queues in queues, and duplicates of a queue.

use super::support::*;
use kqueue::*;

#[test]
fn i_a_dup_shares_the_queue_and_survives_the_original() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    let dup = Kq(kq.0.try_clone().unwrap());
    writer.write(1);
    assert_eq!(dup.one().data, 1);
    kq.assert_quiet();
    drop(kq);
    // New queues forget what is closed, which this one is not.
    let others = [Kq::new(), Kq::new()];
    writer.write(1);
    assert_eq!(dup.one().data, 2);
    for other in &others {
        other.assert_quiet();
    }
    dup.change(&[on(&reader, EVFILT_READ, EV_DELETE)]).unwrap();
}

#[test]
fn i_a_dup_that_was_never_used_is_not_forgotten() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    let dup = Kq(kq.0.try_clone().unwrap());
    drop(kq);
    drop((Kq::new(), Kq::new()));
    writer.write(1);
    dup.one();
}

#[test]
fn i_an_inner_queue_fires_with_the_number_of_queued_events() {
    let (one, one_writer) = pipe();
    let (two, two_writer) = pipe();
    let (inner, outer) = (Kq::new(), Kq::new());
    inner.add(&one, EVFILT_READ, EV_CLEAR);
    inner.add(&two, EVFILT_READ, EV_CLEAR);
    outer.add(&inner, EVFILT_READ, EV_CLEAR);
    outer.assert_quiet();
    one_writer.write(1);
    two_writer.write(1);
    let event = outer.one();
    assert_eq!((event.ident, event.data), (ident(&inner), 2));
    // One edge, and the next after it was drained.
    outer.assert_quiet();
    assert_eq!(inner.now().len(), 2);
    outer.assert_quiet();
    one_writer.write(1);
    assert_eq!(outer.one().data, 1);
    outer.assert_quiet();
}

#[test]
fn i_an_inner_queue_without_clear_repeats_until_it_is_drained() {
    let (reader, writer) = pipe();
    let (inner, outer) = (Kq::new(), Kq::new());
    inner.add(&reader, EVFILT_READ, EV_CLEAR);
    outer.add(&inner, EVFILT_READ, 0);
    writer.write(1);
    for _ in 0..3 {
        outer.one();
    }
    inner.one();
    outer.assert_quiet();
}

#[test]
fn i_what_is_disabled_in_an_inner_queue_is_not_counted() {
    let (reader, writer) = pipe();
    let (inner, outer) = (Kq::new(), Kq::new());
    inner.add(&reader, EVFILT_READ, EV_CLEAR | EV_DISABLE);
    outer.add(&inner, EVFILT_READ, EV_CLEAR);
    writer.write(1);
    outer.assert_quiet();
    inner
        .change(&[on(&reader, EVFILT_READ, EV_ENABLE)])
        .unwrap();
    assert_eq!(outer.one().data, 1);
}

#[test]
fn i_a_user_event_of_an_inner_queue_wakes_the_outer() {
    let (inner, outer) = (Kq::new(), Kq::new());
    inner
        .change(&[change(1, EVFILT_USER, EV_ADD | EV_CLEAR)])
        .unwrap();
    outer.add(&inner, EVFILT_READ, EV_CLEAR);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| outer.one());
        let mut trigger = change(1, EVFILT_USER, 0);
        trigger.fflags = NOTE_TRIGGER;
        inner.change(&[trigger]).unwrap();
        assert_eq!(waiter.join().unwrap().data, 1);
    });
}

/// The outer queue looks while another thread is at work on the inner one.
#[test]
fn i_no_event_of_a_busy_inner_queue_is_missed() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    const EVENTS: usize = 5_000;
    let (inner, outer) = (Kq::new(), Kq::new());
    inner
        .change(&[change(1, EVFILT_USER, EV_ADD | EV_CLEAR)])
        .unwrap();
    outer.add(&inner, EVFILT_READ, EV_CLEAR);
    let seen = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while seen.load(Ordering::Relaxed) < EVENTS {
                outer.one();
                seen.fetch_add(inner.now().len(), Ordering::Relaxed);
            }
        });
        let mut trigger = change(1, EVFILT_USER, 0);
        trigger.fflags = NOTE_TRIGGER;
        for count in 1..=EVENTS {
            inner.change(&[trigger]).unwrap();
            wait_until(|| seen.load(Ordering::Relaxed) == count);
        }
    });
}

#[test]
fn i_poll_works_on_a_queue() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    assert!(!is_readable(&kq));
    writer.write(1);
    assert!(is_readable(&kq));
    kq.one();
    assert!(!is_readable(&kq));
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    assert!(is_readable(&kq));
}

#[test]
fn i_poll_sees_what_was_left_for_want_of_room() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    writer.write(1);
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    kq.call(&[], 1, None).unwrap();
    assert!(is_readable(&kq));
    kq.call(&[], 1, None).unwrap();
    assert!(!is_readable(&kq));
}

#[test]
fn i_a_queue_cannot_be_watched_for_writing_nor_watch_itself() {
    let (inner, outer) = (Kq::new(), Kq::new());
    let write = on(&inner, EVFILT_WRITE, EV_ADD);
    assert_eq!(outer.change(&[write]), Err(libc::EINVAL));
    let itself = on(&inner, EVFILT_READ, EV_ADD);
    assert_eq!(inner.change(&[itself]), Err(libc::EINVAL));
}

/// On a BSD, close() waits for the thread that is in kevent().
#[test]
fn i_close_does_not_wait_for_a_blocked_call_on_linux() {
    let fd = private_number();
    let kq = dup_to(&Kq::new(), fd);
    let timeout = std::time::Duration::from_millis(50);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(move || raw(fd, &[], 1, Some(timespec(timeout))));
        drop(kq);
        // Its time is up, or it has noticed.
        let result = waiter.join().unwrap();
        assert!(
            result == Ok(vec![]) || result == Err(libc::EBADF),
            "{result:?}"
        );
    });
}
