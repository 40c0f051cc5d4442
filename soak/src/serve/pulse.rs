//! What a loop is doing, for the watchdogs in other threads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::clock;

#[derive(Default)]
pub struct Pulse {
    polls: AtomicU64,
    /// When the call was made that hasn't returned; 0: none.
    blocked_since: AtomicU64,
}

impl Pulse {
    /// The number of the poll that is about to begin.
    pub fn begin(&self) -> u64 {
        self.blocked_since.store(clock::now(), Relaxed);
        self.polls.fetch_add(1, Relaxed) + 1
    }

    pub fn end(&self) {
        self.blocked_since.store(0, Relaxed);
    }

    pub fn polls(&self) -> u64 {
        self.polls.load(Relaxed)
    }

    pub fn describe(&self) -> String {
        let polls = self.polls();
        match self.blocked_since.load(Relaxed) {
            0 => format!("its loop is at work on the batch of poll {polls}"),
            since => {
                let ago = clock::now().saturating_sub(since);
                format!(
                    "poll {polls} has been in the kernel for {:.1} ms",
                    clock::milliseconds(ago)
                )
            }
        }
    }
}
