use std::collections::HashMap;
use std::mem;
use std::sync::Weak;

use super::pool::Pool;
use super::shared::Shared;
use crate::sync::{Arc, Mutex, lock};
use crate::sys::windows::port::Port;

/// The selector's hold on its named pipes. When the selector is dropped, whatever they have under way
/// is cancelled, and they let go of the port, which then waits for the end of it.
#[derive(Debug, Default)]
pub(crate) struct Pipes(Arc<Members>);

/// What a pipe needs of the selector that it is registered with.
#[derive(Copy, Clone)]
pub(crate) struct Site<'a> {
    /// Never another selector's.
    pub(crate) id: usize,
    pub(crate) port: &'a Arc<Port>,
    pub(crate) pipes: &'a Pipes,
}

/// What the pipes of one `Poll` share.
#[derive(Debug, Default)]
struct Members {
    pool: Pool,
    /// By address.
    pipes: Mutex<HashMap<usize, Weak<Shared>>>,
}

/// A pipe's place among them, until this is dropped.
#[derive(Debug)]
pub(super) struct Membership {
    members: Arc<Members>,
    address: usize,
}

impl Pipes {
    pub(super) fn join(&self, pipe: &Arc<Shared>) -> Membership {
        let address = Arc::as_ptr(pipe).addr();
        lock(&self.0.pipes).insert(address, Arc::downgrade(pipe));
        Membership {
            members: self.0.clone(),
            address,
        }
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        let pipes = mem::take(&mut *lock(&self.0.pipes));
        for pipe in pipes.into_values().filter_map(|pipe| pipe.upgrade()) {
            pipe.abandon();
        }
    }
}

impl Membership {
    pub(super) fn pool(&self) -> &Pool {
        &self.members.pool
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        lock(&self.members.pipes).remove(&self.address);
    }
}
