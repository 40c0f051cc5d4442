//! A count of what is done, for which one thread waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::{self, Thread};

/// Waiting parks the thread: nothing here touches a runtime or its poll.
#[derive(Clone)]
pub struct Done {
    shared: Arc<Shared>,
}

struct Shared {
    count: AtomicU64,
    goal: AtomicU64,
    waiter: Thread,
}

impl Done {
    /// The thread that calls this is the one that may wait.
    pub fn new() -> Self {
        let shared = Arc::new(Shared {
            count: AtomicU64::new(0),
            goal: AtomicU64::new(u64::MAX),
            waiter: thread::current(),
        });
        Self { shared }
    }

    /// One more.
    pub fn one(&self) {
        let count = self.shared.count.fetch_add(1, SeqCst) + 1;
        // Either this sees the goal, or the waiter, who sets it first and looks then, the count.
        if count == self.shared.goal.load(SeqCst) {
            self.shared.waiter.unpark();
        }
    }

    /// Waits until this many have been done since the beginning.
    pub fn wait(&self, goal: u64) {
        self.shared.goal.store(goal, SeqCst);
        while self.count() < goal {
            thread::park();
        }
    }

    pub fn count(&self) -> u64 {
        self.shared.count.load(SeqCst)
    }
}
