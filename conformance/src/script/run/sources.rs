//! The steps that make, use and drop sources.

use super::super::kernel::{HAS_DUPLICATES, MOST_UNREAD, TELLS_OWN_SHUTDOWN};
use super::super::model::{READ, WRITE};
use super::super::op::{How, Kind, SLOTS};
use super::super::source::Real;
use super::{BURST, CHUNK, MESSAGES, QUEUE, Runner, Step, kind};
use crate::kernel::number;

impl Runner {
    pub(super) fn create(&mut self, kind: Kind, a: usize, b: usize) -> Step {
        let b = if a == b { (a + 1) % SLOTS } else { b };
        self.drop_source(a)?;
        // Not every system has every kind.
        let Some((first, second)) = Real::create(kind) else {
            return Ok(None);
        };
        if second.is_some() {
            self.drop_source(b)?;
        }
        let fd = second.as_ref().map(|second| (b, number(second)));
        self.model.create(kind, (a, number(&first)), fd);
        self.slots[a] = Some(first);
        if second.is_some() {
            self.slots[b] = second;
        }
        Ok(Some(()))
    }

    pub(super) fn connect(&mut self, listener: usize, into: usize) -> Step {
        let id = |runner: &Runner| runner.model.id(listener);
        let object = self.model.object(listener);
        let listens = object.is_some_and(|object| object.kind.is_listener());
        if !listens || listener == into || self.model.world.waiting(id(self)) >= QUEUE {
            return Ok(None);
        }
        // Before the listener, of which this may be a duplicate, has news.
        self.drop_source(into)?;
        let client = self.slots[listener].as_ref().and_then(Real::connect);
        let client = client.ok_or("a listener that listens not")?;
        let client = client.map_err(|error| format!("connect: {error}"))?;
        self.model.connect(listener, into, number(&client));
        self.slots[into] = Some(client);
        Ok(Some(()))
    }

    pub(super) fn accept(&mut self, listener: usize, into: usize) -> Step {
        self.await_kernel(listener)?;
        let Some(real) = &self.slots[listener] else {
            return Ok(None);
        };
        if listener == into {
            return Ok(None);
        }
        let Some(result) = real.accept() else {
            return Ok(None);
        };
        let result = kind(result);
        let fd = match &result {
            Ok(server) => Ok(number(server)),
            Err(kind) => Err(*kind),
        };
        if result.is_ok() {
            self.drop_source(into)?;
        }
        self.stats.outcome(&result);
        self.model.accept(listener, into, fd)?;
        if let Ok(server) = result {
            self.slots[into] = Some(server);
        }
        Ok(Some(()))
    }

    pub(super) fn dup(&mut self, from: usize, into: usize) -> Step {
        let Some(real) = self.slots[from].as_ref().filter(|_| from != into) else {
            return Ok(None);
        };
        if !HAS_DUPLICATES {
            return Ok(None);
        }
        let shut = |direction| self.model.world.get(self.model.id(from)).is_shut(direction);
        if !TELLS_OWN_SHUTDOWN && (shut(READ) || shut(WRITE)) {
            return Ok(None);
        }
        let mut twin = real.duplicate();
        let mut passed = Vec::new();
        while self.model.is_mistakable(from, number(&twin)) {
            passed.push(twin);
            twin = real.duplicate();
        }
        drop(passed);
        self.drop_source(into)?;
        self.model.dup(from, into, number(&twin));
        self.slots[into] = Some(twin);
        Ok(Some(()))
    }

    pub(super) fn drop_source(&mut self, slot: usize) -> Step {
        let Some(object) = self.model.object(slot) else {
            return Ok(None);
        };
        if object.kind.is_raw() {
            for poll in self.model.polls_of(slot) {
                self.deregister((slot, poll))?;
            }
        }
        self.slots[slot] = None;
        self.model.drop_source(slot);
        self.note_levels();
        Ok(Some(()))
    }

