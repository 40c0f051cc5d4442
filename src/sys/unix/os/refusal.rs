//! Calls that an old kernel, or a seccomp filter, may refuse, and the older ones that do instead.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the process remembers of one such call: that it was refused, and the older one has worked.
///
/// Not earlier: EPERM is also how a firewall forbids this one connection, accept(2), and a failure
/// of the older call as well proves nothing about the newer.
#[derive(Debug)]
pub(crate) struct Refusal(AtomicBool);

impl Refusal {
    pub(crate) const fn new() -> Refusal {
        Refusal(AtomicBool::new(false))
    }

    /// Calls `newer`, or where that is refused `older`. `state` is what both work on.
    #[inline]
    pub(crate) fn or<S: ?Sized, T>(
        &self,
        state: &mut S,
        newer: impl FnOnce(&mut S) -> io::Result<T>,
        older: impl FnOnce(&mut S) -> io::Result<T>,
    ) -> io::Result<T> {
        // Relaxed: it guards no other memory, and a thread that misses it asks once more.
        if self.0.load(Ordering::Relaxed) {
            return older(state);
        }
        match newer(state) {
            Err(error) if is_refused(&error) => {
                let value = older(state)?;
                self.0.store(true, Ordering::Relaxed);
                Ok(value)
            }
            result => result,
        }
    }

    /// So that tests can make it happen again.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Whether the call was refused as such.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}
