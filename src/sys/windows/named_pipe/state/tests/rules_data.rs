//! Single promises about reading and writing, each in the order of events that puts it to the test.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};

use super::super::{Code, Completion, Machine, Ticket, Traits};
use super::world::{Kind, World};
use crate::interest::Interest;
use crate::readiness::Readiness;
use crate::token::Token;

pub(super) const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
pub(super) const CLIENT: Traits = Traits {
    unconnected: false,
    one_connection: true,
    messages: false,
};
pub(super) const SERVER: Traits = Traits {
    unconnected: true,
    one_connection: false,
    messages: false,
};

pub(super) struct Pipe {
    pub(super) machine: Machine,
    pub(super) world: World,
}

impl Pipe {
    pub(super) fn new(traits: Traits) -> Pipe {
        let mut machine = Machine::new(traits);
        machine.set_read_size(8);
        Pipe {
            machine,
            world: World {
                messages: traits.messages,
                ..World::default()
            },
        }
    }

    /// Registered, and what was ready then taken note of.
    pub(super) fn registered(traits: Traits, interests: Interest) -> Pipe {
        let mut pipe = Pipe::new(traits);
        pipe.machine.register(&mut pipe.world, Token(1), interests);
        pipe.event();
        pipe
    }

    pub(super) fn event(&mut self) -> Option<Readiness> {
        self.machine.take_event().map(|(_, readiness)| readiness)
    }

    pub(super) fn read(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut room = vec![0; len];
        let mut bufs = [IoSliceMut::new(&mut room)];
        let count = self.machine.read(&mut self.world, &mut bufs)?;
        room.truncate(count);
        Ok(room)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.machine.write(&mut self.world, &[IoSlice::new(bytes)])
    }

    pub(super) fn refuse(&mut self, code: Code) {
        self.world.refusals.push_back(code);
    }

    /// Ends the operation of this kind that was begun last.
    fn end(&mut self, kind: fn(&Kind) -> bool, code: Code, count: usize) {
        let index = self.world.operations.iter().rposition(|o| kind(&o.kind));
        let completion = self
            .world
            .end(index.expect("one is under way"), code, count);
        self.machine.complete(&mut self.world, completion);
    }

    pub(super) fn end_read(&mut self, code: Code, bytes: &[u8]) {
        let operations = self.world.operations.iter_mut();
        let read = operations.rev().find(|o| o.kind == Kind::Read).unwrap();
        read.buffer[..bytes.len()].copy_from_slice(bytes);
        self.end(|kind| *kind == Kind::Read, code, bytes.len());
    }

    pub(super) fn end_write(&mut self, code: Code, count: usize) {
        self.end(|kind| matches!(kind, Kind::Write { .. }), code, count);
    }

    pub(super) fn end_connect(&mut self, code: Code) {
        self.end(|kind| *kind == Kind::Connect, code, 0);
    }
}

#[track_caller]
pub(super) fn blocked<T: std::fmt::Debug>(result: io::Result<T>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[track_caller]
pub(super) fn failed<T: std::fmt::Debug>(result: io::Result<T>, code: Code) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(code.0));
}

#[test]
fn a_blocked_read_brings_no_writable_event() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    blocked(pipe.read(8));
    assert_eq!(pipe.event(), None);
}

#[test]
fn a_completed_write_is_an_event_only_for_who_waits() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    assert_eq!(pipe.write(b"abc").unwrap(), 3);
    pipe.end_write(Code::SUCCESS, 3);
    assert_eq!(pipe.event(), None);

    assert_eq!(pipe.write(b"abc").unwrap(), 3);
    blocked(pipe.write(b"def"));
    pipe.end_write(Code::SUCCESS, 3);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
    assert_eq!(pipe.event(), None);

    pipe.machine.set_write_size(2);
    assert_eq!(pipe.write(b"abc").unwrap(), 2);
    pipe.end_write(Code::SUCCESS, 2);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));

    assert_eq!(pipe.write(b"ab").unwrap(), 2);
    pipe.machine.register(&mut pipe.world, Token(1), BOTH);
    assert_eq!(pipe.event(), None);
    pipe.end_write(Code::SUCCESS, 2);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
}

