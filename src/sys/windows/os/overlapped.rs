//! The memory of an operation that the kernel carries out meanwhile.
//!
//! An operation such as `ReadFile` on a pipe, or IOCTL_AFD_POLL, is begun with an `OVERLAPPED` (or
//! the `IO_STATUS_BLOCK` at its front) that the kernel writes to when the operation ends, at some
//! time later, from elsewhere. [`Overlapped`] is that structure together with what its owner keeps
//! for the operation, its buffers for example, in an `Arc`:
//!
//! * [`start`](Overlapped::start) gives one count of the `Arc` to the kernel. It comes back when the
//!   packet of the operation's end is dequeued, which calls [`Complete::complete`]. So the memory
//!   outlives the kernel's use whatever else is dropped.
//! * There is one operation at a time in it. A second `start` answers `ResourceBusy` and does nothing.
//! * [`post`](Overlapped::post) puts a packet into the queue without any operation.
//! * Until the kernel has written how the operation ended, the structure says STATUS_PENDING. So a
//!   packet whose operation left nothing there is known for what it is, see [`ending`].

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windows_sys::Win32::Foundation::{
    NTSTATUS, STATUS_PENDING, STATUS_SUCCESS, STATUS_UNEXPECTED_IO_ERROR,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

use super::nt_error;
use super::port::Packet;
use crate::sys::windows::port::{Batch, Port};

/// What an operation's owner does when it has ended.
pub(crate) trait Complete: Send + Sync + Sized + 'static {
    /// The operation in `operation` has ended, or the posted packet has arrived. It may be started
    /// again from here. Events of this poll go to `batch`.
    ///
    /// Runs on the polling thread, which holds no lock; or on the thread that drops the last user of
    /// the port, for what was still under way: then `batch` throws events away.
    fn complete(operation: &Arc<Overlapped<Self>>, outcome: Outcome, batch: &mut Batch<'_>);
}

/// How an operation has ended.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Outcome {
    status: NTSTATUS,
    bytes: u32,
}

impl Outcome {
    /// The number of bytes moved, or the error. An operation that was cancelled has
    /// `ERROR_OPERATION_ABORTED`; a message longer than its buffer is `ERROR_MORE_DATA`, with
    /// [`bytes`](Outcome::bytes) of it there.
    pub(crate) fn result(self) -> io::Result<u32> {
        if self.status < 0 {
            Err(nt_error(self.status))
        } else {
            Ok(self.bytes)
        }
    }

    pub(crate) fn status(self) -> NTSTATUS {
        self.status
    }

    /// The operation has ended, and nobody knows how: what it was to write was not written.
    pub(crate) fn is_lost(self) -> bool {
        self.status == LOST
    }

    /// The bytes moved, also by an operation that ended with an error.
    #[cfg(feature = "os-ext")] // For pipes.
    pub(crate) fn bytes(self) -> u32 {
        self.bytes
    }
}

/// What stands for an outcome that was lost: `result` has an error then.
const LOST: NTSTATUS = STATUS_UNEXPECTED_IO_ERROR;

/// How an operation has ended, given what it left in its structure, and what its packet says.
///
/// Windows writes the structure, and the operation's data, before it queues the packet. Wine has the
/// thread that began the operation write them; if that thread ends just then, the packet is queued all
/// the same, with the status that was to be written, or one that is no error in place of data that are
/// lost.
fn ending(left: NTSTATUS, packet: NTSTATUS) -> NTSTATUS {
    match (left, packet) {
        (STATUS_PENDING, error) if error < 0 => error,
        (STATUS_PENDING, _) => LOST,
        (written, _) => written,
    }
}

/// An operation's memory. `T` is what its owner keeps with it.
#[repr(C)]
pub(crate) struct Overlapped<T> {
    header: Header,
    data: T,
}

/// The part that a packet leads to; the type of the rest is behind `finish`.
#[repr(C)]
struct Header {
    raw: UnsafeCell<OVERLAPPED>,
    /// The kernel, or the queue, has a count.
    busy: AtomicBool,
    finish: unsafe fn(*const Header, Outcome, &mut Batch<'_>),
}

// SAFETY: of what is inside, only `raw` is not `Send` by itself; it is a block of numbers.
unsafe impl<T: Send> Send for Overlapped<T> {}
// SAFETY: `raw` is accessed by whoever has set `busy`, and by the thread that dequeued the packet
// until it clears it.
unsafe impl<T: Send + Sync> Sync for Overlapped<T> {}

// A panic leaves what the kernel uses as it was: nothing here is half written when user code runs.
impl<T> UnwindSafe for Overlapped<T> {}
impl<T> RefUnwindSafe for Overlapped<T> {}

impl<T: Complete> Overlapped<T> {
    pub(crate) fn new(data: T) -> Arc<Overlapped<T>> {
        Arc::new(Overlapped {
            header: Header {
                raw: UnsafeCell::new(OVERLAPPED::default()),
                busy: AtomicBool::new(false),
                finish: finish::<T>,
            },
            data,
        })
    }

