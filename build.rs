//! The one place that knows the names of operating systems.
//!
//! Every target is translated into capabilities (`has_epoll`, `has_accept4`, ...), which the source
//! tests with plain `#[cfg(has_epoll)]` or `cfg!(has_epoll)`. Adding a platform means adding a row
//! to [`TABLE`]. Most of these facts are public as `ferrio::capabilities`.

use std::env;

/// Everything a row may claim. rustc is told of all of them, so that a misspelt cfg is an error.
const CAPABILITIES: &[&str] = &[
    "has_epoll",          // epoll(7)
    "has_epoll_pwait2",   // epoll_pwait2(2): timeouts in nanoseconds, Linux 5.11
    "has_sys_epoll_wait", // the kernel has epoll_wait itself, not just epoll_pwait
    "has_eventfd",        // eventfd(2) with EFD_CLOEXEC and EFD_NONBLOCK
    "has_accept4",        // accept4(2)
    "has_sock_flags",     // SOCK_CLOEXEC and SOCK_NONBLOCK in socket(2) and socketpair(2)
    "has_pipe2",          // pipe2(2)
    "has_abstract_uds",   // Unix socket addresses outside the file system, unix(7)
    "has_priority",       // EPOLLPRI: Interest::PRIORITY
    "has_ppoll",          // ppoll(2): poll(2) with timeouts in nanoseconds
    "has_pollrdhup",      // POLLRDHUP: poll(2) tells that the peer has shut down its writing half
    "has_backlog_max",    // listen(2) takes -1 as "the largest backlog this system allows"
];

/// Those of [`CAPABILITIES`] that are used by the number of the system call.
const RAW_CALLS: &[&str] = &["has_epoll_pwait2", "has_sys_epoll_wait"];

/// Names for parts of the build that are derived below rather than looked up in [`TABLE`].
const DERIVED: &[&str] = &[
    "android_std", // std's extensions for this system are in std::os::android
    "os_unix",     // the Unix family: file descriptors and Unix sockets exist
    "sys_unix",    // sys/unix is compiled in
    "sys_shell",   // sys/shell is compiled in
    "force_poll",  // poll(2) was asked for by cfg
    "force_pipe",  // the pipe waker was asked for by cfg
    "sel_epoll",   // the selectors that are compiled in: one, or with `runtime-selector` all
    "sel_poll",
    "waker_eventfd", // the wakers likewise; the pipe is always there, as the last resort
    "waker_pipe",
    "poll_has_fd", // a `Poll` is a descriptor that another loop can watch
    "ferrio_loom", // model checking, see src/sync.rs
];

struct Row {
    os: &'static str,
    /// Architectures this row is limited to; empty means all.
    arch: &'static [&'static str],
    has: &'static [&'static str],
    /// What only some architectures have.
    has_on: &'static [(&'static str, &'static [&'static str])],
}

/// The first row that fits the target counts. A target without a row gets the shell.
const TABLE: &[Row] = &[
    Row {
        os: "linux",
        arch: &[],
        has: &[
            "has_epoll",
            "has_epoll_pwait2",
            "has_eventfd",
            "has_accept4",
            "has_sock_flags",
            "has_pipe2",
            "has_abstract_uds",
            "has_priority",
            "has_ppoll",
            "has_pollrdhup",
            "has_backlog_max",
        ],
        // Architectures that came to Linux later have epoll_pwait only. One that is missing here
        // takes libc's function.
        has_on: &[(
            "has_sys_epoll_wait",
            &["x86_64", "x86", "arm", "powerpc", "powerpc64", "s390x"],
        )],
    },
    // Android's seccomp policy kills a 32-bit x86 process for accept4, which goes through
    // socketcall there, so there is nothing to fall back from at run time.
    Row {
        os: "android",
        arch: &["x86"],
        has: &[
            "has_epoll",
            "has_eventfd",
            "has_sock_flags",
            "has_pipe2",
            "has_abstract_uds",
            "has_priority",
            "has_ppoll",
            "has_pollrdhup",
        ],
        has_on: &[],
    },
    // No epoll_pwait2: a policy older than the call kills the process instead of answering ENOSYS.
    Row {
        os: "android",
        arch: &[],
        has: &[
            "has_epoll",
            "has_eventfd",
            "has_accept4",
            "has_sock_flags",
            "has_pipe2",
            "has_abstract_uds",
            "has_priority",
            "has_ppoll",
            "has_pollrdhup",
        ],
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
    let row = TABLE
        .iter()
        .find(|row| row.os == os && (row.arch.is_empty() || row.arch.contains(&arch.as_str())));
    if let Some(row) = row {
        let on = row.has_on.iter();
        let on = on.filter(|(_, archs)| archs.contains(&arch.as_str()));
        // MemorySanitizer knows what libc's functions write, not what a system call does.
        let sanitizers = env::var("CARGO_CFG_SANITIZE").unwrap_or_default();
        let raw_calls = !sanitizers.split(',').any(|name| name == "memory");
        for name in row.has.iter().chain(on.map(|(name, _)| name)) {
            assert!(CAPABILITIES.contains(name), "{name} is not in CAPABILITIES");
            if raw_calls || !RAW_CALLS.contains(name) {
                set(name);
            }
        }
    }

    if os == "android" {
        set("android_std");
    }
    // The names are mio's: dependants such as tokio test for them.
    let force_poll = is_set("CARGO_CFG_MIO_UNSUPPORTED_FORCE_POLL_POLL");
    let force_pipe = is_set("CARGO_CFG_MIO_UNSUPPORTED_FORCE_WAKER_PIPE");
    set_if(force_poll, "force_poll");
    set_if(force_pipe, "force_pipe");

    let os_unix = is_set("CARGO_CFG_UNIX");
    let all = is_set("CARGO_FEATURE_RUNTIME_SELECTOR");
    let has = |name| row.is_some_and(|row| row.has.contains(&name));
    let sys_unix = row.is_some() && is_set("CARGO_FEATURE_OS_POLL");
    set_if(os_unix, "os_unix");
    set_if(sys_unix, "sys_unix");
    set_if(!sys_unix, "sys_shell");
    if sys_unix {
        let epoll = has("has_epoll") && (all || !force_poll);
        let eventfd = has("has_eventfd") && (all || !force_pipe);
        set_if(epoll, "sel_epoll");
        set_if(all || !epoll, "sel_poll");
        set_if(eventfd, "waker_eventfd");
        set_if(all || !eventfd, "waker_pipe");
        set_if(os_unix && (all || epoll), "poll_has_fd");
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
