//! The platform for builds that cannot poll: without the feature `os-poll`, or for a target whose
//! readiness facility ferrio does not know.
//!
//! It offers the same surface as the others, so that what is written against ferrio compiles.
//! Sockets are the standard library's, made non-blocking. What needs an operating system's poll
//! answers `Unsupported` with a sentence that says what to do: above all the making of a [`Selector`],
//! so that a value of that type never exists and its methods are never reached, which the compiler
//! checks.

mod io_source_state;
mod selector;
#[cfg(feature = "net")]
pub(crate) mod tcp;
#[cfg(feature = "net")]
pub(crate) mod udp;

#[cfg(all(os_unix, feature = "os-ext"))]
pub(crate) mod pipe;
#[cfg(all(os_unix, feature = "net"))]
pub(crate) mod uds;

use std::io;

pub(crate) use self::io_source_state::IoSourceState;
pub(crate) use self::selector::{
    DEFAULT_SELECTOR, DEFAULT_WAKER, FLAGS, SELECTORS, Selector, WAKERS, WakeHub,
};

/// In place of a source's raw handle, which nobody here has a use for.
pub(crate) struct NoHandle;

pub(crate) trait AsRaw {
    fn raw(&self) -> NoHandle {
        NoHandle
    }
}

impl<T> AsRaw for T {}

/// The error of everything that this build cannot do.
fn unsupported(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        format!("this build of ferrio cannot {what}: {}", super::NO_POLL),
    )
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests;
