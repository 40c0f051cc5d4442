//! ferrio under mio's name.
//!
//! A program that depends on `mio` 1.x, itself or through another crate, runs on ferrio when its
//! workspace patches the registry's `mio` with this package:
//!
//! ```toml
//! [patch.crates-io]
//! mio = { path = "ferrio/compat/mio" }
//! ```
//!
//! Features and defaults are mio's: `log` alone by default; `os-poll`, `os-ext` and `net` on
//! request. Cargo ignores a patch whose version does not satisfy the dependant's requirement, and
//! says so only in a warning: check that `Cargo.lock` names `mio 1.2.99` and no other `mio`.
#![no_std]

pub use ferrio::*;
