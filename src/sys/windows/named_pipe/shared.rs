use std::fmt;
use std::io;
use std::os::windows::io::{AsHandle, OwnedHandle};

use super::live::Live;
use super::members::{Membership, Site};
use super::operation::{Name, Nudge};
use super::state::{Completion, Machine, Ticket, Traits};
use crate::interest::Interest;
use crate::sync::{Arc, Mutex, lock};
use crate::sys::windows::os::overlapped::Overlapped;
use crate::sys::windows::port::{Batch, Place, Port};
use crate::token::Token;

/// A pipe, as its operations know it.
pub(super) struct Shared {
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    parts: Parts,
}

/// What the machine has a hold of the system by.
pub(super) struct Parts {
    pub(super) handle: Option<OwnedHandle>,
    pub(super) home: Option<Home>,
    /// The handle's associated with a port, which is for good.
    associated: bool,
    /// What has begun and not ended.
    pub(super) operations: Vec<(Ticket, Name)>,
    nudge: Option<Arc<Overlapped<Nudge>>>,
    place: Place,
}

/// The `Poll` that the handle is associated with.
pub(super) struct Home {
    selector: usize,
    pub(super) port: Arc<Port>,
    pub(super) members: Membership,
}

/// What is dropped when the pipe's lock is free again.
type Rest = (Option<OwnedHandle>, Option<Home>);

impl Shared {
    pub(super) fn new(handle: OwnedHandle, traits: Traits) -> Shared {
        Shared {
            state: Mutex::new(State {
                machine: Machine::new(traits),
                parts: Parts {
                    handle: Some(handle),
                    home: None,
                    associated: false,
                    operations: Vec::new(),
                    nudge: None,
                    place: Place::default(),
                },
            }),
        }
    }

    pub(super) fn register(
        self: &Arc<Self>,
        site: Site<'_>,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let mut state = lock(&self.state);
        if state.machine.is_registered() {
            return Err(state.parts.occupied(site));
        }
        state.parts.settle_in(self, site)?;
        self.watch(&mut state, token, interests)
    }

    pub(super) fn reregister(
        self: &Arc<Self>,
        site: Site<'_>,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let mut state = lock(&self.state);
        if !state.machine.is_registered() {
            return Err(unknown());
        }
        if !state.parts.is_at(site) {
            return Err(state.parts.occupied(site));
        }
        self.watch(&mut state, token, interests)
    }

    pub(super) fn deregister(&self, site: Site<'_>) -> io::Result<()> {
        let mut state = lock(&self.state);
        if !state.machine.is_registered() || !state.parts.is_at(site) {
            return Err(unknown());
        }
        state.machine.deregister();
        Ok(())
    }

    /// Has the machine do something, and then what follows from it.
    pub(super) fn with<R>(self: &Arc<Self>, f: impl FnOnce(&mut Machine, &mut Live<'_>) -> R) -> R {
        let mut state = lock(&self.state);
        let result = state.run(self, f);
        // Without memory for a packet the event comes with the next.
        let _ = state.nudge(self);
        let rest = state.rest();
        drop(state);
        drop(rest);
        result
    }

    /// Begins or changes the watch.
    fn watch(
        self: &Arc<Self>,
        state: &mut State,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let before = state.run(self, |machine, kernel| {
            machine.register(kernel, token, interests)
        });
        let result = state.nudge(self);
        if result.is_err() {
            state.machine.undo_register(before);
        }
        result
    }

    /// An operation of this pipe has ended.
    pub(super) fn completed(self: &Arc<Self>, completion: Completion, batch: &mut Batch<'_>) {
        let mut state = lock(&self.state);
        let ended = completion.ticket;
        state
            .parts
            .operations
            .retain(|(ticket, _)| *ticket != ended);
        state.run(self, |machine, kernel| machine.complete(kernel, completion));
        state.emit(batch);
        let rest = state.rest();
        drop(state);
        drop(rest);
    }

    pub(super) fn nudged(&self, batch: &mut Batch<'_>) {
        lock(&self.state).emit(batch);
    }

    /// The `Poll` goes.
    pub(super) fn abandon(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.run(self, |machine, kernel| machine.abandon(kernel));
        let home = state.parts.home.take();
        // Closing cancels as well, and nobody else needs it.
        let closed = state.machine.is_closed();
        let handle = state.parts.handle.take_if(|_| closed);
        drop(state);
        drop((handle, home));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.state).machine.fmt(f)
    }
}

impl State {
    fn run<R>(
        &mut self,
        pipe: &Arc<Shared>,
        f: impl FnOnce(&mut Machine, &mut Live<'_>) -> R,
    ) -> R {
        let State { machine, parts } = self;
        f(machine, &mut Live { pipe, parts })
    }

    /// Has the next poll look for an event, if there is one.
    fn nudge(&mut self, pipe: &Arc<Shared>) -> io::Result<()> {
        let Some(home) = self.parts.home.as_ref() else {
            return Ok(());
        };
        if !self.machine.has_event() {
            return Ok(());
        }
        let nudge = self.parts.nudge.get_or_insert_with(|| {
            Overlapped::new(Nudge {
                pipe: Arc::downgrade(pipe),
            })
        });
        match nudge.post(&home.port) {
            // One is in the queue.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
            result => result,
        }
    }

    fn emit(&mut self, batch: &mut Batch<'_>) {
        if let Some((token, readiness)) = self.machine.take_event() {
            batch.emit(&mut self.parts.place, token, readiness, 0);
        }
    }

    /// What a pipe that was dropped has no more use for.
    fn rest(&mut self) -> Rest {
        if self.machine.is_finished() {
            (self.parts.handle.take(), self.parts.home.take())
        } else {
            (None, None)
        }
    }
}

impl Parts {
    fn is_at(&self, site: Site<'_>) -> bool {
        let home = self.home.as_ref();
        home.is_some_and(|home| home.selector == site.id)
    }

    /// Associates the handle with the selector's port, if it isn't.
    fn settle_in(&mut self, pipe: &Arc<Shared>, site: Site<'_>) -> io::Result<()> {
        if self.is_at(site) {
            return Ok(());
        }
        if self.associated {
            return Err(self.occupied(site));
        }
        if let Some(handle) = &self.handle {
            site.port.associate(handle.as_handle())?;
            self.associated = true;
        }
        self.home = Some(Home {
            selector: site.id,
            port: site.port.clone(),
            members: site.pipes.join(pipe),
        });
        Ok(())
    }

    fn occupied(&self, site: Site<'_>) -> io::Error {
        let message = if self.is_at(site) {
            "the named pipe is already registered with this `Registry`"
        } else {
            "the named pipe belongs to another `Poll`, for good"
        };
        io::Error::new(io::ErrorKind::AlreadyExists, message)
    }
}

fn unknown() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "the named pipe is not registered with this `Registry`",
    )
}
