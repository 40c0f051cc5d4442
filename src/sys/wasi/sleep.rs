use std::time::Duration;
use std::{io, thread};

/// A year at a time: longer ones may be more than the host's clock can count to.
pub(super) const LONGEST: Duration = Duration::from_secs(365 * 86400);

/// What a poll does that has nothing to ask about. It may end early, the caller asks again then.
///
/// Without a timeout it would never end: there is no other thread, and no signal. Preview 1's
/// `poll_oneoff` answers EINVAL to a question without a subscription, `wasi:io/poll` ends the program.
#[cold]
pub(super) fn sleep(timeout: Option<Duration>) -> io::Result<usize> {
    let Some(timeout) = timeout else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "this poll would never end: it has no timeout, and waits for no event of any source",
        ));
    };
    if !timeout.is_zero() {
        thread::sleep(timeout.min(LONGEST));
    }
    Ok(0)
}
