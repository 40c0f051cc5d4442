//! What programs do with tokio, on both of its runtimes: all of it waits on ferrio's completion port.
//! Everything has a limit, which only a failure reaches.
#![cfg(windows)]

mod pipe;
mod tasks;
mod tcp;
mod udp;

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(30);

/// Runs what `body` makes on a runtime of one thread, and then on one of four.
fn on_both<F: Future<Output = ()>>(body: impl Fn() -> F) {
    for (name, mut builder) in [
        ("current-thread", Builder::new_current_thread()),
        ("multi-thread", Builder::new_multi_thread()),
    ] {
        let runtime: Runtime = builder.worker_threads(4).enable_all().build().expect(name);
        let done = runtime.block_on(async { timeout(LIMIT, body()).await });
        done.unwrap_or_else(|_| panic!("still running on {name} after {LIMIT:?}"));
    }
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}
