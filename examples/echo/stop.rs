//! Telling an event loop that is blocked in `poll` to end.
//!
//! A flag says what to do, and a [`Waker`] makes the loop look at it. The order matters: flag
//! first, then wake; whatever was written before `wake()` is visible to the loop once it sees the
//! waker's event.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use ferrio::Waker;

use crate::Failure;

/// A request to stop, and the loops that have to hear of it.
pub struct Stop {
    requested: AtomicBool,
    // Weak, so that this list doesn't keep a waker's descriptor open when its loop is gone.
    wakers: Mutex<Vec<Weak<Waker>>>,
}

impl Stop {
    pub fn new() -> Stop {
        Stop {
            requested: AtomicBool::new(false),
            wakers: Mutex::new(Vec::new()),
        }
    }

    /// Nobody requests it: WASI has no signals. The host ends the program.
    #[cfg(target_os = "wasi")]
    #[allow(clippy::unnecessary_wraps)] // As elsewhere.
    pub fn on_ctrl_c() -> Result<Arc<Stop>, Failure> {
        Ok(Arc::new(Stop::new()))
    }

    /// A stop that Ctrl-C (or SIGTERM) requests. A second Ctrl-C ends the process at once.
    #[cfg(not(target_os = "wasi"))]
    pub fn on_ctrl_c() -> Result<Arc<Stop>, Failure> {
        let stop = Arc::new(Stop::new());
        // The ctrlc crate runs this in a thread of its own, so a lock is no danger here. In a
        // bare signal handler it would be; `Waker::wake` alone may be called there too.
        let handler = {
            let stop = Arc::clone(&stop);
            move || {
                if stop.is_requested() {
                    std::process::exit(130);
                }
                stop.stop();
            }
        };
        ctrlc::set_handler(handler)
            .map_err(|e| Failure::new(format!("cannot listen for Ctrl-C: {e}")))?;
        Ok(stop)
    }

    /// From now on `stop` wakes this loop too.
    pub fn watch(&self, waker: &Arc<Waker>) {
        self.wakers().push(Arc::downgrade(waker));
        // A stop requested before we got the list would otherwise have woken nobody.
        if self.is_requested() {
            let _ = waker.wake();
        }
    }

    pub fn stop(&self) {
        self.requested.store(true, Ordering::Release);
        for waker in self.wakers().iter().filter_map(Weak::upgrade) {
            let _ = waker.wake();
        }
    }

    /// Wakes nobody from now on. Once this has returned, no `stop` in another thread holds on to
    /// a waker any more, which its descriptor would be open for.
    pub fn release(&self) {
        self.wakers().clear();
    }

    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    fn wakers(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Waker>>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
