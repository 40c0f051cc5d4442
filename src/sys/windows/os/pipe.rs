//! Named pipes.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{ERROR_IO_PENDING, ERROR_MORE_DATA, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_OVERLAPPED, PIPE_ACCESS_DUPLEX, ReadFile, WriteFile,
};
use windows_sys::Win32::System::IO::{CancelIoEx, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{
    ConnectNamedPipe, CreateNamedPipeW, DisconnectNamedPipe, GetNamedPipeHandleStateW,
    GetNamedPipeInfo, PIPE_READMODE_BYTE, PIPE_READMODE_MESSAGE, PIPE_SERVER_END, PIPE_TYPE_BYTE,
    PIPE_TYPE_MESSAGE, PIPE_UNLIMITED_INSTANCES, PIPE_WAIT,
};
use windows_sys::core::BOOL;

use super::{Call, call, win32};

/// How many bytes a new pipe shall hold in each direction: what Unix's do.
const HOLDS: u32 = 64 * 1024;

/// `CreateNamedPipeW`: a server's end of a pipe for bytes, in both directions, that is not inherited by
/// child processes.
pub(crate) fn create(name: &OsStr) -> io::Result<OwnedHandle> {
    let mut name: Vec<u16> = name.encode_wide().collect();
    if name.contains(&0) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the name of a pipe cannot contain a NUL",
        ));
    }
    name.push(0);
    let handle = call(Call::CreateNamedPipe, || {
        // SAFETY: the name ends with a 0; without attributes the defaults count.
        let handle = unsafe {
            CreateNamedPipeW(
                name.as_ptr(),
                PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT,
                PIPE_UNLIMITED_INSTANCES,
                HOLDS,
                HOLDS,
                0,
                ptr::null(),
            )
        };
        win32(i32::from(handle != INVALID_HANDLE_VALUE))?;
        Ok(handle)
    })?;
    // SAFETY: the call succeeded, so it is a new handle that nobody else owns.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// What `GetNamedPipeInfo` tells.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Info {
    pub(crate) is_server: bool,
    pub(crate) messages: bool,
}

/// `GetNamedPipeInfo`: what kind of pipe this is the end of, and which end.
pub(crate) fn info(pipe: BorrowedHandle<'_>) -> io::Result<Info> {
    let mut flags = 0;
    call(Call::PipeInfo, || {
        // SAFETY: `flags` is room for a number; the others are not asked for.
        win32(unsafe {
            GetNamedPipeInfo(
                pipe.as_raw_handle(),
                &raw mut flags,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        })
    })?;
    Ok(Info {
        is_server: flags & PIPE_SERVER_END != 0,
        messages: flags & PIPE_TYPE_MESSAGE != 0,
    })
}

/// `GetNamedPipeHandleStateW`: whether a read from this end gives a message.
pub(crate) fn reads_messages(pipe: BorrowedHandle<'_>) -> io::Result<bool> {
    let mut flags = 0;
    call(Call::PipeInfo, || {
        // SAFETY: `flags` is room for a number; the others are not asked for.
        win32(unsafe {
            GetNamedPipeHandleStateW(
                pipe.as_raw_handle(),
                &raw mut flags,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                0,
            )
        })
    })?;
    Ok(flags & PIPE_READMODE_MESSAGE != 0)
}

/// `ReadFile`: begins to read up to `len` bytes.
///
/// # Safety
///
/// `to` is room for `len` bytes. It, and what `overlapped` points to, live until the operation has
/// ended, and nobody else accesses them.
pub(crate) unsafe fn read(
    pipe: BorrowedHandle<'_>,
    to: *mut u8,
    len: usize,
    overlapped: *mut OVERLAPPED,
) -> io::Result<()> {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    call(Call::ReadFile, || {
        // SAFETY: the caller's promise. How much was read is told by the packet.
        begun(unsafe { ReadFile(pipe.as_raw_handle(), to, len, ptr::null_mut(), overlapped) })
    })
}

/// `WriteFile`: begins to write `len` bytes.
///
/// # Safety
///
/// At `from` are `len` bytes. They, and what `overlapped` points to, live until the operation has
/// ended, and nobody changes them.
pub(crate) unsafe fn write(
    pipe: BorrowedHandle<'_>,
    from: *const u8,
    len: usize,
    overlapped: *mut OVERLAPPED,
) -> io::Result<()> {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    call(Call::WriteFile, || {
        // SAFETY: the caller's promise. How much was written is told by the packet.
        begun(unsafe { WriteFile(pipe.as_raw_handle(), from, len, ptr::null_mut(), overlapped) })
    })
}

/// `ConnectNamedPipe`: begins to wait for a client. `ERROR_PIPE_CONNECTED`: there is one.
///
/// # Safety
///
/// What `overlapped` points to lives until the operation has ended, and nobody else accesses it.
pub(crate) unsafe fn connect(
    pipe: BorrowedHandle<'_>,
    overlapped: *mut OVERLAPPED,
) -> io::Result<()> {
    call(Call::ConnectNamedPipe, || {
        // SAFETY: the caller's promise.
        begun(unsafe { ConnectNamedPipe(pipe.as_raw_handle(), overlapped) })
    })
}

/// `DisconnectNamedPipe`: throws the client out, and what is in the pipe away.
pub(crate) fn disconnect(pipe: BorrowedHandle<'_>) -> io::Result<()> {
    call(Call::DisconnectNamedPipe, || {
        // SAFETY: takes no pointer.
        win32(unsafe { DisconnectNamedPipe(pipe.as_raw_handle()) })
    })
}

/// `CancelIoEx`: asks for the end of the operation that was begun with `overlapped`.
/// `ERROR_NOT_FOUND`: it has ended.
pub(crate) fn cancel(pipe: BorrowedHandle<'_>, overlapped: *mut OVERLAPPED) -> io::Result<()> {
    call(Call::Cancel, || {
        // SAFETY: the pointer is compared with those of operations under way, and not followed.
        win32(unsafe { CancelIoEx(pipe.as_raw_handle(), overlapped) })
    })
}

/// Of a call that begins an operation: what is not an error ends with a packet, also if it has ended by
/// now. A message that is longer than the buffer is a warning, and no error.
fn begun(outcome: BOOL) -> io::Result<()> {
    match win32(outcome) {
        Err(error) if is(&error, ERROR_IO_PENDING) || is(&error, ERROR_MORE_DATA) => Ok(()),
        result => result,
    }
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == i32::try_from(code).ok()
}
