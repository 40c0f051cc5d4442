//! The one place that knows the names of operating systems.
//!
//! Every target is translated into capabilities (`has_epoll`, `has_accept4`, ...), which the source
//! tests with plain `#[cfg(has_epoll)]` or `cfg!(has_epoll)`. Adding a platform means adding a row
//! to [`TABLE`]. Most of these facts are public as `ferrio::capabilities`.

use std::env;

/// Everything a row may claim. rustc is told of all of them, so that a misspelt cfg is an error.
const CAPABILITIES: &[&str] = &[
    "has_epoll",          // epoll(7)
    "has_iocp",           // I/O completion ports, and \Device\Afd to ask about sockets
    "has_wasi",           // the interfaces of WASI
    "has_epoll_pwait2",   // epoll_pwait2(2): timeouts in nanoseconds, Linux 5.11
    "has_sys_epoll_wait", // epoll_wait(2) can be called past libc, src/sys/unix/os/epoll/way.rs
    "has_kqueue",         // kqueue(2)
    "has_user_events",    // EVFILT_USER: an event of kqueue(2) that a thread triggers
    "has_aio_events",     // EVFILT_AIO: kqueue(2) tells of requests of aio(4)
    "has_lio_events",     // EVFILT_LIO: and of lists of them
    "has_eventfd",        // eventfd(2)
    "has_eventfd_flags",  // EFD_CLOEXEC and EFD_NONBLOCK; without them its counter never blocks
    "has_eventfd_edges",  // for epoll, a write to an eventfd is an edge even if nobody has read it
    "has_pipe",           // pipe(2), and poll(2) sees what is in one
    "has_accept4",        // accept4(2)
    "has_sock_flags",     // SOCK_CLOEXEC and SOCK_NONBLOCK in socket(2) and socketpair(2)
    "has_pipe2",          // pipe2(2)
    "has_abstract_uds",   // Unix socket addresses outside the file system, unix(7)
    "has_priority",       // EPOLLPRI or POLLPRI tell of TCP's urgent data: Interest::PRIORITY
    "has_ppoll",          // ppoll(2): poll(2) with timeouts in nanoseconds
    "has_pollrdhup",      // POLLRDHUP: poll(2) tells that the peer has shut down its writing half
    "has_pollnval",       // POLLNVAL: poll(2) tells that a descriptor is not open
    "has_backlog_max",    // listen(2) takes -1 as "the largest backlog this system allows"
    "has_backlog_128",    // listen(2) takes 128
    "has_backlog_32",     // listen(2) takes 32
    "has_cloexec",        // descriptors have the flag FD_CLOEXEC, for there are processes to start
    "has_nosigpipe",      // SO_NOSIGPIPE: writing to a closed connection raises no signal
];

/// Those of [`CAPABILITIES`] that are used by the number of the system call.
const RAW_CALLS: &[&str] = &["has_epoll_pwait2", "has_sys_epoll_wait"];

/// Those that a Linux build for kqueue(2) (`--cfg ferrio_kqueue`) does without.
const NOT_BESIDE_KQUEUE: &[&str] = &[
    "has_epoll",
    "has_epoll_pwait2",
    "has_sys_epoll_wait",
    "has_eventfd",
    "has_eventfd_flags",
    "has_eventfd_edges",
];

