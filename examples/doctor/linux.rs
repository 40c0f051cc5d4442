//! Linux's system calls, as far as ferrio and its programs use them.

use std::io;
use std::ptr::null_mut;

use libc::{c_int, c_long};

use ferrio::{SelectorKind, WakerKind};

use crate::calls::{Answer, Call, Need};

/// The same number on all architectures, as for all calls from 403 on; libc has it for some only.
const SYS_EPOLL_PWAIT2: c_long = 441;

/// A call to be made: what it returns, and if that is a descriptor to be closed.
type Attempt = fn() -> c_long;

/// For descriptors that a call is to find bad. A kernel that answers `EBADF` has looked at it, which
/// is all there is to know: a missing or refused call answers before it looks at anything.
const BAD: c_int = -1;

const CALLS: [(&str, &str, &str, Need, Attempt); 17] = [
    ("epoll_create1", "2.6.27", "selector", Need::Always, || {
        // SAFETY: takes no pointer.
        unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }.into()
    }),
    ("epoll_ctl", "2.6", "registration", Need::Always, || {
        // SAFETY: the event isn't looked at for a deletion, and the descriptors may be any numbers.
        unsafe { libc::epoll_ctl(BAD, libc::EPOLL_CTL_DEL, BAD, null_mut()) }.into()
    }),
    ("epoll_wait", "2.6", "waiting", Need::Always, || {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: there is room for one event.
        unsafe { libc::epoll_wait(BAD, &mut event, 1, 0) }.into()
    }),
    (
        "epoll_pwait2",
        "5.11",
        "timeouts below 1 ms",
        Need::Better,
        || {
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            let none = null_mut::<libc::c_void>();
            // SAFETY: there is room for one event; no timeout and no mask are allowed.
            unsafe { libc::syscall(SYS_EPOLL_PWAIT2, BAD, &raw mut event, 1, none, none, 0) }
        },
    ),
    ("poll", "any", "selector poll(2)", Need::Sometimes, || {
        let mut nobody = libc::pollfd {
            fd: BAD,
            events: 0,
            revents: 0,
        };
        // SAFETY: there is one record, and its descriptor may be any number.
        unsafe { libc::poll(&mut nobody, 1, 0) }.into()
    }),
    (
        "ppoll",
        "2.6.16",
        "timeouts below 1 ms with poll(2)",
        Need::Sometimes,
        || {
            let mut nobody = libc::pollfd {
                fd: BAD,
                events: 0,
                revents: 0,
            };
            let now = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            // SAFETY: there is one record, whose descriptor may be any number; the time outlives the
            // call, and no mask is allowed.
            unsafe { libc::ppoll(&mut nobody, 1, &now, null_mut()) }.into()
        },
    ),
    ("eventfd2", "2.6.27", "waker", Need::Better, || {
        // SAFETY: takes no pointer.
        unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }.into()
    }),
    (
        "socket",
        "2.6.27",
        "sockets, non-blocking from birth",
        Need::Sometimes,
        || {
            let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
            // SAFETY: takes no pointer.
            unsafe { libc::socket(libc::AF_INET, kind, 0) }.into()
        },
    ),
    (
        "socketpair",
        "2.6.27",
        "pairs of Unix sockets",
        Need::Sometimes,
        || {
            let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
            let mut pair = [BAD; 2];
            // SAFETY: there is room for two descriptors. The child's end closes them.
            unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, pair.as_mut_ptr()) }.into()
        },
    ),
    ("accept4", "2.6.28", "accepting", Need::Better, || {
        // SAFETY: no address is asked for.
        unsafe { libc::accept4(BAD, null_mut(), null_mut(), libc::SOCK_NONBLOCK) }.into()
    }),
    (
        "accept",
        "any",
        "accepting without accept4",
        Need::Sometimes,
        || {
            // SAFETY: no address is asked for.
            unsafe { libc::accept(BAD, null_mut(), null_mut()) }.into()
        },
    ),
    (
        "pipe2",
        "2.6.27",
        "waker, unix::pipe",
        Need::Sometimes,
        || {
            let mut pair = [BAD; 2];
            // SAFETY: there is room for two descriptors. The child's end closes them.
            unsafe { libc::pipe2(pair.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) }.into()
        },
    ),
    (
        "fcntl",
        "any",
        "descriptors' flags",
        Need::Sometimes,
        || {
            // SAFETY: this only reads the flags of a descriptor, and any number may be asked about.
            unsafe { libc::fcntl(BAD, libc::F_GETFL) }.into()
        },
    ),
    (
        "signalfd4",
        "2.6.27",
        "signals by SourceFd",
        Need::Sometimes,
        || {
            let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
            // SAFETY: sigemptyset(3) initialises the set it points to.
            unsafe { libc::sigemptyset(none.as_mut_ptr()) };
            // SAFETY: the set was just initialised.
            unsafe { libc::signalfd(BAD, none.as_ptr(), libc::SFD_CLOEXEC) }.into()
        },
    ),
    (
        "timerfd_create",
        "2.6.25",
        "timers by SourceFd",
        Need::Sometimes,
        || {
            // SAFETY: takes no pointer.
            unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) }.into()
        },
    ),
    (
        "inotify_init1",
        "2.6.27",
        "files by SourceFd",
        Need::Sometimes,
        || {
            // SAFETY: takes no pointer.
            unsafe { libc::inotify_init1(libc::IN_CLOEXEC) }.into()
        },
    ),
    (
        "pidfd_open",
        "5.3",
        "processes by SourceFd",
        Need::Sometimes,
        || {
            // SAFETY: takes two numbers.
            unsafe { libc::syscall(libc::SYS_pidfd_open, std::process::id(), 0) }
        },
    ),
];

