//! What the kernel says when it is asked beside the library.

use std::time::{Duration, Instant};

use super::model::{READ, WRITE};
use crate::LIMIT;
use crate::kernel::{self, AsRaw, Flags, HUP, IN, Number, OUT};

/// Whether the kernel calls a socket readable when this end has shut down its reading half. On Windows
/// only the library knows, if it was done through the same object: so duplicates are not shut down.
pub(super) const TELLS_OWN_SHUTDOWN: bool = cfg!(not(windows));

/// Whether there can be another descriptor for the same socket.
pub(super) const HAS_DUPLICATES: bool = cfg!(not(target_os = "wasi"));

/// The most that may wait to be read from a TCP stream, if not what the kernel takes. On WASI a stream that is closed with more than
/// the kernel takes waits until it is gone, and nobody reads meanwhile: there a write never blocks.
pub(super) const MOST_UNREAD: Option<usize> = if cfg!(target_os = "wasi") {
    Some(16 * 1024)
} else {
    None
};

/// What an error is told by, beside readiness. On WASI it is readiness alone.
const ERR: Flags = if cfg!(target_os = "wasi") {
    0
} else {
    kernel::ERR
};

/// What means that neither half is left. On Windows HUP is about reading.
const END_OF_BOTH: Flags = if cfg!(unix) { HUP } else { 0 };

/// The flags that poll(2), or WSAPoll, reports.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Answer(Flags);

impl Answer {
    fn has(self, flags: Flags) -> bool {
        self.0 & flags != 0
    }

    /// Whether there is any reason to try an operation of this direction.
    pub(super) fn is_ready(self, direction: usize) -> bool {
        let flag = [IN | HUP, OUT | END_OF_BOTH][direction];
        self.has(flag | ERR)
    }

    pub(super) fn is_readable(self) -> bool {
        self.has(IN)
    }

    pub(super) fn is_writable(self) -> bool {
        self.has(OUT)
    }
}

/// Asks, waiting for nothing.
pub(super) fn ask(number: Number) -> Answer {
    let flags = kernel::poll(number, IN | OUT, Duration::ZERO);
    Answer(flags.unwrap_or_else(|error| panic!("the kernel: {error}")))
}

/// What the network stack has to bring before it is known to be quiet.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Awaited {
    pub(super) ready: [bool; 2],
    /// The other end is closed. A thread that is blocked in poll(2) holds it a moment longer.
    pub(super) hang_up: bool,
    /// In the receive buffer.
    pub(super) bytes: usize,
}

#[cfg(not(target_os = "wasi"))]
fn has_arrived(stream: Number, bytes: usize) -> bool {
    bytes == 0 || kernel::unread(stream) >= bytes
}

/// Nothing tells how much there is: see [`Rules`](super::model::Rules), `trickles`.
#[cfg(target_os = "wasi")]
fn has_arrived(_: Number, _: usize) -> bool {
    true
}

/// Waits until it is there. `false`: it did not come within [`LIMIT`].
pub(super) fn wait(of: &impl AsRaw, awaited: Awaited) -> bool {
    let fd = kernel::number(of);
    let begun = Instant::now();
    loop {
        let answer = ask(fd);
        let ready = [READ, WRITE]
            .iter()
            .all(|&direction| !awaited.ready[direction] || answer.is_ready(direction));
        let closed = !awaited.hang_up || answer.has(HUP | ERR);
        if ready && closed && has_arrived(fd, awaited.bytes) {
            return true;
        }
        if begun.elapsed() > LIMIT {
            return false;
        }
        // WASI's host looks at its sockets while the program waits.
        #[cfg(target_os = "wasi")]
        std::thread::sleep(Duration::from_millis(1));
        #[cfg(not(target_os = "wasi"))]
        std::thread::yield_now();
    }
}
