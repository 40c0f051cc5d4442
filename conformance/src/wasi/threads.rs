//! There are no threads: a case that needs one is on the list in `src/wasi.rs`.

use std::marker::PhantomData;
use std::thread;
use std::time::{Duration, Instant};

use crate::LIMIT;

/// A thread of a case. There is none.
#[derive(Debug)]
pub struct Background<T>(PhantomData<T>);

/// Fails: the case that calls it is missing on the list.
pub fn in_thread<T: Send + 'static>(_: impl FnOnce() -> T + Send + 'static) -> Background<T> {
    panic!("WASI has no threads: put this case on the list in src/wasi/mod.rs");
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

/// Waits until `condition` holds; panics after [`LIMIT`].
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} for {what}");
        // The host moves the data, and needs the processor for it.
        thread::sleep(Duration::from_millis(1));
    }
}
