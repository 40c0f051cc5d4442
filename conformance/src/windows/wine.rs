//! Where Wine is not Windows. Everything that the suite knows of it stands here; it was seen with Wine 8.
//!
//! What Wine has no way to do at all is named for completeness:
//!
//! * It answers `SIO_BASE_HANDLE`, but not `SIO_BSP_HANDLE_SELECT` and its kin: it has no layered
//!   providers.
//! * It has no Unix sockets.
//! * It binds a UDP socket to an address that no interface has.
//! * Its errors of memberships in groups are others.
//! * A socket that is bound to a loopback address other than 127.0.0.1 sends from 127.0.0.1, so two of
//!   them that are connected to each other don't hear each other: [`pairs`](crate::pairs) knows.
//! * The thread that began an overlapped operation is the one to write how it ended. If it ends itself at
//!   that moment, the packet comes all the same, and the operation's memory is as it was: seen with 331 of
//!   3000 AFD polls that were cancelled while their thread ended. ferrio knows such a packet and asks
//!   again, so nothing here depends on it.

use windows_sys::Win32::Networking::WinSock::{WSAEINVAL, WSAENOTCONN};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};

use crate::capability::Capability;

/// Capabilities that Windows has and Wine lacks, each with what Wine does instead.
pub const GAPS: &[(Capability, &str)] = &[
    (
        Capability::ErrorIsTakenOnce,
        "Wine answers SO_ERROR with the same error again",
    ),
    (
        Capability::EndIsToldBesideData,
        "Wine tells of the end of a stream when all before it was read",
    ),
    (
        Capability::ResetIsTheReadersError,
        "Wine's server takes the error of a reset for itself when it reports it, and a read finds the \
         end of the stream",
    ),
    (
        Capability::RefusedDatagramIsReported,
        "Wine reports nothing about a socket whose datagram was refused",
    ),
];

/// Why this system cannot do `capability`, if it is Wine and that is so.
pub(crate) fn gap(capability: Capability) -> Option<&'static str> {
    if is_here() { listed(capability) } else { None }
}

/// The same for Wine, wherever this runs.
pub(crate) fn listed(capability: Capability) -> Option<&'static str> {
    let found = GAPS.iter().find(|(lacking, _)| *lacking == capability);
    found.map(|(_, reason)| *reason)
}

/// Whether this is Wine: its `ntdll.dll` has a function that tells its version.
pub fn is_here() -> bool {
    // SAFETY: the argument is a C string, which the call only reads.
    let ntdll = unsafe { GetModuleHandleA(c"ntdll.dll".as_ptr().cast()) };
    let name = c"wine_get_version".as_ptr().cast();
    // SAFETY: every process has this library until its end, and `name` is a C string.
    unsafe { GetProcAddress(ntdll, name) }.is_some()
}

/// The error of a send on a UDP socket without a peer.
pub fn no_destination() -> i32 {
    if is_here() { WSAEINVAL } else { WSAENOTCONN }
}