/// Makes each call, and tells what came of it.
pub fn ask_all() -> Vec<Call> {
    let ask = |(name, since, used_for, need, attempt)| Call {
        name,
        since,
        used_for,
        need: need_here(name, need),
        answer: ask(attempt),
    };
    CALLS.into_iter().map(ask).collect()
}

/// The list is about a build as most have it. One may ask for poll(2), or for a pipe to wake by.
fn need_here(name: &str, need: Need) -> Need {
    let on_poll = SelectorKind::available().first() == Some(&SelectorKind::Poll);
    let by_pipe = WakerKind::available().first() == Some(&WakerKind::Pipe);
    match name {
        "poll" if on_poll => Need::Always,
        "ppoll" if on_poll => Need::Better,
        "epoll_create1" | "epoll_ctl" | "epoll_wait" | "epoll_pwait2" if on_poll => Need::Sometimes,
        "pipe2" if by_pipe => Need::Always,
        "eventfd2" if by_pipe => Need::Sometimes,
        _ => need,
    }
}

/// Makes a call in a child process. What it opens goes with the child.
fn ask(attempt: Attempt) -> Answer {
    // SAFETY: this program has only one thread so far, so the child may do whatever its parent may.
    match unsafe { libc::fork() } {
        // No child to be had. Then it is at our own risk.
        -1 => judge(try_here(attempt)),
        0 => {
            let number = try_here(attempt);
            // SAFETY: ends the child without any of the parent's clean-up.
            unsafe { libc::_exit(number) }
        }
        child => wait_for(child),
    }
}

/// The error number, or 0.
fn try_here(attempt: Attempt) -> i32 {
    if attempt() == -1 {
        io::Error::last_os_error().raw_os_error().unwrap_or(0)
    } else {
        0
    }
}

fn judge(number: i32) -> Answer {
    match number {
        0 | libc::EBADF => Answer::Works,
        libc::ENOSYS => Answer::Missing,
        libc::EPERM => Answer::Refused,
        number => Answer::Fails(number),
    }
}

fn wait_for(child: libc::pid_t) -> Answer {
    let mut status = 0;
    loop {
        // SAFETY: there is room for the status.
        let waited = unsafe { libc::waitpid(child, &mut status, 0) };
        if waited == child {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Answer::Fails(error.raw_os_error().unwrap_or(0));
        }
    }
    if libc::WIFSIGNALED(status) {
        Answer::Kills(libc::WTERMSIG(status))
    } else {
        judge(libc::WEXITSTATUS(status))
    }
}
