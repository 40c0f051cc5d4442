//! What this target has, as the build found it.
//!
//! These are the facts that ferrio itself is built by. They say what the system's interface offers,
//! not what a particular kernel or sandbox lets through: see
//! [`SelectorKind::available`](crate::SelectorKind::available) for what this build can make.
//!
//! # Examples
//!
//! ```
//! if ferrio::capabilities::EPOLL {
//!     println!("there is epoll(7)");
//! }
//! ```

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $cfg:ident,)*) => {
        $(
            $(#[$doc])*
            pub const $name: bool = cfg!($cfg);
        )*

        /// All of them by name.
        ///
        /// # Examples
        ///
        /// ```
        /// for (name, present) in ferrio::capabilities::ALL {
        ///     println!("{name:14} {present}");
        /// }
        /// ```
        pub const ALL: &[(&str, bool)] = &[$((stringify!($name), $name)),*];
    };
}

capabilities! {
    /// `epoll(7)`.
    EPOLL = has_epoll,
    /// I/O completion ports, on Windows.
    IOCP = has_iocp,
    /// The interfaces of WASI.
    WASI = has_wasi,
    /// `epoll_pwait2(2)`: timeouts below a millisecond. Linux 5.11.
    EPOLL_PWAIT2 = has_epoll_pwait2,
    /// `kqueue(2)`.
    KQUEUE = has_kqueue,
    /// `EVFILT_USER`: an event of `kqueue(2)` that a thread triggers. Version 10 of NetBSD; before that a
    /// pipe does instead.
    USER_EVENTS = has_user_events,
    /// `EVFILT_AIO`: `kqueue(2)` tells of requests of `aio(4)`, so there is `Interest::AIO`.
    AIO_EVENTS = has_aio_events,
    /// `EVFILT_LIO`: and of `lio_listio(2)`, so there is `Interest::LIO`.
    LIO_EVENTS = has_lio_events,
    /// `eventfd(2)`.
    EVENTFD = has_eventfd,
    /// `pipe(2)`, and a selector that can watch one.
    PIPE = has_pipe,
    /// `accept4(2)`: accepted sockets are non-blocking and close-on-exec from birth.
    ACCEPT4 = has_accept4,
    /// `SOCK_NONBLOCK` and `SOCK_CLOEXEC` in `socket(2)` and `socketpair(2)`.
    SOCK_FLAGS = has_sock_flags,
    /// `pipe2(2)`.
    PIPE2 = has_pipe2,
    /// Unix socket addresses outside the file system, `unix(7)`.
    ABSTRACT_UDS = has_abstract_uds,
    /// `ppoll(2)`: `poll(2)` with timeouts below a millisecond.
    PPOLL = has_ppoll,
    /// `POLLRDHUP`: `poll(2)` tells that the peer has shut down its writing half.
    POLLRDHUP = has_pollrdhup,
    /// `EPOLLPRI` or `POLLPRI` tell of TCP's urgent data, so there is `Interest::PRIORITY`.
    PRIORITY = has_priority,
}
