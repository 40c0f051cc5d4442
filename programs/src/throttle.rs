//! Not every line of a flood.
//!
//! A server that logs each connection it refuses lets whoever floods it fill the disk, and spends
//! its time on writing. So there is a limit to how many such lines come in a second. The others are
//! counted, and the count is logged when the second is over: nothing goes unsaid.

use std::time::{Duration, Instant};

/// Lines in a second.
pub const PER_SECOND: u64 = 100;
const SECOND: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Throttle {
    since: Option<Instant>,
    said: u64,
    unsaid: u64,
}

impl Throttle {
    /// May a line be logged? If not, it's counted.
    pub fn admit(&mut self, now: Instant) -> bool {
        // Not before what is owed has been said.
        if self.unsaid == 0 && self.since.is_none_or(|since| now >= since + SECOND) {
            self.since = Some(now);
            self.said = 0;
        }
        let is_admitted = self.said < PER_SECOND;
        if is_admitted {
            self.said += 1;
        } else {
            self.unsaid += 1;
        }
        is_admitted
    }

    /// When the number of lines that were left out is to be logged.
    pub fn deadline(&self) -> Option<Instant> {
        let since = self.since.filter(|_| self.unsaid > 0)?;
        Some(since + SECOND)
    }

    /// That number, once it's time.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        let is_due = self.deadline().is_some_and(|deadline| now >= deadline);
        is_due.then(|| self.take())
    }

    /// That number, in any case.
    pub fn take(&mut self) -> u64 {
        self.since = None;
        std::mem::take(&mut self.unsaid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_in_a_second_and_the_others_are_counted() {
        let begin = Instant::now();
        let mut throttle = Throttle::default();
        let admitted = (0..PER_SECOND + 20)
            .filter(|_| throttle.admit(begin))
            .count();
        assert_eq!(admitted as u64, PER_SECOND);
        assert_eq!(throttle.deadline(), Some(begin + SECOND));
        assert_eq!(throttle.due(begin + SECOND / 2), None);
        let later = begin + SECOND;
        assert!(!throttle.admit(later), "what is owed comes first");
        assert_eq!(throttle.due(later), Some(21));
        assert_eq!((throttle.due(later), throttle.deadline()), (None, None));
        assert!(throttle.admit(later));
    }

    #[test]
    fn few_lines_are_all_logged() {
        let begin = Instant::now();
        let mut throttle = Throttle::default();
        for second in 0..10 {
            for _ in 0..PER_SECOND {
                assert!(throttle.admit(begin + second * SECOND));
            }
        }
        assert_eq!(throttle.take(), 0);
    }
}
