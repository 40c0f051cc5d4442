//! Two threads that wake each other in turn, each asleep in its poll until it is woken: the wake that nothing can
//! coalesce.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::workload::{CAPACITY, Env, WAKE, Workload, expect};
use crate::clock::{Scope, Span, Stopwatch};
use crate::contender::Contender;
use crate::pin::{self, Pinned};

const TRIPS: usize = 100;

/// This thread's half; the partner sleeps between rounds.
pub struct PingPong<C: Contender> {
    poll: C::Poll,
    events: C::Events,
    partner_waker: C::Waker,
    shared: Arc<Shared<C>>,
    partner: Option<JoinHandle<io::Result<()>>>,
    main_cpu: Option<usize>,
}

struct Shared<C: Contender> {
    waker: C::Waker,
    stop: AtomicBool,
    /// The partner ended with an error; set before its last wake.
    failed: AtomicBool,
}

impl<C: Contender> PingPong<C> {
    /// On two CPUs, or both threads on one.
    pub fn new(env: &Env, one_cpu: bool) -> io::Result<PingPong<C>> {
        let main_cpu = env.cpus.map(|cpus| cpus.main);
        let partner_cpu = if one_cpu {
            main_cpu
        } else {
            env.cpus.map(|cpus| cpus.helper)
        };
        let poll = C::poll()?;
        let partner_poll = C::poll()?;
        let partner_waker = C::waker(&partner_poll, WAKE)?;
        let shared = Arc::new(Shared {
            waker: C::waker(&poll, WAKE)?,
            stop: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let partner = thread::Builder::new()
            .name("partner".into())
            .spawn(move || {
                let result = answer::<C>(partner_poll, &theirs, partner_cpu);
                if result.is_err() {
                    theirs.failed.store(true, Ordering::SeqCst);
                    C::wake(&theirs.waker)?;
                }
                result
            })?;
        Ok(PingPong {
            poll,
            events: C::events(CAPACITY),
            partner_waker,
            shared,
            partner: Some(partner),
            main_cpu,
        })
    }

    fn trips(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            C::wake(&self.partner_waker)?;
            C::wait(&mut self.poll, &mut self.events, None)?;
            expect(C::read(&self.events), 1)?;
            if self.shared.failed.load(Ordering::Relaxed) {
                return self.join();
            }
        }
        Ok(())
    }

    fn join(&mut self) -> io::Result<()> {
        let Some(partner) = self.partner.take() else {
            return Err(io::Error::other("the partner has ended"));
        };
        partner
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the partner panicked")))
    }
}

fn answer<C: Contender>(
    mut poll: C::Poll,
    shared: &Shared<C>,
    cpu: Option<usize>,
) -> io::Result<()> {
    if let Some(cpu) = cpu {
        pin::to_cpu(cpu)?;
    }
    let mut events = C::events(CAPACITY);
    loop {
        C::wait(&mut poll, &mut events, None)?;
        expect(C::read(&events), 1)?;
        if shared.stop.load(Ordering::SeqCst) {
            return Ok(());
        }
        C::wake(&shared.waker)?;
    }
}

impl<C: Contender> Workload for PingPong<C> {
    fn round(&mut self) -> io::Result<Span> {
        let _pinned = self.main_cpu.map(Pinned::to).transpose()?;
        self.trips(TRIPS / 10)?;
        // The process's clock: no other thread of it runs meanwhile.
        let mut watch = Stopwatch::new(Scope::Process);
        watch.section(|| self.trips(TRIPS))?;
        Ok(watch.per(TRIPS))
    }
}

impl<C: Contender> Drop for PingPong<C> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if self.partner.is_some() && C::wake(&self.partner_waker).is_ok() {
            if let Err(error) = self.join() {
                eprintln!("error: {error}");
            }
        }
    }
}
