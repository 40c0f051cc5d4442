//! System calls: one safe function each, and the only callers of libc.
//!
//! Everything goes through [`call`], which turns -1 into the `io::Error` of `errno` and, in builds
//! for the project's own tests, fails on request (see [`fault`]). Descriptors that come from users
//! are bare numbers: a wrong one has to reach the kernel and come back as `EBADF`.

use std::io;

#[cfg(feature = "net")]
pub(crate) mod address;
#[cfg(sel_epoll)]
pub(crate) mod epoll;
#[cfg(any(sel_kqueue, sel_poll))]
pub(crate) mod error;
#[cfg(waker_eventfd)]
pub(crate) mod eventfd;
#[cfg(feature = "fault-injection")]
pub mod fault;
#[cfg_attr(not(any(has_pipe, feature = "net")), allow(dead_code))] // For sockets and pipes.
pub(crate) mod fd;
#[cfg(sel_kqueue)]
pub(crate) mod kqueue;
#[cfg(has_pipe)]
pub(crate) mod pipe;
#[cfg(sel_poll)]
pub(crate) mod poll;
#[cfg(any(
    all(feature = "net", has_accept4),
    all(waker_eventfd, has_pipe),
    all(waker_kqueue, has_pipe),
    sel_epoll,
    all(sel_poll, has_ppoll)
))]
pub(crate) mod refusal;
#[cfg(feature = "net")]
pub(crate) mod socket;

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The system calls that `call` wraps.
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
    /// `accept(2)`
    Accept,
    /// `accept4(2)`
    Accept4,
    /// `bind(2)`
    Bind,
    /// `connect(2)`
    Connect,
    /// `epoll_create(2)`
    EpollCreate,
    /// `epoll_create1(2)`
    EpollCreate1,
    /// `epoll_ctl(2)`
    EpollCtl,
    /// `epoll_pwait2(2)`
    EpollPwait2,
    /// `epoll_wait(2)`
    EpollWait,
    /// `eventfd(2)`
    Eventfd,
    /// `fcntl(2)`
    Fcntl,
    /// `getsockopt(2)`
    Getsockopt,
    /// `kevent(2)`
    Kevent,
    /// `kqueue(2)`
    Kqueue,
    /// `listen(2)`
    Listen,
    /// `pipe(2)`
    Pipe,
    /// `pipe2(2)`
    Pipe2,
    /// `poll(2)`
    Poll,
    /// `ppoll(2)`
    Ppoll,
    /// `read(2)`
    Read,
    /// `setsockopt(2)`
    Setsockopt,
    /// `socket(2)`
    Socket,
    /// `socketpair(2)`
    Socketpair,
    /// `write(2)`
    Write,
}

/// What system calls return: -1 is an error, which `errno` tells.
pub(crate) trait Outcome: Copy {
    fn is_error(self) -> bool;

    /// The error, right after the call.
    fn error(self) -> io::Error {
        io::Error::last_os_error()
    }
}

impl Outcome for libc::c_int {
    #[inline]
    fn is_error(self) -> bool {
        self == -1
    }
}

// `ssize_t` and the `c_long` of `syscall(2)`, both a pointer wide wherever Rust has these systems.
impl Outcome for isize {
    #[inline]
    fn is_error(self) -> bool {
        self == -1
    }
}

/// Makes one system call. `which` tells the fault injection what it is.
#[inline(always)]
pub(crate) fn call<T: Outcome>(which: Call, f: impl FnOnce() -> T) -> io::Result<T> {
    #[cfg(feature = "fault-injection")]
    if let Some(failure) = fault::failure(which) {
        if failure.made {
            f();
        }
        return Err(failure.error);
    }
    #[cfg(not(feature = "fault-injection"))]
    let _ = which;
    let outcome = f();
    if outcome.is_error() {
        Err(outcome.error())
    } else {
        Ok(outcome)
    }
}
