//! Scripts: random programs over the whole library, run on every backend and on a model.
//!
//! A script ([`Op`]) makes sources, registers them, moves data, wakes, polls, closes. The runner
//! carries it out on a backend and tells the model of each answer; the model, which makes no system
//! call, knows the contract. Compared are the kinds of the errors, at once; and whenever the script
//! settles (polls with timeouts of zero until nothing comes):
//!
//! * the events that must have come: for each direction of each registration that the user waits for
//!   and that is ready, and for each wake;
//! * what must not come: tokens that nobody has, flags that nobody asked for or that aren't true,
//!   events that nothing has caused;
//! * that the model's idea of readiness is the kernel's, asked by poll(2) beside the library. Where
//!   buffer sizes decide, the model doesn't know, and takes the kernel's word. What is under way in
//!   the network is waited for first, so that it doesn't matter how long it takes.
//!
//! Events that nobody waits for are permitted where the kernel makes edges and something has
//! happened to the source; they are counted by type. Everywhere else the bound is zero.
//!
//! A script that fails is shrunk and printed as Rust, to be kept in `tests/scripts/kept.rs`.

pub mod bytes;
mod case;
mod compare;
mod fuzz;
mod kernel;
mod model;
mod op;
#[cfg(unix)]
mod rounds;
mod run;
#[cfg_attr(windows, path = "../windows/script_source.rs")]
#[cfg_attr(target_os = "wasi", path = "../wasi/script_source.rs")]
mod source;
mod stats;
pub mod strategy;
mod threads;

pub use self::case::Case;
pub use self::compare::{Divergence, Script, check, check_all};
pub use self::fuzz::{Failure, backends, fuzz, fuzz_threads};
pub use self::op::{How, Kind, Op, Timeout, Want};
#[cfg(unix)]
pub use self::rounds::check_rounds;
pub use self::stats::Stats;
pub use self::threads::check_threads;
