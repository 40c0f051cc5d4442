//! The steps that make, use and drop sources.

use std::os::fd::AsRawFd;

use super::super::op::{How, Kind, SLOTS};
use super::super::source::Real;
use super::{BURST, CHUNK, MESSAGES, QUEUE, Runner, Step, kind};

impl Runner {
    pub(super) fn create(&mut self, kind: Kind, a: usize, b: usize) -> Step {
        let b = if a == b { (a + 1) % SLOTS } else { b };
        self.drop_source(a)?;
        let (first, second) = Real::create(kind);
        if second.is_some() {
            self.drop_source(b)?;
        }
        let fd = second.as_ref().map(|second| (b, second.as_raw_fd()));
        self.model.create(kind, (a, first.as_raw_fd()), fd);
        self.slots[a] = Some(first);
        if second.is_some() {
            self.slots[b] = second;
        }
        Ok(Some(()))
    }

    pub(super) fn connect(&mut self, listener: usize, into: usize) -> Step {
        let Some(real) = &self.slots[listener] else {
            return Ok(None);
        };
        if listener == into || self.model.world.waiting(self.model.id(listener)) >= QUEUE {
            return Ok(None);
        }
        let Some(client) = real.connect() else {
            return Ok(None);
        };
        let client = client.map_err(|error| format!("connect: {error}"))?;
        self.drop_source(into)?;
        self.model.connect(listener, into, client.as_raw_fd());
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
            Ok(server) => Ok(server.as_raw_fd()),
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
        let twin = real.duplicate();
        self.drop_source(into)?;
        self.model.dup(from, into, twin.as_raw_fd());
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
        if peer.is_some_and(|peer| peer.messages.len() >= MESSAGES) {
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
        let Some(result) = real.shutdown(how) else {
            return Ok(None);
        };
        self.model.shutdown(slot, how, kind(result)).map(Some)
    }
}
