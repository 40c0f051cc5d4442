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

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use super::*;

    /// What was called, and what came of it: the errno, or 0.
    fn or(refusal: &Refusal, newer: i32, older: i32) -> (Vec<&'static str>, i32) {
        let mut called = Vec::new();
        let result = |errno| match errno {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        };
        let answer = refusal.or(
            &mut called,
            |called| {
                called.push("newer");
                result(newer)
            },
            |called| {
                called.push("older");
                result(older)
            },
        );
        let errno = answer.map_or_else(|error| error.raw_os_error().unwrap(), |()| 0);
        (called, errno)
    }

    #[test]
    fn what_is_refused_is_done_the_older_way_from_then_on() {
        for errno in [libc::ENOSYS, libc::EPERM] {
            let refusal = Refusal::new();
            assert_eq!(or(&refusal, errno, 0), (vec!["newer", "older"], 0));
            assert_eq!(or(&refusal, 0, 0), (vec!["older"], 0));
        }
    }

    #[test]
    fn other_errors_and_failures_of_both_are_not_remembered() {
        let refusal = Refusal::new();
        let both = vec!["newer", "older"];
        assert_eq!(or(&refusal, libc::EMFILE, 0), (vec!["newer"], libc::EMFILE));
        assert_eq!(
            or(&refusal, libc::EPERM, libc::EMFILE),
            (both, libc::EMFILE)
        );
        assert_eq!(or(&refusal, 0, libc::EMFILE), (vec!["newer"], 0));
    }
}
