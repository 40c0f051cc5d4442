//! The list of what has changed since the last poll, and who tells the kernel of it. It makes no
//! system call, so it is compiled, and model-checked, on every platform.
//!
//! Whoever has changed something calls [`add`](Changes::add). While the poller is awake that puts it
//! on the list, for the next poll to [`take`](Changes::take). Before the poller blocks it takes the
//! list and says so, in one step: from then on the answer of `add` is that the caller has to tell the
//! kernel himself. So there is nothing on the list when the poller blocks, nor does anything come.

use std::mem;

use crate::sync::{AtomicUsize, Mutex, Ordering, lock};

/// Something that can be on the list, once.
pub(super) trait Listed {
    /// Its place on the list, counted from 1; 0 if it is not there. Accessed with the list locked.
    fn place(&self) -> &AtomicUsize;
}

pub(super) struct Changes<T>(Mutex<State<T>>);

struct State<T> {
    list: Vec<T>,
    /// The poller is in the kernel, or about to be, and takes no more from the list.
    blocked: bool,
    /// Nobody takes anything from the list any more.
    closed: bool,
}

impl<T: Listed + Clone> Changes<T> {
    pub(super) fn new() -> Changes<T> {
        Changes(Mutex::new(State {
            list: Vec::new(),
            blocked: false,
            closed: false,
        }))
    }

    /// Leaves `item` to the next poll. `true`: the poller is blocked, it is the caller's to tell the
    /// kernel.
    #[must_use]
    pub(super) fn add(&self, item: &T) -> bool {
        let mut state = lock(&self.0);
        if !state.blocked {
            state.push(item);
        }
        state.blocked
    }

    /// Leaves `item` to the next poll, although the poller may be blocked.
    pub(super) fn put(&self, item: &T) {
        lock(&self.0).push(item);
    }

    /// Takes `item` off the list: there is nothing to tell. Without polls the list would keep it.
    pub(super) fn forget(&self, item: &T) {
        let mut state = lock(&self.0);
        let place = item.place().load(Ordering::Relaxed);
        if place == 0 {
            return;
        }
        item.place().store(0, Ordering::Relaxed);
        let listed = state.list.swap_remove(place - 1);
        if let Some(moved) = state.list.get(place - 1) {
            moved.place().store(place, Ordering::Relaxed);
        }
        drop(state);
        // It may be the last of its kind: that is nothing to do with the list locked.
        drop(listed);
    }

    /// All that is on the list, for the poller, who is going to block or not. To be followed by
    /// [`give_back`](Changes::give_back) and [`awake`](Changes::awake).
    pub(super) fn take(&self, will_block: bool) -> Vec<T> {
        let mut state = lock(&self.0);
        state.blocked = will_block;
        state.take()
    }

    /// Keeps the memory of the list for the next time.
    pub(super) fn give_back(&self, mut list: Vec<T>) {
        // Without the lock, as above.
        list.clear();
        let mut state = lock(&self.0);
        if state.list.is_empty() && state.list.capacity() < list.capacity() {
            state.list = list;
        }
    }

    pub(super) fn awake(&self) {
        lock(&self.0).blocked = false;
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).list.is_empty()
    }

    /// From now on nothing comes on the list.
    pub(super) fn close(&self) {
        let list = {
            let mut state = lock(&self.0);
            state.closed = true;
            state.take()
        };
        drop(list);
    }
}

impl<T: Listed + Clone> State<T> {
    fn push(&mut self, item: &T) {
        if !self.closed && item.place().load(Ordering::Relaxed) == 0 {
            self.list.push(item.clone());
            item.place().store(self.list.len(), Ordering::Relaxed);
        }
    }

    fn take(&mut self) -> Vec<T> {
        for item in &self.list {
            item.place().store(0, Ordering::Relaxed);
        }
        mem::take(&mut self.list)
    }
}

#[cfg(all(test, ferrio_loom))]
#[path = "changes_exhaustive_tests.rs"]
mod exhaustive_tests;
