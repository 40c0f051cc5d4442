//! The completion port that a `Poll` stands on, and what ends in it.
//!
//! **The kernel's model.** A port is a queue. A file that is associated with it puts a packet in
//! when one of its overlapped operations has ended, however it ended; anybody can post a packet.
//! Whoever waits at the port takes packets out, first in, first out. A packet is a key, which the
//! file's association chose, and the address of the `OVERLAPPED` that the operation was begun with.
//!
//! **Keys.** There are two. Under one come the rings of wakers, without an address; under the other
//! the operations, whose address is that of an [`Overlapped`]: it knows its type. So whoever does
//! overlapped I/O, sockets' AFD polls and named pipes alike, needs three things:
//!
//! 1. [`Port::associate`] for each file handle;
//! 2. an [`Overlapped<T>`](Overlapped) for each operation that can be under way at the same time,
//!    and [`Complete`](super::os::overlapped::Complete) for `T`, which is called with the outcome;
//! 3. for events, a [`Place`] per source, and [`Batch::emit`].
//!
//! **Who owns what.** The port belongs to an `Arc`, shared by the selector and by every source that
//! has operations under way in it: keep one in the source, none in the memory of an operation. Each
//! operation's memory belongs to its own `Arc`, of which the kernel, and then the queue, has a count.
//! Wakers share the handle only: they may outlive the rest.
//!
//! **Drop.** Whoever lets go of a port has cancelled its operations, or closed their files, before.
//! So all that is under way when the last one lets go ends soon; [`Port`]'s drop waits for that, packet
//! by packet, and frees the memory. Nothing that is completed then may begin anew.
//!
//! A poll takes at most as many packets as it has room for events, so each packet may emit one.

#![allow(unsafe_code)] // For the call of `dispatch`.

use std::io;
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use windows_sys::Win32::System::IO::OVERLAPPED;

use super::os::overlapped;
#[cfg(doc)]
use super::os::overlapped::Overlapped;
use super::os::port::{self as os, Packet, Packets};
use crate::event::Event;
use crate::readiness::Readiness;
use crate::token::Token;

/// The key of rings.
const RING: usize = 0;
/// The key of operations.
const OPERATION: usize = 1;

/// The most packets that are taken in one call.
const PACKETS: usize = 256;

pub(crate) struct Port {
    handle: Arc<OwnedHandle>,
    /// Packets that will come, or are in the queue.
    expected: AtomicUsize,
    /// The number of the last batch.
    batches: AtomicU64,
}

/// What wakers keep of a port.
#[derive(Clone, Debug)]
pub(crate) struct Ringer {
    handle: Arc<OwnedHandle>,
}

impl Ringer {
    /// Ends the wait of a poll, or the next one's.
    pub(crate) fn ring(&self) -> io::Result<()> {
        os::post(self.handle.as_handle(), RING, std::ptr::null_mut())
    }
}

impl Port {
    pub(crate) fn new() -> io::Result<Arc<Port>> {
        Ok(Arc::new(Port {
            handle: Arc::new(os::create()?),
            expected: AtomicUsize::new(0),
            batches: AtomicU64::new(0),
        }))
    }

