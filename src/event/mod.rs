//! Readiness events, and what can be registered to produce them.
//!
//! [`Event`] says what happened, [`Events`] is the buffer that
//! [`Poll::poll`](crate::Poll::poll) fills, and [`Source`] is what a type implements to be
//! registered.

#[allow(clippy::module_inception)] // `event::event` holds `Event`, `event::events` its buffer.
mod event;
mod events;
mod source;

pub use self::event::Event;
pub use self::events::{Events, Iter};
pub use self::source::Source;
