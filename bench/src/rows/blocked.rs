//! Registrations from this thread while another one is blocked in the poll.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::registration::Operation;
use super::workload::{CAPACITY, Env, WAKE, Workload};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::ManyThreaded;
use crate::descriptors::EventFds;
use crate::pin::{self, Pinned};

const SOURCES: usize = 1000;

/// Between rounds the sources are not registered. The poller lives as long as the workload.
pub struct Blocked<C: ManyThreaded> {
    operation: Operation,
    registry: C::Registry,
    waker: C::Waker,
    fds: EventFds,
    stop: Arc<AtomicBool>,
    poller: Option<JoinHandle<io::Result<()>>>,
    main_cpu: Option<usize>,
}

impl<C: ManyThreaded> Blocked<C> {
    pub fn new(env: &Env, operation: Operation) -> io::Result<Blocked<C>> {
        let poll = C::poll()?;
        let waker = C::waker(&poll, WAKE)?;
        let registry = C::registry(&poll)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (theirs, cpu) = (Arc::clone(&stop), env.cpus.map(|cpus| cpus.helper));
        let fds = EventFds::new(SOURCES)?;
        let poller = thread::Builder::new()
            .name("poller".into())
            .spawn(move || poll_until_stopped::<C>(poll, &theirs, cpu))?;
        Ok(Blocked {
            operation,
            registry,
            waker,
            fds,
            stop,
            poller: Some(poller),
            main_cpu: env.cpus.map(|cpus| cpus.main),
        })
    }

    fn register(&self, fds: &[i32]) -> io::Result<()> {
        let mut fds = fds.iter().enumerate();
        fds.try_for_each(|(token, &fd)| C::register_through(&self.registry, fd, token))
    }

    fn reregister(&self, fds: &[i32]) -> io::Result<()> {
        let mut fds = fds.iter().enumerate();
        fds.try_for_each(|(token, &fd)| C::reregister_through(&self.registry, fd, token))
    }

    fn deregister(&self, fds: &[i32]) -> io::Result<()> {
        let mut fds = fds.iter();
        fds.try_for_each(|&fd| C::deregister_through(&self.registry, fd))
    }
}

/// Nothing ever becomes ready: only the waker ends a poll, and whatever a library does at a registration.
fn poll_until_stopped<C: ManyThreaded>(
    mut poll: C::Poll,
    stop: &AtomicBool,
    cpu: Option<usize>,
) -> io::Result<()> {
    if let Some(cpu) = cpu {
        pin::to_cpu(cpu)?;
    }
    let mut events = C::events(CAPACITY);
    while !stop.load(Ordering::SeqCst) {
        C::wait(&mut poll, &mut events, None)?;
    }
    Ok(())
}

impl<C: ManyThreaded> Workload for Blocked<C> {
    fn round(&mut self) -> io::Result<Span> {
        let _pinned = self.main_cpu.map(Pinned::to).transpose()?;
        let fds = self.fds.raw();
        // No other thread of the process runs meanwhile, unless the library makes it.
        let mut watch = Stopwatch::new(Scope::Process);
        match self.operation {
            Operation::Register => {
                watch.section(|| self.register(&fds))?;
                self.deregister(&fds)?;
            }
            Operation::Reregister => {
                self.register(&fds)?;
                watch.section(|| self.reregister(&fds))?;
                self.deregister(&fds)?;
            }
            Operation::Deregister => {
                self.register(&fds)?;
                watch.section(|| self.deregister(&fds))?;
            }
        }
        if self.poller.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(io::Error::other("the poller has ended"));
        }
        Ok(watch.per(SOURCES))
    }
}

impl<C: ManyThreaded> Drop for Blocked<C> {
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
