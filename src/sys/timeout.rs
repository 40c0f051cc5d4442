//! Timeouts for calls that take milliseconds.

use std::time::Duration;

/// Rounded up, so that no poll ends early or spins.
#[inline]
pub(super) fn milliseconds(timeout: Duration) -> u64 {
    let whole = timeout.as_secs().saturating_mul(1000);
    whole.saturating_add(u64::from(timeout.subsec_nanos().div_ceil(1_000_000)))
}

/// For epoll_wait(2) and poll(2): cut to what an `int` holds, some 24 days, after which the caller
/// asks again; -1 is for ever.
#[cfg(not(sel_iocp))]
#[inline]
pub(super) fn int_milliseconds(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |timeout| {
        i32::try_from(milliseconds(timeout)).unwrap_or(i32::MAX)
    })
}

#[cfg(all(test, not(sel_iocp), not(ferrio_loom)))]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_up_and_cut() {
        assert_eq!(int_milliseconds(None), -1);
        assert_eq!(int_milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(int_milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(int_milliseconds(Some(Duration::from_micros(1001))), 2);
        assert_eq!(int_milliseconds(Some(Duration::from_millis(7))), 7);
        assert_eq!(
            int_milliseconds(Some(Duration::from_secs(30 * 86400))),
            i32::MAX
        );
        assert_eq!(int_milliseconds(Some(Duration::MAX)), i32::MAX);
    }
}
