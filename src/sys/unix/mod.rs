//! Systems with file descriptors.

use std::os::fd::{AsRawFd, RawFd};

pub(crate) mod os;
mod selector;
mod waker;

#[cfg(feature = "net")]
mod net;
#[cfg(all(os_unix, feature = "os-ext"))]
pub(crate) mod pipe;
#[cfg(feature = "net")]
pub(crate) mod tcp;
#[cfg(feature = "net")]
pub(crate) mod udp;
#[cfg(all(os_unix, feature = "net"))]
pub(crate) mod uds;

#[cfg(not(sel_poll))]
pub(crate) use self::selector::IoSourceState;
#[cfg(all(test, ferrio_loom, sel_poll))]
pub(crate) use self::selector::over_poll;
pub(crate) use self::selector::{
    AVAILABLE as SELECTORS, DEFAULT as DEFAULT_SELECTOR, FLAGS, Selector, WakeHub,
};
#[cfg(sel_poll)]
pub(crate) use self::selector::{Lock, ask};
pub(crate) use self::waker::{AVAILABLE as WAKERS, DEFAULT as DEFAULT_WAKER};
#[cfg(sel_poll)]
pub(crate) use super::poll::IoSourceState;

/// A source's raw handle: its descriptor.
pub(crate) trait AsRaw {
    fn raw(&self) -> RawFd;
}

impl<T: AsRawFd> AsRaw for T {
    #[inline]
    fn raw(&self) -> RawFd {
        self.as_raw_fd()
    }
}

/// Forgets which calls this kernel was found to refuse.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    selector::forget_fallbacks();
    waker::forget_fallbacks();
    #[cfg(feature = "net")]
    tcp::forget_accept4();
}
