//! What only WASI has: the descriptors that the host gives to the program.
//!
//! # Examples
//!
//! Waiting for input:
//!
//! ```
//! # #[cfg(target_os = "wasi")]
//! # fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//! use ferrio::{Events, Interest, Poll, Token, wasi::SourceFd};
//!
//! let mut poll = Poll::new()?;
//! let stdin = 0; // the host opens 0, 1 and 2, and behind them what it gives
//! poll.registry().register(&mut SourceFd(&stdin), Token(0), Interest::READABLE)?;
//! poll.poll(&mut Events::with_capacity(8), Some(Duration::from_millis(1)))?;
//! # Ok(())
//! # }
//! # #[cfg(not(target_os = "wasi"))]
//! # fn main() {}
//! ```

pub use crate::source_fd::SourceFd;
