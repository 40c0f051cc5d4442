//! kqueue(2) and kevent(2) for Linux, with the C ABI of FreeBSD 11.
//!
//! It exists to be a judge: a program written for kqueue runs on it and meets what the BSDs do,
//! their less convenient habits included. It knows nothing of the programs it judges. The README
//! says which facts it shows, and which Linux cannot show.
//!
//! # How it works
//!
//! The descriptor that [`kqueue`] returns is an epoll: other loops can poll it, it can be
//! duplicated, and it is gone when its last copy is closed. It watches three kinds of things, all
//! edge-triggered but the last:
//!
//! - the descriptors that have an `EVFILT_READ`, for `EPOLLIN`;
//! - a second epoll, which watches those that have an `EVFILT_WRITE`, for `EPOLLOUT`: epoll keeps
//!   one entry per descriptor, and a kqueue tells edges of the two apart;
//! - the bell, an eventfd that is readable while events wait in user space.
//!
//! Every registration is a *knote* (`knote.rs`). Each call of [`kevent`] applies its changes
//! (`change.rs`), then *harvests* the edges that epoll has seen and *looks* at what epoll tells
//! nothing of (`queue.rs`): a look (`probe.rs`) is what poll(2), `FIONREAD`, `TCP_INFO` and the like
//! say of a descriptor now, in BSD's words. A look that is news compared with the last one makes the
//! knote active, which puts it at the tail of the queue. Retrieval looks once more, as the BSDs run
//! the filter once more, and drops what is no longer true.
//!
//! A descriptor that is closed loses its knotes. Nobody tells this library of a `close`; it asks
//! epoll before it uses a knote, because epoll's entries belong to a number *and* the file behind
//! it (`os::is_watched`).
//!
//! Like the system calls they stand for, both functions may be called from any thread and from a
//! signal handler: no signal is delivered while a lock is held, and triggering an `EVFILT_USER`
//! allocates nothing.

#![cfg(target_os = "linux")]

mod abi;
mod call;
mod change;
mod knote;
mod os;
mod probe;
mod queue;
mod table;

use std::ffi::c_int;

pub use abi::*;

use os::Errno;

/// Makes a queue. As on FreeBSD, the descriptor is not close-on-exec.
#[unsafe(no_mangle)]
pub extern "C" fn kqueue() -> c_int {
    let _blocked = os::SignalsBlocked::new();
    answer(table::create)
}

/// Applies `nchanges` changes, then waits for up to `nevents` events.
///
/// # Safety
///
/// `changelist` must be null or valid for reading `nchanges` events, `eventlist` null or valid for
/// writing `nevents` events, `timeout` null or valid for reading. The lists may be the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kevent(
    kq: c_int,
    changelist: *const Kevent,
    nchanges: c_int,
    eventlist: *mut Kevent,
    nevents: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    let blocked = os::SignalsBlocked::new();
    answer(|| {
        let changes_len = usize::try_from(nchanges).map_err(|_| libc::EINVAL)?;
        let room = usize::try_from(nevents).map_err(|_| libc::EINVAL)?;
        if (changes_len > 0 && changelist.is_null()) || (room > 0 && eventlist.is_null()) {
            return Err(libc::EFAULT);
        }
        // SAFETY: the caller vouches for the list.
        let changes = unsafe { Changes::new(changelist, changes_len) };
        // SAFETY: the caller vouches for the list.
        let mut answers = unsafe { Answers::new(eventlist, room) };
        // SAFETY: the caller vouches for the pointer.
        let timeout = unsafe { timeout.as_ref() };
        call::kevent(kq, &changes, &mut answers, timeout, &blocked)
    })
}

/// A system call's way to answer: errno is touched by failures only.
fn answer(call: impl FnOnce() -> Result<c_int, Errno>) -> c_int {
    let errno = os::errno();
    let result = call();
    os::set_errno(result.err().unwrap_or(errno));
    result.unwrap_or(-1)
}
