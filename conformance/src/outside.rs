//! A `Poll` seen from outside, as the loop that it is nested in sees it.

#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};

#[cfg(unix)]
use ferrio::SelectorKind;
#[cfg(unix)]
use ferrio::event::Event;

use crate::driver::Driver;

/// Hands out the descriptor of the poll, if it has one: from now on every wake goes to the kernel, also
/// while nobody sleeps.
#[cfg(unix)]
pub fn hand_out(driver: &Driver) {
    if driver.poll.selector() != SelectorKind::Poll {
        driver.poll.as_raw_fd();
    }
}

/// A poll has no descriptor on Windows, nor on WASI.
#[cfg(not(unix))]
pub fn hand_out(_: &Driver) {}

/// Whether poll(2) finds the descriptor readable now: level-triggered, so nothing is consumed.
#[cfg(unix)]
pub fn is_readable(fd: RawFd) -> bool {
    let mut record = libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: `record` is one valid pollfd.
    let result = unsafe { libc::poll(&raw mut record, 1, 0) };
    assert!(result >= 0, "poll: {}", std::io::Error::last_os_error());
    assert_eq!(record.revents & !libc::POLLIN, 0);
    result == 1
}

/// Polls while the descriptor is readable; the events. A wake that came late may make it readable
/// once without an event, so the second empty poll in a row is the first wrong one.
#[cfg(unix)]
pub fn take_all(driver: &mut Driver) -> Vec<Event> {
    let fd = driver.poll.as_raw_fd();
    let mut seen = Vec::new();
    let mut empty = 0;
    while is_readable(fd) {
        let batch = driver.turn();
        empty = if batch.is_empty() { empty + 1 } else { 0 };
        assert!(
            empty <= 1,
            "readable, with nothing to report, after {seen:?}"
        );
        seen.extend(batch);
    }
    // Not readable, so there must be nothing.
    driver.assert_quiet();
    seen
}
