//! Named pipes: overlapped operations, made to look like readiness.
//!
//! **The kernel's model.** A pipe can't be asked whether it is ready. It takes operations (`ReadFile`,
//! `WriteFile`, `ConnectNamedPipe`), which go on in the background, use memory of ours meanwhile, and
//! end with a packet in the completion port that the pipe's handle is associated with.
//!
//! **Ours.** The state machine in [`state`] decides which operation is to be under way, and what the
//! user is told; its page explains that. Around it are the parts that talk to the system:
//!
//! | file | what it holds |
//! |---|---|
//! | `operation.rs` | the memory of one operation |
//! | `members.rs` | what the pipes of one `Poll` share |
//! | `pool.rs` | memory for data |
//! | here | [`NamedPipe`], the user's pipe, and [`Shared`], what its operations keep of it |
//!
//! **Who owns what.** The user's `NamedPipe` and each operation under way have a count of the
//! [`Shared`]. In there is the handle, which is closed when the user drops the pipe, however many
//! operations the kernel has not ended yet; they end then, and free their memory when their packets
//! are taken out of the port. There is one exception: bytes that `write` has said `Ok` to. While they
//! are being written the handle stays open, as a socket's does inside the kernel.
//!
//! **Drop of the `Poll`.** Everything under way is cancelled, that last write as well, the pipes let go
//! of the port, and the port waits for the packets. A pipe that is still there can be dropped, or read to
//! the end of what had come; anything else answers `NotFound`.
//!
//! **Locks.** Each pipe has one, held during calls that begin or cancel an operation; none of them
//! blocks. Closing the handle and letting go of the port may take a moment, and come after it.

mod members;
mod operation;
mod pool;
mod state;

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, OwnedHandle, RawHandle};
use std::ptr;

use self::members::Membership;
use self::operation::{Name, Nudge};
use self::state::{Code, Completion, Kernel, Machine, Ticket, Traits};
use super::os::overlapped::Overlapped;
use super::os::pipe as os;
use super::port::{Batch, Place, Port};
use super::selector::Selector;
use crate::interest::Interest;
use crate::sync::{Arc, Mutex, lock};
use crate::token::Token;

pub(crate) use self::members::Pipes;

/// `ERROR_INVALID_HANDLE`: of operations after the end of the `Poll`.
const NO_PORT: Code = Code(6);

#[derive(Debug)]
pub(crate) struct NamedPipe {
    shared: Arc<Shared>,
    raw: usize,
}

/// A pipe, as its operations know it.
pub(super) struct Shared {
    state: Mutex<State>,
}

struct State {
    machine: Machine,
    parts: Parts,
}

/// What the machine has a hold of the system by.
struct Parts {
    handle: Option<OwnedHandle>,
    home: Option<Home>,
    /// What has begun and not ended.
    operations: Vec<(Ticket, Name)>,
    nudge: Option<Arc<Overlapped<Nudge>>>,
    place: Place,
}

/// The `Poll` that the handle is associated with, and never will be with another.
struct Home {
    selector: usize,
    port: Arc<Port>,
    members: Membership,
}

/// What is dropped when the pipe's lock is free again.
type Rest = (Option<OwnedHandle>, Option<Home>);

impl NamedPipe {
    /// A server's end.
    pub(crate) fn new(name: &OsStr) -> io::Result<NamedPipe> {
        let mut wide: Vec<u16> = name.encode_wide().collect();
        if wide.contains(&0) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the name of a pipe cannot contain a NUL",
            ));
        }
        wide.push(0);
        let traits = Traits {
            unconnected: true,
            one_connection: false,
            messages: false,
        };
        Ok(NamedPipe::with(os::create(&wide)?, traits))
    }

    /// Either end, in any state.
    pub(crate) fn from_handle(handle: OwnedHandle) -> NamedPipe {
        let info = os::info(handle.as_handle());
        let traits = Traits {
            unconnected: false,
            one_connection: info.as_ref().is_ok_and(|info| !info.is_server),
            messages: info.is_ok_and(|info| info.messages),
        };
        NamedPipe::with(handle, traits)
    }

    fn with(handle: OwnedHandle, traits: Traits) -> NamedPipe {
        NamedPipe {
            raw: handle.as_raw_handle().addr(),
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    machine: Machine::new(traits),
                    parts: Parts {
                        handle: Some(handle),
                        home: None,
                        operations: Vec::new(),
                        nudge: None,
                        place: Place::default(),
                    },
                }),
            }),
        }
    }

    pub(crate) fn raw(&self) -> RawHandle {
        ptr::without_provenance_mut(self.raw)
    }

    pub(crate) fn connect(&self) -> io::Result<()> {
        self.shared.with(|machine, kernel| machine.connect(kernel))
    }

    pub(crate) fn disconnect(&self) -> io::Result<()> {
        self.shared
            .with(|machine, kernel| machine.disconnect(kernel))
    }

    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.shared
            .with(|machine, kernel| machine.take_error(kernel))
    }

    pub(crate) fn set_read_size(&self, size: usize) {
        self.shared.with(|machine, _| machine.set_read_size(size));
    }

    pub(crate) fn set_write_size(&self, size: usize) {
        self.shared.with(|machine, _| machine.set_write_size(size));
    }

    pub(crate) fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.shared
            .with(|machine, kernel| machine.read(kernel, bufs))
    }

    pub(crate) fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.shared
            .with(|machine, kernel| machine.write(kernel, bufs))
    }

    pub(crate) fn register(
        &self,
        selector: &Selector,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let mut state = lock(&self.shared.state);
        if state.machine.is_registered() {
            return Err(state.parts.occupied(selector));
        }
        state.parts.settle_in(&self.shared, selector)?;
        self.shared.watch(&mut state, token, interests)
    }

    pub(crate) fn reregister(
        &self,
        selector: &Selector,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let mut state = lock(&self.shared.state);
        if !state.machine.is_registered() {
            return Err(unknown());
        }
        if !state.parts.is_at(selector) {
            return Err(state.parts.occupied(selector));
        }
        self.shared.watch(&mut state, token, interests)
    }

    pub(crate) fn deregister(&self, selector: &Selector) -> io::Result<()> {
        let mut state = lock(&self.shared.state);
        if !state.machine.is_registered() || !state.parts.is_at(selector) {
            return Err(unknown());
        }
        state.machine.deregister();
        Ok(())
    }
}

