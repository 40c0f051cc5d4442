//! OS X 10.10's answer to an `EVFILT_WRITE` on a pipe that nobody reads. A program of its own: it is
//! the environment that asks for it.

#![cfg(target_os = "linux")]

use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::{env, ptr};

use kqueue::*;

const VARIABLE: &str = "KQUEUE_SIM_READER_GONE";

#[test]
fn a_late_write_on_a_pipe_is_epipe_if_asked_for() {
    if env::var_os(VARIABLE).is_none() {
        let asked = Command::new(env::current_exe().unwrap())
            .env(VARIABLE, "EPIPE")
            .output()
            .unwrap();
        assert!(asked.status.success(), "{asked:?}");
        return;
    }
    // The child is gone, and with it the reading end.
    let mut child = Command::new("true").stdin(Stdio::piped()).spawn().unwrap();
    let writer = child.stdin.take().unwrap();
    assert!(child.wait().unwrap().success());
    let add = Kevent {
        ident: writer.as_raw_fd().try_into().unwrap(),
        filter: EVFILT_WRITE,
        flags: EV_ADD | EV_CLEAR | EV_RECEIPT,
        fflags: 0,
        data: 0,
        udata: ptr::null_mut(),
    };
    let mut receipt = add;
    // SAFETY: one change, and room for one answer.
    let count = unsafe { kevent(kqueue(), &add, 1, &mut receipt, 1, ptr::null()) };
    assert_eq!((count, receipt.flags), (1, EV_ERROR));
    assert_eq!(receipt.data, libc::EPIPE as isize);
}
