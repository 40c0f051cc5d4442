//! What the threads of a round share, and what they do to it.

use std::array;
use std::io::{self, ErrorKind};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ferrio::{Registry, Token, Waker};

use super::super::model::{Complaint, Outcome, tick};
use super::super::op::{How, Kind, Op, SLOTS, WAKERS, Want};
use super::super::run::kind;
use super::super::source::Real;
use super::super::stats::Stats;
use crate::kernel::{Number, number};

/// As much as one write puts into a buffer in one piece, pipe(7).
const PIECE: usize = 4096;

/// What registrations answer.
pub(super) type Answer = Result<(), ErrorKind>;

/// An operation, and what was decided of it before its round.
#[derive(Copy, Clone, Debug)]
pub(super) struct Step {
    pub(super) op: Op,
    pub(super) token: usize,
    /// A `SourceFd` is deregistered before it is dropped.
    pub(super) deregisters: bool,
}

/// What was done, and answered.
#[derive(Copy, Clone, Debug)]
pub(super) enum Did {
    Nothing,
    Create(Kind, (usize, Number), Option<(usize, Number)>),
    Drop(usize, Option<Answer>),
    Read(usize, usize, Outcome),
    Write(usize, usize, Outcome),
    Shutdown(usize, How, Answer),
    Register(usize, usize, Want, Answer),
    Reregister(usize, usize, Want, Answer),
    Deregister(usize, Answer),
    NewWaker(usize, usize),
    Wake(usize),
    DropWaker(usize),
}

/// An operation that has returned.
#[derive(Copy, Clone, Debug)]
pub(super) struct Record {
    pub(super) begun: u64,
    pub(super) ended: u64,
    pub(super) did: Did,
}

impl Record {
    pub(super) fn is_done(&self) -> bool {
        !matches!(self.did, Did::Nothing)
    }

    pub(super) fn count(&self, stats: &mut Stats) {
        match &self.did {
            Did::Read(_, _, outcome) | Did::Write(_, _, outcome) => stats.outcome(outcome),
            Did::Register(.., answer)
            | Did::Reregister(.., answer)
            | Did::Deregister(_, answer)
            | Did::Shutdown(.., answer) => stats.outcome(answer),
            _ => {}
        }
    }
}

/// The slot that an operation is about.
pub(super) fn slot_of(op: &Op) -> Option<usize> {
    let slot = match op {
        Op::Drop { slot }
        | Op::Read { slot, .. }
        | Op::Write { slot, .. }
        | Op::Drain { slot }
        | Op::Fill { slot }
        | Op::Shutdown { slot, .. }
        | Op::Register { slot, .. }
        | Op::Reregister { slot, .. }
        | Op::Deregister { slot, .. } => *slot,
        _ => return None,
    };
    Some(usize::from(slot) % SLOTS)
}

/// The network takes its time, in which the model would have to wait: its place is taken by what is
/// delivered at once.
fn at_once(kind: Kind) -> Kind {
    match kind {
        Kind::Tcp | Kind::TcpListener => Kind::Unix,
        Kind::Udp => Kind::Datagram,
        Kind::UnixListener => Kind::Pipe,
        other => other,
    }
}

pub(super) struct Stage {
    registry: Registry,
    clock: Arc<AtomicU64>,
    slots: [RwLock<Option<Real>>; SLOTS],
    wakers: [RwLock<Option<Waker>>; WAKERS],
}

impl Stage {
    pub(super) fn new(registry: Registry, clock: Arc<AtomicU64>) -> Stage {
        Stage {
            registry,
            clock,
            slots: array::from_fn(|_| RwLock::new(None)),
            wakers: array::from_fn(|_| RwLock::new(None)),
        }
    }

    pub(super) fn slot(&self, slot: usize) -> RwLockReadGuard<'_, Option<Real>> {
        let lock = self.slots[slot].read();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    fn slot_mut(&self, slot: usize) -> RwLockWriteGuard<'_, Option<Real>> {
        let lock = self.slots[slot].write();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    fn waker_mut(&self, waker: usize) -> RwLockWriteGuard<'_, Option<Waker>> {
        let lock = self.wakers[waker].write();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    /// Into slots that are empty.
    pub(super) fn create(&self, kind: Kind, a: usize, b: usize) -> Result<Record, Complaint> {
        let kind = at_once(kind);
        let (a, b) = (a % SLOTS, b % SLOTS);
        let begun = tick(&self.clock);
        let (first, second) = Real::create(kind).ok_or("every kind is here")?;
        let numbers = (number(&first), second.as_ref().map(|s| (b, number(s))));
        *self.slot_mut(a) = Some(first);
        if second.is_some() {
            *self.slot_mut(b) = second;
        }
        Ok(Record {
            begun,
            ended: tick(&self.clock),
            did: Did::Create(kind, (a, numbers.0), numbers.1),
        })
    }

