//! A current-thread runtime in a thread of its own.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

/// Its thread waits for what others spawn, in the poll.
pub struct Remote {
    pub handle: Handle,
    stop: Arc<Notify>,
    thread: JoinHandle<()>,
}

impl Remote {
    pub fn start(name: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(stopped.notified()))?;
        Ok(Self {
            handle,
            stop,
            thread,
        })
    }

    /// An error if the thread panicked.
    pub fn stop(self) -> Result<()> {
        self.stop.notify_one();
        let stopped = self.thread.join();
        stopped.map_err(|_| anyhow!("the thread of a runtime panicked"))
    }
}
