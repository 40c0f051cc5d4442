//! Scripts for several threads, beside a thread that polls.
//!
//! Each thread has objects and a model of its own; the `Poll` is shared. Every registration gets a
//! token of its own, and every operation and every poll takes numbers from one clock when it begins
//! and when it has returned. That is enough to say, when the threads are done and while the poller is
//! still blocked, whether something that is due was never reported; and whether a poll that began
//! after a token's end had returned reported it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use ferrio::{Events, Poll, Token, Waker};

use super::compare::{Divergence, alone, message};
use super::model::{Complaint, DIRECTIONS, READ, Rules, Seen, WRITE, tick};
use super::op::Op;
use super::run::Runner;
use super::stats::Stats;
use crate::backend::Backend;

/// The token that ends the poller.
pub(super) const STOP: usize = usize::MAX;
/// Tokens of one thread.
const TOKENS: usize = 1 << 20;

/// When a token was reported.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Told {
    /// When the last poll that reported it began.
    pub(super) begun: u64,
    /// When the last poll that reported it for a direction had returned.
    pub(super) returned: [u64; 2],
    /// Whether it was ever reported readable, or writable.
    pub(super) says: [bool; 2],
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) told: BTreeMap<usize, Told>,
    pub(super) events: u64,
}

/// How often one poll may ask the kernel: changes that others make meanwhile interrupt it, and some
/// operations make dozens of them.
const WAITS: u64 = 100;
const WAITS_OF_OPERATION: u64 = 70;

/// What the threads share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) clock: Arc<AtomicU64>,
    log: Mutex<Log>,
    /// The poller is about to be told to stop.
    pub(super) stopping: AtomicBool,
}

impl Shared {
    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs scripts, one for each thread, on a backend. The poller's buffer holds `capacity` events.
///
/// # Errors
///
/// The first thing that went wrong.
pub fn check_threads(
    backend: &Backend,
    capacity: u8,
    scripts: &[impl AsRef<[Op]> + Sync],
    limit: Duration,
) -> Result<Stats, Divergence> {
    let _alone = alone();
    run(backend, capacity.max(1).into(), scripts, limit).map_err(|complaint| Divergence {
        backend: backend.name,
        step: None,
        complaint,
    })
}

fn run(
    backend: &Backend,
    capacity: usize,
    scripts: &[impl AsRef<[Op]> + Sync],
    limit: Duration,
) -> Result<Stats, Complaint> {
    let mut poll = backend.poll();
    let stop = Waker::new(poll.registry(), Token(STOP)).map_err(|error| error.to_string())?;
    let shared = Shared::default();
    let mut runners: Vec<Runner> = (0..scripts.len())
        .map(|thread| {
            let clock = shared.clock.clone();
            Runner::beside_poller(backend, poll.registry(), clock, thread * TOKENS)
        })
        .collect();
    let result = thread::scope(|scope| {
        let poller = scope.spawn(|| report(backend, &mut poll, capacity, &shared, limit));
        let worked = work_all(&mut runners, scripts);
        let told = worked.and_then(|()| all_told(&mut runners, &shared, limit));
        // In any case, or the scope would not end.
        shared.stopping.store(true, Ordering::SeqCst);
        let woken = stop.wake().map_err(|error| format!("wake: {error}"));
        told.and(woken).and(join(poller))
    });
    result?;
    check_lives(&runners, &shared)?;
    let mut stats = Stats::default();
    runners.iter().for_each(|runner| stats.add(&runner.stats));
    stats.scripts = 1;
    stats.events = shared.log().events;
    runners.iter_mut().try_for_each(Runner::drop_all)?;
    assert_silent(&mut poll)?;
    Ok(stats)
}

fn work_all(runners: &mut [Runner], scripts: &[impl AsRef<[Op]> + Sync]) -> Result<(), Complaint> {
    thread::scope(|scope| {
        let workers: Vec<_> = runners
            .iter_mut()
            .zip(scripts)
            .map(|(runner, script)| scope.spawn(|| work(runner, script.as_ref())))
            .collect();
        // All of them are waited for, whatever the first one says.
        let results: Vec<_> = workers.into_iter().map(join).collect();
        results.into_iter().collect()
    })
}

pub(super) fn join<T>(thread: ScopedJoinHandle<'_, Result<T, Complaint>>) -> Result<T, Complaint> {
    thread
        .join()
        .unwrap_or_else(|payload| Err(message(&*payload)))
}

fn work(runner: &mut Runner, script: &[Op]) -> Result<(), Complaint> {
    script
        .iter()
        .enumerate()
        .try_for_each(|(index, op)| match runner.step(op) {
            Ok(()) => Ok(()),
            Err(complaint) => Err(format!("step {index}, {op:?}: {complaint}")),
        })
}

/// Polls until told to stop, and notes down what is reported.
pub(super) fn report(
    backend: &Backend,
    poll: &mut Poll,
    capacity: usize,
    shared: &Shared,
    limit: Duration,
) -> Result<(), Complaint> {
    let rules = Rules::of(backend);
    let mut events = Events::with_capacity(capacity);
    loop {
        let waits = Runner::waits(backend.calls().wait);
        let stopping = shared.stopping.load(Ordering::SeqCst);
        let begun = tick(&shared.clock);
        match poll.poll(&mut events, Some(limit)) {
            Ok(()) if events.is_empty() && stopping => {
                return Err("the wake to stop never came".into());
            }
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("poll answered {error:?}")),
        }
        let returned = tick(&shared.clock);
        let waits = Runner::waits(backend.calls().wait) - waits;
        if waits > WAITS + WAITS_OF_OPERATION * (returned - begun) {
            return Err(format!("one poll has asked the kernel {waits} times"));
        }
        let mut stop = false;
        let mut log = shared.log();
        for event in &events {
            let seen = Seen::from(event);
            stop |= seen.token == STOP;
            log.events += 1;
            let told = log.told.entry(seen.token).or_default();
            told.begun = begun;
            told.says[READ] |= seen.readable && !(rules.two_filters && seen.is_failed_write());
            told.says[WRITE] |= seen.writable;
            for direction in DIRECTIONS.into_iter().filter(|&d| seen.tells(d, &rules)) {
                told.returned[direction] = returned;
            }
        }
        if stop {
            return Ok(());
        }
    }
}