impl Drop for NamedPipe {
    fn drop(&mut self) {
        self.shared.with(|machine, kernel| machine.close(kernel));
    }
}

impl Shared {
    /// Has the machine do something, and then what follows from it.
    fn with<R>(self: &Arc<Self>, f: impl FnOnce(&mut Machine, &mut Live<'_>) -> R) -> R {
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
        state.run(self, |machine, kernel| {
            machine.register(kernel, token, interests);
        });
        state.nudge(self)
    }

    /// An operation of this pipe has ended.
    fn completed(self: &Arc<Self>, completion: Completion, batch: &mut Batch<'_>) {
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

    fn nudged(&self, batch: &mut Batch<'_>) {
        lock(&self.state).emit(batch);
    }

    /// The `Poll` goes.
    fn abandon(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.run(self, |machine, kernel| machine.abandon(kernel));
        let home = state.parts.home.take();
        drop(state);
        drop(home);
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
    fn is_at(&self, selector: &Selector) -> bool {
        let home = self.home.as_ref();
        home.is_some_and(|home| home.selector == selector.id())
    }

    /// Associates the handle with the selector's port, if it isn't.
    fn settle_in(&mut self, pipe: &Arc<Shared>, selector: &Selector) -> io::Result<()> {
        if self.is_at(selector) {
            return Ok(());
        }
        if self.home.is_some() {
            return Err(self.occupied(selector));
        }
        if let Some(handle) = &self.handle {
            selector.port().associate(handle.as_handle())?;
        }
        self.home = Some(Home {
            selector: selector.id(),
            port: selector.port().clone(),
            members: selector.pipes().join(pipe),
        });
        Ok(())
    }

    fn occupied(&self, selector: &Selector) -> io::Error {
        let message = if self.is_at(selector) {
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

/// The number of an error that the system gave. Others, of which there are none, are "it failed".
fn code(error: &io::Error) -> Code {
    const GENERAL_FAILURE: i32 = 31;
    Code(error.raw_os_error().unwrap_or(GENERAL_FAILURE))
}

/// The system, to the machine of a pipe whose lock is held.
struct Live<'a> {
    pipe: &'a Arc<Shared>,
    parts: &'a mut Parts,
}

impl Live<'_> {
    fn place(&self) -> Result<(BorrowedHandle<'_>, &Port), Code> {
        match (&self.parts.handle, &self.parts.home) {
            (Some(handle), Some(home)) => Ok((handle.as_handle(), &home.port)),
            _ => Err(NO_PORT),
        }
    }
}

impl Kernel for Live<'_> {
    fn start_read(&mut self, ticket: Ticket, buffer: Vec<u8>) -> Result<(), (Code, Vec<u8>)> {
        let (handle, port) = match self.place() {
            Ok(place) => place,
            Err(code) => return Err((code, buffer)),
        };
        let name = operation::read(self.pipe, handle, port, ticket, buffer)?;
        self.parts.operations.push((ticket, name));
        Ok(())
    }

    fn start_write(
        &mut self,
        ticket: Ticket,
        buffer: Vec<u8>,
        from: usize,
    ) -> Result<(), (Code, Vec<u8>)> {
        let (handle, port) = match self.place() {
            Ok(place) => place,
            Err(code) => return Err((code, buffer)),
        };
        let name = operation::write(self.pipe, handle, port, ticket, (buffer, from))?;
        self.parts.operations.push((ticket, name));
        Ok(())
    }

    fn start_connect(&mut self, ticket: Ticket) -> Result<(), Code> {
        let (handle, port) = self.place()?;
        let name = operation::connect(self.pipe, handle, port, ticket)?;
        self.parts.operations.push((ticket, name));
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), Code> {
        match &self.parts.handle {
            Some(handle) => os::disconnect(handle.as_handle()).map_err(|error| code(&error)),
            None => Err(NO_PORT),
        }
    }

    fn cancel(&mut self, ticket: Ticket) {
        let mut operations = self.parts.operations.iter();
        let name = operations.find(|(other, _)| *other == ticket);
        if let (Some((_, name)), Some(handle)) = (name, &self.parts.handle) {
            name.cancel(handle.as_handle());
        }
    }

    fn reads_messages(&mut self) -> bool {
        let handle = self.parts.handle.as_ref();
        handle.is_some_and(|handle| os::reads_messages(handle.as_handle()).unwrap_or(false))
    }

    fn buffer(&mut self, len: usize) -> Vec<u8> {
        match &self.parts.home {
            Some(home) => home.members.pool().take(len),
            None => vec![0; len],
        }
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        if let Some(home) = &self.parts.home {
            home.members.pool().give(buffer);
        }
    }
}
