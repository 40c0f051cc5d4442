//! Runs a script on a backend, beside the model.

mod polling;
mod sources;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ferrio::fault::{self, Call};
use ferrio::{Registry, Waker};

use super::model::{Complaint, Model, Musts, Rules};
use super::op::{Op, POLLS, SLOTS, WAKERS};
use super::source::Real;
use super::stats::Stats;
use crate::LIMIT;
use crate::backend::Backend;

/// More zero-timeout polls with events than any script causes: then something is reported for ever.
const MAX_ROUNDS: usize = 2_000;
/// Clients that a listener's queue is asked to hold.
const QUEUE: usize = 4;
/// Datagrams that a receiver is asked to hold.
const MESSAGES: usize = 48;
/// Rounds of [`Op::Fill`] and [`Op::Drain`].
const BURST: usize = 64;
/// System calls that one poll may make: one, and a few where that ended early. On Windows a packet that
/// is nobody's any more takes one where there is room for one event only. On WASI each stream that has
/// just connected is asked about once more.
const MAX_WAITS: u64 = if cfg!(not(unix)) {
    4 + 2 * SLOTS as u64
} else {
    4
};
const CHUNK: usize = 64 * 1024;

/// `Some`: the step was taken; `None`: it made no sense.
type Step = Result<Option<()>, Complaint>;

/// A script's objects and what is known of them.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) model: Model,
    /// None if somebody else polls; then those steps are passed over.
    polls: Vec<ferrio::Poll>,
    registries: Vec<Registry>,
    /// The next token; `None`: those of the script.
    next_token: Option<usize>,
    slots: [Option<Real>; SLOTS],
    wakers: [Option<Waker>; WAKERS],
    buffer: Vec<u8>,
    /// The system calls in which the selector waits.
    waits: &'static [Call],
    /// How long an event that is due may take.
    limit: Duration,
    pub(super) stats: Stats,
    /// What had to come before each comparison.
    pub(super) musts: Vec<Musts>,
}

/// What a write after one's own shutdown answers: std has no kind for Windows' number.
#[cfg(not(windows))]
const SHUT: i32 = libc::EPIPE;
#[cfg(windows)]
const SHUT: i32 = windows_sys::Win32::Networking::WinSock::WSAESHUTDOWN;

fn clone(registry: &Registry) -> Registry {
    registry.try_clone().expect("no system call")
}

pub(super) fn kind<T>(result: io::Result<T>) -> Result<T, ErrorKind> {
    result.map_err(|error| match error.raw_os_error() {
        Some(SHUT) => ErrorKind::BrokenPipe,
        _ => error.kind(),
    })
}

impl Runner {
    pub(super) fn new(backend: &Backend, limit: Duration) -> Runner {
        let polls: Vec<_> = (0..POLLS).map(|_| backend.poll()).collect();
        let registries = polls.iter().map(|poll| clone(poll.registry())).collect();
        Runner {
            model: Model::new(Rules::of(backend), Arc::default()),
            polls,
            registries,
            next_token: None,
            slots: Default::default(),
            wakers: Default::default(),
            buffer: vec![0; CHUNK],
            waits: backend.calls().wait,
            limit,
            stats: Stats::default(),
            musts: Vec::new(),
        }
    }

    /// For a thread beside others: all registrations are with one `Poll`, which another thread polls,
    /// each under a token of its own, behind `last_token`.
    pub(super) fn beside_poller(
        backend: &Backend,
        registry: &Registry,
        clock: Arc<AtomicU64>,
        last_token: usize,
    ) -> Runner {
        let mut runner = Runner::new(backend, LIMIT);
        runner.model = Model::new(Rules::of(backend), clock);
        runner.polls.clear();
        runner.registries = vec![clone(registry)];
        runner.next_token = Some(last_token);
        runner
    }

    /// How often this thread has waited in the kernel.
    pub(super) fn waits(calls: &[Call]) -> u64 {
        calls.iter().map(|&call| fault::calls(call)).sum()
    }

    fn token(&mut self, of_script: u8) -> usize {
        match &mut self.next_token {
            Some(token) => {
                *token += 1;
                *token
            }
            None => of_script.into(),
        }
    }

    pub(super) fn step(&mut self, op: &Op) -> Result<(), Complaint> {
        self.model.begin();
        let done = self.take(op)?.is_some();
        self.note_levels();
        self.model.note_ready();
        self.stats.step(op, done);
        for kind in self.model.extras.drain(..) {
            self.stats.extra(kind);
        }
        Ok(())
    }

    /// For a comparison with events whose moment is not known.
    fn note_levels(&mut self) {
        if self.next_token.is_some() {
            self.model.note_levels();
        }
    }

    fn take(&mut self, op: &Op) -> Step {
        let at = |slot: u8| usize::from(slot) % SLOTS;
        match *op {
            Op::Create { kind, a, b } => self.create(kind, at(a), at(b)),
            Op::Connect { listener, into } => self.connect(at(listener), at(into)),
            Op::Accept { listener, into } => self.accept(at(listener), at(into)),
            Op::Dup { from, into } => self.dup(at(from), at(into)),
            Op::Drop { slot } => self.drop_source(at(slot)),
            Op::Abandon { slot } => self.abandon(at(slot)),
            Op::Read { slot, len } => self.read(at(slot), len as usize),
            Op::Write { slot, len } => self.write(at(slot), len as usize),
            Op::Drain { slot } => self.drain(at(slot)),
            Op::Fill { slot } => self.fill(at(slot)),
            Op::Peek { slot } => self.peek(at(slot)),
            Op::TryRead { slot } => self.try_read(at(slot)),
            Op::Shutdown { slot, how } => self.shutdown(at(slot), how),
            _ => self.take_of_poll(op),
        }
    }

    /// The rest of [`take`](Runner::take).
    fn take_of_poll(&mut self, op: &Op) -> Step {
        let polls = self.registries.len();
        let of = |poll: u8| usize::from(poll) % polls;
        let pair = |slot: u8, poll: u8| (usize::from(slot) % SLOTS, of(poll));
        match *op {
            Op::Register {
                slot,
                poll,
                token,
                want,
            } => self.register(pair(slot, poll), token, want),
            Op::Reregister {
                slot,
                poll,
                token,
                want,
            } => self.reregister(pair(slot, poll), token, want),
            Op::Deregister { slot, poll } => self.deregister(pair(slot, poll)),
            Op::NewWaker { waker, poll, token } => {
                self.new_waker(usize::from(waker) % WAKERS, of(poll), token)
            }
            Op::Wake { waker } => self.wake(usize::from(waker) % WAKERS),
            Op::DropWaker { waker } => self.drop_waker(usize::from(waker) % WAKERS),
            Op::Poll {
                poll,
                capacity,
                timeout,
            } => self.poll(of(poll), capacity.into(), timeout),
            Op::Settle { capacity } => self.settle(capacity.max(1).into()),
            _ => unreachable!("{op:?} is about sources"),
        }
    }

    /// The script is over: drops everything, after which no token is left.
    pub(super) fn finish(&mut self) -> Result<(), Complaint> {
        self.settle(64)?;
        self.drop_all()?;
        self.settle(64)?;
        Ok(())
    }

    pub(super) fn drop_all(&mut self) -> Result<(), Complaint> {
        for slot in 0..SLOTS {
            self.drop_source(slot)?;
        }
        for waker in 0..WAKERS {
            self.drop_waker(waker)?;
        }
        Ok(())
    }
}