/// Waits until everything that is due was reported.
fn all_told(runners: &mut [Runner], shared: &Shared, limit: Duration) -> Result<(), Complaint> {
    for runner in runners {
        let kernel = runner.quiet_kernel()?;
        let begun = Instant::now();
        loop {
            let result = {
                let log = shared.log();
                let told = |token: usize, direction: usize| {
                    log.told
                        .get(&token)
                        .map_or(0, |told| told.returned[direction])
                };
                let ready = |slot: usize, direction| kernel[slot].is_ready(direction);
                runner.model.unanswered(told, ready)
            };
            match result {
                Ok(due) => {
                    runner.stats.due += due;
                    break;
                }
                Err(complaint) if begun.elapsed() > limit => return Err(complaint),
                Err(_) => thread::yield_now(),
            }
        }
    }
    Ok(())
}

/// No poll that began after a token's end reported it, and none said what never was.
fn check_lives(runners: &[Runner], shared: &Shared) -> Result<(), Complaint> {
    for (&token, told) in &shared.log().told {
        if token == STOP {
            continue;
        }
        let life = runners.iter().find_map(|runner| runner.model.life(token));
        let life = life.ok_or_else(|| format!("token {token}, which nobody has"))?;
        if life.until.is_some_and(|until| told.begun > until) {
            return Err(format!(
                "token {token} was reported by a poll that began at {}: {life:?}",
                told.begun
            ));
        }
        let says = |&direction: &usize| told.says[direction] && !life.may_say(direction);
        if let Some(direction) = DIRECTIONS.into_iter().find(says) {
            let what = ["readable", "writable"][direction];
            return Err(format!(
                "token {token} was never {what}: {life:?}, {told:?}"
            ));
        }
    }
    Ok(())
}

/// Everything was dropped.
pub(super) fn assert_silent(poll: &mut Poll) -> Result<(), Complaint> {
    let mut events = Events::with_capacity(64);
    poll.poll(&mut events, Some(Duration::ZERO))
        .map_err(|error| format!("poll answered {error:?}"))?;
    let tokens: Vec<usize> = events.iter().map(|event| event.token().0).collect();
    if tokens.iter().any(|&token| token != STOP) {
        return Err(format!(
            "{tokens:?} were reported after everything was dropped"
        ));
    }
    Ok(())
}
