//! Messages between tasks on different threads.
//!
//! One thread drives: it gives the driving task to a runtime and waits for how it ended.

use std::future::Future;

use anyhow::{Context, Result, ensure};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::remote::Remote;
use crate::spawning::multi_thread;
use crate::stopwatch::{Span, measure};

/// Messages that a channel of the streaming scenario holds.
const ROOM: usize = 64;

/// A number there and back through two channels; the two ends are on two current-thread runtimes.
pub fn current_mpsc(operations: u64) -> Result<Span> {
    two_runtimes(|here, there| mpsc_ping_pong(here, there, operations))
}

/// A question with a channel for its one answer.
pub fn current_oneshot(operations: u64) -> Result<Span> {
    two_runtimes(|here, there| oneshot_ping_pong(here, there, operations))
}

/// One direction, as fast as the receiver takes them.
pub fn current_stream(operations: u64) -> Result<Span> {
    two_runtimes(|here, there| stream(here, there, operations))
}

/// As [`current_mpsc`], both ends on one multi-thread runtime.
pub fn multi_mpsc(operations: u64) -> Result<Span> {
    let runtime = multi_thread()?;
    mpsc_ping_pong(runtime.handle(), runtime.handle(), operations)
}

/// As [`current_oneshot`], both ends on one multi-thread runtime.
pub fn multi_oneshot(operations: u64) -> Result<Span> {
    let runtime = multi_thread()?;
    oneshot_ping_pong(runtime.handle(), runtime.handle(), operations)
}

fn two_runtimes(scenario: impl FnOnce(&Handle, &Handle) -> Result<Span>) -> Result<Span> {
    let here = Remote::start("here")?;
    let there = Remote::start("there")?;
    let span = scenario(&here.handle, &there.handle)?;
    here.stop()?;
    there.stop()?;
    Ok(span)
}

/// Has `handle` run a task, and waits for it without a runtime.
fn drive<F>(handle: &Handle, task: F) -> Result<u64>
where
    F: Future<Output = Result<u64>> + Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    handle.spawn(async move {
        // The receiver waits below.
        let _ = sender.send(task.await);
    });
    receiver.blocking_recv().context("the task panicked")?
}

fn mpsc_ping_pong(here: &Handle, there: &Handle, operations: u64) -> Result<Span> {
    measure(operations, |operations| {
        let (to, mut questions) = mpsc::channel::<u64>(1);
        let (answer, mut from) = mpsc::channel::<u64>(1);
        there.spawn(async move {
            while let Some(number) = questions.recv().await {
                if answer.send(number + 1).await.is_err() {
                    break;
                }
            }
        });
        drive(here, async move {
            let mut number = 0;
            while number < operations {
                to.send(number).await?;
                let answer = from.recv().await.context("no answer")?;
                ensure!(answer == number + 1, "{answer} came back for {number}");
                number = answer;
            }
            Ok(number)
        })
    })
}

fn oneshot_ping_pong(here: &Handle, there: &Handle, operations: u64) -> Result<Span> {
    measure(operations, |operations| {
        let (to, mut questions) = mpsc::unbounded_channel::<(u64, oneshot::Sender<u64>)>();
        there.spawn(async move {
            while let Some((number, answer)) = questions.recv().await {
                if answer.send(number + 1).is_err() {
                    break;
                }
            }
        });
        drive(here, async move {
            let mut number = 0;
            while number < operations {
                let (answer, answered) = oneshot::channel();
                to.send((number, answer))?;
                let answer = answered.await?;
                ensure!(answer == number + 1, "{answer} came back for {number}");
                number = answer;
            }
            Ok(number)
        })
    })
}

fn stream(here: &Handle, there: &Handle, operations: u64) -> Result<Span> {
    measure(operations, |operations| {
        let (sender, mut receiver) = mpsc::channel::<u64>(ROOM);
        there.spawn(async move {
            for number in 0..operations {
                if sender.send(number).await.is_err() {
                    break;
                }
            }
        });
        drive(here, async move {
            let mut expected = 0;
            while let Some(number) = receiver.recv().await {
                ensure!(number == expected, "{number} came for {expected}");
                expected += 1;
            }
            Ok(expected)
        })
    })
}
