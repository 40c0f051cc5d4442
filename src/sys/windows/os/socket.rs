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
    self as ws, SOCKET, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED,
};

use super::address::RawAddress;
use super::base_socket::{new_socket, winsock};
use super::{Call, call};

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

fn raw(socket: &OwnedSocket) -> SOCKET {
    socket.as_raw_socket() as SOCKET
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use std::net::TcpStream;
    use std::os::windows::io::AsSocket;

    use windows_sys::Win32::Foundation::GetHandleInformation;

    use super::*;

    fn is_inherited(socket: &OwnedSocket) -> bool {
        let mut flags = 0;
        // SAFETY: `flags` is room for a number, and the handle is open.
        let done = unsafe {
            GetHandleInformation(ptr::without_provenance_mut(raw(socket)), &raw mut flags)
        };
        super::super::win32(done).unwrap();
        flags & HANDLE_FLAG_INHERIT != 0
    }

    #[test]
    fn no_child_process_inherits_a_socket() {
        let listener = socket(i32::from(ws::AF_INET), ws::SOCK_STREAM).unwrap();
        assert!(!is_inherited(&listener));
        bind(
            &listener,
            &RawAddress::from_ip(&"127.0.0.1:0".parse().unwrap()),
        )
        .unwrap();
        listen(&listener, 1).unwrap();
        let mut from = RawAddress::blank();
        let none = accept(listener.as_socket(), &mut from).unwrap_err();
        assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
        let listener = std::net::TcpListener::from(listener);
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = loop {
            match accept(listener.as_socket(), &mut RawAddress::blank()) {
                Ok(accepted) => break accepted,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        assert!(!is_inherited(&accepted));
        let accepted = TcpStream::from(accepted);
        assert_eq!(accepted.peer_addr().unwrap(), client.local_addr().unwrap());
        let read = io::Read::read(&mut &accepted, &mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
