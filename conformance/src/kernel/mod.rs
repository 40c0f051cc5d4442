//! The kernel beside the library: what it says of a descriptor or a SOCKET, and input and output that
//! the library under test has no part in. The same surface on all systems.

#[cfg(not(windows))]
mod descriptors;
pub mod error;
#[cfg(unix)]
mod unix;
#[cfg(target_os = "wasi")]
mod wasi;
#[cfg(windows)]
mod windows;

use std::io;
use std::time::Duration;

#[cfg(not(windows))]
pub use self::descriptors::{AsRaw, IN, Number, OUT, Owned, number, poll};
#[cfg(unix)]
pub use self::descriptors::{ERR, HUP, read, write};
#[cfg(unix)]
pub use self::unix::{DATA_AND_END, OWN_END, OWN_HUP, RDHUP, receive, unread};
#[cfg(target_os = "wasi")]
pub use self::wasi::{DATA_AND_END, ERR, HUP, OWN_END, OWN_HUP, RDHUP, read, receive, write};
#[cfg(windows)]
pub use self::windows::{
    AsRaw, DATA_AND_END, ERR, HUP, IN, Number, OUT, OWN_END, OWN_HUP, Owned, RDHUP, number, poll,
    read, receive, unread, write,
};

/// Readiness, in the kernel's own flags.
pub type Flags = i16;

/// What the kernel reports of `flags` at this moment, and beyond them.
pub fn ready_now(of: &impl AsRaw, flags: Flags) -> Flags {
    answer(poll(number(of), flags, Duration::ZERO))
}

/// Whether there is something to read or to accept at this moment.
pub fn is_readable(of: &impl AsRaw) -> bool {
    ready_now(of, IN) != 0
}

/// Whether the descriptor or SOCKET of this number can be written to at this moment, or has failed.
pub fn is_writable(number: Number) -> bool {
    answer(poll(number, OUT, Duration::ZERO)) != 0
}

fn answer(flags: io::Result<Flags>) -> Flags {
    flags.unwrap_or_else(|error| panic!("the kernel: {error}"))
}
