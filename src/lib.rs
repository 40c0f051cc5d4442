//! ferrio is the layer between an operating system's readiness facility and everything that waits
//! on many sockets at once: async runtimes, proxies, brokers, databases, terminal programs.
//!
//! It does the job of [mio](https://docs.rs/mio) 1.x with the same names and signatures, so a
//! program moves by changing one line, and promises more than mio does:
//!
//! * **No lost wake.** Any number of [`Waker`]s per [`Poll`], from any thread or signal handler; a
//!   wake survives interrupted polls, full buffers and registrations at any moment.
//! * **Cheap wakes.** Waking a poll that is not asleep, or is being woken already, is one atomic
//!   operation and no system call.
//! * **Final deregistration.** Once [`Registry::deregister`] has returned, no later poll returns the
//!   old token, even if the descriptor's number is in use again.
//! * **Honest time.** [`Poll::poll`] is never early, no interruption makes it late, and timeouts
//!   below a millisecond are kept where the kernel can.
//!
//! # Where to begin
//!
//! [`Poll`] waits, [`Registry`] registers, [`Events`] holds what happened, [`Waker`] interrupts.
//! [`net`] has TCP, UDP and Unix sockets, [`unix`] pipes and raw descriptors. [`guide`] explains how
//! a program is built on them, [`features`] what can be switched on and off.
//!
//! # Platforms
//!
//! | target | selector | waker | state |
//! |---|---|---|---|
//! | Linux | `epoll(7)`, or `poll(2)` by choice | `eventfd(2)`, or a pipe | complete |
//! | Android | `epoll(7)` | `eventfd(2)` | compiles, was never run |
//! | illumos | `epoll` | `eventfd` | compiles, was never run |
//! | the BSDs, Apple's systems | `kqueue(2)` | an event of it; on OpenBSD a pipe | tested over a simulation on Linux, was never run there |
//! | other Unix systems | `poll(2)` | a pipe, or what there is | compile, were never run; [`guide::platforms`] has the list |
//! | Windows | an I/O completion port and AFD | a posted packet | complete, tested under Wine only |
//! | WASI | wasi-libc's `poll`, `poll_oneoff` | a flag in memory | complete, tested under wasmtime |
//! | all others | none yet | none yet | compile; [`Poll::new`] answers [`Unsupported`](std::io::ErrorKind::Unsupported) |
//!
//! # Examples
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//! use ferrio::{Events, Interest, Poll, Token, net::UdpSocket};
//!
//! let mut poll = Poll::new()?;
//! let mut events = Events::with_capacity(64);
//!
//! let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
//! poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
//! socket.send_to(b"ping", socket.local_addr()?)?;
//!
//! poll.poll(&mut events, Some(Duration::from_secs(10)))?;
//! for event in &events {
//!     assert_eq!(event.token(), Token(0));
//!     let mut buffer = [0; 16];
//!     let (length, _from) = socket.recv_from(&mut buffer)?;
//!     assert_eq!(&buffer[..length], b"ping");
//! }
//! # Ok(())
//! # }
//! ```
#![deny(unsafe_code)]
// Where nothing can be polled, the machinery of polling is compiled but has no user.
#![cfg_attr(sys_shell, allow(dead_code))]
#![warn(missing_docs, missing_debug_implementations, unreachable_pub)]
// Some pages name what only Unix has.
#![cfg_attr(not(os_unix), allow(rustdoc::broken_intra_doc_links))]

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
#[cfg(all(os_fd, feature = "os-ext"))]
mod source_fd;
mod sync;
mod sys;
mod token;
mod waker;

#[cfg(all(os_hermit, feature = "os-ext"))]
pub mod hermit;
#[cfg(feature = "net")]
pub mod net;
#[cfg(all(os_unix, feature = "os-ext"))]
pub mod unix;
#[cfg(all(os_wasi, feature = "os-ext"))]
pub mod wasi;
#[cfg(all(sys_windows, feature = "os-ext"))]
pub mod windows;

#[doc = include_str!("features.md")]
pub mod features {}

pub mod guide;

#[cfg(all(any(sys_unix, sys_windows, sys_wasi), feature = "fault-injection"))]
#[doc(hidden)]
pub use crate::sys::os::fault;

pub use crate::event::Events;
pub use crate::interest::Interest;
pub use crate::kind::{SelectorKind, WakerKind};
pub use crate::poll::{Builder, Poll, Registry};
pub use crate::token::Token;
pub use crate::waker::Waker;
