//! Numbers of errors by Unix's names, and those of Windows that mean the same.

#[cfg(any(unix, target_os = "wasi"))]
pub use libc::{EBADF, ECONNREFUSED, EFAULT, EINVAL, EMSGSIZE, ENOMEM, ENOSPC, ENOTSOCK, EPERM};

/// Of a send on a UDP socket without a peer.
#[cfg(any(unix, target_os = "wasi"))]
pub fn no_destination() -> i32 {
    libc::EDESTADDRREQ
}

#[cfg(windows)]
pub use crate::wine::no_destination;

#[cfg(windows)]
pub use self::windows::*;

#[cfg(windows)]
mod windows {
    use windows_sys::Win32::Foundation as win32;
    use windows_sys::Win32::Networking::WinSock as winsock;

    pub const EBADF: i32 = win32::ERROR_INVALID_HANDLE as i32;
    /// Of a datagram: the answer that nobody has the port.
    pub const ECONNREFUSED: i32 = winsock::WSAECONNRESET;
    pub const EFAULT: i32 = win32::ERROR_NOACCESS as i32;
    pub const EINVAL: i32 = win32::ERROR_INVALID_PARAMETER as i32;
    pub const EMSGSIZE: i32 = winsock::WSAEMSGSIZE;
    pub const ENOMEM: i32 = win32::ERROR_NOT_ENOUGH_MEMORY as i32;
    pub const ENOSPC: i32 = win32::ERROR_NO_SYSTEM_RESOURCES as i32;
    pub const ENOTSOCK: i32 = winsock::WSAENOTSOCK;
    pub const EPERM: i32 = win32::ERROR_ACCESS_DENIED as i32;
}
