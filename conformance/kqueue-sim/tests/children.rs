//! A queue and a child of the process. A program of its own: while there is a child, it holds a copy
//! of every descriptor, and other tests wait for ends of files.

#![cfg(target_os = "linux")]

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::{os::fd::AsRawFd, ptr};

use kqueue::*;

fn user(flags: u16, fflags: u32) -> Kevent {
    Kevent {
        ident: 1,
        filter: EVFILT_USER,
        flags,
        fflags,
        data: 0,
        udata: ptr::null_mut(),
    }
}

fn change(kq: i32, change: &Kevent) -> io::Result<()> {
    // SAFETY: one change, and no room for answers.
    match unsafe { kevent(kq, change, 1, ptr::null_mut(), 0, ptr::null()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn one(kq: i32) -> Kevent {
    let mut event = user(0, 0);
    // SAFETY: no change, and room for one answer.
    let count = unsafe { kevent(kq, ptr::null(), 0, &mut event, 1, ptr::null()) };
    assert_eq!(count, 1);
    event
}

/// kqueue(2): "The queue is not inherited by a child created with fork(2)."
#[test]
fn a_child_does_not_inherit_the_queue_and_can_have_its_own() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let kq = kqueue();
    change(kq, &user(EV_ADD | EV_CLEAR, 0)).unwrap();
    let read = Kevent {
        ident: theirs.as_raw_fd().try_into().unwrap(),
        filter: EVFILT_READ,
        ..user(EV_ADD | EV_CLEAR, 0)
    };
    change(kq, &read).unwrap();
    // SAFETY: the child calls this library, which is made for it, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let refused = change(kq, &user(0, NOTE_TRIGGER));
        let refused = refused.is_err_and(|error| error.raw_os_error() == Some(libc::EBADF));
        let own = kqueue();
        let works = change(own, &user(EV_ADD | EV_CLEAR, NOTE_TRIGGER)).is_ok();
        let works = works && one(own).filter == EVFILT_USER;
        // SAFETY: the child's own copy.
        unsafe { libc::close(kq) };
        // SAFETY: ends the child.
        unsafe { libc::_exit(if refused && works { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: writes the int that it is given.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    ours.write_all(&[1]).unwrap();
    assert_eq!(one(kq).filter, EVFILT_READ);
    change(kq, &user(0, NOTE_TRIGGER)).unwrap();
    assert_eq!(one(kq).filter, EVFILT_USER);
}
