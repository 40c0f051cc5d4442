#![doc = "ferrio"]
#![deny(unsafe_code)]
// Where nothing can be polled, the machinery of polling is compiled but has no user.
#![cfg_attr(sys_shell, allow(dead_code))]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]

#[macro_use]
mod macros;

pub mod capabilities;
mod deadline;
pub mod event;
#[cfg(any(feature = "net", all(os_unix, feature = "os-ext")))]
mod forward;
mod interest;
mod io_source;
mod kind;
mod notify;
mod poll;
mod readiness;
mod sync;
mod sys;
mod token;
mod waker;

#[cfg(feature = "net")]
pub mod net;
#[cfg(all(os_unix, feature = "os-ext"))]
pub mod unix;

#[cfg(all(sys_unix, feature = "fault-injection"))]
#[doc(hidden)]
pub use crate::sys::os::fault;

pub use crate::event::Events;
pub use crate::interest::Interest;
pub use crate::kind::{SelectorKind, WakerKind};
pub use crate::poll::{Builder, Poll, Registry};
pub use crate::token::Token;
pub use crate::waker::Waker;