#[test]
fn an_edge_that_a_write_comes_before_is_told_of_after_it() {
    let mut pipe = Pipe::new(CLIENT);
    pipe.machine.register(&mut pipe.world, Token(1), BOTH);
    assert_eq!(pipe.write(b"abc").unwrap(), 3);
    assert_eq!(pipe.event(), None);
    pipe.end_write(Code::SUCCESS, 3);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
}

#[test]
fn a_short_read_that_takes_all_is_followed_by_the_next_event() {
    let mut pipe = Pipe::registered(CLIENT, Interest::READABLE);
    pipe.end_read(Code::SUCCESS, b"abc");
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
    assert_eq!(pipe.read(2).unwrap(), b"ab");
    assert!(!pipe.world.reads(), "there is something left to read");
    assert_eq!(pipe.read(8).unwrap(), b"c");
    assert_eq!(pipe.event(), None);
    pipe.end_read(Code::SUCCESS, b"d");
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
}

#[test]
fn data_before_the_end_is_read_and_then_the_end() {
    let mut pipe = Pipe::registered(CLIENT, Interest::READABLE);
    pipe.end_read(Code::SUCCESS, b"ab");
    pipe.refuse(Code::BROKEN_PIPE);
    assert_eq!(pipe.read(8).unwrap(), b"ab");
    let closed = Readiness::READ_CLOSED | Readiness::WRITE_CLOSED;
    assert_eq!(pipe.event(), Some(Readiness::READABLE | closed));
    for _ in 0..2 {
        assert_eq!(pipe.read(8).unwrap(), b"");
    }
    assert_eq!(pipe.event(), None);
}

#[test]
fn a_pipe_whose_other_end_is_gone_is_at_its_end() {
    let ends = [Code::BROKEN_PIPE, Code::PIPE_NOT_CONNECTED, Code::NO_DATA];
    for code in ends.into_iter().chain([Code::HANDLE_EOF]) {
        let mut pipe = Pipe::registered(CLIENT, Interest::READABLE);
        pipe.end_read(code, b"");
        assert!(pipe.event().unwrap().contains(Readiness::READ_CLOSED));
        assert_eq!(pipe.read(8).unwrap(), b"");
    }
}

#[test]
fn a_message_longer_than_the_buffer_comes_in_parts() {
    let mut pipe = Pipe::registered(CLIENT, Interest::READABLE);
    pipe.world.messages = true;
    pipe.end_read(Code::MORE_DATA, b"12345678");
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
    assert_eq!(pipe.read(20).unwrap(), b"12345678");
    pipe.end_read(Code::SUCCESS, b"9");
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
    assert_eq!(pipe.read(20).unwrap(), b"9");
    blocked(pipe.read(20));
}

#[test]
fn an_empty_write_is_an_empty_message_but_not_the_end_of_a_stream() {
    let mut pipe = Pipe::registered(CLIENT, Interest::READABLE);
    pipe.end_read(Code::SUCCESS, b"");
    assert_eq!(pipe.event(), None);
    assert!(pipe.world.reads(), "it reads on");

    pipe.world.messages = true;
    pipe.end_read(Code::SUCCESS, b"");
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
    assert_eq!(pipe.read(8).unwrap(), b"");
    blocked(pipe.read(8));
}

