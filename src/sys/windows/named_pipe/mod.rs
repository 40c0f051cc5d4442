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
//! | `live.rs` | what the state machine asks of the system |
//! | `shared.rs` | [`Shared`], a pipe as its operations keep it |
//! | here | [`NamedPipe`], the user's pipe |
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

mod live;
mod members;
mod operation;
mod pool;
mod shared;
mod state;

use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle, RawHandle};
use std::ptr;

use self::shared::Shared;
use self::state::Traits;
use super::os::pipe as os;
use crate::interest::Interest;
use crate::sync::Arc;
use crate::token::Token;

pub(crate) use self::members::{Pipes, Site};

#[derive(Debug)]
pub(crate) struct NamedPipe {
    shared: Arc<Shared>,
    raw: usize,
}

impl NamedPipe {
    /// A server's end.
    pub(crate) fn new(name: &OsStr) -> io::Result<NamedPipe> {
        let traits = Traits {
            unconnected: true,
            one_connection: false,
            messages: false,
        };
        Ok(NamedPipe::with(os::create(name)?, traits))
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
            shared: Arc::new(Shared::new(handle, traits)),
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
        site: Site<'_>,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.shared.register(site, token, interests)
    }

    pub(crate) fn reregister(
        &self,
        site: Site<'_>,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.shared.reregister(site, token, interests)
    }

    pub(crate) fn deregister(&self, site: Site<'_>) -> io::Result<()> {
        self.shared.deregister(site)
    }
}

impl Drop for NamedPipe {
    fn drop(&mut self) {
        self.shared.with(|machine, kernel| machine.close(kernel));
    }
}
