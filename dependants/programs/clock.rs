//! The CPU time of this process.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// User and system time of all threads so far, by `CLOCK_PROCESS_CPUTIME_ID` (clock_getres(2)):
/// getrusage(2) counts the same, in coarser steps.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither is ever negative, nor are there a second's nanoseconds or more.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
