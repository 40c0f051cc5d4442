//! How the selector over poll(2) asks the kernel.

use std::io;
use std::time::Duration;

#[cfg(has_ppoll)]
use super::is_short;
use crate::sys::timeout::int_milliseconds as milliseconds;
use crate::sys::unix::os::poll as os;
#[cfg(has_ppoll)]
use crate::sys::unix::os::refusal::Refusal;

/// One call; returns how many records have an answer.
#[cfg(not(has_ppoll))]
pub(crate) fn ask(records: &mut [os::PollFd], timeout: Option<Duration>) -> io::Result<usize> {
    os::poll(records, milliseconds(timeout))
}

/// One call; returns how many records have an answer.
#[cfg(has_ppoll)]
pub(crate) fn ask(records: &mut [os::PollFd], timeout: Option<Duration>) -> io::Result<usize> {
    match timeout {
        Some(timeout) if is_short(timeout) => ask_briefly(records, timeout),
        _ => os::poll(records, milliseconds(timeout)),
    }
}

/// The same for a timeout that poll(2) would have to round up to several times its length.
#[cfg(has_ppoll)]
fn ask_briefly(records: &mut [os::PollFd], timeout: Duration) -> io::Result<usize> {
    PPOLL.or(
        records,
        |records| os::ppoll(records, timeout),
        |records| os::poll(records, milliseconds(Some(timeout))),
    )
}

#[cfg(has_ppoll)]
static PPOLL: Refusal = Refusal::new();

#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    #[cfg(has_ppoll)]
    PPOLL.forget();
}
