//! The part of a selector that its sources need as well: the way to the kernel, and the list of
//! changes that it has not been told of.

use std::io;
use std::mem;
use std::sync::atomic::Ordering;

use super::helpers::Helpers;
use super::socket::{Operation, Socket};
use crate::sync::{Arc, Mutex, lock};
use crate::sys::windows::port::Port;

pub(crate) struct Shared {
    pub(super) port: Arc<Port>,
    pub(super) helpers: Helpers,
    changes: Mutex<Changes>,
}

#[derive(Default)]
struct Changes {
    /// Sockets whose state may demand something of the kernel, each once.
    list: Vec<Arc<Operation>>,
    /// The poller is in the kernel, or about to be, and takes no more changes from the list.
    blocked: bool,
    /// The selector is gone: nobody takes anything from the list.
    closed: bool,
}

impl Shared {
    pub(super) fn new(port: Arc<Port>) -> Shared {
        Shared {
            port,
            helpers: Helpers::new(),
            changes: Mutex::new(Changes::default()),
        }
    }

    /// The state of `socket` has changed: the kernel is told now if the poller is waiting for it, and
    /// by the next poll if not.
    pub(super) fn tell(&self, socket: &Arc<Operation>) {
        let blocked = lock(&self.changes).blocked;
        // If it fails memory has run out. The next poll tries again.
        if !blocked || Socket::apply(socket).is_err() {
            self.enqueue(socket);
        }
    }

    /// Leaves `socket` to the next poll.
    pub(super) fn enqueue(&self, socket: &Arc<Operation>) {
        let mut changes = lock(&self.changes);
        if !changes.closed && socket.place_in_list.load(Ordering::Relaxed) == 0 {
            changes.list.push(socket.clone());
            let place = changes.list.len();
            socket.place_in_list.store(place, Ordering::Relaxed);
        }
    }

    /// Takes `socket` off the list: its registration has ended, and there is nothing to tell. Without
    /// polls the list would keep it, and those that come after.
    pub(super) fn forget(&self, socket: &Arc<Operation>) {
        let mut changes = lock(&self.changes);
        let place = socket.place_in_list.swap(0, Ordering::Relaxed);
        if place == 0 {
            return;
        }
        let listed = changes.list.swap_remove(place - 1);
        if let Some(moved) = changes.list.get(place - 1) {
            moved.place_in_list.store(place, Ordering::Relaxed);
        }
        drop(changes);
        drop(listed);
    }

    /// Whether the next poll has something to tell the kernel.
    pub(super) fn has_changes(&self) -> bool {
        !lock(&self.changes).list.is_empty()
    }

    /// Tells the kernel of all changes. From now on, if the poller is going to block, whoever changes
    /// something tells it himself, until [`awake`](Shared::awake).
    pub(super) fn flush(&self, will_block: bool) -> io::Result<()> {
        let list = {
            let mut changes = lock(&self.changes);
            changes.blocked = will_block;
            for socket in &changes.list {
                socket.place_in_list.store(0, Ordering::Relaxed);
            }
            mem::take(&mut changes.list)
        };
        let mut result = Ok(());
        for socket in &list {
            if let Err(error) = Socket::apply(socket) {
                self.enqueue(socket);
                result = Err(error);
            }
        }
        if result.is_err() {
            self.awake();
        }
        self.give_back(list);
        result
    }

    /// Keeps the memory of the list for the next time.
    fn give_back(&self, mut list: Vec<Arc<Operation>>) {
        // Outside the lock: this may free sockets.
        list.clear();
        let mut changes = lock(&self.changes);
        if changes.list.is_empty() && changes.list.capacity() < list.capacity() {
            changes.list = list;
        }
    }

    pub(super) fn awake(&self) {
        lock(&self.changes).blocked = false;
    }

    /// The selector's end.
    pub(super) fn close(&self) {
        let list = {
            let mut changes = lock(&self.changes);
            changes.closed = true;
            for socket in &changes.list {
                socket.place_in_list.store(0, Ordering::Relaxed);
            }
            mem::take(&mut changes.list)
        };
        drop(list);
        self.helpers.close(&self.port);
    }
}
