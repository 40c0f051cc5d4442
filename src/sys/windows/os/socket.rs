//! The socket calls, each wrapped once.
//!
//! A socket becomes an `OwnedSocket` in the statement after the call that made it, so that every
//! error path that follows closes it.

#![allow(unsafe_code)]

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::windows::io::{AsRawSocket, BorrowedSocket, FromRawSocket, OwnedSocket, RawSocket};
use std::ptr;
use std::sync::OnceLock;

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, SetHandleInformation};
use windows_sys::Win32::Networking::WinSock::{
    self as ws, INVALID_SOCKET, SIO_BASE_HANDLE, SIO_BSP_HANDLE_POLL, SIO_BSP_HANDLE_SELECT,
    SOCKET, SOCKET_ERROR, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED, WSAENOTSOCK,
};

use super::address::RawAddress;
use super::{Call, call};

/// Of a call that answers `SOCKET_ERROR` for an error.
fn winsock(outcome: i32) -> io::Result<()> {
    if outcome == SOCKET_ERROR {
        Err(last_error())
    } else {
        Ok(())
    }
}

/// Of a call that makes a socket.
fn new_socket(outcome: SOCKET) -> io::Result<SOCKET> {
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

/// `WSAStartup`, once per process; std does the same for its own calls. Never undone: sockets may be
/// in use until the process ends.
fn start_up() -> io::Result<()> {
    static DONE: OnceLock<()> = OnceLock::new();

    if DONE.get().is_some() {
        return Ok(());
    }
    let mut data = MaybeUninit::uninit();
    call(Call::Startup, || {
        // SAFETY: `data` is room for what the call writes.
        match unsafe { ws::WSAStartup(0x0202, data.as_mut_ptr()) } {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    })?;
    DONE.get_or_init(|| ());
    Ok(())
}

/// A new socket, non-blocking, that no child process inherits.
pub(crate) fn socket(family: i32, kind: i32) -> io::Result<OwnedSocket> {
    start_up()?;
    let flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
    let socket = call(Call::Socket, || {
        // SAFETY: takes numbers; without a description of a protocol, the null pointer.
        new_socket(unsafe { ws::WSASocketW(family, kind, 0, ptr::null(), 0, flags) })
    })?;
    // SAFETY: the call succeeded, so this is a new socket that nobody else owns.
    let socket = unsafe { OwnedSocket::from_raw_socket(socket as RawSocket) };
    set_nonblocking(&socket)?;
    Ok(socket)
}

/// `FIONBIO`.
fn set_nonblocking(socket: &OwnedSocket) -> io::Result<()> {
    let mut on = 1;
    call(Call::Ioctlsocket, || {
        // SAFETY: `on` is the number that the call reads.
        winsock(unsafe { ws::ioctlsocket(raw(socket), ws::FIONBIO, &raw mut on) })
    })
}

/// `bind`.
pub(crate) fn bind(socket: &OwnedSocket, addr: &RawAddress) -> io::Result<()> {
    let (addr, len) = addr.as_raw();
    call(Call::Bind, || {
        // SAFETY: `addr` is an initialised address of `len` bytes, which the call only reads.
        winsock(unsafe { ws::bind(raw(socket), addr, len) })
    })
}

/// `connect`. `WSAEWOULDBLOCK`, which says that it goes on, is an error here.
pub(crate) fn connect(socket: &OwnedSocket, addr: &RawAddress) -> io::Result<()> {
    let (addr, len) = addr.as_raw();
    call(Call::Connect, || {
        // SAFETY: `addr` is an initialised address of `len` bytes, which the call only reads.
        winsock(unsafe { ws::connect(raw(socket), addr, len) })
    })
}

/// `listen`.
pub(crate) fn listen(socket: &OwnedSocket, backlog: i32) -> io::Result<()> {
    call(Call::Listen, || {
        // SAFETY: takes two numbers.
        winsock(unsafe { ws::listen(raw(socket), backlog) })
    })
}

/// `accept`: the next connection, non-blocking, that no child process inherits, and its peer's
/// address in `from`, which must be blank.
///
/// There is no call that accepts and says whether the handle is inherited in one step, so a process
/// that is started by another thread right in between may inherit it.
pub(crate) fn accept(
    listener: BorrowedSocket<'_>,
    from: &mut RawAddress,
) -> io::Result<OwnedSocket> {
    let (addr, len) = from.as_raw_mut();
    let socket = call(Call::Accept, || {
        // SAFETY: `addr` is room for an address and `len` says how much; both outlive the call.
        new_socket(unsafe { ws::accept(listener.as_raw_socket() as SOCKET, addr, len) })
    })?;
    // SAFETY: the call succeeded, so this is a new socket that nobody else owns.
    let socket = unsafe { OwnedSocket::from_raw_socket(socket as RawSocket) };
    call(Call::SetHandleInformation, || {
        let handle = ptr::without_provenance_mut(raw(&socket));
        // SAFETY: takes numbers, of which the first is the open handle of `socket`.
        super::win32(unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) })
    })?;
    set_nonblocking(&socket)?;
    Ok(socket)
}

/// `getsockopt`, for the options whose value is a `DWORD`.
pub(crate) fn option(socket: BorrowedSocket<'_>, level: i32, name: i32) -> io::Result<u32> {
    let mut value = 0_u32;
    let mut len = size_of::<u32>() as i32;
    let to = (&raw mut value).cast();
    let socket = socket.as_raw_socket() as SOCKET;
    call(Call::Getsockopt, || {
        // SAFETY: `to` points to a number and `len` says how long it is.
        winsock(unsafe { ws::getsockopt(socket, level, name, to, &raw mut len) })
    })?;
    Ok(value)
}

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

fn raw(socket: &OwnedSocket) -> SOCKET {
    socket.as_raw_socket() as SOCKET
}
