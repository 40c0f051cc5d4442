//! A pipe that behaves: bytes go in at one end and come out at the other, at any pace. The user does
//! nothing but what events ask for. All bytes arrive, in order, and those of one connection never in
//! another.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};

use super::super::{Code, Machine, Traits};
use super::world::{Dice, Kind, World};
use crate::interest::Interest;
use crate::readiness::Readiness;
use crate::token::Token;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The byte at a place of a connection's stream.
fn byte(connection: usize, place: usize) -> u8 {
    (connection * 89 + place * 7 + place / 256) as u8
}

/// The other end.
#[derive(Default)]
struct Peer {
    present: bool,
    /// What it sends in all, has put into the pipe, and has seen read.
    sends: usize,
    sent: usize,
    fetched: usize,
    /// What it has received.
    received: usize,
}

/// This end, as a program with edges handles it.
#[derive(Default)]
struct User {
    /// What it has read and had accepted for writing.
    read: usize,
    accepted: usize,
    writes: usize,
    ended: bool,
    /// It stops at a read or write that did less than asked.
    stops_short: bool,
}

struct Both<'a> {
    machine: Machine,
    world: World,
    dice: &'a mut Dice,
    peer: Peer,
    user: User,
    spurious: usize,
}

#[test]
fn every_byte_arrives_once_and_in_order_through_edges_alone() {
    let mut dice = Dice::new(98);
    for round in 0..if cfg!(miri) { 10 } else { 3000 } {
        let server = dice.one_in(2);
        let traits = Traits {
            unconnected: server,
            one_connection: !server,
            messages: false,
        };
        let mut both = Both {
            machine: Machine::new(traits),
            world: World::default(),
            dice: &mut dice,
            peer: Peer::default(),
            user: User::default(),
            spurious: 0,
        };
        both.machine.set_read_size(1 + both.dice.below(64));
        if both.dice.one_in(2) {
            both.machine.set_write_size(1 + both.dice.below(64));
        }
        both.machine.register(&mut both.world, Token(round), BOTH);
        let connections = if server { 1 + both.dice.below(3) } else { 1 };
        for connection in 0..connections {
            both.connection(server, connection);
        }
        assert_eq!(both.spurious, 0);
    }
}

