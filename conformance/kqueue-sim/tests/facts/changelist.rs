//! e. The changelist.

use std::ffi::c_int;
use std::os::fd::AsRawFd;
use std::ptr;

use super::support::*;
use kqueue::*;

const BAD: usize = usize::MAX;

#[test]
fn e_without_room_the_first_error_ends_the_call_and_what_came_before_stays() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    let changes = [
        on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR),
        change(BAD, EVFILT_READ, EV_ADD),
        on(&writer, EVFILT_WRITE, EV_ADD | EV_CLEAR),
    ];
    assert_eq!(kq.change(&changes), Err(libc::EBADF));
    assert_eq!(kq.one().filter, EVFILT_READ);
    let delete = on(&writer, EVFILT_WRITE, EV_DELETE);
    assert_eq!(kq.change(&[delete]), Err(libc::ENOENT));
}

#[test]
fn e_with_room_each_failure_is_an_event_and_later_changes_are_applied() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    let mut bad = change(BAD, EVFILT_READ, EV_ADD | EV_CLEAR);
    (bad.fflags, bad.udata) = (7, udata(9));
    let absent = on(&writer, EVFILT_WRITE, EV_DELETE);
    let add = on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR);
    let events = kq.call(&[bad, absent, add], 8, None).unwrap();
    let failed = |change: Kevent, errno: c_int| Kevent {
        flags: EV_ERROR,
        data: errno as isize,
        ..change
    };
    // The pending event does not come in that call, but in the next.
    assert_eq!(
        events,
        [failed(bad, libc::EBADF), failed(absent, libc::ENOENT)]
    );
    assert_eq!(kq.one().filter, EVFILT_READ);
}

#[test]
fn e_more_errors_than_room_fail_the_call_and_later_changes_are_not_applied() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    let bad = change(BAD, EVFILT_READ, EV_ADD);
    let add = on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR);
    assert_eq!(kq.call(&[bad, bad, add], 1, None), Err(libc::EBADF));
    kq.assert_quiet();
    let delete = on(&reader, EVFILT_READ, EV_DELETE);
    assert_eq!(kq.change(&[delete]), Err(libc::ENOENT));
}

#[test]
fn e_receipts_come_without_pending_events() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    let changes = [
        on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR | EV_RECEIPT),
        on(&writer, EVFILT_WRITE, EV_DELETE | EV_RECEIPT),
        on(&writer, EVFILT_WRITE, EV_ADD | EV_CLEAR | EV_RECEIPT),
    ];
    let events = kq.call(&changes, 3, None).unwrap();
    let short: Vec<_> = events
        .iter()
        .map(|event| (event.flags, event.data))
        .collect();
    let enoent = libc::ENOENT as isize;
    assert_eq!(short, [(EV_ERROR, 0), (EV_ERROR, enoent), (EV_ERROR, 0)]);
    assert_eq!(kq.now().len(), 2);
}

#[test]
fn e_a_receipt_without_room_returns_0_and_skips_the_rest() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    let changes = [
        on(&reader, EVFILT_READ, EV_ADD | EV_RECEIPT),
        on(&writer, EVFILT_WRITE, EV_ADD | EV_RECEIPT),
    ];
    assert_eq!(kq.change(&changes), Ok(()));
    kq.change(&[on(&reader, EVFILT_READ, EV_DELETE)]).unwrap();
    let delete = on(&writer, EVFILT_WRITE, EV_DELETE);
    assert_eq!(kq.change(&[delete]), Err(libc::ENOENT));
}

#[test]
fn e_without_failures_and_receipts_pending_events_come_in_the_same_call() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    let changes = [
        on(&reader, EVFILT_READ, EV_ADD),
        on(&writer, EVFILT_WRITE, EV_ADD),
    ];
    assert_eq!(kq.call(&changes, 2, None).unwrap().len(), 2);
}

#[test]
fn e_one_array_may_be_both_lists() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    let mut list = [
        on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR | EV_RECEIPT),
        change(BAD, EVFILT_READ, EV_ADD),
        on(&writer, EVFILT_WRITE, EV_ADD | EV_CLEAR),
    ];
    let place = list.as_mut_ptr();
    // SAFETY: three events, to be read and to be written.
    let count = unsafe { kevent(kq.as_raw_fd(), place, 3, place, 3, ptr::null()) };
    assert_eq!(count, 2);
    assert_eq!((list[0].ident, list[0].data), (ident(&reader), 0));
    assert_eq!((list[1].ident, list[1].data), (BAD, libc::EBADF as isize));
    assert_eq!(kq.now().len(), 2);
}

#[test]
fn e_what_is_no_queue_is_ebadf() {
    let (reader, _writer) = pipe();
    // SAFETY: takes no memory.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    for fd in [-1, i32::MAX, private_number(), reader.as_raw_fd(), epoll] {
        assert_eq!(raw(fd, &[], 1, None), Err(libc::EBADF));
        assert_eq!(raw(fd, &[], 0, None), Err(libc::EBADF));
    }
    // SAFETY: created above, and closed once.
    unsafe { libc::close(epoll) };
}

/// On a BSD: ENXIO.
#[test]
fn e_reading_the_queue_fails_but_with_einval_on_linux() {
    let kq = Kq::new();
    let mut byte = 0u8;
    // SAFETY: one byte of room.
    let count = unsafe { libc::read(kq.as_raw_fd(), ptr::from_mut(&mut byte).cast(), 1) };
    assert_eq!((count, errno()), (-1, libc::EINVAL));
}

#[test]
fn e_lists_that_are_not_there_are_efault_and_negative_counts_einval() {
    let kq = Kq::new();
    let fd = kq.as_raw_fd();
    for (changes, room, expected) in [
        (1, 0, libc::EFAULT),
        (0, 1, libc::EFAULT),
        (-1, 0, libc::EINVAL),
        (0, -1, libc::EINVAL),
    ] {
        let none = ptr::null_mut();
        // SAFETY: null lists are refused.
        let count = unsafe { kevent(fd, none, changes, none, room, ptr::null()) };
        assert_eq!((count, errno()), (-1, expected));
    }
}

#[test]
fn e_a_call_that_succeeds_leaves_errno_alone() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    assert_eq!(raw(-1, &[], 0, None), Err(libc::EBADF));
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    writer.write(1);
    kq.now();
    kq.now();
    drop(Kq::new());
    assert_eq!(errno(), libc::EBADF);
}
