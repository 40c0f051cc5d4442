//! What a number of operations took.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use programs::clock;

pub struct Span {
    operations: u64,
    cpu: Duration,
    wall: Duration,
}

/// Runs `section` unmeasured with a tenth of the operations, then measured with all of them. It
/// returns how many it did, which may be a few more than asked.
pub fn measure(operations: u64, mut section: impl FnMut(u64) -> Result<u64>) -> Result<Span> {
    ensure!(operations > 0, "no operations are nothing to measure");
    section(operations.div_ceil(10))?;
    let (cpu, wall) = (clock::cpu(), Instant::now());
    let done = section(operations)?;
    let span = Span {
        operations: done,
        cpu: clock::cpu() - cpu,
        wall: wall.elapsed(),
    };
    ensure!(done >= operations, "{done} of {operations} operations done");
    Ok(span)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            r#"{{"operations":{},"cpu_ns":{},"wall_ns":{}}}"#,
            self.operations,
            self.cpu.as_nanos(),
            self.wall.as_nanos()
        )
    }
}
