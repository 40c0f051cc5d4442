//! One clock for both processes: `CLOCK_MONOTONIC` is the machine's, so a time that one process
//! writes into a message means the same to the other. `Instant` reads it too, but can't be sent.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since the machine started.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Neither is negative on this clock.
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// For people.
pub fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}
