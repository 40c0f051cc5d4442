//! The steps that register, wake and poll, and the comparison.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;

use ferrio::{Events, Token, Waker};

use super::super::kernel::{self, Awaited};
use super::super::model::{Complaint, Level, Musts, READ, Seen, WRITE};
use super::super::op::{SLOTS, Timeout, WAKERS, Want};
use super::{MAX_ROUNDS, MAX_WAITS, Runner, Step, kind};
use crate::kernel::number;

impl Runner {
    pub(super) fn register(&mut self, (slot, poll): (usize, usize), token: u8, want: Want) -> Step {
        let token = self.token(token);
        let Some(real) = &mut self.slots[slot] else {
            return Ok(None);
        };
        let registry = &self.registries[poll];
        let result = registry.register(real.source(), Token(token), want.interest());
        let answer = kind(result);
        self.stats.outcome(&answer);
        self.model
            .register((slot, poll), token, want, answer)
            .map(Some)
    }

    pub(super) fn reregister(
        &mut self,
        (slot, poll): (usize, usize),
        token: u8,
        want: Want,
    ) -> Step {
        let token = self.token(token);
        let Some(real) = &mut self.slots[slot] else {
            return Ok(None);
        };
        let registry = &self.registries[poll];
        let result = registry.reregister(real.source(), Token(token), want.interest());
        let answer = kind(result);
        self.stats.outcome(&answer);
        self.model
            .reregister((slot, poll), token, want, answer)
            .map(Some)
    }

    pub(super) fn deregister(&mut self, (slot, poll): (usize, usize)) -> Step {
        let Some(real) = &mut self.slots[slot] else {
            return Ok(None);
        };
        let answer = kind(self.registries[poll].deregister(real.source()));
        self.stats.outcome(&answer);
        self.model.deregister((slot, poll), answer).map(Some)
    }

    pub(super) fn new_waker(&mut self, waker: usize, poll: usize, token: u8) -> Step {
        let token = self.token(token);
        self.wakers[waker] = None;
        let made = Waker::new(&self.registries[poll], Token(token));
        self.wakers[waker] = Some(made.map_err(|error| format!("Waker::new: {error}"))?);
        self.model.new_waker(waker, poll, token);
        Ok(Some(()))
    }

    pub(super) fn wake(&mut self, waker: usize) -> Step {
        let Some(real) = &self.wakers[waker] else {
            return Ok(None);
        };
        real.wake().map_err(|error| format!("wake: {error}"))?;
        self.model.wake(waker);
        Ok(Some(()))
    }

    pub(super) fn drop_waker(&mut self, waker: usize) -> Step {
        let taken = self.wakers[waker].take();
        let there = taken.is_some();
        drop(taken);
        self.model.drop_waker(waker);
        Ok(there.then_some(()))
    }

