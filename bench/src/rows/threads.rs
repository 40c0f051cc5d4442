//! Four threads register and deregister while a fifth one polls: what the poller's and the others' need of the same table
//! costs, and how often they interrupt each other.

use std::io;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::workload::{CAPACITY, WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::ManyThreaded;
use crate::descriptors::EventFds;

const THREADS: usize = 4;
/// Pairs of register and deregister, each thread.
const PAIRS: usize = 50_000;
/// Descriptors of a thread, in turn.
const FDS: usize = 16;

/// A round takes a good part of a second: one for so many of other rows.
pub const FEWER: usize = 12;

/// The poller lives as long as the workload and sleeps in its poll between rounds.
pub struct Threads<C: ManyThreaded> {
    registry: C::Registry,
    waker: C::Waker,
    sources: Vec<EventFds>,
    stop: Arc<AtomicBool>,
    poller: Option<JoinHandle<io::Result<()>>>,
}

impl<C: ManyThreaded> Threads<C> {
    pub fn new() -> io::Result<Threads<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        let registry = C::registry(&poll)?;
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let sources: io::Result<_> = (0..THREADS).map(|_| EventFds::new(FDS)).collect();
        let poller = thread::Builder::new()
            .name("poller".into())
            .spawn(move || poll_until_stopped::<C>(poll, &theirs))?;
        Ok(Threads {
            registry,
            waker,
            sources: sources?,
            stop,
            poller: Some(poller),
        })
    }

    fn churn(&self, sources: &EventFds, start: &Barrier) -> io::Result<()> {
        let fds = sources.raw();
        start.wait();
        for pair in 0..PAIRS {
            let fd = fds[pair % FDS];
            C::register_through(&self.registry, fd, pair)?;
            C::deregister_through(&self.registry, fd)?;
        }
        Ok(())
    }
}

/// Nothing ever becomes ready, and the timeout is out of reach: only the waker ends a poll.
fn poll_until_stopped<C: ManyThreaded>(mut poll: C::Poll, stop: &AtomicBool) -> io::Result<()> {
    let mut events = C::events(CAPACITY);
    while !stop.load(Ordering::SeqCst) {
        C::wait(&mut poll, &mut events, Some(Duration::from_secs(3600)))?;
    }
    Ok(())
}

impl<C: ManyThreaded> Workload for Threads<C> {
    fn round(&mut self) -> io::Result<Span> {
        let start = Barrier::new(THREADS + 1);
        let this = &*self;
        let watch = thread::scope(|scope| {
            let threads: Vec<_> = this
                .sources
                .iter()
                .map(|sources| scope.spawn(|| this.churn(sources, &start)))
                .collect();
            let mut watch = Stopwatch::new(Scope::Process);
            let joined = watch.section(|| {
                start.wait();
                let joined = threads.into_iter().map(|thread| thread.join());
                joined.collect::<Vec<_>>()
            });
            for result in joined {
                result.unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))?;
            }
            Ok::<_, io::Error>(watch)
        })?;
        if self.poller.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(io::Error::other("the poller has ended"));
        }
        Ok(watch.per(THREADS * PAIRS))
    }
}

impl<C: ManyThreaded> Drop for Threads<C> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Joins only a poller that was told: one whose wake failed would never come.
        if C::wake(&self.waker).is_ok() {
            if let Some(Ok(Err(error))) = self.poller.take().map(JoinHandle::join) {
                eprintln!("error: {error}");
            }
        }
    }
}
