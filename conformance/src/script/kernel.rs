//! What the kernel says when it is asked beside the library.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use super::model::{READ, WRITE};
use crate::LIMIT;

/// The flags that poll(2) reports for a descriptor.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Answer(libc::c_short);

impl Answer {
    fn has(self, flags: libc::c_short) -> bool {
        self.0 & flags != 0
    }

    /// Whether there is any reason to try an operation of this direction.
    pub(super) fn is_ready(self, direction: usize) -> bool {
        let flag = [libc::POLLIN, libc::POLLOUT][direction];
        self.has(flag | libc::POLLERR | libc::POLLHUP)
    }

    pub(super) fn is_readable(self) -> bool {
        self.has(libc::POLLIN)
    }

    pub(super) fn is_writable(self) -> bool {
        self.has(libc::POLLOUT)
    }
}

/// Asks, waiting for nothing.
pub(super) fn ask(fd: RawFd) -> Answer {
    let mut record = libc::pollfd {
        fd,
        events: libc::POLLIN | libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: `record` is one valid pollfd.
    let result = unsafe { libc::poll(&raw mut record, 1, 0) };
    assert_ne!(result, -1, "poll(2): {}", io::Error::last_os_error());
    Answer(record.revents)
}

/// What the network stack has to bring before it is known to be quiet.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Awaited {
    pub(super) ready: [bool; 2],
    /// The other end is closed. A thread that is blocked in poll(2) holds it a moment longer.
    pub(super) hang_up: bool,
    /// In the receive buffer.
    pub(super) bytes: usize,
}

/// Waits until it is there. `false`: it did not come within [`LIMIT`].
pub(super) fn wait(fd: &impl AsRawFd, awaited: Awaited) -> bool {
    let fd = fd.as_raw_fd();
    let begun = Instant::now();
    loop {
        let answer = ask(fd);
        let ready = [READ, WRITE]
            .iter()
            .all(|&direction| !awaited.ready[direction] || answer.is_ready(direction));
        let closed = !awaited.hang_up || answer.has(libc::POLLHUP | libc::POLLERR);
        if ready && closed && (awaited.bytes == 0 || unread(fd) >= awaited.bytes) {
            return true;
        }
        if begun.elapsed() > LIMIT {
            return false;
        }
        std::thread::yield_now();
    }
}

/// The bytes in a TCP socket's receive buffer.
fn unread(fd: RawFd) -> usize {
    let mut bytes: libc::c_int = 0;
    // SAFETY: FIONREAD stores an int where the pointer says.
    let result = unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut bytes) };
    assert_eq!(result, 0, "FIONREAD: {}", io::Error::last_os_error());
    usize::try_from(bytes).expect("not negative")
}
