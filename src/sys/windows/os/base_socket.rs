//! From a socket to the one that AFD knows.

#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::os::windows::io::RawSocket;
use std::ptr;

use windows_sys::Win32::Networking::WinSock::{
    self as ws, INVALID_SOCKET, SIO_BASE_HANDLE, SIO_BSP_HANDLE_POLL, SIO_BSP_HANDLE_SELECT,
    SOCKET, SOCKET_ERROR, WSAENOTSOCK,
};

use super::{Call, call};

/// The socket of the base provider, which AFD knows: `socket` itself unless a layered service
/// provider stands in between.
///
/// Some of those answer `SIO_BASE_HANDLE` with an error or with nonsense, although Microsoft's page
/// on it forbids it. They have to let `select` and `WSAPoll` work, for which there are two questions
/// about the next layer; those are asked then, layer by layer.
pub(crate) fn base_handle(socket: RawSocket) -> io::Result<RawSocket> {
    /// More than anybody has installed.
    const LAYERS: usize = 16;

    let mut layer = socket;
    for _ in 0..LAYERS {
        let error = match ask_handle(layer, SIO_BASE_HANDLE) {
            Ok(base) => return Ok(base),
            Err(error) => error,
        };
        if error.raw_os_error() == Some(WSAENOTSOCK) {
            return Err(error);
        }
        let next = [SIO_BSP_HANDLE_SELECT, SIO_BSP_HANDLE_POLL]
            .into_iter()
            .filter_map(|question| ask_handle(layer, question).ok())
            .find(|&next| next != layer);
        match next {
            Some(next) => layer = next,
            None => return Err(hidden(&error)),
        }
    }
    Err(hidden(&io::Error::other("too many layers")))
}

/// A `WSAIoctl` that answers with a socket.
fn ask_handle(socket: RawSocket, question: u32) -> io::Result<RawSocket> {
    let mut answer: SOCKET = INVALID_SOCKET;
    let mut len = 0;
    let to = (&raw mut answer).cast();
    let room = size_of::<SOCKET>() as u32;
    call(Call::BaseHandle, || {
        let socket = socket as SOCKET;
        let none = ptr::null();
        // SAFETY: `to` is room for a socket and `len` for a length. Without an OVERLAPPED the call
        // is over when it returns.
        winsock(unsafe {
            ws::WSAIoctl(
                socket,
                question,
                none,
                0,
                to,
                room,
                &raw mut len,
                ptr::null_mut(),
                None,
            )
        })
    })?;
    new_socket(answer)?;
    Ok(answer as RawSocket)
}

#[cold]
fn hidden(error: &io::Error) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("a layered service provider hides the system's socket: {error}"),
    )
}

/// Of a call that answers `SOCKET_ERROR` for an error.
pub(super) fn winsock(outcome: i32) -> io::Result<()> {
    if outcome == SOCKET_ERROR {
        Err(last_error())
    } else {
        Ok(())
    }
}

/// Of a call that makes a socket.
pub(super) fn new_socket(outcome: SOCKET) -> io::Result<SOCKET> {
    if outcome == INVALID_SOCKET {
        Err(last_error())
    } else {
        Ok(outcome)
    }
}

fn last_error() -> io::Error {
    // SAFETY: takes nothing and reads a number of the thread's.
    io::Error::from_raw_os_error(unsafe { ws::WSAGetLastError() })
}
