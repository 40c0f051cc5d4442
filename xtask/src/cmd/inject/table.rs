//! What the kernel is made to answer, and what the example then does.
//!
//! Left out are answers that would be lies: an `EAGAIN` for data that is there takes away the edge that
//! nobody will see again, after an `EINTR` a `connect` goes on, which nobody has begun, and a `close` that
//! fails without having been made leaves the descriptor open.

/// An error: its name, and its number on every processor that Linux came to after Alpha and MIPS.
pub type Errno = (&'static str, i32);

/// What the example does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// All goes well.
    Serves,
    /// The same, and the call is asked for once in the whole run.
    ServesAnotherWay,
    /// It says what has failed, with the error of the kernel, and exits with 2.
    Stops,
    /// It counts the connections that have failed, says why, and exits with 1; the others go on.
    Loses,
}

#[derive(Debug)]
pub struct Row {
    pub call: &'static str,
    pub errnos: &'static [Errno],
    /// Which calls of each thread, as strace's `when` takes it.
    pub when: &'static [&'static str],
    pub then: Then,
}

/// As the example waits, if not for less than a millisecond.
const WAIT: &str = if cfg!(target_arch = "x86_64") {
    "epoll_wait"
} else {
    "epoll_pwait"
};

const EPERM: Errno = ("EPERM", 1);
const EINTR: Errno = ("EINTR", 4);
const EBADF: Errno = ("EBADF", 9);
const EAGAIN: Errno = ("EAGAIN", 11);
const ENOMEM: Errno = ("ENOMEM", 12);
const EACCES: Errno = ("EACCES", 13);
const EFAULT: Errno = ("EFAULT", 14);
const ENODEV: Errno = ("ENODEV", 19);
const EINVAL: Errno = ("EINVAL", 22);
const ENFILE: Errno = ("ENFILE", 23);
const EMFILE: Errno = ("EMFILE", 24);
const ENOSPC: Errno = ("ENOSPC", 28);
const EPIPE: Errno = ("EPIPE", 32);
const ENOSYS: Errno = ("ENOSYS", 38);
const ENOTSOCK: Errno = ("ENOTSOCK", 88);
const EOPNOTSUPP: Errno = ("EOPNOTSUPP", 95);
const EAFNOSUPPORT: Errno = ("EAFNOSUPPORT", 97);
const EADDRINUSE: Errno = ("EADDRINUSE", 98);
const EADDRNOTAVAIL: Errno = ("EADDRNOTAVAIL", 99);
const ENETDOWN: Errno = ("ENETDOWN", 100);
const ENETUNREACH: Errno = ("ENETUNREACH", 101);
const ECONNABORTED: Errno = ("ECONNABORTED", 103);
const ECONNRESET: Errno = ("ECONNRESET", 104);
const ENOBUFS: Errno = ("ENOBUFS", 105);
const ETIMEDOUT: Errno = ("ETIMEDOUT", 110);
const ECONNREFUSED: Errno = ("ECONNREFUSED", 111);
const EHOSTUNREACH: Errno = ("EHOSTUNREACH", 113);

const REFUSALS: &[Errno] = &[ENOSYS, EPERM];
const FULL: &[Errno] = &[EMFILE, ENFILE, ENOMEM];

const fn row(
    call: &'static str,
    errnos: &'static [Errno],
    when: &'static [&'static str],
    then: Then,
) -> Row {
    Row {
        call,
        errnos,
        when,
        then,
    }
}

/// Main makes the server, then the load; each of them runs in a thread of its own.
pub const TABLE: &[Row] = &[
    row("epoll_create1", REFUSALS, &["1+"], Then::ServesAnotherWay),
    row("eventfd2", REFUSALS, &["1+"], Then::ServesAnotherWay),
    row("accept4", REFUSALS, &["1+"], Then::ServesAnotherWay),
    row("epoll_pwait2", REFUSALS, &["1+"], Then::ServesAnotherWay),
    row("epoll_create1", FULL, &["1", "2"], Then::Stops),
    row("epoll_create1", &[EINVAL], &["1"], Then::Stops),
    row("eventfd2", FULL, &["1", "2"], Then::Stops),
    row("eventfd2", &[ENODEV, EINVAL], &["1"], Then::Stops),
    // The server's waker, its listener, the load's waker.
    row(
        "epoll_ctl",
        &[ENOMEM, ENOSPC],
        &["1", "2", "3"],
        Then::Stops,
    ),
    row(
        "epoll_ctl",
        &[EBADF, EPERM, EINVAL],
        &["1", "2"],
        Then::Stops,
    ),
    // The fourth connection of the load.
    row("epoll_ctl", &[ENOMEM, ENOSPC], &["4"], Then::Stops),
    row(WAIT, &[EBADF, EFAULT, EINVAL], &["1", "3"], Then::Stops),
    row(WAIT, &[EINTR], &["1", "2+3"], Then::Serves),
    row("epoll_pwait2", &[EINTR], &["1"], Then::Serves),
    row(
        "socket",
        &[EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM],
        &["1"],
        Then::Stops,
    ),
    row("socket", &[EMFILE, ENOBUFS], &["2"], Then::Stops),
    row("setsockopt", &[EBADF, EINVAL, ENOMEM], &["1"], Then::Stops),
    row(
        "bind",
        &[EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOMEM],
        &["1"],
        Then::Stops,
    ),
    row(
        "listen",
        &[EADDRINUSE, ENOTSOCK, EOPNOTSUPP],
        &["1"],
        Then::Stops,
    ),
    row("getsockname", &[EBADF, ENOBUFS], &["1"], Then::Stops),
    row(
        "connect",
        &[ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, ETIMEDOUT, EACCES],
        &["1", "2"],
        Then::Stops,
    ),
    // Whether a connection of the load was made.
    row(
        "getsockopt",
        &[EBADF, ENOMEM, EINVAL, ENOTSOCK],
        &["1", "2"],
        Then::Stops,
    ),
    row("getpeername", &[EBADF, ENOBUFS], &["1"], Then::Stops),
    // Main's first: it wakes the server, whose bell is full, or is rung again after a signal.
    row("write", &[EAGAIN, EINTR], &["1"], Then::Serves),
    row(
        "accept4",
        &[
            ECONNABORTED,
            EMFILE,
            ENFILE,
            ENOBUFS,
            ENOMEM,
            EINTR,
            ENETDOWN,
            EHOSTUNREACH,
        ],
        &["1", "2"],
        Then::Serves,
    ),
    row("recvfrom", &[ECONNRESET, ETIMEDOUT], &["2"], Then::Loses),
    row("recvfrom", &[EINTR], &["1", "2+3"], Then::Serves),
    row("sendto", &[ECONNRESET, EPIPE, ENOBUFS], &["2"], Then::Loses),
    row("sendto", &[EINTR], &["1", "2+3"], Then::Serves),
];
