//! The queue itself: its ABI and its descriptor.

use std::mem::offset_of;
use std::os::fd::AsRawFd;

use super::support::*;
use kqueue::*;

#[test]
fn abi_the_event_is_laid_out_as_on_freebsd_11() {
    assert_eq!(size_of::<Kevent>(), 4 * size_of::<usize>());
    let word = size_of::<usize>();
    assert_eq!(offset_of!(Kevent, ident), 0);
    assert_eq!(offset_of!(Kevent, filter), word);
    assert_eq!(offset_of!(Kevent, flags), word + 2);
    assert_eq!(offset_of!(Kevent, fflags), word + 4);
    assert_eq!(offset_of!(Kevent, data), word + 8);
    assert_eq!(offset_of!(Kevent, udata), word + 8 + word);
}

#[test]
fn abi_udata_are_never_followed_and_come_back_bit_by_bit() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    let mut add = on(&reader, EVFILT_READ, EV_ADD);
    add.udata = udata(usize::MAX);
    kq.change(&[add]).unwrap();
    writer.write(1);
    assert_eq!(kq.one().udata, udata(usize::MAX));
}

#[test]
fn abi_flags_that_are_the_systems_are_ignored_in_changes() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR | EV_EOF | EV_ERROR);
    writer.write(1);
    assert_eq!(kq.one().flags, EV_ADD | EV_CLEAR);
}

/// A selector that wants close-on-exec has to ask for it.
#[test]
fn queue_the_descriptor_is_not_close_on_exec() {
    let kq = Kq::new();
    // SAFETY: takes no memory.
    assert_eq!(unsafe { libc::fcntl(kq.as_raw_fd(), libc::F_GETFD) }, 0);
}

#[test]
fn queue_many_registrations_each_deliver() {
    let (reader, writer) = unix();
    let kq = Kq::new();
    let ends: Vec<End> = (0..200).map(|_| reader.dup()).collect();
    for end in &ends {
        kq.add(end, EVFILT_READ, EV_CLEAR);
    }
    writer.write(1);
    let mut seen = std::collections::HashSet::new();
    while seen.len() < ends.len() {
        let events = kq.call(&[], 64, Some(LIMIT)).unwrap();
        assert!(!events.is_empty());
        seen.extend(events.iter().map(|event| event.ident));
    }
}
