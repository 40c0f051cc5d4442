//! wasi-libc's calls, and the host's under preview 1: one safe function each.
//!
//! Everything goes through [`call`], which in builds for the project's own tests fails on request (see
//! `fault`). What std does by itself does not.

use std::io;

#[cfg(feature = "fault-injection")]
#[path = "../../unix/os/fault.rs"] // The same for all platforms.
pub mod fault;

pub(crate) mod error;
pub(crate) mod fd;
#[cfg(wasi_p1)]
pub(crate) mod oneoff;
pub(crate) mod poll;
#[cfg(not(wasi_p1))]
pub(crate) mod socket;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The calls that `call` wraps.
        #[derive(Copy, Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(not(feature = "fault-injection"), allow(dead_code, unreachable_pub))]
        pub enum Call { $($(#[$doc])* $name,)* }

        #[cfg(feature = "fault-injection")]
        impl Call {
            /// All of them.
            pub const ALL: &'static [Call] = &[$(Call::$name),*];
        }
    };
}

calls! {
    /// `connect`
    Connect,
    /// `fd_fdstat_get`, of preview 1
    FdStat,
    /// `getsockname`
    Getsockname,
    /// `getsockopt`
    Getsockopt,
    /// `poll`
    Poll,
    /// `poll_oneoff`, of preview 1
    PollOneoff,
    /// `sendto`
    Sendto,
    /// `socket`
    Socket,
}

/// Makes one call. `which` tells the fault injection what it is.
#[inline(always)]
pub(crate) fn call<T>(which: Call, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    #[cfg(feature = "fault-injection")]
    if let Some(error) = fault::check(which) {
        return Err(error);
    }
    #[cfg(not(feature = "fault-injection"))]
    let _ = which;
    f()
}

/// Of a call of wasi-libc's, which answers -1 for an error that `errno` tells.
#[cfg(not(wasi_p1))]
pub(crate) fn checked<T: PartialEq + From<i8>>(outcome: T) -> io::Result<T> {
    if outcome == T::from(-1) {
        return Err(io::Error::last_os_error());
    }
    Ok(outcome)
}

/// Of a call of the host's, which answers the error.
#[cfg(wasi_p1)]
pub(crate) fn host<T>(outcome: Result<T, wasip1::Errno>) -> io::Result<T> {
    outcome.map_err(|errno| io::Error::from_raw_os_error(i32::from(errno.raw())))
}
