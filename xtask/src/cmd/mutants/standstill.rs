//! Notices that the machine, or this process with its children, was stopped for a while: time limits
//! that passed meanwhile say nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_secs(1);
/// A thread that sleeps for a second is not kept from running for so long by load alone.
const LONG: Duration = Duration::from_secs(6);

pub struct Standstill {
    happened: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Standstill {
    /// Watches until it is dropped.
    pub fn watch() -> Self {
        let watch = Self {
            happened: Arc::default(),
            over: Arc::default(),
        };
        let (happened, over) = (watch.happened.clone(), watch.over.clone());
        thread::spawn(move || {
            let mut last = Instant::now();
            while !over.load(Ordering::Relaxed) {
                thread::sleep(STEP);
                if last.elapsed() > LONG {
                    happened.store(true, Ordering::Relaxed);
                }
                last = Instant::now();
            }
        });
        watch
    }

    pub fn happened(&self) -> bool {
        self.happened.load(Ordering::Relaxed)
    }
}

impl Drop for Standstill {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
