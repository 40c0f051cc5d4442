//! What the servers in `src/bin` have in common: one event loop, and the parts it is made of.
//!
//! A server here is a [`Session`](server::Session), the state machine of one connection, and an
//! [`App`](server::App), which opens sessions and holds what they share. The rest is in this
//! library; read it in this order:
//!
//! * [`server`] is the loop: wait, take note of the events, give each connection its turn, accept.
//! * [`socket`] remembers what edge-triggered events said until an operation says `WouldBlock`.
//! * [`slab`] turns connections into tokens and back, and is why a late event is harmless.
//! * [`outbox`] keeps what the kernel doesn't take yet, and says when it has become too much.
//! * [`acceptor`] refuses connections when there are too many, out of descriptors included.
//! * [`deadlines`] knows when to wake up although nothing happens.
//! * [`throttle`] keeps floods out of the log, and counts what it keeps out.
//! * [`stop`] and [`cli`] are what makes a program of it: Ctrl-C, addresses, one-line errors.

pub mod acceptor;
pub mod cli;
pub mod deadlines;
pub mod outbox;
pub mod server;
pub mod sessions;
pub mod slab;
pub mod socket;
pub mod stop;
pub mod throttle;