    pub(super) fn abandon(&mut self, slot: usize) -> Step {
        let raw = self
            .model
            .object(slot)
            .is_some_and(|object| object.kind.is_raw());
        let pollers = !self.polls.is_empty();
        if !raw || !pollers || self.model.polls_of(slot).is_empty() {
            return Ok(None);
        }
        self.slots[slot] = None;
        self.model.drop_source(slot);
        // Before anything else gets the number.
        self.settle(8)?;
        self.model.forget_closed();
        Ok(Some(()))
    }

    pub(super) fn read(&mut self, slot: usize, len: usize) -> Step {
        self.await_kernel(slot)?;
        let Some(real) = &self.slots[slot] else {
            return Ok(None);
        };
        let len = len.clamp(1, CHUNK);
        let Some(result) = real.read(&mut self.buffer[..len]) else {
            return Ok(None);
        };
        let outcome = kind(result);
        self.stats.outcome(&outcome);
        self.model.read(slot, len, outcome).map(Some)
    }

    pub(super) fn write(&mut self, slot: usize, len: usize) -> Step {
        self.await_kernel(slot)?;
        let Some(real) = &self.slots[slot] else {
            return Ok(None);
        };
        let object = self.model.object(slot).expect("as many as sources");
        let len = if object.kind.is_datagram() {
            len.min(1024)
        } else {
            len
        }
        .clamp(1, CHUNK);
        let peer = object.peer.map(|peer| self.model.world.get(peer));
        if peer.is_some_and(|peer| {
            peer.messages.len() >= MESSAGES
                || MOST_UNREAD.is_some_and(|most| peer.bytes + len > most)
        }) {
            return Ok(None);
        }
        let Some(result) = real.write(&self.buffer[..len]) else {
            return Ok(None);
        };
        let outcome = kind(result);
        self.stats.outcome(&outcome);
        self.model.write(slot, len, outcome).map(Some)
    }

    pub(super) fn drain(&mut self, slot: usize) -> Step {
        for _ in 0..BURST {
            let before = self.stats.moved;
            if self.read(slot, CHUNK)?.is_none() {
                return Ok(None);
            }
            if self.stats.moved == before {
                break;
            }
        }
        Ok(Some(()))
    }

    pub(super) fn fill(&mut self, slot: usize) -> Step {
        for round in 0..BURST {
            let before = self.stats.moved;
            if self.write(slot, CHUNK)?.is_none() {
                return Ok((round > 0).then_some(()));
            }
            if self.stats.moved == before {
                break;
            }
        }
        Ok(Some(()))
    }

    pub(super) fn peek(&mut self, slot: usize) -> Step {
        self.await_kernel(slot)?;
        let Some(real) = &self.slots[slot] else {
            return Ok(None);
        };
        let Some(result) = real.peek() else {
            return Ok(None);
        };
        let outcome = kind(result);
        self.stats.outcome(&outcome);
        self.model.peek(slot, 16, outcome).map(Some)
    }

    pub(super) fn try_read(&mut self, slot: usize) -> Step {
        self.await_kernel(slot)?;
        let Some(real) = &self.slots[slot] else {
            return Ok(None);
        };
        let Some(result) = real.try_read() else {
            return Ok(None);
        };
        let outcome = kind(result);
        self.stats.outcome(&outcome);
        self.model.try_read(slot, outcome).map(Some)
    }

    pub(super) fn shutdown(&mut self, slot: usize, how: How) -> Step {
        // What arrives later may be answered with a reset.
        self.await_kernel(slot)?;
        let Some(real) = &self.slots[slot] else {
            return Ok(None);
        };
        if !TELLS_OWN_SHUTDOWN && self.model.world.is_shared(self.model.id(slot)) {
            return Ok(None);
        }
        let Some(result) = real.shutdown(how) else {
            return Ok(None);
        };
        self.model.shutdown(slot, how, kind(result)).map(Some)
    }
}
