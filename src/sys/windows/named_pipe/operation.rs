//! The memory of one operation, for as long as the kernel uses it.
//!
//! Each operation has its own, made when it begins: the `OVERLAPPED`, the buffer, the [`Ticket`], and a
//! count of the pipe. The kernel has a count of it until the packet of the operation's end is taken
//! out of the port; nobody else keeps one. So it does not matter what was dropped meanwhile, and an
//! operation that was given up does not stand in the way of the next.

#![allow(unsafe_code)] // Operations are begun here.

use std::io;
use std::mem;
use std::os::windows::io::BorrowedHandle;
use std::ptr;
use std::sync::Weak;

use super::shared::Shared;
use super::state::{Code, Completion, Ticket};
use crate::sync::{Arc, Mutex, lock};
use crate::sys::windows::os::overlapped::{Complete, Outcome, Overlapped};
use crate::sys::windows::os::pipe as os;
use crate::sys::windows::port::{Batch, Port};

pub(super) struct Operation {
    ticket: Ticket,
    /// The kernel's while the operation is under way: nobody touches it.
    buffer: Mutex<Vec<u8>>,
    pipe: Arc<Shared>,
}

/// What names an operation under way to `CancelIoEx`: an address, which nobody follows.
#[derive(Copy, Clone, Debug)]
pub(super) struct Name(usize);

impl Name {
    pub(super) fn cancel(self, pipe: BorrowedHandle<'_>) {
        // An operation that has ended meanwhile is not found; others always can be cancelled.
        let _ = os::cancel(pipe, ptr::without_provenance_mut(self.0));
    }
}

impl Operation {
    fn new(ticket: Ticket, buffer: Vec<u8>, pipe: &Arc<Shared>) -> Arc<Overlapped<Operation>> {
        Overlapped::new(Operation {
            ticket,
            buffer: Mutex::new(buffer),
            pipe: pipe.clone(),
        })
    }

    fn take_buffer(&self) -> Vec<u8> {
        mem::take(&mut *lock(&self.buffer))
    }
}

/// Begins to fill `buffer`.
pub(super) fn read(
    pipe: &Arc<Shared>,
    handle: BorrowedHandle<'_>,
    port: &Port,
    ticket: Ticket,
    buffer: Vec<u8>,
) -> Result<Name, (Code, Vec<u8>)> {
    let operation = Operation::new(ticket, buffer, pipe);
    let (to, len) = {
        let mut buffer = lock(&operation.buffer);
        (buffer.as_mut_ptr(), buffer.len())
    };
    // SAFETY: `to` is the buffer, which lives in the operation, where it is touched by nobody until the
    // packet was dequeued; so does `raw`.
    let submit = |raw| unsafe { os::read(handle, to, len, raw) };
    // SAFETY: one operation is begun, of a file that is associated with the port, and a call that
    // does not fail ends with one packet.
    let begun = unsafe { operation.start(port, submit) };
    finish_start(&operation, begun)
}

/// Begins to write `buffer`, all but the first `from` bytes.
pub(super) fn write(
    pipe: &Arc<Shared>,
    handle: BorrowedHandle<'_>,
    port: &Port,
    ticket: Ticket,
    (buffer, from): (Vec<u8>, usize),
) -> Result<Name, (Code, Vec<u8>)> {
    let operation = Operation::new(ticket, buffer, pipe);
    let (bytes, len) = {
        let buffer = lock(&operation.buffer);
        let rest = buffer.get(from..).unwrap_or_default();
        (rest.as_ptr(), rest.len())
    };
    // SAFETY: the bytes are the buffer's, which lives in the operation, where it is touched by nobody
    // until the packet was dequeued; so does `raw`.
    let submit = |raw| unsafe { os::write(handle, bytes, len, raw) };
    // SAFETY: one operation is begun, of a file that is associated with the port, and a call that
    // does not fail ends with one packet.
    let begun = unsafe { operation.start(port, submit) };
    finish_start(&operation, begun)
}

/// Begins to wait for a client.
pub(super) fn connect(
    pipe: &Arc<Shared>,
    handle: BorrowedHandle<'_>,
    port: &Port,
    ticket: Ticket,
) -> Result<Name, Code> {
    let operation = Operation::new(ticket, Vec::new(), pipe);
    // SAFETY: `raw` lives in the operation until the packet was dequeued.
    let submit = |raw| unsafe { os::connect(handle, raw) };
    // SAFETY: one operation is begun, of a file that is associated with the port, and a call that
    // does not fail ends with one packet.
    let begun = unsafe { operation.start(port, submit) };
    finish_start(&operation, begun).map_err(|(code, _)| code)
}

fn finish_start(
    operation: &Arc<Overlapped<Operation>>,
    begun: io::Result<()>,
) -> Result<Name, (Code, Vec<u8>)> {
    match begun {
        Ok(()) => Ok(Name(operation.as_raw().addr())),
        Err(error) => Err((Code::of(&error), operation.take_buffer())),
    }
}

impl Complete for Operation {
    fn complete(operation: &Arc<Overlapped<Operation>>, outcome: Outcome, batch: &mut Batch<'_>) {
        let completion = Completion {
            ticket: operation.ticket,
            code: match outcome.result() {
                Ok(_) => Code::SUCCESS,
                Err(error) => Code::of(&error),
            },
            transferred: outcome.bytes() as usize,
            buffer: operation.take_buffer(),
        };
        operation.pipe.completed(completion, batch);
    }
}

/// The packet that has the next poll look for an event of a pipe: for edges that come while nobody
/// polls, such as a registration's.
pub(super) struct Nudge {
    pub(super) pipe: Weak<Shared>,
}

impl Complete for Nudge {
    fn complete(operation: &Arc<Overlapped<Nudge>>, _: Outcome, batch: &mut Batch<'_>) {
        if let Some(pipe) = operation.pipe.upgrade() {
            pipe.nudged(batch);
        }
    }
}
