//! wasi-libc's calls, one safe function each.

pub(crate) mod error;
pub(crate) mod fd;
pub(crate) mod poll;
#[cfg(all(feature = "net", not(wasi_p1)))]
pub(crate) mod socket;
