//! Numbers of errors by Unix's names, and those of Windows that mean the same.

#[cfg(unix)]
pub use libc::{
    EBADF, ECONNREFUSED, EDESTADDRREQ as NO_DESTINATION, EFAULT, EINVAL, EMSGSIZE, ENODEV, ENOMEM,
    ENOSPC, ENOTSOCK, EOPNOTSUPP as NOT_V6, EPERM,
};

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
    /// Of an interface that there is not.
    pub const ENODEV: i32 = winsock::WSAEADDRNOTAVAIL;
    pub const ENOMEM: i32 = win32::ERROR_NOT_ENOUGH_MEMORY as i32;
    pub const ENOSPC: i32 = win32::ERROR_NO_SYSTEM_RESOURCES as i32;
    pub const ENOTSOCK: i32 = winsock::WSAENOTSOCK;
    pub const EPERM: i32 = win32::ERROR_ACCESS_DENIED as i32;
    /// Of an option of IPv6, on a socket of IPv4.
    pub const NOT_V6: i32 = winsock::WSAENOPROTOOPT;
    /// Of a send without an address, on a socket without a peer.
    pub const NO_DESTINATION: i32 = winsock::WSAENOTCONN;
}