    /// One poll; its events have gone through the model.
    pub(super) fn batch(
        &mut self,
        poll: usize,
        capacity: usize,
        timeout: Duration,
    ) -> Result<Vec<Seen>, Complaint> {
        let mut events = Events::with_capacity(capacity);
        let before = Runner::waits(self.waits);
        loop {
            match self.polls[poll].poll(&mut events, Some(timeout)) {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("poll answered {error:?}")),
            }
        }
        let calls = Runner::waits(self.waits) - before;
        if calls > MAX_WAITS {
            return Err(format!("one poll has asked the kernel {calls} times"));
        }
        let batch: Vec<Seen> = events.iter().map(Seen::from).collect();
        if batch.len() > capacity {
            return Err(format!("{} events in a buffer for {capacity}", batch.len()));
        }
        self.stats.events += batch.len() as u64;
        self.model.batch(poll, &batch)?;
        Ok(batch)
    }

    pub(super) fn poll(&mut self, poll: usize, capacity: usize, timeout: Timeout) -> Step {
        if capacity == 0 && !self.polls.is_empty() {
            let mut events = Events::with_capacity(0);
            let answer = kind(self.polls[poll].poll(&mut events, Some(Duration::ZERO)));
            return match answer {
                Err(ErrorKind::InvalidInput) => Ok(Some(())),
                _ => Err(format!("poll without room answered {answer:?}")),
            };
        }
        if self.polls.is_empty() {
            return Ok(None);
        }
        (0..SLOTS).try_for_each(|slot| self.await_kernel(slot))?;
        let due = self.model.due(poll);
        let timeout = timeout.duration(!due.is_empty(), self.limit);
        let batch = self.batch(poll, capacity, timeout)?;
        if batch.is_empty() && !due.is_empty() {
            return Err(format!("poll returned nothing, due are {due:?}"));
        }
        Ok(Some(()))
    }

    /// Polls until nothing comes, and compares.
    pub(super) fn settle(&mut self, capacity: usize) -> Step {
        if self.polls.is_empty() {
            return Ok(None);
        }
        let kernel = self.quiet_kernel()?;
        let mut musts = Musts::new();
        for poll in 0..self.polls.len() {
            self.stats.due += self.model.due(poll).len() as u64;
            self.model.begin_comparison(poll);
            self.quiesce(poll, capacity)?;
            let ready = |slot: usize, direction| kernel[slot].is_ready(direction);
            musts.append(&mut self.model.compare(poll, ready)?);
        }
        self.musts.push(musts);
        for (slot, answer) in kernel.iter().enumerate() {
            if self.slots[slot].is_some() && answer.is_writable() {
                self.model.note_room(slot);
            }
        }
        Ok(Some(()))
    }

    pub(super) fn quiesce(&mut self, poll: usize, capacity: usize) -> Result<(), Complaint> {
        let mut seen = BTreeSet::new();
        let mut repeats = 0;
        for _ in 0..MAX_ROUNDS {
            let batch = self.batch(poll, capacity, Duration::ZERO)?;
            let mut news = false;
            for event in &batch {
                let first = seen.insert(event.token);
                news |= first || !self.model.is_level(poll, event.token);
            }
            repeats = if news { 0 } else { repeats + 1 };
            // What is level-triggered comes for ever; the others have had their turns in between.
            if batch.is_empty() || repeats > SLOTS + WAKERS {
                return Ok(());
            }
        }
        Err(format!("events without end: {seen:?}"))
    }

    /// What the kernel says when the network has brought everything.
    pub(in super::super) fn quiet_kernel(&self) -> Result<[kernel::Answer; SLOTS], Complaint> {
        (0..SLOTS).try_for_each(|slot| self.await_kernel(slot))?;
        self.ask_kernel()
    }

    /// Waits until the network, or the polling thread, has brought what the model knows of.
    pub(super) fn await_kernel(&self, slot: usize) -> Result<(), Complaint> {
        let Some(real) = &self.slots[slot] else {
            return Ok(());
        };
        let object = self.model.object(slot).expect("as many as sources");
        let network = object.kind.is_network();
        let hang_up = !network && self.model.world.peer_hung_up(self.model.id(slot));
        if !network && !hang_up {
            return Ok(());
        }
        let id = self.model.id(slot);
        let yes = |direction| self.model.world.level(id, direction) == Level::Yes;
        let crowded = object
            .peer
            .is_some_and(|peer| self.model.world.get(peer).crowded);
        let counted = real.is_tcp() && !crowded && !object.uncertain;
        let told = kernel::TELLS_OWN_SHUTDOWN || !object.is_shut(READ);
        let awaited = Awaited {
            ready: [told && yes(READ), yes(WRITE)],
            hang_up,
            bytes: if counted { object.bytes } else { 0 },
        };
        if kernel::wait(real, awaited) {
            return Ok(());
        }
        Err(format!(
            "the kernel never came to {awaited:?} for {object:?}"
        ))
    }

    /// Asks the kernel about everything, and compares the model with it.
    pub(super) fn ask_kernel(&self) -> Result<[kernel::Answer; SLOTS], Complaint> {
        let mut answers = [kernel::Answer::default(); SLOTS];
        for (slot, real) in self.slots.iter().enumerate() {
            let Some(real) = real else { continue };
            let answer = kernel::ask(number(real));
            let id = self.model.id(slot);
            let read = self.model.world.level(id, READ);
            let write = self.model.world.level(id, WRITE);
            let told = kernel::TELLS_OWN_SHUTDOWN || !self.model.world.get(id).is_shut(READ);
            let wrong = read == Level::Yes && told && !answer.is_ready(READ)
                || write == Level::Yes && !answer.is_ready(WRITE)
                || read == Level::No && answer.is_readable()
                || write == Level::No && answer.is_writable();
            if wrong {
                let object = self.model.object(slot);
                return Err(format!("the model is wrong: {answer:?} for {object:?}"));
            }
            answers[slot] = answer;
        }
        Ok(answers)
    }
}