#[test]
fn a_message_is_written_as_a_whole() {
    let mut pipe = Pipe::registered(
        Traits {
            messages: true,
            ..CLIENT
        },
        BOTH,
    );
    pipe.machine.set_write_size(2);
    let parts = [IoSlice::new(b"12"), IoSlice::new(b""), IoSlice::new(b"345")];
    assert_eq!(pipe.machine.write(&mut pipe.world, &parts).unwrap(), 5);
    let write = pipe
        .world
        .operations
        .iter()
        .find(|o| o.kind == Kind::Write { from: 0 });
    assert_eq!(write.unwrap().buffer, b"12345");
    pipe.end_write(Code::SUCCESS, 5);
    assert_eq!(pipe.write(b"").unwrap(), 0);
    assert!(pipe.world.writes(), "an empty message is one");
}

#[test]
fn what_a_write_has_left_is_written_after_it() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    assert_eq!(pipe.write(b"12345").unwrap(), 5);
    blocked(pipe.write(b"6"));
    pipe.end_write(Code::SUCCESS, 2);
    assert_eq!(pipe.event(), None);
    let write = pipe
        .world
        .operations
        .iter()
        .find(|o| o.kind != Kind::Read)
        .unwrap();
    assert_eq!(
        (write.kind, &write.buffer[..]),
        (Kind::Write { from: 2 }, &b"12345"[..])
    );
    pipe.end_write(Code::SUCCESS, 3);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
}

#[test]
fn a_late_write_error_is_an_event_and_the_next_writes_answer() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    assert_eq!(pipe.write(b"abc").unwrap(), 3);
    pipe.end_write(Code::NO_DATA, 0);
    let event = pipe.event().unwrap();
    let all = Readiness::WRITABLE | Readiness::ERROR | Readiness::WRITE_CLOSED;
    assert!(event.contains(all), "{event:?}");
    failed(pipe.write(b"abc"), Code::NO_DATA);
    assert_eq!(pipe.write(b"abc").unwrap(), 3);

    pipe.end_write(Code(31), 0);
    assert_eq!(
        pipe.machine
            .take_error(&mut pipe.world)
            .unwrap()
            .raw_os_error(),
        Some(31)
    );
    assert!(pipe.machine.take_error(&mut pipe.world).is_none());
}

#[test]
fn a_write_that_cannot_begin_says_so_at_once() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    pipe.refuse(Code::PIPE_NOT_CONNECTED);
    failed(pipe.write(b"abc"), Code::PIPE_NOT_CONNECTED);
    assert_eq!(pipe.event(), None);
}

#[test]
fn a_read_that_somebody_else_cancelled_begins_anew() {
    let mut pipe = Pipe::registered(CLIENT, Interest::READABLE);
    blocked(pipe.read(8));
    pipe.end_read(Code::ABORTED, b"");
    assert_eq!(pipe.event(), None);
    assert!(pipe.world.reads());
}

#[test]
fn a_completion_that_nobody_waits_for_changes_nothing() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    pipe.end_read(Code::SUCCESS, b"ab");
    let before = format!("{:?}", pipe.machine);
    for code in [Code::SUCCESS, Code::BROKEN_PIPE, Code::ABORTED] {
        let completion = Completion {
            ticket: Ticket(999),
            code,
            transferred: 3,
            buffer: Vec::new(),
        };
        pipe.machine.complete(&mut pipe.world, completion);
    }
    assert_eq!(format!("{:?}", pipe.machine), before);
}

#[test]
fn an_end_that_is_not_open_for_reading_is_no_error_until_somebody_reads() {
    let mut pipe = Pipe::new(CLIENT);
    pipe.refuse(Code::ACCESS_DENIED);
    pipe.machine.register(&mut pipe.world, Token(1), BOTH);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
    pipe.refuse(Code::ACCESS_DENIED);
    failed(pipe.read(8), Code::ACCESS_DENIED);
}

#[test]
fn an_errors_number_is_kept() {
    assert_eq!(Code::of(&Code::BROKEN_PIPE.error()), Code::BROKEN_PIPE);
    let other = io::Error::from(ErrorKind::TimedOut);
    assert_ne!(Code::of(&other), Code::SUCCESS);
}
