//! There are no threads: a case that needs one says so, `needs Threads`.

use std::marker::PhantomData;
use std::thread;
use std::time::{Duration, Instant};

use crate::LIMIT;

/// A thread of a case. There is none.
#[derive(Debug)]
pub struct Background<T>(PhantomData<T>);

/// Fails: the case that calls it has to say that it needs threads.
pub fn in_thread<T: Send + 'static>(_: impl FnOnce() -> T + Send + 'static) -> Background<T> {
    panic!("WASI has no threads: this case `needs Threads`");
}

impl<T> Background<T> {
    pub fn wait_until_blocked(&self) {
        unreachable!("there is no thread");
    }

    pub fn is_blocked(&self) -> bool {
        unreachable!("there is no thread");
    }

    pub fn is_finished(&self) -> bool {
        unreachable!("there is no thread");
    }

    pub fn join(self) -> T {
        unreachable!("there is no thread");
    }
}

/// Runs `body`. Should it never end, the test is ended from outside.
pub fn apart<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    body()
}

/// Waits until `condition` holds; panics after [`LIMIT`].
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        // The host moves the data, and needs the processor for it.
        thread::sleep(Duration::from_millis(1));
    }
}
