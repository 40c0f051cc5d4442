//! WASI: preview 1, which is WebAssembly modules, and preview 2, which is components.
//!
//! **The model.** The host runs one program in a sandbox: one thread, no processes, no signals. It
//! gives the program the descriptors that it may use. Under preview 2 the program may also make
//! sockets, if the host lets it; under preview 1 it has those only that the host has opened, and
//! what it accepts on them.
//!
//! **What is used.** The standard library's descriptors under both. Preview 2 has no descriptors,
//! only resources (`wasi:sockets`, `wasi:io/poll`); wasi-libc keeps the table that makes them
//! numbers, and std stands on that table. Asking `wasi:io/poll` ourselves would take sockets of our
//! own beside it, which could not become std's, nor be made of std's: no `from_std`, no `OwnedFd`,
//! and nothing that a program has opened with std or C could be watched. So [`p2`] asks by
//! wasi-libc's `poll`, which makes the question of `wasi:io/poll` out of that table. Under
//! preview 1 descriptors are the host's, and [`p1`] asks it by `poll_oneoff`.
//!
//! Both tell levels. The selector over poll(2), `sys/poll`, makes edges of them; all that differs is
//! the call.
//!
//! **Nobody else.** With one thread, nothing changes while a poll is blocked and nobody can wake it.
//! A [`Waker`](crate::Waker) works all the same: its wake comes before the poll, which then doesn't
//! block. It needs no kernel object, the asleep-state word is enough. And a poll that waits for
//! nothing without a timeout would never end, so it is refused: `InvalidInput`.
//!
//! Preview 1 with threads (`wasm32-wasip1-threads`) has no way to end another thread's
//! `poll_oneoff`: no wakers there.

mod lock;
pub(crate) mod os;
mod question;
mod selector;
mod sleep;

#[cfg(wasi_p1)]
mod p1;
#[cfg(wasi_p1)]
use self::p1 as preview;
#[cfg(not(wasi_p1))]
mod p2;
#[cfg(not(wasi_p1))]
use self::p2 as preview;

#[cfg(feature = "net")]
pub(crate) mod tcp;
#[cfg(feature = "net")]
pub(crate) mod udp;

use std::os::fd::{AsRawFd, RawFd};

pub(crate) use self::lock::Lock;
pub(crate) use self::preview::SELECTOR as DEFAULT_SELECTOR;
pub(crate) use self::question::ask;
pub(crate) use self::selector::{DEFAULT_WAKER, SELECTORS, Selector, WAKERS, WakeHub};
pub(crate) use super::poll::IoSourceState;

/// Every call has been there from the beginning of each preview.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {}

/// The names of an event's flags.
pub(crate) const FLAGS: &[&[(&str, u32)]] = &[super::poll::FLAGS];

/// A source's raw handle: its descriptor.
pub(crate) trait AsRaw {
    fn raw(&self) -> RawFd;
}

impl<T: AsRawFd> AsRaw for T {
    fn raw(&self) -> RawFd {
        self.as_raw_fd()
    }
}