/// Names for parts of the build that are derived below rather than looked up in [`TABLE`].
const DERIVED: &[&str] = &[
    "android_std", // std's extensions for this system are in std::os::android
    "os_unix",     // the Unix family: file descriptors and Unix sockets exist
    "os_windows",  // Windows: handles and SOCKETs
    "os_fd",       // std::os::fd exists: the Unix family, WASI, Hermit
    "os_wasi",     // WASI
    "os_hermit",   // Hermit
    "sys_unix",    // sys/unix is compiled in
    "sys_windows", // sys/windows is compiled in
    "sys_wasi",    // sys/wasi is compiled in
    "wasi_p1",     // and preview 1 is all there is
    "sys_shell",   // sys/shell is compiled in
    "sys_poll",    // sys/poll is compiled in: a selector that makes edges of levels
    "force_poll",  // poll(2) was asked for by cfg
    "force_pipe",  // the pipe waker was asked for by cfg
    "sel_epoll",   // the selectors that are compiled in: one, or with `runtime-selector` all
    "sel_kqueue",
    "sel_poll",
    "sel_poll_oneoff",
    "sel_iocp",
    "waker_eventfd", // the wakers likewise; a pipe is always there, as the last resort, if pipes are
    "waker_kqueue",
    "waker_pipe",
    "waker_udp",     // a UDP socket, where there is nothing else
    "waker_flag",    // a flag in memory, where there is nobody else
    "poll_has_fd",   // a `Poll` is a descriptor that another loop can watch
    "musl",          // libc is musl: it has its own way of calling epoll_wait(2)
    "ferrio_loom",   // model checking, see src/sync.rs
    "ferrio_kqueue", // kqueue(2) on Linux, from a library of that name, see src/sys/unix/os/kqueue.rs
    // Tests see by another option which sockets get SO_NOSIGPIPE.
    "nosigpipe_stand_in",
];

struct Row {
    os: &'static [&'static str],
    /// Architectures this row is limited to; empty means all.
    arch: &'static [&'static str],
    has: &'static [&'static [&'static str]],
    /// What only some architectures have.
    has_on: &'static [(&'static str, &'static [&'static str])],
}

/// What every Unix has, but for a few.
const POSIX: &[&str] = &[
    "has_pipe",
    "has_pollnval",
    "has_cloexec",
    "has_backlog_32",
    "has_backlog_128",
];

/// The ways to give a descriptor its flags in the call that makes it.
const AT_BIRTH: &[&str] = &["has_accept4", "has_sock_flags", "has_pipe2"];

