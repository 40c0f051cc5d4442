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

    /// A part of the time, from now on, in nanoseconds.
    pub(crate) fn spin(&mut self, nanos: u64) -> Spin {
        self.asked = true;
        Spin::new(nanos, self.end)
    }
}

/// The time that a poll asks before it blocks, which ends with the poll's own at the latest.
#[cfg(not(all(test, ferrio_loom)))]
pub(crate) struct Spin(Option<Instant>);

#[cfg(not(all(test, ferrio_loom)))]
impl Spin {
    fn new(nanos: u64, limit: Option<Instant>) -> Spin {
        let end = Instant::now().checked_add(Duration::from_nanos(nanos));
        Spin(match (end, limit) {
            (Some(end), Some(limit)) => Some(end.min(limit)),
            (end, limit) => end.or(limit),
        })
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}

/// Under loom, which has no clock, a number of tries.
#[cfg(all(test, ferrio_loom))]
pub(crate) struct Spin(u64);

#[cfg(all(test, ferrio_loom))]
impl Spin {
    fn new(tries: u64, _limit: Option<Instant>) -> Spin {
        Spin(tries)
    }

    pub(crate) fn is_over(&mut self) -> bool {
        self.0 -= 1;
        self.0 == 0
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
    fn a_spin_ends_no_later_than_its_poll_and_takes_from_its_time() {
        let (moment, hour) = (Duration::from_millis(1), Duration::from_secs(3600));
        let mut deadline = Deadline::new(Some(moment));
        let mut spin = deadline.spin(u64::MAX);
        while !spin.is_over() {}
        assert!(deadline.has_passed());
        assert_eq!(deadline.remaining(), Some(Duration::ZERO));

        let mut deadline = Deadline::new(Some(hour));
        let mut spin = deadline.spin(1_000_000);
        while !spin.is_over() {}
        assert!(deadline.remaining().unwrap() <= hour - moment && !deadline.has_passed());

        let mut spin = Deadline::new(None).spin(1_000_000);
        while !spin.is_over() {}
        assert!(!Deadline::new(None).spin(u64::MAX).is_over());
    }

    #[test]
    fn a_passed_deadline_leaves_nothing() {
        let mut deadline = Deadline::new(Some(Duration::from_nanos(1)));
        while !deadline.has_passed() {}
        deadline.remaining();
        assert_eq!(deadline.remaining(), Some(Duration::ZERO));
    }
}
