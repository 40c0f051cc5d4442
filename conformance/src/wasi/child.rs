//! Test bodies in processes of their own: every test is in one, as nextest starts them.

use std::sync::atomic::{AtomicBool, Ordering};

/// Runs `body`, as the first and only test of this process.
pub fn isolated(test: &str, body: impl FnOnce()) {
    static RUN: AtomicBool = AtomicBool::new(false);
    let again = RUN.swap(true, Ordering::Relaxed);
    assert!(
        !again,
        "{test} is not alone: run the suite with `cargo xtask wasi`"
    );
    body();
}