/// The first row that fits the target counts. A target without a row gets the shell.
///
/// A function counts as there only if the crate libc declares it for the target and every release
/// that Rust supports has it: an unresolved symbol cannot be caught at run time. The backlogs are
/// std's. `cargo xtask check-targets` compares each row with `targets.toml`.
const TABLE: &[Row] = &[
    Row {
        os: &["linux"],
        arch: &[],
        has: &[
            POSIX,
            AT_BIRTH,
            &[
                "has_epoll",
                "has_epoll_pwait2",
                "has_eventfd",
                "has_eventfd_flags",
                "has_eventfd_edges",
                "has_abstract_uds",
                "has_priority",
                "has_ppoll",
                "has_pollrdhup",
                "has_backlog_max",
            ],
        ],
        // Where it was measured. Others take libc's function.
        has_on: &[("has_sys_epoll_wait", &["x86_64"])],
    },
    // Android's seccomp policy kills a 32-bit x86 process for accept4, which goes through
    // socketcall there, so there is nothing to fall back from at run time.
    Row {
        os: &["android"],
        arch: &["x86"],
        has: &[
            POSIX,
            &[
                "has_epoll",
                "has_eventfd",
                "has_eventfd_flags",
                "has_eventfd_edges",
                "has_sock_flags",
                "has_pipe2",
                "has_abstract_uds",
                "has_priority",
                "has_ppoll",
                "has_pollrdhup",
            ],
        ],
        has_on: &[],
    },
    // No epoll_pwait2: a policy older than the call kills the process instead of answering ENOSYS.
    Row {
        os: &["android"],
        arch: &[],
        has: &[
            POSIX,
            AT_BIRTH,
            &[
                "has_epoll",
                "has_eventfd",
                "has_eventfd_flags",
                "has_eventfd_edges",
                "has_abstract_uds",
                "has_priority",
                "has_ppoll",
                "has_pollrdhup",
            ],
        ],
        has_on: &[],
    },
    // No has_eventfd_edges: its epoll makes an edge only of a counter that was 0 (illumos issue 16700).
    // ppoll(2) exists, libc does not declare it. TCP's urgent data is POLLRDBAND, not POLLPRI.
    Row {
        os: &["illumos"],
        arch: &[],
        has: &[
            POSIX,
            AT_BIRTH,
            &[
                "has_epoll",
                "has_eventfd",
                "has_eventfd_flags",
                "has_pollrdhup",
            ],
        ],
        has_on: &[],
    },
    // No has_epoll: its epoll_event has 24 bytes, and ferrio has the kernel write into room for events
    // of 16. No has_sock_flags: std sets them afterwards as well.
    Row {
        os: &["redox"],
        arch: &[],
        has: &[POSIX, &["has_pipe2"]],
        has_on: &[],
    },
    // No has_eventfd: FreeBSD 12, which Rust supports, has none. It has no POLLRDHUP either, but a
    // kernel that doesn't know the flag ignores it.
    Row {
        os: &["freebsd"],
        arch: &[],
        has: &[
            POSIX,
            AT_BIRTH,
            &[
                "has_kqueue",
                "has_user_events",
                "has_aio_events",
                "has_lio_events",
                "has_ppoll",
                "has_pollrdhup",
                "has_backlog_max",
                "has_nosigpipe",
            ],
        ],
        has_on: &[],
    },
    Row {
        os: &["dragonfly"],
        arch: &[],
        has: &[
            POSIX,
            AT_BIRTH,
            &[
                "has_kqueue",
                "has_user_events",
                "has_aio_events",
                "has_ppoll",
                "has_nosigpipe",
            ],
        ],
        has_on: &[],
    },
    // No has_eventfd and no has_ppoll: both are new in NetBSD 10, and Rust supports 9. So is
    // EVFILT_USER (kern_event.c 1.108), but a kernel that doesn't know it says so. Its kqueue knows
    // aio(4) in name only.
    Row {
        os: &["netbsd"],
        arch: &[],
        has: &[
            POSIX,
            AT_BIRTH,
            &["has_kqueue", "has_user_events", "has_nosigpipe"],
        ],
        has_on: &[],
    },
    // No has_user_events: OpenBSD's EVFILT_USER was written in 2025, and older releases of libc, which will do
    // for ferrio, do not declare it.
    Row {
        os: &["openbsd"],
        arch: &[],
        has: &[
            POSIX,
            AT_BIRTH,
            &["has_kqueue", "has_ppoll", "has_backlog_max"],
        ],
        has_on: &[],
    },
    Row {
        os: &["macos", "ios", "tvos", "watchos", "visionos"],
        arch: &[],
        has: &[
            POSIX,
            &[
                "has_kqueue",
                "has_user_events",
                "has_aio_events",
                "has_backlog_max",
                "has_nosigpipe",
            ],
        ],
        has_on: &[],
    },
    // Solaris 11.4, the oldest that Rust supports. libc does not declare ppoll(2).
    Row {
        os: &["solaris"],
        arch: &[],
        has: &[POSIX, AT_BIRTH],
        has_on: &[],
    },
    Row {
        os: &["aix"],
        arch: &[],
        has: &[POSIX],
        has_on: &[],
    },
    // accept4() and the flags of socket() are younger than the releases that std runs on, which does
    // without them too. No has_backlog_128: SOMAXCONN is 32.
    Row {
        os: &["haiku"],
        arch: &[],
        has: &[&[
            "has_pipe",
            "has_ppoll",
            "has_pollnval",
            "has_backlog_32",
            "has_cloexec",
        ]],
        has_on: &[],
    },
    // glibc makes poll(2) of the RPC io_select, where SELECT_URG is TCP's urgent data.
    Row {
        os: &["hurd"],
        arch: &[],
        has: &[POSIX, AT_BIRTH, &["has_priority", "has_ppoll"]],
        has_on: &[],
    },
    // There is SOCK_CLOEXEC but no SOCK_NONBLOCK. Newer compilers call QNX 8 `qnx`.
    Row {
        os: &["nto", "qnx"],
        arch: &[],
        has: &[POSIX],
        has_on: &[],
    },
    // No has_eventfd: libc declares it, as all of musl, but fdio is not known to make one.
    Row {
        os: &["fuchsia"],
        arch: &[],
        has: &[POSIX, AT_BIRTH, &["has_ppoll"]],
        has_on: &[],
    },
    // No has_ppoll: Cygwin's cuts the timeout down to milliseconds, so 0.9 ms are none. POLLPRI is the
    // exceptional set of select(2). std has abstract names, but they cannot be bound to.
    Row {
        os: &["cygwin"],
        arch: &[],
        has: &[POSIX, AT_BIRTH, &["has_priority"]],
        has_on: &[],
    },
    // No has_eventfd: it is optional in NuttX's configuration, and a program that refers to it would
    // not link. POLLRDHUP is the same number as POLLHUP, so it tells nothing.
    Row {
        os: &["nuttx"],
        arch: &[],
        has: &[POSIX, AT_BIRTH],
        has_on: &[],
    },
    // No pipes. eventfd() takes no flags but one of its own, and reading it never blocks. Nothing can be
    // executed, and fcntl(2) knows only F_GETFL and F_SETFL.
    Row {
        os: &["espidf"],
        arch: &[],
        has: &[&["has_eventfd", "has_backlog_128", "has_backlog_32"]],
        has_on: &[],
    },
    // There are pipes, but poll(2) does not see what is in them. POLLPRI is POLLIN. Nothing can be
    // executed.
    Row {
        os: &["vita"],
        arch: &[],
        has: &[&["has_pollnval", "has_backlog_128", "has_backlog_32"]],
        has_on: &[],
    },
    // One program is the system: nothing can be executed, and there are neither pipes nor Unix sockets.
    // Sockets get their mode by fcntl(2), which knows F_GETFL and F_SETFL.
    Row {
        os: &["hermit"],
        arch: &[],
        has: &[&[
            "has_eventfd",
            "has_eventfd_flags",
            "has_pollnval",
            "has_pollrdhup",
            "has_backlog_128",
            "has_backlog_32",
        ]],
        has_on: &[],
    },
    // No has_priority: mio has no such interest there.
    Row {
        os: &["windows"],
        arch: &[],
        has: &[&["has_iocp", "has_backlog_128", "has_backlog_32"]],
        has_on: &[],
    },
    // POLLNVAL is made of errors, see src/sys/wasi/question.rs.
    Row {
        os: &["wasi"],
        arch: &[],
        has: &[&["has_wasi", "has_pollnval"]],
        has_on: &[],
    },
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in CAPABILITIES.iter().chain(DERIVED) {
        println!("cargo::rustc-check-cfg=cfg({name})");
    }

    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let row = TABLE.iter().find(|row| {
        row.os.contains(&os.as_str()) && (row.arch.is_empty() || row.arch.contains(&arch.as_str()))
    });
    let has = row.map(|row| capabilities(row, &os, &arch));
    for name in has.iter().flatten() {
        set(name);
    }

    if os == "android" {
        set("android_std");
    }
    set_if(os == "wasi", "os_wasi");
    set_if(os == "hermit", "os_hermit");
    let libc = env::var("CARGO_CFG_TARGET_ENV").unwrap_or_default();
    // The second is made of the first.
    set_if(
        os == "linux" && ["musl", "ohos"].contains(&libc.as_str()),
        "musl",
    );
    set_if(
        is_set("CARGO_CFG_UNIX") || ["wasi", "hermit"].contains(&os.as_str()),
        "os_fd",
    );
    derive(has.as_deref());
}