    pub(crate) fn handle(&self) -> BorrowedHandle<'_> {
        self.handle.as_handle()
    }

    pub(crate) fn ringer(&self) -> Ringer {
        Ringer {
            handle: self.handle.clone(),
        }
    }

    /// From now on the overlapped operations of `file`, all of them begun by
    /// [`Overlapped::start`](overlapped::Overlapped::start), end in this port. For good.
    pub(crate) fn associate(&self, file: BorrowedHandle<'_>) -> io::Result<()> {
        os::associate(self.handle(), file, OPERATION)
    }

    /// Posts the packet of an operation. For [`Overlapped::post`](overlapped::Overlapped::post).
    pub(super) fn post_operation(&self, raw: *mut OVERLAPPED) -> io::Result<()> {
        os::post(self.handle(), OPERATION, raw)
    }

    /// An operation is about to begin.
    pub(super) fn expect_packet(&self) {
        self.expected.fetch_add(1, Ordering::Relaxed);
    }

    /// Its packet was dequeued, or never will come.
    pub(super) fn received_packet(&self) {
        self.expected.fetch_sub(1, Ordering::Release);
    }

    /// The batch of one poll, with room for `room` events at the end of `list`.
    pub(crate) fn batch<'a>(&self, list: &'a mut Vec<Event>, room: usize) -> Batch<'a> {
        Batch {
            number: self.batches.fetch_add(1, Ordering::Relaxed) + 1,
            first: list.len(),
            room,
            list: Some(list),
            rung: false,
        }
    }

    /// Waits for packets, for at most so many milliseconds, and does what they ask for. Takes no
    /// more than `batch` has room for.
    pub(crate) fn wait(
        &self,
        packets: &mut Packets,
        batch: &mut Batch<'_>,
        mut milliseconds: u32,
    ) -> io::Result<()> {
        let mut taken = false;
        loop {
            let room = packets.room(batch.room().min(PACKETS));
            let count = match os::dequeue(self.handle(), room, milliseconds) {
                Ok(count) => count,
                // What was taken out already is the caller's; the error will come again.
                Err(_) if taken => return Ok(()),
                Err(error) => return Err(error),
            };
            let full = count == room.len();
            for packet in &room[..count] {
                self.take(packet, batch);
            }
            // There may be more, and not every packet brings an event.
            if !full || batch.room() == 0 {
                return Ok(());
            }
            taken = true;
            milliseconds = 0;
        }
    }

    fn take(&self, packet: &Packet, batch: &mut Batch<'_>) {
        if packet.lpCompletionKey == RING {
            batch.ring();
        } else {
            self.received_packet();
            // SAFETY: this packet was just dequeued, and nothing but `Overlapped::start` makes one with
            // this key and an address.
            unsafe { overlapped::dispatch(packet, batch) };
        }
    }

    /// Waits until `done`, which is asked after each packet; events are thrown away.
    pub(crate) fn drain(&self, mut done: impl FnMut() -> bool) {
        let mut packet = [Packet::default()];
        let mut batch = Batch {
            number: 0,
            first: 0,
            room: 0,
            list: None,
            rung: false,
        };
        while !done() {
            // With an error, for which there is no known cause, memory is lost rather than freed too
            // early.
            match os::dequeue(self.handle(), &mut packet, os::FOREVER) {
                Ok(0) => {}
                Ok(_) => self.take(&packet[0], &mut batch),
                Err(_) => return,
            }
        }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.drain(|| self.expected.load(Ordering::Acquire) == 0);
    }
}

/// What one poll brings.
pub(crate) struct Batch<'a> {
    number: u64,
    list: Option<&'a mut Vec<Event>>,
    /// The length of the list when this batch began.
    first: usize,
    /// How many packets may still be taken: each may bring an event.
    room: usize,
    rung: bool,
}

/// Where a source's event of the current batch is. Each source has one, so that there is one event
/// per source and batch however many of its operations have ended.
#[derive(Debug, Default)]
pub(crate) struct Place {
    batch: u64,
    index: usize,
}

impl Batch<'_> {
    /// Adds `readiness` to the event of the source that has `place`, or adds that event. `raw` are the
    /// flags for `{:#?}`.
    pub(crate) fn emit(&mut self, place: &mut Place, token: Token, readiness: Readiness, raw: u32) {
        let Some(list) = &mut self.list else { return };
        if place.batch == self.number {
            // Its token may have changed meanwhile: then the old one's event stays as it is.
            if let Some(event) = list.get_mut(place.index).filter(|e| e.token() == token) {
                event.merge(readiness, raw);
                return;
            }
        }
        place.batch = self.number;
        place.index = list.len();
        list.push(Event::new(token, readiness, raw));
    }

    /// The number of events so far.
    pub(crate) fn events(&self) -> usize {
        self.list.as_ref().map_or(0, |list| list.len() - self.first)
    }

    /// A ring was among the packets. It takes room, as an event does.
    pub(crate) fn rung(&self) -> bool {
        self.rung
    }

    fn ring(&mut self) {
        self.rung = true;
    }

    /// How many more packets may be taken.
    pub(crate) fn room(&self) -> usize {
        self.room
            .saturating_sub(self.events() + usize::from(self.rung))
    }
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "port_tests.rs"]
mod tests;
