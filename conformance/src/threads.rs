//! Threads that a case can wait for, interrupt, and see block.

#[cfg(unix)]
use std::os::unix::thread::JoinHandleExt;
use std::panic;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::LIMIT;
use crate::blocked::{self, in_polling_call};
#[cfg(unix)]
use crate::signal;

/// A thread of a case.
#[derive(Debug)]
pub struct Background<T> {
    thread: JoinHandle<T>,
    done: Receiver<()>,
    tid: blocked::Id,
}

/// Runs `body` in a new thread.
pub fn in_thread<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Background<T> {
    let (tid_sender, tid) = mpsc::channel();
    let (done_sender, done) = mpsc::channel();
    let thread = thread::spawn(move || {
        tid_sender
            .send(blocked::own())
            .expect("the case waits for this");
        // Dropped at the end of the body, and by a panic too.
        let _done = done_sender;
        body()
    });
    let tid = tid.recv_timeout(LIMIT).expect("the thread starts");
    Background { thread, done, tid }
}

impl<T> Background<T> {
    /// Waits until the thread sleeps in a polling system call.
    ///
    /// The kernel has checked the readiness of everything registered by then, or will be woken: what
    /// happens afterwards happens while `poll` is blocked.
    pub fn wait_until_blocked(&self) {
        wait_for("the thread to block in poll", || {
            assert!(
                !self.thread.is_finished(),
                "the thread ended instead of blocking"
            );
            in_polling_call(self.tid)
        });
    }

    /// Whether the thread sleeps in a polling system call at this moment.
    pub fn is_blocked(&self) -> bool {
        in_polling_call(self.tid)
    }

    /// Whether the body has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Sends SIGUSR1 to the thread; [`signal::install`] must have run.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        signal::send(self.thread.as_pthread_t());
    }

    /// The result of the body; panics when that takes longer than [`LIMIT`], or with the panic of
    /// the body.
    pub fn join(self) -> T {
        // The sender is only ever dropped, so this answers "disconnected" or "timeout".
        if self.done.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
            panic!("the thread is still running after {LIMIT:?}");
        }
        match self.thread.join() {
            Ok(value) => value,
            Err(payload) => panic::resume_unwind(payload),
        }
    }
}

/// Runs `body` in a thread if there are threads, so that it fails if it takes longer than [`LIMIT`].
pub fn apart<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    in_thread(body).join()
}

/// Waits until `condition` holds; panics after [`LIMIT`].
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        thread::yield_now();
    }
}
