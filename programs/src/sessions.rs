//! The sessions of a server, and whose turn it is.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use crate::deadlines::Deadlines;
use crate::slab::{Key, Slab};

/// A session with what the loop keeps about it.
pub struct Entry<S> {
    pub session: S,
    pub peer: SocketAddr,
    deadline: Option<Instant>,
    is_queued: bool,
}

pub struct Sessions<S> {
    slab: Slab<Entry<S>>,
    queue: VecDeque<Key>,
    deadlines: Deadlines,
}

impl<S> Sessions<S> {
    pub fn new() -> Sessions<S> {
        Sessions {
            slab: Slab::new(),
            queue: VecDeque::new(),
            deadlines: Deadlines::new(),
        }
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// Adds the session that `make` makes, and queues it: there may be something to read already.
    pub fn open(
        &mut self,
        peer: SocketAddr,
        make: impl FnOnce(Key) -> io::Result<S>,
    ) -> io::Result<()> {
        let key = self.slab.insert_with(|key| {
            Ok(Entry {
                session: make(key)?,
                peer,
                deadline: None,
                is_queued: false,
            })
        })?;
        self.queue(key);
        Ok(())
    }

    /// The session of this key, unless it's gone.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut S> {
        Some(&mut self.slab.get_mut(key)?.session)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut S)> {
        let session = |(key, entry): (Key, _)| {
            let Entry { session, .. }: &mut Entry<S> = entry;
            (key, session)
        };
        self.slab.iter_mut().map(session)
    }

    /// Gives a session a turn in the next round, once, however often it's asked for.
    pub fn queue(&mut self, key: Key) {
        if let Some(entry) = self.slab.get_mut(key) {
            if !entry.is_queued {
                entry.is_queued = true;
                self.queue.push_back(key);
            }
        }
    }

    /// Queues those whose deadline has passed.
    pub fn queue_due(&mut self, now: Instant) {
        let due: Vec<Key> = self.deadlines.due(now).collect();
        for key in due {
            self.queue(key);
        }
    }

    /// How many have their turn now. Those queued in the meantime are for the next round.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Takes the next one from the queue.
    pub(crate) fn next_turn(&mut self) -> Option<(Key, &mut Entry<S>)> {
        loop {
            let key = self.queue.pop_front()?;
            // Asked for twice, which the borrow checker would rather have than once and kept.
            if self.slab.get_mut(key).is_some() {
                let entry = self.slab.get_mut(key)?;
                entry.is_queued = false;
                return Some((key, entry));
            }
        }
    }

    pub(crate) fn set_deadline(&mut self, key: Key, to: Option<Instant>) {
        if let Some(entry) = self.slab.get_mut(key) {
            self.deadlines.change(key, entry.deadline, to);
            entry.deadline = to;
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Entry<S>> {
        self.set_deadline(key, None);
        self.slab.remove(key)
    }
}

impl<S> Default for Sessions<S> {
    fn default() -> Sessions<S> {
        Sessions::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sessions(names: &[&'static str]) -> (Sessions<&'static str>, Vec<Key>) {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut sessions = Sessions::new();
        for &name in names {
            sessions.open(peer, |_| Ok(name)).expect("there is room");
        }
        let keys = sessions.iter_mut().map(|(key, _)| key).collect();
        (sessions, keys)
    }

    fn turn(sessions: &mut Sessions<&'static str>) -> Option<&'static str> {
        sessions.next_turn().map(|(_, entry)| entry.session)
    }

    #[test]
    fn each_has_one_turn_however_often_it_was_queued() {
        let (mut sessions, keys) = sessions(&["a", "b"]);
        sessions.queue(keys[1]);
        sessions.queue(keys[0]);
        assert_eq!(sessions.queued(), 2);
        assert_eq!(turn(&mut sessions), Some("a"));
        sessions.queue(keys[0]);
        assert_eq!(turn(&mut sessions), Some("b"));
        assert_eq!(turn(&mut sessions), Some("a"));
        assert_eq!(turn(&mut sessions), None);
    }

    #[test]
    fn a_removed_session_has_neither_turn_nor_deadline() {
        let (mut sessions, keys) = sessions(&["a", "b"]);
        let now = Instant::now();
        sessions.set_deadline(keys[0], Some(now));
        sessions.remove(keys[0]);
        assert_eq!(sessions.next_deadline(), None);
        sessions.queue(keys[0]);
        assert_eq!(turn(&mut sessions), Some("b"));
        assert_eq!(turn(&mut sessions), None);
        assert_eq!(sessions.len(), 1);
    }

    #[test]
    fn those_that_are_due_are_queued() {
        let (mut sessions, keys) = sessions(&["a", "b"]);
        while turn(&mut sessions).is_some() {}
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        sessions.set_deadline(keys[0], Some(later));
        sessions.set_deadline(keys[1], Some(now));
        assert_eq!(sessions.next_deadline(), Some(now));
        sessions.queue_due(now);
        assert_eq!(turn(&mut sessions), Some("b"));
        assert_eq!(turn(&mut sessions), None);
    }

    #[test]
    fn a_session_that_cannot_be_made_leaves_nothing() {
        let (mut sessions, _) = sessions(&[]);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let refused = sessions.open(peer, |_| Err(io::ErrorKind::OutOfMemory.into()));
        assert!(refused.is_err());
        assert!(sessions.is_empty());
        assert_eq!(sessions.queued(), 0);
    }
}
