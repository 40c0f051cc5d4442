//! Whether a thread is in the call in which the selector waits, according to the library's own record
//! of the calls that it makes: Windows has no way to ask.
//!
//! The record is made just before the call. What happens from then on is what the call finds, or ends
//! it: a completion port keeps what comes before anyone waits.

use std::thread::{self, ThreadId};

use ferrio::fault::{self, Call};

/// Names a thread to the library.
pub(crate) type Id = ThreadId;

/// The calling thread.
pub(crate) fn own() -> Id {
    thread::current().id()
}

/// Whether the thread is waiting for the completion port at this moment.
pub(crate) fn in_polling_call(thread: Id) -> bool {
    fault::inside(thread) == Some(Call::Dequeue)
}
