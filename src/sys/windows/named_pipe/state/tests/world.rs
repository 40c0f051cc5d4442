//! A kernel that does what a test tells it to, and counts.

use std::collections::VecDeque;

use super::super::{Code, Completion, Kernel, Ticket};

/// Numbers that look random, the same ones for the same seed (xorshift64*).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        number as usize % limit
    }

    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write { from: usize },
    Connect,
}

/// An operation under way.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) ticket: Ticket,
    pub(super) kind: Kind,
    pub(super) buffer: Vec<u8>,
    pub(super) cancelled: bool,
    /// The connection that it was begun on.
    pub(super) connection: usize,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) operations: Vec<Operation>,
    /// What the next start answers, if it is an error.
    pub(super) refusals: VecDeque<Code>,
    pub(super) disconnect_fails: bool,
    pub(super) messages: bool,
    /// Buffers that were lent and not given back.
    pub(super) lent: usize,
    pub(super) connection: usize,
    pub(super) last: u64,
}

impl World {
    pub(super) fn of(&self, kind: fn(&Kind) -> bool) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|o| kind(&o.kind) && !o.cancelled)
    }

    /// An operation that still counts.
    pub(super) fn reads(&self) -> bool {
        self.of(|kind| *kind == Kind::Read).is_some()
    }

    pub(super) fn writes(&self) -> bool {
        self.of(|kind| matches!(kind, Kind::Write { .. })).is_some()
    }

    /// The end of the operation at `index`.
    pub(super) fn end(&mut self, index: usize, code: Code, transferred: usize) -> Completion {
        let operation = self.operations.swap_remove(index);
        Completion {
            ticket: operation.ticket,
            code,
            transferred,
            buffer: operation.buffer,
        }
    }

    fn start(
        &mut self,
        ticket: Ticket,
        kind: Kind,
        buffer: Vec<u8>,
    ) -> Result<(), (Code, Vec<u8>)> {
        assert!(ticket.0 > self.last, "{ticket:?} was used before");
        self.last = ticket.0;
        if let Some(code) = self.refusals.pop_front() {
            return Err((code, buffer));
        }
        let same = |o: &&Operation| {
            !o.cancelled && std::mem::discriminant(&o.kind) == std::mem::discriminant(&kind)
        };
        assert!(
            self.operations.iter().find(same).is_none(),
            "two of {kind:?}"
        );
        self.operations.push(Operation {
            ticket,
            kind,
            buffer,
            cancelled: false,
            connection: self.connection,
        });
        Ok(())
    }
}

impl Kernel for World {
    fn start_read(&mut self, ticket: Ticket, buffer: Vec<u8>) -> Result<(), (Code, Vec<u8>)> {
        assert!(!buffer.is_empty());
        self.start(ticket, Kind::Read, buffer)
    }

    fn start_write(
        &mut self,
        ticket: Ticket,
        buffer: Vec<u8>,
        from: usize,
    ) -> Result<(), (Code, Vec<u8>)> {
        assert!(from < buffer.len() || from == 0 && self.messages);
        self.start(ticket, Kind::Write { from }, buffer)
    }

    fn start_connect(&mut self, ticket: Ticket) -> Result<(), Code> {
        let result = self.start(ticket, Kind::Connect, Vec::new());
        result.map_err(|(code, _)| code)
    }

    fn disconnect(&mut self) -> Result<(), Code> {
        if self.disconnect_fails {
            return Err(Code::PIPE_NOT_CONNECTED);
        }
        self.connection += 1;
        Ok(())
    }

    fn cancel(&mut self, ticket: Ticket) {
        let operation = self.operations.iter_mut().find(|o| o.ticket == ticket);
        operation
            .expect("only what is under way is cancelled")
            .cancelled = true;
    }

    fn reads_messages(&mut self) -> bool {
        self.messages
    }

    fn buffer(&mut self, len: usize) -> Vec<u8> {
        self.lent += usize::from(len > 0);
        vec![0xEE; len]
    }

    fn recycle(&mut self, buffer: Vec<u8>) {
        // A wait for a client has none, and an empty message needs none.
        self.lent -= usize::from(buffer.capacity() > 0);
    }
}
