//! The conformance suite: one set of cases, run on every backend that the target has.
//!
//! A backend is a selector together with a waker. A file in `tests/` states its cases as plain
//! functions that take a [`Backend`], and lists them in [`conformance!`]; the macro makes a `#[test]`
//! of every case for every backend, named `suite::backend::case`:
//!
//! ```text
//! registration::epoll_eventfd::double_register_is_already_exists
//! ```
//!
//! Beside the cases each suite gets two tests of the suite itself: no backend that the library
//! offers is left out, and exactly the committed number of cases is skipped (see [`capability`]).
//!
//! # Adding a backend
//!
//! A row in `build.rs` (which targets have it), a row in the macro [`conformance!`] (its module and its
//! kinds), its system calls in [`Backend::calls`], and what it cannot do in [`capability::GAPS`], with
//! the number of cases that are skipped for that in [`capability::COMMITTED`]. Until the first two are
//! there, a test in every suite fails.
//!
//! # Helpers
//!
//! The helpers follow two rules. They wait for conditions, within [`LIMIT`], and never for a time
//! that must be long enough. And what they cannot find out is a failure, never a pass.

pub mod allocations;
mod backend;
#[cfg(any(unix, windows))]
#[cfg_attr(windows, path = "windows/blocked.rs")]
mod blocked;
pub mod capability;
#[cfg_attr(target_os = "wasi", path = "wasi/child.rs")]
mod child;
pub mod closed;
#[cfg_attr(windows, path = "windows/descriptors.rs")]
#[cfg_attr(target_os = "wasi", path = "wasi/descriptors.rs")]
pub mod descriptors;
mod driver;
#[cfg(unix)]
pub mod emulator;
#[cfg(unix)]
pub mod faults;
pub mod kernel;
pub mod multicast;
#[cfg(unix)]
pub mod operations;
pub mod outside;
pub mod pairs;
pub mod rearm;
pub mod samples;
#[cfg(unix)]
mod sanitizer;
#[cfg(not(wasi_p1))]
pub mod script;
#[cfg(unix)]
pub mod seccomp;
#[cfg(unix)]
pub mod signal;
pub mod sockets;
#[cfg_attr(target_os = "wasi", path = "wasi/threads.rs")]
mod threads;
pub mod unix_only;
#[cfg(unix)]
mod unix_samples;
#[cfg(unix)]
pub mod unix_sockets;
pub mod wasi;
#[cfg(windows)]
#[path = "windows/wine.rs"]
pub mod wine;

pub use self::backend::{Backend, SelectorCalls, assert_complete};
pub use self::capability::Capability;
pub use self::child::isolated;
#[cfg(unix)]
pub use self::child::{Forked, fork};
pub use self::driver::{Driver, has};
pub use self::threads::{Background, apart, in_thread, wait_for};

/// How long a condition may take to come true. Reached only when a test fails.
pub const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
