//! What does not run on Windows, and why: each suite and each case that stands behind `cfg(unix)`.
//!
//! The suite `unix_only` compares these lists with the files, and counts what they leave out, so that
//! nothing is left out unseen. A case that Windows could run but a backend cannot is not here but in
//! [`capability`](crate::capability).

/// What a file keeps to Unix.
#[derive(Debug)]
pub enum Kept {
    /// All of it: the file begins with `#![cfg(unix)]`.
    All,
    /// The cases and tests of these names.
    Cases(&'static [&'static str]),
}

/// A file in `tests/`, what it keeps to Unix, and why.
pub const UNIX_ONLY: &[(&str, Kept, &str)] = &[];