/// What the target has.
fn capabilities(row: &Row, os: &str, arch: &str) -> Vec<&'static str> {
    let on = row.has_on.iter().filter(|(_, archs)| archs.contains(&arch));
    let listed = row.has.iter().copied().flatten();
    let mut has: Vec<&str> = listed.chain(on.map(|(name, _)| name)).copied().collect();
    // MemorySanitizer knows what libc's functions write, not what a system call does.
    let sanitizers = env::var("CARGO_CFG_SANITIZE").unwrap_or_default();
    if sanitizers.split(',').any(|name| name == "memory") {
        has.retain(|name| !RAW_CALLS.contains(name));
    }
    // x32 has other numbers for system calls.
    let width = env::var("CARGO_CFG_TARGET_POINTER_WIDTH").unwrap_or_default();
    has.retain(|&name| name != "has_sys_epoll_wait" || width == "64");
    // In builds for tests, which then go the ways of systems that lack it: any number of
    // `--cfg ferrio_without="accept4"`.
    let without = env::var("CARGO_CFG_FERRIO_WITHOUT").unwrap_or_default();
    for name in without.split(',').filter(|name| !name.is_empty()) {
        // Linux has no SO_NOSIGPIPE. Another option takes its place, and tests see who gets it.
        if name == "sigpipe" {
            has.push("has_nosigpipe");
            set("nosigpipe_stand_in");
            continue;
        }
        let before = has.len();
        has.retain(|has| has.strip_prefix("has_") != Some(name));
        assert!(
            has.len() < before,
            "ferrio_without: there is no {name} here anyway"
        );
    }
    // A library named kqueue is to be linked, and what the BSDs have not got is left out.
    if os == "linux" && is_set("CARGO_CFG_FERRIO_KQUEUE") {
        has.retain(|name| !NOT_BESIDE_KQUEUE.contains(name));
        has.extend(["has_kqueue", "has_user_events"]);
    }
    for name in &has {
        assert!(CAPABILITIES.contains(name), "{name} is not in CAPABILITIES");
    }
    has
}

