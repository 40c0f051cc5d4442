//! `\Device\Afd`, the driver behind Winsock.
//!
//! Any file of that device can be asked about any socket: a helper. `NtCreateFile` makes one;
//! `NtDeviceIoControlFile` with `IOCTL_AFD_POLL` asks; the answer is written over the question.
//! Microsoft documents the functions, and uses the control code for `select` and `WSAPoll`; code,
//! structures and flags are described by ReactOS and Wine, whose programs run on either.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::io;
use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle, RawSocket};
use std::ptr;
use std::sync::Arc;

use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{FILE_OPEN, NtCancelIoFileEx, NtCreateFile};
use windows_sys::Wdk::System::IO::NtDeviceIoControlFile;
use windows_sys::Win32::Foundation::{HANDLE, NTSTATUS, STATUS_NOT_FOUND, UNICODE_STRING};
use windows_sys::Win32::Storage::FileSystem::{FILE_SHARE_READ, FILE_SHARE_WRITE, SYNCHRONIZE};
use windows_sys::Win32::System::IO::{IO_STATUS_BLOCK, OVERLAPPED};

use super::overlapped::{Complete, Overlapped};
use super::{Call, call, nt, nt_error};
use crate::sys::windows::port::Port;

/// `IOCTL_AFD_POLL`.
const POLL: u32 = 0x0001_2024;

/// A question about one socket, and the answer to it.
pub(crate) struct PollInfo(UnsafeCell<RawPollInfo>);

// SAFETY: accessed only by the kernel, and by whoever holds the `Overlapped` that it belongs to
// (`Overlapped::start` and `while_idle` let in one at a time).
unsafe impl Send for PollInfo {}
// SAFETY: as above.
unsafe impl Sync for PollInfo {}

/// `AFD_POLL_INFO` with room for one socket.
#[repr(C)]
struct RawPollInfo {
    /// In units of 100 ns; the largest number is for ever.
    timeout: i64,
    count: u32,
    exclusive: u32,
    handle: HANDLE,
    flags: u32,
    status: NTSTATUS,
}

const INFO_LEN: u32 = size_of::<RawPollInfo>() as u32;

impl PollInfo {
    pub(crate) fn new() -> PollInfo {
        PollInfo(UnsafeCell::new(RawPollInfo::about(ptr::null_mut(), 0)))
    }
}

impl RawPollInfo {
    fn about(handle: HANDLE, flags: u32) -> RawPollInfo {
        RawPollInfo {
            timeout: i64::MAX,
            count: 1,
            exclusive: 0,
            handle,
            flags,
            status: 0,
        }
    }
}

/// `NtCreateFile`: a helper. A component after the device's name is needed under Wine.
pub(crate) fn create() -> io::Result<OwnedHandle> {
    let name: Vec<u16> = r"\Device\Afd\Ferrio".encode_utf16().collect();
    let bytes = size_of_val(name.as_slice()) as u16;
    let name = UNICODE_STRING {
        Length: bytes,
        MaximumLength: bytes,
        Buffer: name.as_ptr().cast_mut(),
    };
    // Nothing inherits it: that would be an attribute.
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        ObjectName: &raw const name,
        ..OBJECT_ATTRIBUTES::default()
    };
    let mut handle = ptr::null_mut();
    let mut status = IO_STATUS_BLOCK::default();
    call(Call::CreateAfd, || {
        // SAFETY: the attributes, and the name that they lead to, are valid as long as the call runs,
        // as is what it writes to.
        nt(unsafe {
            NtCreateFile(
                &raw mut handle,
                SYNCHRONIZE,
                &raw const attributes,
                &raw mut status,
                ptr::null(),
                0,
                FILE_SHARE_READ | FILE_SHARE_WRITE,
                FILE_OPEN,
                0,
                ptr::null(),
                0,
            )
        })
    })?;
    // SAFETY: the call succeeded, so `handle` is a new handle that nobody else owns.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Asks `helper`, which is associated with `port`, about `flags` of `socket`. The answer comes as
/// the end of `operation`; [`answer`] reads it then.
pub(crate) fn ask<T>(
    helper: BorrowedHandle<'_>,
    port: &Port,
    operation: &Arc<Overlapped<T>>,
    socket: RawSocket,
    flags: u32,
) -> io::Result<()>
where
    T: Complete + AsRef<PollInfo>,
{
    let info = operation.as_ref().as_ref().0.get();
    let submit = |raw: *mut OVERLAPPED| {
        let question = RawPollInfo::about(ptr::without_provenance_mut(socket as usize), flags);
        // SAFETY: the operation has begun for us, so nobody else uses its question.
        unsafe { info.write(question) };
        call(Call::AfdPoll, || {
            // SAFETY: `raw` begins with an IO_STATUS_BLOCK. It and `info` are parts of `operation`,
            // which lives until its packet was dequeued.
            let status = unsafe { device_control(helper.as_raw_handle(), raw, info) };
            // No packet comes after an error, but one does after a success or a warning.
            if (status as u32) >> 30 == 3 {
                Err(nt_error(status))
            } else {
                Ok(())
            }
        })
    };
    // SAFETY: one operation of a file that is associated, and only if it was accepted a packet.
    unsafe { operation.start(port, submit) }
}

/// # Safety
///
/// Both pointers are valid until the packet of the operation was dequeued.
unsafe fn device_control(helper: HANDLE, raw: *mut OVERLAPPED, info: *mut RawPollInfo) -> NTSTATUS {
    let event = ptr::null_mut();
    let context = raw.cast();
    let status = raw.cast::<IO_STATUS_BLOCK>();
    let (from, to) = (info.cast(), info.cast());
    // SAFETY: the caller's promise. With a context and no routine the end goes to the port.
    unsafe {
        NtDeviceIoControlFile(
            helper, event, None, context, status, POLL, from, INFO_LEN, to, INFO_LEN,
        )
    }
}

/// The flags that hold, by an operation that has ended well.
pub(crate) fn answer<T>(operation: &Overlapped<T>) -> u32
where
    T: Complete + AsRef<PollInfo>,
{
    let info = operation.as_ref().0.get();
    let flags = operation.while_idle(|| {
        // SAFETY: the operation is not under way, nor can another thread begin it or look at it.
        let info = unsafe { &*info };
        if info.count == 0 { 0 } else { info.flags }
    });
    flags.unwrap_or(0)
}

/// `NtCancelIoFileEx`: has one operation of `helper`, or all of them, end soon. No error if there is
/// none.
pub(crate) fn cancel(helper: BorrowedHandle<'_>, operation: *mut OVERLAPPED) -> io::Result<()> {
    let mut status = IO_STATUS_BLOCK::default();
    call(Call::Cancel, || {
        let helper = helper.as_raw_handle();
        // SAFETY: the first pointer is compared, not followed; the second is room for a status.
        match unsafe { NtCancelIoFileEx(helper, operation.cast(), &raw mut status) } {
            STATUS_NOT_FOUND => Ok(()),
            status => nt(status),
        }
    })
}
