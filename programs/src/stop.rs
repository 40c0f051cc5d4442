//! Ctrl-C and SIGTERM end the loop, which may be blocked in `poll` at that moment.
//!
//! A flag says what to do, and a [`Waker`] makes the loop look at it. The order matters: flag
//! first, then wake; what was written before `wake` is visible to the loop once it sees the
//! waker's event.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrio::Waker;

use crate::cli::Failure;

/// A request to stop.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// One that Ctrl-C or SIGTERM requests, through `waker`. A second signal ends the process at
    /// once, should the loop be stuck.
    pub fn on_signal(waker: Waker) -> Result<Stop, Failure> {
        let stop = Stop::default();
        let requested = stop.clone();
        // The ctrlc crate runs this in a thread of its own. In a bare signal handler `exit` would
        // be out of place; the flag and the wake would be fine there too.
        let handler = move || {
            if requested.0.swap(true, Ordering::Release) {
                std::process::exit(130);
            }
            let _ = waker.wake();
        };
        ctrlc::set_handler(handler)
            .map_err(|e| Failure::new(format!("cannot listen for Ctrl-C: {e}")))?;
        Ok(stop)
    }

    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
