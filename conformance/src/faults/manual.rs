//! What each system call may answer, as its manual page lists it.
//!
//! A row holds every errno of the section ERRORS, also those that the library's arguments cannot
//! bring about: what a kernel answers some day is not for the library to judge. Where a page sends
//! the reader on, those pages are named too.

use ferrio::SelectorKind;
use ferrio::capabilities::{ACCEPT4, EPOLL_PWAIT2, PIPE, PIPE2, PPOLL};
use ferrio::fault::Call;

/// One row: a call and its errors.
#[derive(Debug)]
pub struct Row {
    pub call: Call,
    /// The manual page, and others that it names for further errors.
    pub page: &'static str,
    pub errnos: &'static [i32],
    /// Whether this build makes the call at all.
    pub made: fn() -> bool,
}

/// What a filter in front of the kernel answers, whatever the call: seccomp(2), and `ENOSYS` of
/// syscalls(2) for a kernel that is older than the call.
pub const REFUSALS: &[i32] = &[libc::ENOSYS, libc::EPERM];

/// The errors of `call`.
pub fn errnos(call: Call) -> &'static [i32] {
    let row = TABLE.iter().find(|row| row.call == call);
    row.unwrap_or_else(|| panic!("{call:?} has no row in src/faults/manual.rs"))
        .errnos
}

/// The errors of `call`, and the refusals where they are not among them.
pub fn answers(call: Call) -> Vec<i32> {
    let listed = errnos(call);
    let refusals = REFUSALS.iter().filter(|errno| !listed.contains(errno));
    listed.iter().chain(refusals).copied().collect()
}

fn always() -> bool {
    true
}

fn selects(kind: SelectorKind) -> bool {
    SelectorKind::available().contains(&kind)
}

fn has_epoll() -> bool {
    selects(SelectorKind::Epoll)
}

fn has_kqueue() -> bool {
    selects(SelectorKind::Kqueue)
}

fn has_eventfd() -> bool {
    ferrio::WakerKind::available().contains(&ferrio::WakerKind::Eventfd)
}

/// The table; every call of the library has a row in it.
pub const TABLE: &[Row] = &[
    row(
        Call::Accept,
        "accept(2), and the errors of the network that tcp(7) and ip(7) name",
        ACCEPT,
        always,
    ),
    row(
        Call::Accept4,
        "accept4(2), on the page of accept(2)",
        ACCEPT,
        || ACCEPT4,
    ),
    row(Call::Bind, "bind(2)", BIND, always),
    row(
        Call::Connect,
        "connect(2), and the errors of it that ip(7) and unix(7) name",
        CONNECT,
        always,
    ),
    row(
        Call::EpollCreate,
        "epoll_create(2)",
        EPOLL_CREATE,
        has_epoll,
    ),
    row(
        Call::EpollCreate1,
        "epoll_create1(2), on the page of epoll_create(2)",
        EPOLL_CREATE,
        has_epoll,
    ),
    row(Call::EpollCtl, "epoll_ctl(2)", EPOLL_CTL, has_epoll),
    row(
        Call::EpollPwait2,
        "epoll_pwait2(2), on the page of epoll_wait(2)",
        EPOLL_WAIT,
        || EPOLL_PWAIT2,
    ),
    row(Call::EpollWait, "epoll_wait(2)", EPOLL_WAIT, has_epoll),
    row(Call::Eventfd, "eventfd(2)", EVENTFD, has_eventfd),
    row(Call::Fcntl, "fcntl(2)", FCNTL, always),
    row(Call::Getsockopt, "getsockopt(2), socket(7)", OPTION, always),
    row(
        Call::Kevent,
        "kevent(2) of FreeBSD and macOS",
        KEVENT,
        has_kqueue,
    ),
    row(
        Call::Kqueue,
        "kqueue(2) of FreeBSD and macOS",
        KQUEUE,
        has_kqueue,
    ),
    row(Call::Listen, "listen(2)", LISTEN, always),
    row(Call::Pipe, "pipe(2)", PIPE_ERRORS, || PIPE && !PIPE2),
    row(
        Call::Pipe2,
        "pipe2(2), on the page of pipe(2)",
        PIPE_ERRORS,
        || PIPE2,
    ),
    row(Call::Poll, "poll(2)", POLL, always),
    row(
        Call::Ppoll,
        "ppoll(2), on the page of poll(2)",
        POLL,
        || PPOLL,
    ),
    row(Call::Read, "read(2), eventfd(2), pipe(7)", READ, always),
    row(Call::Setsockopt, "setsockopt(2), socket(7)", OPTION, always),
    row(Call::Socket, "socket(2)", SOCKET, always),
    row(
        Call::Socketpair,
        "socketpair(2), unix(7)",
        SOCKETPAIR,
        always,
    ),
    row(Call::Write, "write(2), eventfd(2), pipe(7)", WRITE, always),
];

const fn row(call: Call, page: &'static str, errnos: &'static [i32], made: fn() -> bool) -> Row {
    Row {
        call,
        page,
        errnos,
        made,
    }
}

