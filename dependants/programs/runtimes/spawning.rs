//! Tasks that are spawned, or woken, from a thread outside the runtime.

use std::sync::Arc;

use anyhow::{Result, ensure};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use crate::done::Done;
use crate::remote::Remote;
use crate::stopwatch::{Span, measure};

/// Spawned and not yet run, at most, by [`current_stream`].
const BACKLOG: u64 = 1024;

/// Tasks that [`current_notify`] wakes.
const SLEEPERS: usize = 64;

/// Tasks that [`multi`] spawns at a time.
const BATCH: u64 = 256;

/// Each task of the first kind in [`multi_nested`] spawns as many of the second.
const BRANCHES: u64 = 16;

/// A batch of tasks, then a wait until all have run. With one task to a batch the runtime sleeps
/// each time; within a larger one it mostly is awake when the next task comes.
pub fn current<const TASKS: u64>(operations: u64) -> Result<Span> {
    let remote = Remote::start("current")?;
    let span = batches(&remote.handle, TASKS, operations)?;
    remote.stop()?;
    Ok(span)
}

/// One task after the other, without a wait as long as the runtime keeps up.
pub fn current_stream(operations: u64) -> Result<Span> {
    let remote = Remote::start("current")?;
    let done = Done::new();
    let mut spawned = 0;
    let span = measure(operations, |operations| {
        for _ in 0..operations.div_ceil(BACKLOG / 2) {
            for _ in 0..BACKLOG / 2 {
                let done = done.clone();
                remote.handle.spawn(async move { done.one() });
            }
            spawned += BACKLOG / 2;
            done.wait(spawned.saturating_sub(BACKLOG / 2));
        }
        done.wait(spawned);
        Ok(operations.next_multiple_of(BACKLOG / 2))
    })?;
    ensure!(done.count() == spawned, "a task ran twice");
    remote.stop()?;
    Ok(span)
}

/// Many tasks, each asleep until the other thread notifies it; an operation is one such wake.
pub fn current_notify(operations: u64) -> Result<Span> {
    let remote = Remote::start("current")?;
    let done = Done::new();
    let sleepers: Vec<Arc<Notify>> = (0..SLEEPERS).map(|_| Arc::default()).collect();
    for notify in &sleepers {
        let (notify, done) = (Arc::clone(notify), done.clone());
        remote.handle.spawn(async move {
            loop {
                notify.notified().await;
                done.one();
            }
        });
    }
    let mut woken = 0;
    let span = measure(operations, |operations| {
        for _ in 0..operations.div_ceil(SLEEPERS as u64) {
            sleepers.iter().for_each(|notify| notify.notify_one());
            woken += SLEEPERS as u64;
            done.wait(woken);
        }
        Ok(operations.next_multiple_of(SLEEPERS as u64))
    })?;
    ensure!(done.count() == woken, "a task woke by itself");
    remote.stop()?;
    Ok(span)
}

/// The multi-thread runtime that all scenarios use: as many workers on every machine.
pub fn multi_thread() -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    Ok(builder.worker_threads(2).enable_all().build()?)
}

/// Batches of tasks onto two workers.
pub fn multi(operations: u64) -> Result<Span> {
    let runtime = multi_thread()?;
    batches(runtime.handle(), BATCH, operations)
}

/// Tasks that spawn tasks, on the workers themselves.
pub fn multi_nested(operations: u64) -> Result<Span> {
    let runtime = multi_thread()?;
    let done = Done::new();
    let mut spawned = 0;
    let span = measure(operations, |operations| {
        for _ in 0..operations.div_ceil(BRANCHES * BRANCHES) {
            for _ in 0..BRANCHES {
                let done = done.clone();
                runtime.spawn(async move {
                    for _ in 0..BRANCHES {
                        let done = done.clone();
                        tokio::spawn(async move { done.one() });
                    }
                });
            }
            spawned += BRANCHES * BRANCHES;
            done.wait(spawned);
        }
        Ok(operations.next_multiple_of(BRANCHES * BRANCHES))
    })?;
    ensure!(done.count() == spawned, "a task ran twice");
    Ok(span)
}

fn batches(handle: &Handle, tasks: u64, operations: u64) -> Result<Span> {
    let done = Done::new();
    let mut spawned = 0;
    let span = measure(operations, |operations| {
        for _ in 0..operations.div_ceil(tasks) {
            for _ in 0..tasks {
                let done = done.clone();
                handle.spawn(async move { done.one() });
            }
            spawned += tasks;
            done.wait(spawned);
        }
        Ok(operations.next_multiple_of(tasks))
    })?;
    ensure!(done.count() == spawned, "a task ran twice");
    Ok(span)
}
