//! When each session has to be looked at although nothing happens.
//!
//! `poll` takes one timeout, a server has a deadline for each connection. Ordered by time, the
//! first of them is the timeout. After each poll, whatever it returned, those that have passed are
//! due.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::slab::Key;

#[derive(Default)]
pub struct Deadlines(BTreeSet<(Instant, Key)>);

impl Deadlines {
    pub fn new() -> Deadlines {
        Deadlines::default()
    }

    /// Replaces a session's deadline, which was `from`.
    pub fn change(&mut self, key: Key, from: Option<Instant>, to: Option<Instant>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            self.0.remove(&(from, key));
        }
        if let Some(to) = to {
            self.0.insert((to, key));
        }
    }

    /// The next one.
    pub fn next(&self) -> Option<Instant> {
        self.0.first().map(|&(at, _)| at)
    }

    /// All whose deadline has passed. They stay in until it's changed.
    pub fn due(&self, now: Instant) -> impl Iterator<Item = Key> {
        self.0
            .iter()
            .take_while(move |&&(at, _)| at <= now)
            .map(|&(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::slab::Slab;

    #[test]
    fn the_first_comes_first_whatever_the_order_they_were_set_in() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut slab = Slab::new();
        let [a, b, c] = [(); 3].map(|()| slab.insert_with(Ok).expect("there is room"));

        let mut deadlines = Deadlines::new();
        assert_eq!(deadlines.next(), None);
        deadlines.change(a, None, Some(after(3)));
        deadlines.change(b, None, Some(after(1)));
        deadlines.change(c, None, Some(after(2)));
        assert_eq!(deadlines.next(), Some(after(1)));
        assert_eq!(deadlines.due(now).count(), 0);
        assert!(deadlines.due(after(2)).eq([b, c]));

        deadlines.change(b, Some(after(1)), Some(after(4)));
        deadlines.change(c, Some(after(2)), None);
        assert_eq!(deadlines.next(), Some(after(3)));
        assert!(deadlines.due(after(9)).eq([a, b]));
    }

    #[test]
    fn two_sessions_may_have_the_same_deadline() {
        let now = Instant::now();
        let mut slab = Slab::new();
        let [a, b] = [(); 2].map(|()| slab.insert_with(Ok).expect("there is room"));
        let mut deadlines = Deadlines::new();
        deadlines.change(a, None, Some(now));
        deadlines.change(b, None, Some(now));
        assert_eq!(deadlines.due(now).count(), 2);
        deadlines.change(a, Some(now), None);
        assert!(deadlines.due(now).eq([b]));
    }
}