const ACCEPT: &[i32] = &[
    libc::EAGAIN,
    libc::EBADF,
    libc::ECONNABORTED,
    libc::EFAULT,
    libc::EINTR,
    libc::EINVAL,
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOBUFS,
    libc::ENOMEM,
    libc::ENOTSOCK,
    libc::EOPNOTSUPP,
    libc::EPERM,
    libc::EPROTO,
    // "Depending on the protocol."
    libc::ENOSR,
    libc::EPROTONOSUPPORT,
    libc::ESOCKTNOSUPPORT,
    libc::ETIMEDOUT,
    // "May be seen during a trace": ERESTARTSYS, which no header for programs has.
    512,
    // "Error handling": those of the network, of a connection that is pending.
    libc::EHOSTDOWN,
    libc::EHOSTUNREACH,
    libc::ENETDOWN,
    libc::ENETUNREACH,
    libc::ENONET,
    libc::ENOPROTOOPT,
];

const BIND: &[i32] = &[
    libc::EACCES,
    libc::EADDRINUSE,
    libc::EADDRNOTAVAIL,
    libc::EBADF,
    libc::EFAULT,
    libc::EINVAL,
    libc::ELOOP,
    libc::ENAMETOOLONG,
    libc::ENOENT,
    libc::ENOMEM,
    libc::ENOTDIR,
    libc::ENOTSOCK,
    libc::EROFS,
];

const CONNECT: &[i32] = &[
    libc::EACCES,
    libc::EADDRINUSE,
    libc::EADDRNOTAVAIL,
    libc::EAFNOSUPPORT,
    libc::EAGAIN,
    libc::EALREADY,
    libc::EBADF,
    libc::ECONNREFUSED,
    libc::EFAULT,
    libc::EINPROGRESS,
    libc::EINTR,
    libc::EISCONN,
    libc::ENETUNREACH,
    libc::ENOTSOCK,
    libc::EPERM,
    libc::EPROTOTYPE,
    libc::ETIMEDOUT,
    // "Other errors may be generated by the underlying protocol modules."
    libc::EHOSTUNREACH,
    libc::EINVAL,
    libc::ENOBUFS,
    libc::ENOENT,
];

const EPOLL_CREATE: &[i32] = &[libc::EINVAL, libc::EMFILE, libc::ENFILE, libc::ENOMEM];

const EPOLL_CTL: &[i32] = &[
    libc::EBADF,
    libc::EEXIST,
    libc::EINVAL,
    libc::ELOOP,
    libc::ENOENT,
    libc::ENOMEM,
    libc::ENOSPC,
    libc::EPERM,
];

const EPOLL_WAIT: &[i32] = &[libc::EBADF, libc::EFAULT, libc::EINTR, libc::EINVAL];

const EVENTFD: &[i32] = &[
    libc::EINVAL,
    libc::EMFILE,
    libc::ENFILE,
    libc::ENODEV,
    libc::ENOMEM,
];

const FCNTL: &[i32] = &[
    libc::EACCES,
    libc::EAGAIN,
    libc::EBADF,
    libc::EBUSY,
    libc::EDEADLK,
    libc::EFAULT,
    libc::EINTR,
    libc::EINVAL,
    libc::EMFILE,
    libc::ENOLCK,
    libc::ENOTDIR,
    libc::EPERM,
];

const KEVENT: &[i32] = &[
    libc::EACCES,
    libc::EBADF,
    libc::EFAULT,
    libc::EINTR,
    libc::EINVAL,
    libc::ENOENT,
    libc::ENOMEM,
    libc::ESRCH,
];

const KQUEUE: &[i32] = &[libc::EMFILE, libc::ENFILE, libc::ENOMEM];

const LISTEN: &[i32] = &[
    libc::EADDRINUSE,
    libc::EBADF,
    libc::ENOTSOCK,
    libc::EOPNOTSUPP,
];

/// Of socket(7) the two in the middle: POSIX has `EDOM` for times, `ENOMEM` for any option.
const OPTION: &[i32] = &[
    libc::EBADF,
    libc::EFAULT,
    libc::EDOM,
    libc::ENOMEM,
    libc::EINVAL,
    libc::ENOPROTOOPT,
    libc::ENOTSOCK,
];

const PIPE_ERRORS: &[i32] = &[
    libc::EFAULT,
    libc::EINVAL,
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOPKG,
];

const POLL: &[i32] = &[libc::EFAULT, libc::EINTR, libc::EINVAL, libc::ENOMEM];

const READ: &[i32] = &[
    libc::EAGAIN,
    libc::EBADF,
    libc::EFAULT,
    libc::EINTR,
    libc::EINVAL,
    libc::EIO,
    libc::EISDIR,
];

const SOCKET: &[i32] = &[
    libc::EACCES,
    libc::EAFNOSUPPORT,
    libc::EINVAL,
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOBUFS,
    libc::ENOMEM,
    libc::EPROTONOSUPPORT,
];

const SOCKETPAIR: &[i32] = &[
    libc::EAFNOSUPPORT,
    libc::EFAULT,
    libc::EMFILE,
    libc::ENFILE,
    libc::ENOMEM,
    libc::EOPNOTSUPP,
    libc::EPERM,
    libc::EPROTONOSUPPORT,
];

const WRITE: &[i32] = &[
    libc::EAGAIN,
    libc::EBADF,
    libc::EDESTADDRREQ,
    libc::EDQUOT,
    libc::EFAULT,
    libc::EFBIG,
    libc::EINTR,
    libc::EINVAL,
    libc::EIO,
    libc::ENOSPC,
    libc::EPERM,
    libc::EPIPE,
];
