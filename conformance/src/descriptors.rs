//! The descriptors of this process. Only meaningful in [`isolated`](crate::isolated) bodies.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::{fs, io};

/// All open descriptors.
pub fn open() -> BTreeSet<RawFd> {
    (0..soft_limit())
        .filter(|&fd| flags(fd).is_some() && !is_simulated(fd))
        .collect()
}

/// Whether the descriptor is one that the simulated kqueue(2) keeps to itself, out of the way: on a BSD
/// it would be the kernel's.
fn is_simulated(fd: RawFd) -> bool {
    cfg!(ferrio_kqueue)
        && fd > 511
        && ["anon_inode:[eventfd]", "anon_inode:[eventpoll]"].contains(&&*kind(fd))
}

/// The soft limit of the number of descriptors: every open one is below it, unless it was lowered.
pub fn soft_limit() -> RawFd {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for the result.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(result, 0, "getrlimit: {}", io::Error::last_os_error());
    RawFd::try_from(limit.rlim_cur).unwrap_or(RawFd::MAX)
}

/// Lowers the soft limit.
pub fn set_soft_limit(number: RawFd) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a valid place for the result.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    assert_eq!(result, 0, "getrlimit: {}", io::Error::last_os_error());
    limit.rlim_cur = libc::rlim_t::try_from(number).expect("a limit is not negative");
    // SAFETY: `limit` is initialised.
    let result = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    assert_eq!(result, 0, "setrlimit: {}", io::Error::last_os_error());
}

/// The FD_* flags of a descriptor; `None` when it is not open.
fn flags(fd: RawFd) -> Option<libc::c_int> {
    // SAFETY: F_GETFD takes no argument and only reads the descriptor table; any number may be given.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    (flags != -1).then_some(flags)
}

/// Whether the descriptor is close-on-exec.
pub fn is_close_on_exec(fd: RawFd) -> bool {
    let flags = flags(fd).unwrap_or_else(|| panic!("{fd} is not open"));
    flags & libc::FD_CLOEXEC != 0
}

/// Whether the descriptor's open file description is non-blocking.
pub fn is_nonblocking(fd: RawFd) -> bool {
    // SAFETY: F_GETFL takes no argument and only reads; any number may be given.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    assert_ne!(flags, -1, "{fd}: {}", io::Error::last_os_error());
    flags & libc::O_NONBLOCK != 0
}

/// What a descriptor refers to, as procfs names it: `anon_inode:[eventfd]`, `socket:[1234]`, ...
pub fn kind(fd: RawFd) -> String {
    fs::read_link(format!("/proc/self/fd/{fd}"))
        .unwrap_or_else(|error| panic!("/proc/self/fd/{fd}: {error}"))
        .to_string_lossy()
        .into_owned()
}

/// The descriptors that `body` opened and left open.
pub fn opened_by<T>(body: impl FnOnce() -> T) -> (T, BTreeSet<RawFd>) {
    let before = open();
    let value = body();
    let opened = open().difference(&before).copied().collect();
    (value, opened)
}

/// The eventfds and pipes among `descriptors`: what a backend's wakers ring.
fn bells(descriptors: &BTreeSet<RawFd>) -> Vec<RawFd> {
    let bells: Vec<_> = descriptors
        .iter()
        .copied()
        .filter(|&fd| kind(fd) == "anon_inode:[eventfd]" || kind(fd).starts_with("pipe:"))
        .collect();
    assert!(!bells.is_empty(), "no eventfd or pipe in {descriptors:?}");
    bells
}

/// Writes `values` to each; whether one took it. An eventfd takes the first.
fn write_to(bells: &[RawFd], values: &[u64]) -> bool {
    let mut written = false;
    for &fd in bells {
        let bytes = size_of_val(values);
        // SAFETY: the pointer and the length describe `values`.
        written |= unsafe { libc::write(fd, values.as_ptr().cast(), bytes) } > 0;
    }
    written
}

/// Does what a wake does in the kernel, and nothing of what it does elsewhere, to the waker's
/// kernel object, which is among `descriptors`.
pub fn ring_of(descriptors: &BTreeSet<RawFd>) -> impl FnMut() + use<> {
    let bells = bells(descriptors);
    move || assert!(write_to(&bells, &[1]), "none of {bells:?} took it")
}

/// Fills the waker's kernel object, which is among `descriptors`, until it takes no more.
pub fn fill_rings(descriptors: &BTreeSet<RawFd>) {
    let bells = bells(descriptors);
    // The largest value that an eventfd holds, eventfd(2).
    let most = write_to(&bells, &[u64::MAX - 1]);
    assert!(most, "none of {bells:?} took it");
    // A pipe by pages.
    while write_to(&bells, &[1; 512]) {}
    while write_to(&bells, &[1]) {}
}

/// Runs `body` and panics unless the same descriptors are open afterwards as before.
pub fn assert_none_left<T>(what: &str, body: impl FnOnce() -> T) -> T {
    let before = open();
    let value = body();
    let after = open();
    let left: Vec<_> = after
        .difference(&before)
        .map(|&fd| (fd, kind(fd)))
        .collect();
    let lost: Vec<_> = before.difference(&after).collect();
    assert!(
        left.is_empty() && lost.is_empty(),
        "{what}: left open {left:?}, closed {lost:?}"
    );
    value
}

/// A duplicate of `fd`: another number for the same open file description.
pub fn duplicate(fd: &impl AsRawFd) -> OwnedFd {
    try_duplicate(fd).expect("a duplicate")
}

/// The same where there may be no room for it.
pub fn try_duplicate(fd: &impl AsRawFd) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is borrowed from its owner only until the end of the next statement.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd.as_raw_fd()) };
    borrowed.try_clone_to_owned()
}

/// Makes `number` another number for what `fd` refers to, closing what it referred to before.
pub fn duplicate_to(fd: &impl AsRawFd, number: RawFd) -> OwnedFd {
    // SAFETY: dup2(2) reads no memory; that `number` may be reused is the caller's intent.
    let result = unsafe { libc::dup2(fd.as_raw_fd(), number) };
    assert_eq!(result, number, "dup2: {}", io::Error::last_os_error());
    // SAFETY: dup2 made this descriptor, and nobody else closes it.
    unsafe { OwnedFd::from_raw_fd(number) }
}
