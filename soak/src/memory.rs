//! What a process holds, once a second: memory, descriptors, connections.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::allocator;

/// All of it at one moment, taken by the thread that opens and closes the connections, so that
/// descriptors and connections belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Resident set, in bytes.
    pub resident: u64,
    /// Allocated and not freed.
    pub live: u64,
    pub descriptors: u64,
    /// Open connections, each of one descriptor.
    pub connections: u64,
    /// Messages that were received, checked, so far.
    pub messages: u64,
    /// Connections that were opened so far.
    pub opened: u64,
    /// Longest wait so far, in nanoseconds.
    pub longest: u64,
}

impl Sample {
    pub fn take(connections: usize, messages: u64, opened: u64, longest: u64) -> Sample {
        Sample {
            resident: resident(),
            live: allocator::live(),
            descriptors: descriptors(),
            connections: connections as u64,
            messages,
            opened,
            longest,
        }
    }
}

/// proc_pid_statm(5): the second number is the resident set in pages.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|number| number.parse().ok());
    pages.unwrap_or(0_u64) * rustix::param::page_size() as u64
}

/// Since Linux 6.2 the size of the directory is the number of open descriptors. Before that they
/// have to be counted, and the directory's own is one of them.
pub fn descriptors() -> u64 {
    match fs::metadata("/proc/self/fd").map_or(0, |directory| directory.len()) {
        0 => fs::read_dir("/proc/self/fd").map_or(0, |all| all.count() as u64 - 1),
        count => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_more_is_counted() {
        let many: Vec<_> = (0..100)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        // Other tests in this process open and close a few.
        let with = descriptors();
        drop(many);
        let without = descriptors();
        assert!(with >= without + 60, "{with}, then {without}");
    }

    #[test]
    fn memory_is_seen() {
        let before = Sample::take(0, 0, 0, 0);
        let memory = vec![1_u8; 64 << 20];
        let with = Sample::take(0, 0, 0, 0);
        drop(memory);
        assert!(with.live >= before.live + (60 << 20), "{before:?} {with:?}");
        assert!(with.resident > before.resident, "{before:?} {with:?}");
    }
}