    /// Begins an operation. `submit` is given the structure to begin it with, all zeros but for the
    /// status, which is STATUS_PENDING.
    ///
    /// # Errors
    ///
    /// `submit`'s; `ResourceBusy` while an operation is under way already.
    ///
    /// # Safety
    ///
    /// `submit` begins at most one operation with the pointer, of a file that is associated with
    /// `port` under [`Port::associate`]'s key. If it answers `Ok`, that operation ends with exactly
    /// one packet in `port`, even if it has ended by now; if it answers an error, no packet comes.
    /// Any other memory that the kernel may use until the end lives as long as this does.
    pub(crate) unsafe fn start<F>(self: &Arc<Self>, port: &Port, submit: F) -> io::Result<()>
    where
        F: FnOnce(*mut OVERLAPPED) -> io::Result<()>,
    {
        if self.header.busy.swap(true, Ordering::Acquire) {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        // The kernel's count. What it points to begins with the header, and that with `raw`; the
        // packet will bring this pointer, with all that it may be used for.
        let given = Arc::into_raw(self.clone());
        let raw = given.cast::<OVERLAPPED>().cast_mut();
        // SAFETY: `busy` was clear, so neither the kernel nor another thread uses it.
        unsafe { raw.write(under_way()) };
        port.expect_packet();
        let result = submit(raw);
        if result.is_err() {
            port.received_packet();
            self.header.busy.store(false, Ordering::Release);
            // SAFETY: no packet comes, so the count was not given away.
            drop(unsafe { Arc::from_raw(given) });
        }
        result
    }

    /// Puts a packet into the queue of `port`, as if an operation of no bytes had ended.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` while an operation or another packet is under way; what
    /// `PostQueuedCompletionStatus` says, above all that memory has run out.
    pub(crate) fn post(self: &Arc<Self>, port: &Port) -> io::Result<()> {
        let submit = |raw: *mut OVERLAPPED| {
            // SAFETY: the operation has begun for us, and there is no packet yet, so nobody else uses
            // it.
            unsafe { (*raw).Internal = STATUS_SUCCESS as usize };
            port.post_operation(raw)
        };
        // SAFETY: if the packet was posted then it comes, once.
        unsafe { self.start(port, submit) }
    }
}

/// An operation that has not ended.
fn under_way() -> OVERLAPPED {
    OVERLAPPED {
        Internal: STATUS_PENDING as usize,
        ..OVERLAPPED::default()
    }
}

impl<T> Overlapped<T> {
    /// Runs `f` while no operation can begin; `None` if one is under way.
    pub(crate) fn while_idle<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        if self.header.busy.swap(true, Ordering::Acquire) {
            return None;
        }
        let result = f();
        self.header.busy.store(false, Ordering::Release);
        Some(result)
    }

    /// What names this operation to `NtCancelIoFileEx` and `CancelIoEx`.
    pub(crate) fn as_raw(&self) -> *mut OVERLAPPED {
        self.header.raw.get()
    }
}

impl<T> Deref for Overlapped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.data
    }
}

/// Takes the kernel's count back and tells the owner.
///
/// # Safety
///
/// `header` is that of an `Overlapped<T>` in an `Arc`, of which one count was given away for the
/// packet that this is called for.
unsafe fn finish<T: Complete>(header: *const Header, outcome: Outcome, batch: &mut Batch<'_>) {
    // SAFETY: the caller's promise; the header is the first field, so it has the same address.
    let operation = unsafe { Arc::from_raw(header.cast::<Overlapped<T>>()) };
    operation.header.busy.store(false, Ordering::Release);
    T::complete(&operation, outcome, batch);
}

/// Ends the operation that `packet` tells of.
///
/// # Safety
///
/// `packet` was dequeued, once, from a port, under the key for operations, and its pointer came
/// from [`Overlapped::start`].
pub(in super::super) unsafe fn dispatch(packet: &Packet, batch: &mut Batch<'_>) {
    let header = packet.lpOverlapped.cast::<Header>().cast_const();
    // SAFETY: the caller's promise: the packet's count keeps it alive, and the kernel is done with
    // it.
    let raw = unsafe { (*header).raw.get() };
    // SAFETY: as above; nobody else accesses it while it is busy.
    let left = unsafe { (*raw).Internal } as NTSTATUS;
    let outcome = Outcome {
        status: ending(left, packet.Internal as NTSTATUS),
        bytes: packet.dwNumberOfBytesTransferred,
    };
    // SAFETY: as above.
    let finish = unsafe { (*header).finish };
    // SAFETY: the header's own function, which knows its type.
    unsafe { finish(header, outcome, batch) };
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "overlapped_tests.rs"]
mod tests;
