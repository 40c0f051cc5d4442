//! Says which backends the target has, so that `src/backend.rs` can instantiate the cases for them.
//!
//! The suite checks this list against `SelectorKind::available()` and `WakerKind::available()`: a
//! backend that is missing here fails a test in every suite.

use std::env;

/// Backend, and the operating systems that have it.
const BACKENDS: &[(&str, &[&[&str]])] = &[
    ("backend_epoll_eventfd", &[EPOLL]),
    ("backend_epoll_pipe", &[EPOLL]),
    ("backend_kqueue_kqueue", &[USER_EVENTS]),
    ("backend_kqueue_pipe", &[USER_EVENTS, &["openbsd"]]),
    ("backend_poll_eventfd", &[EPOLL]),
    ("backend_poll_kqueue", &[USER_EVENTS]),
    (
        "backend_poll_pipe",
        &[EPOLL, USER_EVENTS, &["openbsd", "solaris"]],
    ),
    ("backend_iocp_packet", &[&["windows"]]),
    ("backend_poll_flag", &[&["wasi-p2"]]),
    ("backend_poll_oneoff_flag", &[&["wasi-p1"]]),
];

const EPOLL: &[&str] = &["linux", "android", "illumos"];
/// kqueue(2) with `EVFILT_USER`. "simulated" is Linux with a library in the place of the kernel's,
/// `--cfg ferrio_kqueue`.
const USER_EVENTS: &[&str] = &[
    "simulated",
    "macos",
    "ios",
    "tvos",
    "watchos",
    "visionos",
    "freebsd",
    "dragonfly",
    "netbsd",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(ferrio_kqueue)");
    // For cases about what such a build does without.
    println!("cargo::rustc-check-cfg=cfg(ferrio_without, values(any()))");
    let mut os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" && env::var_os("CARGO_CFG_FERRIO_KQUEUE").is_some() {
        os = "simulated".into();
    }
    if os == "wasi" {
        // Two previews, and a selector for each.
        os += "-";
        os += &env::var("CARGO_CFG_TARGET_ENV").unwrap_or_default();
    }
    // Where only the host opens sockets.
    println!("cargo::rustc-check-cfg=cfg(wasi_p1)");
    if os == "wasi-p1" {
        println!("cargo::rustc-cfg=wasi_p1");
    }
    for (cfg, systems) in BACKENDS {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        if systems.iter().any(|some| some.contains(&os.as_str())) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}
