//! The handles of this process. Only meaningful in [`isolated`](crate::isolated) bodies.

use std::io;
use std::os::windows::io::{AsSocket, OwnedSocket};

use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};

/// How many there are, of every kind.
pub fn count() -> u32 {
    let mut number = 0;
    // SAFETY: answers a constant.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: `process` is this one, and `number` a valid place for the result.
    let done = unsafe { GetProcessHandleCount(process, &raw mut number) };
    assert_ne!(done, 0, "{}", io::Error::last_os_error());
    number
}

/// A duplicate of a socket: another SOCKET for the same.
pub fn duplicate(socket: &impl AsSocket) -> OwnedSocket {
    let duplicate = socket.as_socket().try_clone_to_owned();
    duplicate.expect("a duplicate")
}

/// Runs `body` and panics unless as many handles are open afterwards as before.
pub fn assert_none_left<T>(what: &str, body: impl FnOnce() -> T) -> T {
    let before = count();
    let value = body();
    assert_eq!(count(), before, "{what}: handles");
    value
}
