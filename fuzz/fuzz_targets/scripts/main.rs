//! Bytes from libFuzzer as scripts, run on every backend of the build and on the model of the contract:
//! `conformance/src/script`. `cargo xtask fuzz --libfuzzer` builds and runs this.
//!
//! The environment: `FERRIO_SCRIPT_BACKEND`, a name or its beginning; `FERRIO_FUZZ_COUNTS`, the file for
//! what was reached, written at the end and every few seconds; `FERRIO_FUZZ_REPLAY`, set for a run of
//! one file: a script that fails is made small, and both are printed as Rust.

#![no_main]

mod counts;
mod replay;

use std::env;
use std::sync::{LazyLock, Mutex, PoisonError};

use ferrio_conformance::LIMIT;
use ferrio_conformance::script::{self, Case};
use libfuzzer_sys::fuzz_target;

use counts::Tally;

static TALLY: LazyLock<Mutex<Tally>> = LazyLock::new(|| {
    let prefix = env::var("FERRIO_SCRIPT_BACKEND").unwrap_or_default();
    Mutex::new(Tally::new(&script::backends(&prefix)))
});

extern "C" fn at_exit() {
    let mut tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
    tally.write();
}

fn begin() {
    // SAFETY: atexit(3) takes a function that is there as long as the process.
    let registered = unsafe { libc::atexit(at_exit) };
    assert_eq!(registered, 0, "atexit");
    // As in every Rust program whose `main` is Rust's: a write to a pipe that nobody reads is an error.
    // SAFETY: nothing of this process handles the signal.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR, "SIGPIPE");
    if replay::is_asked() {
        // Panics are caught and compared like all that goes wrong, where libfuzzer-sys would end it all.
        let _ = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
    }
}

/// The lowest number that is not a descriptor's. It grows if a script leaves one open.
fn lowest_free() -> libc::c_int {
    // SAFETY: dup(2) takes numbers only.
    let number = unsafe { libc::dup(0) };
    assert!(number >= 0, "dup: {}", std::io::Error::last_os_error());
    // SAFETY: the number is this function's own.
    let closed = unsafe { libc::close(number) };
    assert_eq!(closed, 0, "close");
    number
}

fuzz_target!(init: begin(), |bytes: &[u8]| {
    let case = Case::from_bytes(bytes);
    let mut tally = TALLY.lock().unwrap_or_else(PoisonError::into_inner);
    if replay::is_asked() {
        return replay::run(case, &tally.backends());
    }
    let before = lowest_free();
    if let Err(divergence) = case.check(tally.of(&case), LIMIT) {
        eprintln!("{divergence}\nto be kept, after `cargo xtask fuzz --replay` has made it small:\n{case}");
        tally.diverged();
        tally.write();
        std::process::abort();
    }
    let after = lowest_free();
    if after > before {
        eprintln!("descriptor {before} was left open by\n{case}");
        tally.diverged();
        tally.write();
        std::process::abort();
    }
    tally.write_sometimes();
});
