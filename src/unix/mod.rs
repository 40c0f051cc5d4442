//! What only Unix has: file descriptors of any kind as sources, and pipes.
//!
//! # Examples
//!
//! Waiting for a child's output, whatever else the `Poll` waits for:
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::io::Read;
//! use std::process::{Command, Stdio};
//! use ferrio::{Events, Interest, Poll, Token, unix::pipe};
//!
//! let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
//! let mut output = pipe::Receiver::from(child.stdout.take().unwrap());
//! output.set_nonblocking(true)?;
//!
//! let mut poll = Poll::new()?;
//! poll.registry().register(&mut output, Token(0), Interest::READABLE)?;
//! poll.poll(&mut Events::with_capacity(8), None)?;
//!
//! let mut buf = [0; 16];
//! let len = output.read(&mut buf)?;
//! assert_eq!(&buf[..len], b"hello\n");
//! # child.wait()?; Ok(())
//! # }
//! ```

pub mod pipe;

pub use crate::source_fd::SourceFd;
