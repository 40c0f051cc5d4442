//! Anything at any moment: calls of the user, ends of operations with any result, cancellations,
//! refusals, drops. Whatever happens there is no panic, no memory is lost, an edge that somebody waits
//! for is on its way, and no event tells of what is not so.

use std::io::{ErrorKind, IoSlice, IoSliceMut};

use super::super::{Code, Link, Machine, Reading, Traits, Writing};
use super::world::{Dice, Kind, World};
use crate::interest::Interest;
use crate::readiness::Readiness;
use crate::token::Token;

const STEPS: usize = if cfg!(miri) { 4_000 } else { 1_000_000 };

const CODES: &[Code] = &[
    Code::SUCCESS,
    Code::SUCCESS,
    Code::SUCCESS,
    Code::MORE_DATA,
    Code::ABORTED,
    Code::BROKEN_PIPE,
    Code::NO_DATA,
    Code::HANDLE_EOF,
    Code::PIPE_NOT_CONNECTED,
    Code::PIPE_CONNECTED,
    Code::PIPE_LISTENING,
    Code(997),
    Code(31),
    Code(-1),
];

const REFUSALS: &[Code] = &[
    Code::PIPE_LISTENING,
    Code::PIPE_NOT_CONNECTED,
    Code::BROKEN_PIPE,
    Code::NO_DATA,
    Code::PIPE_CONNECTED,
    Code(1450),
];

#[derive(Default)]
struct Seen {
    events: usize,
    data: usize,
    ends: usize,
    errors: usize,
    blocked: usize,
    connections: usize,
    stale: usize,
    pipes: usize,
}

struct Chaos<'a> {
    machine: Machine,
    world: World,
    dice: &'a mut Dice,
    seen: &'a mut Seen,
    registered: Option<(Token, Interest)>,
    /// The user was told to wait, and no event has come since.
    read_blocked: bool,
    write_blocked: bool,
    connect_blocked: bool,
}

#[test]
fn nothing_that_can_happen_to_a_pipe_panics_leaks_or_loses_an_edge() {
    let mut dice = Dice::new(6);
    let mut seen = Seen::default();
    let mut steps = 0;
    while steps < STEPS {
        steps += one_pipe(&mut dice, &mut seen);
    }
    // The steps have reached what they are to reach.
    for count in [
        seen.events,
        seen.data,
        seen.ends,
        seen.errors,
        seen.blocked,
        seen.connections,
        seen.stale,
    ] {
        assert!(count > STEPS / 1000, "{count} of {STEPS}");
    }
    assert!(seen.pipes > STEPS / 1000);
}

fn one_pipe(dice: &mut Dice, seen: &mut Seen) -> usize {
    let traits = Traits {
        unconnected: dice.one_in(2),
        one_connection: dice.one_in(2),
        messages: dice.one_in(3),
    };
    let mut chaos = Chaos {
        machine: Machine::new(traits),
        world: World {
            messages: traits.messages,
            ..World::default()
        },
        dice,
        seen,
        registered: None,
        read_blocked: false,
        write_blocked: false,
        connect_blocked: false,
    };
    let steps = chaos.dice.below(400) + 1;
    for _ in 0..steps {
        chaos.step();
        chaos.check();
    }
    chaos.end();
    chaos.seen.pipes += 1;
    steps
}

