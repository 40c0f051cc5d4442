//! Says which backends the target has, so that `src/backend.rs` can instantiate the cases for them.
//!
//! The suite checks this list against `SelectorKind::available()` and `WakerKind::available()`: a
//! backend that is missing here fails a test in every suite.

use std::env;

/// Backend, and the operating systems that have it.
const BACKENDS: &[(&str, &[&str])] = &[
    ("backend_epoll_eventfd", &["linux", "android"]),
    ("backend_epoll_pipe", &["linux", "android"]),
    ("backend_poll_eventfd", &["linux", "android"]),
    ("backend_poll_pipe", &["linux", "android"]),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // For cases about what such a build does without.
    println!("cargo::rustc-check-cfg=cfg(ferrio_without, values(any()))");
    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    for (cfg, systems) in BACKENDS {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        if systems.contains(&os.as_str()) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}
