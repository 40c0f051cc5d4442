//! Windows: one completion port for everything.
//!
//! Windows tells when an operation has ended, not when one could begin. What ferrio promises is made of
//! that in two ways. The readiness of sockets is the end of an operation too, of an "AFD poll", so
//! sockets are read and written directly ([`selector`]). For named pipes nothing of that kind exists:
//! they are read ahead and written behind, into buffers of their own ([`named_pipe`]).
//!
//! ```text
//!  Poll ---- Selector ---- Shared ------- Port ---- completion port
//!                            |  helpers     ^  ^
//!  source -- Operation ------+  changes     |  | rings
//!             a SocketState, the memory     |  WakeHub ---- Waker
//!             of a question                 |
//!  NamedPipe --- its operations ------------+
//! ```
//!
//! [`port`] says who owns what, and what drops do.

#[cfg(feature = "os-ext")]
pub(crate) mod named_pipe;
pub(crate) mod os;
pub(crate) mod port;
mod selector;
mod waker;

#[cfg(feature = "net")]
mod net;
#[cfg(feature = "net")]
pub(crate) mod tcp;
#[cfg(feature = "net")]
pub(crate) mod udp;

use std::os::windows::io::{AsRawSocket, RawSocket};

pub(crate) use self::selector::{
    AVAILABLE as SELECTORS, DEFAULT as DEFAULT_SELECTOR, FLAGS, IoSourceState, Selector,
};
pub(crate) use self::waker::{AVAILABLE as WAKERS, DEFAULT as DEFAULT_WAKER, WakeHub};

/// A source's raw handle: its socket.
pub(crate) trait AsRaw {
    fn raw(&self) -> RawSocket;
}

impl<T: AsRawSocket> AsRaw for T {
    fn raw(&self) -> RawSocket {
        self.as_raw_socket()
    }
}

/// Forgets which calls this kernel was found to refuse: it refuses none.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {}
