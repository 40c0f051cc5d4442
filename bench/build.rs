//! Finds libuv and libevent. Who has them not builds the benchmark without them, and its report names them.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Asked for by src/suite.rs; set through RUSTFLAGS, so that it reaches ferrio and mio too.
    println!("cargo::rustc-check-cfg=cfg(mio_unsupported_force_poll_poll)");
    println!("cargo::rustc-check-cfg=cfg(has_libuv)");
    println!("cargo::rustc-check-cfg=cfg(has_libevent)");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    watch_installed_packages();
    // The release that brought `uv_handle_set_data`.
    if found("libuv", "1.19") {
        println!("cargo::rustc-cfg=has_libuv");
    }
    // Wakes from other threads take the second library. The first one's `EVENT_BASE_FLAG_PRECISE_TIMER` is of 2.1.
    if found("libevent_core", "2.1") && found("libevent_pthreads", "2.1") {
        println!("cargo::rustc-cfg=has_libevent");
    }
}

fn found(library: &str, version: &str) -> bool {
    pkg_config::Config::new()
        .atleast_version(version)
        .probe(library)
        .is_ok()
}

/// A library that is installed later is found by the next build: dpkg's list changes with every package. Elsewhere the
/// directories that pkg-config looks into have to do.
fn watch_installed_packages() {
    let dpkg = Path::new("/var/lib/dpkg/status");
    if dpkg.exists() {
        println!("cargo::rerun-if-changed={}", dpkg.display());
        return;
    }
    for directory in [
        "/usr/lib/pkgconfig",
        "/usr/lib64/pkgconfig",
        "/usr/local/lib/pkgconfig",
    ] {
        if Path::new(directory).exists() {
            println!("cargo::rerun-if-changed={directory}");
        }
    }
}