impl Both<'_> {
    fn connection(&mut self, server: bool, connection: usize) {
        self.peer = Peer {
            present: !server,
            sends: self.dice.below(300),
            ..Peer::default()
        };
        self.user = User {
            writes: self.dice.below(300),
            stops_short: self.dice.one_in(2),
            ..User::default()
        };
        if server {
            let error = self.machine.connect(&mut self.world).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
        // A client that is thrown out may be in the middle of anything.
        let patience = match self.dice.below(4) {
            0 if server => self.dice.below(200),
            _ => 20_000,
        };
        for _ in 0..patience {
            self.step(connection);
            if self.is_through() {
                break;
            }
        }
        if patience == 20_000 {
            assert!(self.is_through(), "stuck: {:?}", self.machine);
            assert_eq!(self.user.read, self.peer.sends);
            assert_eq!(self.peer.received, self.user.accepted);
        }
        if server {
            self.machine.disconnect(&mut self.world).unwrap();
        }
    }

    fn is_through(&self) -> bool {
        self.user.ended && !self.peer.present
    }

    fn step(&mut self, connection: usize) {
        match self.dice.below(12) {
            0..=2 => {
                let left = self.peer.sends - self.peer.sent;
                if self.peer.present && left > 0 {
                    self.peer.sent += 1 + self.dice.below(left);
                }
            }
            3 => self.peer_leaves(),
            4 if self.dice.one_in(4) => {
                self.machine.deregister();
                self.machine.register(&mut self.world, Token(1), BOTH);
            }
            4 if self.dice.one_in(4) => {
                self.machine.register(&mut self.world, Token(2), BOTH);
            }
            5 if self.dice.one_in(8) => self.interrupt(),
            5..=8 => self.kernel(connection),
            _ => self.poll(connection),
        }
    }

    /// It goes when everything has gone through.
    fn peer_leaves(&mut self) {
        let all = self.peer.fetched == self.peer.sends && self.user.accepted == self.user.writes;
        if all && self.peer.received == self.user.accepted {
            self.peer.present = false;
        }
    }

    /// Ends an operation for no reason.
    fn interrupt(&mut self) {
        let read = |o: &&super::world::Operation| o.kind == Kind::Read && !o.cancelled;
        let Some(ticket) = self.world.operations.iter().find(read).map(|o| o.ticket) else {
            return;
        };
        let index = self
            .world
            .operations
            .iter()
            .position(|o| o.ticket == ticket);
        let completion = self.world.end(index.unwrap(), Code::ABORTED, 0);
        self.machine.complete(&mut self.world, completion);
    }

    /// Ends one of the operations, if it has a reason to end.
    fn kernel(&mut self, connection: usize) {
        if self.world.operations.is_empty() {
            return;
        }
        let index = self.dice.below(self.world.operations.len());
        let operation = &mut self.world.operations[index];
        // Those of another connection end with an error, whether they were cancelled or not.
        if operation.connection != connection {
            assert!(operation.cancelled);
            let completion = self.world.end(index, Code::PIPE_NOT_CONNECTED, 0);
            return self.machine.complete(&mut self.world, completion);
        }
        let (code, count) = match operation.kind {
            Kind::Connect => {
                self.peer.present = true;
                (Code::SUCCESS, 0)
            }
            Kind::Read => {
                let there = self.peer.sent - self.peer.fetched;
                if there == 0 && self.peer.present && !self.dice.one_in(20) {
                    return;
                }
                let count = there.min(operation.buffer.len());
                for (index, to) in operation.buffer[..count].iter_mut().enumerate() {
                    *to = byte(connection, self.peer.fetched + index);
                }
                self.peer.fetched += count;
                match (count, self.peer.present) {
                    (0, false) => (Code::BROKEN_PIPE, 0),
                    _ if self.dice.one_in(3) && count > 0 => (Code::MORE_DATA, count),
                    _ => (Code::SUCCESS, count),
                }
            }
            Kind::Write { from } => {
                let left = operation.buffer.len() - from;
                let count = 1 + self.dice.below(left);
                for got in &operation.buffer[from..from + count] {
                    assert_eq!(*got, byte(connection, self.peer.received));
                    self.peer.received += 1;
                }
                (Code::SUCCESS, count)
            }
        };
        let completion = self.world.end(index, code, count);
        self.machine.complete(&mut self.world, completion);
    }

    fn poll(&mut self, connection: usize) {
        let Some((_, readiness)) = self.machine.take_event() else {
            return;
        };
        if readiness.contains(Readiness::READABLE) {
            self.user_reads(connection);
        }
        if readiness.contains(Readiness::WRITABLE) && !self.user.ended {
            self.user_writes(connection);
        }
    }

    fn user_reads(&mut self, connection: usize) {
        for turn in 0.. {
            let mut room = [0; 40];
            let len = 1 + self.dice.below(room.len() - 1);
            match self.read(&mut room[..len]) {
                Ok(0) => {
                    self.user.ended = true;
                    return;
                }
                Ok(count) => {
                    for got in &room[..count] {
                        assert_eq!(*got, byte(connection, self.user.read));
                        self.user.read += 1;
                    }
                    if self.user.stops_short && count < len {
                        return;
                    }
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    self.spurious += usize::from(turn == 0);
                    return;
                }
            }
        }
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut bufs = [IoSliceMut::new(room)];
        self.machine.read(&mut self.world, &mut bufs)
    }

    fn user_writes(&mut self, connection: usize) {
        for turn in 0.. {
            let left = self.user.writes - self.user.accepted;
            if left == 0 {
                return;
            }
            let len = 1 + self.dice.below(left);
            let from = self.user.accepted;
            let bytes: Vec<u8> = (from..from + len).map(|at| byte(connection, at)).collect();
            match self.machine.write(&mut self.world, &[IoSlice::new(&bytes)]) {
                Ok(count) => {
                    self.user.accepted += count;
                    if self.user.stops_short && count < len {
                        return;
                    }
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    self.spurious += usize::from(turn == 0);
                    return;
                }
            }
        }
    }
}