impl Chaos<'_> {
    fn step(&mut self) {
        self.world.refusals.clear();
        if self.dice.one_in(12) {
            let code = REFUSALS[self.dice.below(REFUSALS.len())];
            self.world.refusals.push_back(code);
        }
        match self.dice.below(20) {
            0..=3 => self.read(),
            4..=6 => self.write(),
            7 => self.connect(),
            8 if self.dice.one_in(4) => self.disconnect(),
            9 => self.register(),
            10 if self.dice.one_in(3) => self.deregister(),
            11 if self.dice.one_in(8) => self.abandon(),
            12 => self.sizes(),
            13..=15 => self.poll(),
            _ => self.complete(),
        }
    }

    fn read(&mut self) {
        let mut room = [0; 48];
        let len = self.dice.below(room.len());
        let (first, second) = room[..len].split_at_mut(len / 3);
        let mut bufs = [IoSliceMut::new(first), IoSliceMut::new(second)];
        let result = self.machine.read(&mut self.world, &mut bufs);
        // Whoever was answered otherwise does not wait.
        self.read_blocked &= len == 0;
        match result {
            Ok(0) => self.seen.ends += usize::from(len > 0),
            Ok(count) => {
                assert!(count <= len);
                self.seen.data += 1;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.seen.blocked += 1;
                self.read_blocked = self.registered.is_some_and(|(_, i)| i.is_readable());
            }
            Err(_) => self.seen.errors += 1,
        }
    }

    fn write(&mut self) {
        // What can be written to has a client.
        self.connect_blocked &= !self.machine.has_connection();
        let len = self.dice.below(40);
        let bytes = [7; 40];
        let bufs = [
            IoSlice::new(&bytes[..len / 2]),
            IoSlice::new(&bytes[len / 2..len]),
        ];
        // An edge that was to be told of is not forgotten because a write comes before.
        let due = self.machine.write_due && self.machine.has_event();
        let blocked = match self.machine.write(&mut self.world, &bufs) {
            Ok(count) => {
                assert!(count <= len);
                count < len || due
            }
            Err(error) => {
                self.seen.errors += 1;
                error.kind() == ErrorKind::WouldBlock
            }
        };
        self.write_blocked = false;
        if blocked {
            self.write_blocked = self.registered.is_some_and(|(_, i)| i.is_writable());
        }
    }

    fn connect(&mut self) {
        self.connect_blocked = false;
        match self.machine.connect(&mut self.world) {
            Ok(()) => self.seen.connections += 1,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // Whatever the interest.
                self.connect_blocked = self.registered.is_some();
            }
            Err(_) => {}
        }
    }

    fn disconnect(&mut self) {
        self.world.disconnect_fails = self.dice.one_in(4);
        if self.machine.disconnect(&mut self.world).is_ok() {
            self.read_blocked = false;
            self.write_blocked = false;
            self.connect_blocked = false;
        }
    }

    fn register(&mut self) {
        let interests = match self.dice.below(3) {
            0 => Interest::READABLE,
            1 => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        };
        let token = Token(self.dice.below(1000));
        self.machine.register(&mut self.world, token, interests);
        self.registered = Some((token, interests));
        self.read_blocked &= interests.is_readable();
        self.write_blocked &= interests.is_writable();
    }

    fn deregister(&mut self) {
        self.machine.deregister();
        self.unregistered();
    }

    fn abandon(&mut self) {
        self.machine.abandon(&mut self.world);
        self.unregistered();
    }

    fn unregistered(&mut self) {
        self.registered = None;
        self.read_blocked = false;
        self.write_blocked = false;
        self.connect_blocked = false;
        assert!(!self.machine.has_event());
    }

    fn sizes(&mut self) {
        self.machine.set_read_size(self.dice.below(32));
        self.machine.set_write_size(self.dice.below(32));
        if self.dice.one_in(2) {
            // It tells of the end of a wait, well or badly.
            self.connect_blocked &= !self.machine.link.has_news();
            let error = self.machine.take_error(&mut self.world);
            self.seen.errors += usize::from(error.is_some());
        }
    }

    fn complete(&mut self) {
        if self.world.operations.is_empty() {
            return;
        }
        let index = self.dice.below(self.world.operations.len());
        let operation = &self.world.operations[index];
        self.seen.stale += usize::from(operation.cancelled);
        let len = operation.buffer.len();
        let code = CODES[self.dice.below(CODES.len())];
        // More than there was room for, too.
        let transferred = self.dice.below(len + 2);
        let completion = self.world.end(index, code, transferred);
        self.machine.complete(&mut self.world, completion);
    }

    fn poll(&mut self) {
        let due = self.machine.has_event();
        let read_ready = self.machine.reading.is_ready();
        let write_ready = self.machine.is_writable();
        let news = self.machine.link.has_news();
        let event = self.machine.take_event();
        assert_eq!(event.is_some(), due);
        assert!(!self.machine.has_event());
        let Some((token, readiness)) = event else {
            return;
        };
        let (expected, interests) = self.registered.expect("no event without registration");
        assert_eq!(token, expected);
        let has = |flag| readiness.contains(flag);
        assert_eq!(
            has(Readiness::READABLE),
            read_ready && interests.is_readable()
        );
        assert_eq!(
            has(Readiness::WRITABLE),
            write_ready && interests.is_writable() || news
        );
        assert!(readiness != Readiness::NONE);
        self.seen.events += 1;
        self.read_blocked &= !has(Readiness::READABLE);
        self.write_blocked &= !has(Readiness::WRITABLE);
        self.connect_blocked &= !has(Readiness::WRITABLE);
    }

    /// What holds between any two steps.
    fn check(&self) {
        assert_eq!(self.machine.is_registered(), self.registered.is_some());
        let has_event = self.machine.has_event();
        let (operations, machine) = (&self.world.operations, &self.machine);
        let linked = machine.has_connection();
        // Even a cancelled one: its end begins another.
        let reads = operations
            .iter()
            .any(|o| machine.reading.waits_for(o.ticket));
        let writes = operations
            .iter()
            .any(|o| machine.writing.waits_for(o.ticket));
        if self.read_blocked && linked {
            assert!(reads || has_event, "a reader waits in vain: {machine:?}");
        }
        if self.write_blocked && linked {
            let waiting = writes || has_event;
            assert!(waiting, "a writer waits in vain: {machine:?}");
        }
        if self.connect_blocked && !matches!(machine.link, Link::Unconnected) {
            let connecting = self.world.of(|kind| *kind == Kind::Connect).is_some();
            let waiting = connecting || has_event;
            assert!(waiting, "a server waits in vain: {machine:?}");
        }
        // Each buffer is in an operation or in the machine.
        let ready =
            matches!(&machine.reading, Reading::Ready { buffer, .. } if buffer.capacity() > 0);
        let held = operations.iter().filter(|o| o.buffer.capacity() > 0);
        assert_eq!(self.world.lent, held.count() + usize::from(ready));
        assert!(operations.len() < 1000);
    }

    /// The user drops the pipe; the operations end.
    fn end(&mut self) {
        self.machine.close(&mut self.world);
        let writing = matches!(self.machine.writing, Writing::Pending(_));
        assert_eq!(self.machine.is_finished(), !writing);
        let mut rounds = 0;
        while !self.world.operations.is_empty() {
            // A write that is never through goes on until its `Poll` goes.
            rounds += 1;
            if rounds == 50 {
                self.machine.abandon(&mut self.world);
            }
            if rounds < 50 {
                self.complete();
            } else {
                let completion = self.world.end(0, Code::ABORTED, 0);
                self.machine.complete(&mut self.world, completion);
            }
            assert!(self.machine.take_event().is_none());
        }
        assert!(self.machine.is_finished());
        assert_eq!(self.world.lent, 0);
    }
}
