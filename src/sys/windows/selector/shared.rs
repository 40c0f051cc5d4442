//! The part of a selector that its sources need as well: the way to the kernel, and the list of
//! changes that it has not been told of.

use std::io;

use super::changes::Changes;
use super::helpers::Helpers;
use super::socket::{Operation, Socket};
use crate::sync::Arc;
use crate::sys::windows::port::Port;

pub(crate) struct Shared {
    pub(super) port: Arc<Port>,
    pub(super) helpers: Helpers,
    /// Sockets whose state may demand something of the kernel.
    pub(super) changes: Changes<Arc<Operation>>,
}

impl Shared {
    pub(super) fn new(port: Arc<Port>) -> Shared {
        Shared {
            port,
            helpers: Helpers::new(),
            changes: Changes::new(),
        }
    }

    /// The state of `socket` has changed: the kernel is told now if the poller is waiting for it, and
    /// by the next poll if not.
    pub(super) fn tell(&self, socket: &Arc<Operation>) {
        if self.changes.add(socket) && Socket::apply(socket).is_err() {
            // Memory has run out. The poll tries again when it has woken up, and says so if it can't.
            self.changes.put(socket);
            let _ = self.port.ringer().ring();
        }
    }

    /// Tells the kernel of all changes. From now on, if the poller is going to block, whoever changes
    /// something tells it himself, until the poller is awake.
    pub(super) fn flush(&self, will_block: bool) -> io::Result<()> {
        let list = self.changes.take(will_block);
        let mut result = Ok(());
        for socket in &list {
            if let Err(error) = Socket::apply(socket) {
                self.changes.put(socket);
                result = Err(error);
            }
        }
        if result.is_err() {
            self.changes.awake();
        }
        self.changes.give_back(list);
        result
    }

    /// The selector's end.
    pub(super) fn close(&self) {
        self.changes.close();
        self.helpers.close(&self.port);
    }
}
