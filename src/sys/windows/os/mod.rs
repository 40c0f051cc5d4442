//! System calls: one safe function each, and the only callers of windows-sys.
//!
//! Everything goes through [`call`], which fails on request in builds for the project's own tests
//! (see `fault`). Sockets that come from users are bare numbers: a wrong one has to reach the kernel
//! and come back as `WSAENOTSOCK`.

use std::io;

use windows_sys::Win32::Foundation::{NTSTATUS, RtlNtStatusToDosError};
use windows_sys::core::BOOL;

#[cfg(feature = "net")]
pub(crate) mod address;
pub(crate) mod afd;
pub(crate) mod base_socket;
#[cfg(feature = "fault-injection")]
#[path = "../../unix/os/fault.rs"] // The same for all platforms.
pub mod fault;
#[cfg(feature = "fault-injection")]
mod inside;
pub(crate) mod overlapped;
#[cfg(feature = "os-ext")]
pub(crate) mod pipe;
pub(crate) mod port;
#[cfg(feature = "net")]
pub(crate) mod socket;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The system calls that `call` wraps.
        #[derive(Copy, Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(not(feature = "fault-injection"), allow(dead_code, unreachable_pub))]
        pub enum Call { $($(#[$doc])* $name,)* }

        #[cfg(feature = "fault-injection")]
        impl Call {
            /// All of them.
            pub const ALL: &'static [Call] = &[$(Call::$name),*];
        }
    };
}

calls! {
    /// `accept`
    Accept,
    /// `IOCTL_AFD_POLL`, by `NtDeviceIoControlFile`
    AfdPoll,
    /// `CreateIoCompletionPort`, to have a handle's operations end in a port
    Associate,
    /// `SIO_BASE_HANDLE` and its kin, by `WSAIoctl`
    BaseHandle,
    /// `bind`
    Bind,
    /// `NtCancelIoFileEx`, `CancelIoEx`
    Cancel,
    /// `connect`
    Connect,
    /// `NtCreateFile`, of an AFD helper
    CreateAfd,
    /// `ConnectNamedPipe`
    ConnectNamedPipe,
    /// `CreateNamedPipeW`
    CreateNamedPipe,
    /// `DisconnectNamedPipe`
    DisconnectNamedPipe,
    /// `GetNamedPipeInfo` and `GetNamedPipeHandleStateW`
    PipeInfo,
    /// `ReadFile`
    ReadFile,
    /// `WriteFile`
    WriteFile,
    /// `CreateIoCompletionPort`, to make a port
    CreatePort,
    /// `GetQueuedCompletionStatusEx`
    Dequeue,
    /// `getsockopt`
    Getsockopt,
    /// `ioctlsocket`
    Ioctlsocket,
    /// `listen`
    Listen,
    /// `PostQueuedCompletionStatus`
    Post,
    /// `SetHandleInformation`
    SetHandleInformation,
    /// `WSASocketW`
    Socket,
    /// `WSAStartup`
    Startup,
}

/// Makes one system call. `which` tells the fault injection what it is.
#[inline(always)]
pub(crate) fn call<T>(which: Call, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    #[cfg(feature = "fault-injection")]
    if let Some(error) = fault::check(which) {
        return Err(error);
    }
    #[cfg(feature = "fault-injection")]
    let _inside = inside::enter(which);
    #[cfg(not(feature = "fault-injection"))]
    let _ = which;
    f()
}

/// Of a call that answers FALSE for an error, which `GetLastError` tells.
#[inline]
pub(crate) fn win32(outcome: BOOL) -> io::Result<()> {
    if outcome == 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Of a call that answers an NTSTATUS. Those from 0x8000_0000 on, negative ones, are warnings and
/// errors.
#[inline]
pub(crate) fn nt(status: NTSTATUS) -> io::Result<()> {
    if status < 0 {
        Err(nt_error(status))
    } else {
        Ok(())
    }
}

/// The error that Windows has for a status.
#[allow(unsafe_code)]
pub(crate) fn nt_error(status: NTSTATUS) -> io::Error {
    // SAFETY: takes a number and looks it up in a table.
    let code = unsafe { RtlNtStatusToDosError(status) };
    io::Error::from_raw_os_error(code as i32)
}
