//! How to build a program on ferrio, from the first loop to a server that withstands bad peers.
//!
//! Read in this order; every piece of code is compiled and run with the tests.
//!
//! 1. [`edges`]: the loop, step by step, and what "edge-triggered" asks of it
//! 2. [`tokens`]: what to put into a token, and how long it has to last
//! 3. [`connections`]: connecting, half-close, errors, and how a connection ends
//! 4. [`back_pressure`]: when the peer reads more slowly than you write
//! 5. [`wakers`]: other threads and signal handlers
//! 6. [`deadlines`]: timeouts, one and many
//! 7. [`mistakes`]: the five that everybody makes once, with the code that fails and the code that
//!    works
//! 8. [`porting`]: coming from mio
//! 9. [`platforms`]: which selector runs where, and how to choose
//!
//! Four whole servers, which put all of this together and withstand slow, rude and too many clients,
//! are in the repository's directory `programs/`; the smallest, a chat, is a good one to read next.

#[doc = include_str!("edges.md")]
pub mod edges {}

#[doc = include_str!("tokens.md")]
pub mod tokens {}

#[doc = include_str!("connections.md")]
pub mod connections {}

#[doc = include_str!("back_pressure.md")]
pub mod back_pressure {}

#[doc = include_str!("wakers.md")]
pub mod wakers {}

#[doc = include_str!("deadlines.md")]
pub mod deadlines {}

#[doc = include_str!("mistakes.md")]
pub mod mistakes {}

#[doc = include_str!("porting.md")]
pub mod porting {}

#[doc = include_str!("platforms.md")]
pub mod platforms {}
