//! The completion port.

#![allow(unsafe_code)]

use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{INVALID_HANDLE_VALUE, WAIT_TIMEOUT};
use windows_sys::Win32::System::IO::{
    CreateIoCompletionPort, GetQueuedCompletionStatusEx, OVERLAPPED, OVERLAPPED_ENTRY,
    PostQueuedCompletionStatus,
};

use super::{Call, call, win32};

/// One dequeued packet.
pub(crate) type Packet = OVERLAPPED_ENTRY;

/// Room for packets that the kernel writes. What is in it means something only between `dequeue` and
/// the end of what is done about its packets.
#[derive(Default)]
pub(crate) struct Packets(Vec<Packet>);

// SAFETY: an address in it is a number to whoever else gets hold of it: only a packet that `dequeue`
// has just written is followed, by the thread that dequeued it.
unsafe impl Send for Packets {}

impl Packets {
    /// The first `count` places.
    pub(crate) fn room(&mut self, count: usize) -> &mut [Packet] {
        if self.0.len() < count {
            self.0.resize(count, Packet::default());
        }
        &mut self.0[..count]
    }
}

/// `INFINITE`.
pub(crate) const FOREVER: u32 = u32::MAX;

/// How many threads that have waited at the port may run at the same time. A port holds packets back
/// from those beyond that, and a `Poll` may go from thread to thread.
const ANY_NUMBER: u32 = u32::MAX;

/// `CreateIoCompletionPort`: a new port.
pub(crate) fn create() -> io::Result<OwnedHandle> {
    let port = call(Call::CreatePort, || {
        // SAFETY: takes no pointer; without a file there is no port to add it to.
        let port =
            unsafe { CreateIoCompletionPort(INVALID_HANDLE_VALUE, ptr::null_mut(), 0, ANY_NUMBER) };
        win32(i32::from(!port.is_null()))?;
        Ok(port)
    })?;
    // SAFETY: the call succeeded, so `port` is a new handle that nobody else owns.
    Ok(unsafe { OwnedHandle::from_raw_handle(port) })
}

/// `CreateIoCompletionPort`: from now on the overlapped operations of `file` end with a packet in
/// `port`, under `key`. For good: a file cannot be moved to another port.
pub(crate) fn associate(
    port: BorrowedHandle<'_>,
    file: BorrowedHandle<'_>,
    key: usize,
) -> io::Result<()> {
    call(Call::Associate, || {
        // SAFETY: takes no pointer; both handles are open as long as they are borrowed.
        let same =
            unsafe { CreateIoCompletionPort(file.as_raw_handle(), port.as_raw_handle(), key, 0) };
        win32(i32::from(!same.is_null()))
    })
}

/// `GetQueuedCompletionStatusEx`: the number of packets that were taken out of the queue and
/// written to the front of `packets`, 0 after a timeout.
#[inline]
pub(crate) fn dequeue(
    port: BorrowedHandle<'_>,
    packets: &mut [Packet],
    milliseconds: u32,
) -> io::Result<usize> {
    let mut count = 0;
    let room = u32::try_from(packets.len()).unwrap_or(u32::MAX);
    let to = packets.as_mut_ptr();
    let result = call(Call::Dequeue, || {
        // SAFETY: `to` is room for that many packets and `count` for a number, as long as the call
        // runs.
        win32(unsafe {
            GetQueuedCompletionStatusEx(
                port.as_raw_handle(),
                to,
                room,
                &raw mut count,
                milliseconds,
                0,
            )
        })
    });
    match result {
        Ok(()) => Ok(count as usize),
        Err(error) if error.raw_os_error() == Some(WAIT_TIMEOUT as i32) => Ok(0),
        Err(error) => Err(error),
    }
}

/// `PostQueuedCompletionStatus`: puts a packet into the queue. Nothing looks behind `overlapped` but
/// whoever dequeues it.
#[inline]
pub(crate) fn post(
    port: BorrowedHandle<'_>,
    key: usize,
    overlapped: *mut OVERLAPPED,
) -> io::Result<()> {
    call(Call::Post, || {
        // SAFETY: the pointer is not followed.
        win32(unsafe { PostQueuedCompletionStatus(port.as_raw_handle(), 0, key, overlapped) })
    })
}