    pub(super) fn perform(&self, step: &Step) -> Result<Record, Complaint> {
        let begun = tick(&self.clock);
        let did = match slot_of(&step.op) {
            Some(slot) => self.of_slot(slot, step),
            None => self.of_waker(step)?,
        };
        Ok(Record {
            begun,
            ended: tick(&self.clock),
            did,
        })
    }

    fn of_slot(&self, slot: usize, step: &Step) -> Did {
        let token = step.token;
        match step.op {
            Op::Drop { .. } => self.drop_source(slot, step.deregisters),
            Op::Read { len, .. } => self.read(slot, len as usize),
            Op::Drain { .. } => self.read(slot, 16 * PIECE),
            Op::Write { len, .. } => self.write(slot, len as usize),
            Op::Fill { .. } => self.write(slot, PIECE),
            Op::Shutdown { how, .. } => {
                let guard = self.slot(slot);
                let answer = guard.as_ref().and_then(|real| real.shutdown(how));
                answer.map_or(Did::Nothing, |a| Did::Shutdown(slot, how, kind(a)))
            }
            Op::Register { want, .. } => {
                let answer = self.registering(slot, |registry, source| {
                    registry.register(source, Token(token), want.interest())
                });
                answer.map_or(Did::Nothing, |a| Did::Register(slot, token, want, a))
            }
            Op::Reregister { want, .. } => {
                let answer = self.registering(slot, |registry, source| {
                    registry.reregister(source, Token(token), want.interest())
                });
                answer.map_or(Did::Nothing, |a| Did::Reregister(slot, token, want, a))
            }
            Op::Deregister { .. } => {
                let answer = self.registering(slot, |registry, source| registry.deregister(source));
                answer.map_or(Did::Nothing, |a| Did::Deregister(slot, a))
            }
            _ => Did::Nothing,
        }
    }

    /// Several threads may register one `SourceFd` at the same time; other sources are borrowed.
    fn registering(
        &self,
        slot: usize,
        call: impl FnOnce(&Registry, &mut dyn ferrio::event::Source) -> io::Result<()>,
    ) -> Option<Answer> {
        if let Some(real) = self.slot(slot).as_ref() {
            if let Some(fd) = real.raw_number() {
                let mut source = ferrio::unix::SourceFd(&fd);
                return Some(kind(call(&self.registry, &mut source)));
            }
        }
        let mut guard = self.slot_mut(slot);
        let source = guard.as_mut()?.source();
        Some(kind(call(&self.registry, source)))
    }

    fn drop_source(&self, slot: usize, deregisters: bool) -> Did {
        let mut guard = self.slot_mut(slot);
        let Some(mut real) = guard.take() else {
            return Did::Nothing;
        };
        let answer = deregisters.then(|| kind(self.registry.deregister(real.source())));
        drop(real);
        Did::Drop(slot, answer)
    }

    fn read(&self, slot: usize, len: usize) -> Did {
        let mut buffer = [0; 16 * PIECE];
        let len = len.clamp(1, buffer.len());
        let guard = self.slot(slot);
        let outcome = guard
            .as_ref()
            .and_then(|real| real.read(&mut buffer[..len]));
        outcome.map_or(Did::Nothing, |o| Did::Read(slot, len, kind(o)))
    }

    fn write(&self, slot: usize, len: usize) -> Did {
        let guard = self.slot(slot);
        let Some(real) = guard.as_ref() else {
            return Did::Nothing;
        };
        // The system's queue of datagrams is short.
        let most = if real.is_datagram() { 64 } else { PIECE };
        let len = len.clamp(1, most);
        let outcome = real.write(&[0; PIECE][..len]);
        outcome.map_or(Did::Nothing, |o| Did::Write(slot, len, kind(o)))
    }

    fn of_waker(&self, step: &Step) -> Result<Did, Complaint> {
        let at = |waker: u8| usize::from(waker) % WAKERS;
        Ok(match step.op {
            Op::NewWaker { waker, .. } => {
                let mut guard = self.waker_mut(at(waker));
                *guard = None;
                let made = Waker::new(&self.registry, Token(step.token));
                *guard = Some(made.map_err(|error| format!("Waker::new: {error}"))?);
                Did::NewWaker(at(waker), step.token)
            }
            Op::Wake { waker } => {
                let lock = self.wakers[at(waker)].read();
                let guard = lock.unwrap_or_else(PoisonError::into_inner);
                let Some(real) = guard.as_ref() else {
                    return Ok(Did::Nothing);
                };
                real.wake().map_err(|error| format!("wake: {error}"))?;
                Did::Wake(at(waker))
            }
            Op::DropWaker { waker } => match self.waker_mut(at(waker)).take() {
                Some(_) => Did::DropWaker(at(waker)),
                None => Did::Nothing,
            },
            _ => Did::Nothing,
        })
    }
}
