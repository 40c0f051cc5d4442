//! A producer that wakes without a pause while the poller polls: what a wake costs the thread that makes it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::workload::{CAPACITY, Env, WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::pin::{self, Cpus, Pinned};

const WAKES: usize = 4000;

/// A wake that is not answered within this time is lost.
const LIMIT: Duration = Duration::from_secs(10);

/// The poller lives as long as the workload and sleeps in its poll between rounds, so it costs the other contenders'
/// rounds nothing.
pub struct Hammer<C: Contender> {
    waker: C::Waker,
    shared: Arc<Shared>,
    poller: Option<JoinHandle<io::Result<()>>>,
    cpus: Option<Cpus>,
}

/// The producer asks by storing a number and waking; the poller answers by repeating it. A repeated number proves that
/// the last wake was not lost, and that the poller is about to sleep.
#[derive(Default)]
struct Shared {
    asked: AtomicUsize,
    answered: AtomicUsize,
    stop: AtomicBool,
}

impl<C: Contender> Hammer<C> {
    pub fn new(env: &Env) -> io::Result<Hammer<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        let shared = Arc::new(Shared::default());
        let (theirs, cpu) = (Arc::clone(&shared), env.cpus.map(|cpus| cpus.helper));
        let poller = thread::Builder::new()
            .name("poller".into())
            .spawn(move || poll_until_stopped::<C>(poll, &theirs, cpu))?;
        Ok(Hammer {
            waker,
            shared,
            poller: Some(poller),
            cpus: env.cpus,
        })
    }

    fn wakes(&self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            C::wake(&self.waker)?;
        }
        Ok(())
    }

    fn settle(&mut self) -> io::Result<()> {
        let number = self.shared.asked.fetch_add(1, Ordering::SeqCst) + 1;
        C::wake(&self.waker)?;
        let start = Instant::now();
        while self.shared.answered.load(Ordering::SeqCst) != number {
            if self.poller.as_ref().is_some_and(JoinHandle::is_finished) {
                return self.join();
            }
            if start.elapsed() > LIMIT {
                return Err(io::Error::other("a wake was lost: the poller sleeps on"));
            }
            thread::yield_now();
        }
        Ok(())
    }

    fn join(&mut self) -> io::Result<()> {
        let Some(poller) = self.poller.take() else {
            return Ok(());
        };
        poller
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the poller panicked")))
    }
}

fn poll_until_stopped<C: Contender>(
    mut poll: C::Poll,
    shared: &Shared,
    cpu: Option<usize>,
) -> io::Result<()> {
    if let Some(cpu) = cpu {
        pin::to_cpu(cpu)?;
    }
    let mut events = C::events(CAPACITY);
    while !shared.stop.load(Ordering::SeqCst) {
        C::wait(&mut poll, &mut events, None)?;
        if C::read(&events).events > 0 {
            let asked = shared.asked.load(Ordering::SeqCst);
            shared.answered.store(asked, Ordering::SeqCst);
        }
    }
    Ok(())
}

impl<C: Contender> Workload for Hammer<C> {
    fn round(&mut self) -> io::Result<Span> {
        let _pinned = self.cpus.map(|cpus| Pinned::to(cpus.main)).transpose()?;
        self.wakes(WAKES / 20)?;
        let mut watch = Stopwatch::new(Scope::Thread);
        watch.section(|| self.wakes(WAKES))?;
        self.settle()?;
        Ok(watch.per(WAKES))
    }
}

impl<C: Contender> Drop for Hammer<C> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Joins only a poller that was told: one whose wake failed would never come.
        if C::wake(&self.waker).is_ok() {
            if let Err(error) = self.join() {
                eprintln!("error: {error}");
            }
        }
    }
}
