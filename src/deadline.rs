use std::time::{Duration, Instant};

/// How long one call of `Poll::poll` may take: fixed at its entry, however often the kernel is
/// asked meanwhile.
pub(crate) struct Deadline {
    timeout: Option<Duration>,
    /// `None`: there is no end, or none that the clock can express, or it is now.
    end: Option<Instant>,
    asked: bool,
}

impl Deadline {
    #[inline]
    pub(crate) fn new(timeout: Option<Duration>) -> Deadline {
        let end = match timeout {
            Some(timeout) if !timeout.is_zero() => Instant::now().checked_add(timeout),
            _ => None,
        };
        Deadline {
            // What is beyond the clock is beyond every uptime as well.
            timeout: timeout.filter(|timeout| timeout.is_zero() || end.is_some()),
            end,
            asked: false,
        }
    }

    /// Whether the call may not block at all.
    #[inline]
    pub(crate) fn is_zero(&self) -> bool {
        self.timeout == Some(Duration::ZERO)
    }

    /// What the kernel may wait for now; `None` is for ever. The first call reads no clock.
    #[inline]
    pub(crate) fn remaining(&mut self) -> Option<Duration> {
        if !self.asked {
            self.asked = true;
            return self.timeout;
        }
        match self.end {
            Some(end) => Some(end.saturating_duration_since(Instant::now())),
            None => self.timeout,
        }
    }

    pub(crate) fn has_passed(&self) -> bool {
        match self.end {
            Some(end) => Instant::now() >= end,
            None => self.timeout.is_some(),
        }
    }
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use super::*;

    #[test]
    fn zero_has_passed_at_once() {
        let mut deadline = Deadline::new(Some(Duration::ZERO));
        assert!(deadline.is_zero() && deadline.has_passed());
        assert_eq!(deadline.remaining(), Some(Duration::ZERO));
        assert_eq!(deadline.remaining(), Some(Duration::ZERO));
    }

    #[test]
    fn none_and_the_largest_duration_never_pass() {
        for timeout in [None, Some(Duration::MAX)] {
            let mut deadline = Deadline::new(timeout);
            assert!(!deadline.is_zero() && !deadline.has_passed());
            assert_eq!(deadline.remaining(), None);
            assert_eq!(deadline.remaining(), None);
        }
    }

    #[test]
    fn later_questions_get_what_is_left() {
        let hour = Duration::from_secs(3600);
        let mut deadline = Deadline::new(Some(hour));
        assert_eq!(deadline.remaining(), Some(hour));
        assert!(deadline.remaining().unwrap() < hour);
        assert!(!deadline.has_passed());
    }

    #[test]
    fn a_passed_deadline_leaves_nothing() {
        let mut deadline = Deadline::new(Some(Duration::from_nanos(1)));
        while !deadline.has_passed() {}
        deadline.remaining();
        assert_eq!(deadline.remaining(), Some(Duration::ZERO));
    }
}
