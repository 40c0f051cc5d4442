//! The descriptors of this program. Only meaningful in [`isolated`](crate::isolated) bodies.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, OwnedFd, RawFd};

/// More than a case opens. wasi-libc gives the lowest numbers first.
const LAST: RawFd = 4096;

/// All open descriptors.
pub fn open() -> BTreeSet<RawFd> {
    // Preview 2: only now does wasi-libc give a number to each directory that the host has opened.
    let _ = fs::metadata("/");
    (0..LAST).filter(|&fd| is_open(fd)).collect()
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD takes no argument and only reads wasi-libc's table; any number may be given.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// The descriptors that `body` opened and left open.
pub fn opened_by<T>(body: impl FnOnce() -> T) -> (T, BTreeSet<RawFd>) {
    let before = open();
    let value = body();
    let opened = open().difference(&before).copied().collect();
    (value, opened)
}

/// Runs `body` and panics unless the same descriptors are open afterwards as before.
pub fn assert_none_left<T>(what: &str, body: impl FnOnce() -> T) -> T {
    let before = open();
    let value = body();
    let after = open();
    assert_eq!(before, after, "{what}: the descriptors before and after");
    value
}

/// Fails: the case that calls it has to say that it needs duplicates.
pub fn duplicate(fd: &impl AsFd) -> OwnedFd {
    let duplicate = fd.as_fd().try_clone_to_owned();
    duplicate.expect("WASI has no duplicates: this case `needs Duplicates`")
}