/// Chooses the parts of the build. `has`: what the target has, if it is one that is supported.
fn derive(has: Option<&[&str]>) {
    let can = |name| has.is_some_and(|has| has.contains(&name));
    // The names are mio's: dependants such as tokio test for them.
    let force_poll = is_set("CARGO_CFG_MIO_UNSUPPORTED_FORCE_POLL_POLL");
    // A target without pipes cannot be forced to use one.
    let pipe = can("has_pipe");
    let force_pipe = pipe && is_set("CARGO_CFG_MIO_UNSUPPORTED_FORCE_WAKER_PIPE");
    set_if(force_poll, "force_poll");
    set_if(force_pipe, "force_pipe");

    let os_unix = is_set("CARGO_CFG_UNIX");
    let all = is_set("CARGO_FEATURE_RUNTIME_SELECTOR");
    let os_poll = has.is_some() && is_set("CARGO_FEATURE_OS_POLL");
    let sys_windows = os_poll && can("has_iocp");
    let sys_wasi = os_poll && can("has_wasi");
    let sys_unix = os_poll && !sys_windows && !sys_wasi;
    set_if(os_unix, "os_unix");
    set_if(is_set("CARGO_CFG_WINDOWS"), "os_windows");
    set_if(sys_unix, "sys_unix");
    set_if(sys_windows, "sys_windows");
    set_if(sys_wasi, "sys_wasi");
    set_if(!os_poll, "sys_shell");
    if sys_windows {
        set("sel_iocp");
        set("waker_packet");
    } else if sys_wasi {
        let preview = env::var("CARGO_CFG_TARGET_ENV").unwrap_or_default();
        let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
        let threads = features.split(',').any(|name| name == "atomics");
        // rustc's older name for preview 1 is none.
        let p1 = preview == "p1" || preview.is_empty();
        set_if(p1, "wasi_p1");
        set_if(!threads, "waker_flag");
        set(if p1 { "sel_poll_oneoff" } else { "sel_poll" });
        set("sys_poll");
    } else if sys_unix {
        let epoll = can("has_epoll") && (all || !force_poll);
        let kqueue = can("has_kqueue") && (all || !force_poll);
        set_if(epoll, "sel_epoll");
        set_if(kqueue, "sel_kqueue");
        let poll = all || !(epoll || kqueue);
        set_if(poll, "sel_poll");
        set_if(poll, "sys_poll");
        let eventfd = can("has_eventfd") && (all || !force_pipe);
        // For poll(2) it would take a queue of its own: only if somebody asks for that.
        let user = kqueue && can("has_user_events") && (all || !force_pipe);
        set_if(eventfd, "waker_eventfd");
        set_if(user, "waker_kqueue");
        set_if(pipe && (all || !(eventfd || user)), "waker_pipe");
        set_if(!(pipe || eventfd || user), "waker_udp");
        set_if(os_unix && (all || epoll || kqueue), "poll_has_fd");
    } else {
        set_if(os_unix, "poll_has_fd");
    }
}

fn set_if(condition: bool, cfg: &str) {
    if condition {
        set(cfg);
    }
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some()
}

fn set(cfg: &str) {
    println!("cargo::rustc-cfg={cfg}");
}
