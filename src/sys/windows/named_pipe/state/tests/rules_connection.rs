//! Single promises about connections, registrations and their ends, each in the order of events that
//! puts it to the test.

use std::io::ErrorKind;

use super::super::Code;
use super::rules_data::{BOTH, CLIENT, Pipe, SERVER, blocked, failed};
use crate::interest::Interest;
use crate::readiness::Readiness;
use crate::token::Token;

const BOTH_READY: Readiness = Readiness::READABLE.and(Readiness::WRITABLE);

#[test]
fn the_end_of_a_servers_connection_sets_no_closed_bit() {
    let mut pipe = Pipe::registered(SERVER, Interest::READABLE);
    blocked(pipe.machine.connect(&mut pipe.world));
    pipe.end_connect(Code::SUCCESS);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
    pipe.machine.connect(&mut pipe.world).unwrap();
    pipe.end_read(Code::BROKEN_PIPE, b"");
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
    assert_eq!(pipe.read(8).unwrap(), b"");
}

#[test]
fn connect_blocks_until_the_event_and_then_succeeds() {
    let mut pipe = Pipe::registered(SERVER, BOTH);
    assert!(!pipe.world.reads(), "there is nobody to read from");
    for _ in 0..2 {
        blocked(pipe.machine.connect(&mut pipe.world));
        assert_eq!(pipe.event(), None);
    }
    blocked(pipe.read(8));
    pipe.end_connect(Code::SUCCESS);
    assert!(pipe.world.reads());
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
    // Although the client may have gone again meanwhile.
    pipe.refuse(Code::NO_DATA);
    pipe.machine.connect(&mut pipe.world).unwrap();
    failed(pipe.machine.connect(&mut pipe.world), Code::NO_DATA);
}

#[test]
fn who_is_interested_in_reading_alone_hears_of_the_client() {
    let mut pipe = Pipe::registered(SERVER, Interest::READABLE);
    blocked(pipe.machine.connect(&mut pipe.world));
    pipe.end_connect(Code::SUCCESS);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
    assert!(pipe.machine.take_error(&mut pipe.world).is_none());
    pipe.end_read(Code::SUCCESS, b"ab");
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
}

#[test]
fn a_client_that_is_there_already_is_connected_at_once() {
    let mut pipe = Pipe::registered(SERVER, BOTH);
    pipe.refuse(Code::PIPE_CONNECTED);
    pipe.machine.connect(&mut pipe.world).unwrap();
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
    assert!(pipe.world.reads());
}

#[test]
fn a_failed_wait_for_a_client_is_an_event_and_an_error() {
    let mut pipe = Pipe::registered(SERVER, BOTH);
    blocked(pipe.machine.connect(&mut pipe.world));
    pipe.end_connect(Code::ABORTED);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE | Readiness::ERROR));
    let error = pipe.machine.take_error(&mut pipe.world).unwrap();
    assert_eq!(error.raw_os_error(), Some(Code::ABORTED.0));
    blocked(pipe.machine.connect(&mut pipe.world));
}

#[test]
fn nothing_of_one_connection_reaches_the_next() {
    let mut pipe = Pipe::registered(SERVER, BOTH);
    blocked(pipe.machine.connect(&mut pipe.world));
    pipe.end_connect(Code::SUCCESS);
    pipe.end_read(Code::SUCCESS, b"old");
    assert_eq!(pipe.read(1).unwrap(), b"o");
    assert_eq!(pipe.write(b"abc").unwrap(), 3);
    pipe.machine.disconnect(&mut pipe.world).unwrap();
    assert_eq!(pipe.event(), None);
    blocked(pipe.machine.connect(&mut pipe.world));
    pipe.end_write(Code::PIPE_NOT_CONNECTED, 0);
    assert!(pipe.machine.take_error(&mut pipe.world).is_none());
    pipe.end_connect(Code::SUCCESS);
    assert_eq!(pipe.event(), Some(Readiness::WRITABLE));
    blocked(pipe.read(8));
}

#[test]
fn a_failed_disconnect_changes_nothing() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    pipe.end_read(Code::SUCCESS, b"ab");
    pipe.world.disconnect_fails = true;
    failed(
        pipe.machine.disconnect(&mut pipe.world),
        Code::PIPE_NOT_CONNECTED,
    );
    assert_eq!(pipe.event(), Some(BOTH_READY));
    assert_eq!(pipe.read(8).unwrap(), b"ab");
}

#[test]
fn there_is_no_event_after_deregister_and_no_data_is_lost() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    pipe.end_read(Code::SUCCESS, b"ab");
    pipe.machine.deregister();
    assert_eq!(pipe.event(), None);
    assert_eq!(pipe.read(8).unwrap(), b"ab");
    assert_eq!(pipe.read(8).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(pipe.write(b"ab").unwrap_err().kind(), ErrorKind::NotFound);

    let mut pipe = Pipe::registered(CLIENT, BOTH);
    pipe.machine.deregister();
    pipe.end_read(Code::SUCCESS, b"ab");
    assert_eq!(pipe.event(), None);
    pipe.machine
        .register(&mut pipe.world, Token(2), Interest::READABLE);
    assert_eq!(
        pipe.machine.take_event(),
        Some((Token(2), Readiness::READABLE))
    );
    assert_eq!(pipe.read(8).unwrap(), b"ab");
}

#[test]
fn an_event_tells_of_what_is_of_interest() {
    let mut pipe = Pipe::registered(CLIENT, Interest::WRITABLE);
    blocked(pipe.read(8));
    pipe.end_read(Code::SUCCESS, b"ab");
    assert_eq!(pipe.event(), None);
    pipe.machine
        .register(&mut pipe.world, Token(1), Interest::READABLE);
    assert_eq!(pipe.event(), Some(Readiness::READABLE));
}

#[test]
fn a_dropped_pipe_writes_what_it_has_accepted_and_is_then_finished() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    assert_eq!(pipe.write(b"12345").unwrap(), 5);
    pipe.machine.close(&mut pipe.world);
    assert!(!pipe.world.reads() && pipe.world.writes());
    assert!(!pipe.machine.is_finished());
    pipe.end_write(Code::SUCCESS, 2);
    assert!(!pipe.machine.is_finished());
    pipe.end_write(Code::SUCCESS, 3);
    assert!(pipe.machine.is_finished());

    let mut pipe = Pipe::registered(CLIENT, BOTH);
    pipe.machine.close(&mut pipe.world);
    assert!(pipe.machine.is_finished());
}

#[test]
fn without_its_poll_a_pipe_cancels_everything_and_keeps_what_came() {
    let mut pipe = Pipe::registered(CLIENT, BOTH);
    assert_eq!(pipe.write(b"12345").unwrap(), 5);
    pipe.machine.abandon(&mut pipe.world);
    assert!(!pipe.world.reads() && !pipe.world.writes());
    pipe.end_read(Code::SUCCESS, b"ab");
    pipe.end_write(Code::ABORTED, 0);
    assert_eq!(pipe.event(), None);
    assert_eq!(pipe.read(8).unwrap(), b"ab");
    failed(pipe.write(b"678"), Code::ABORTED);
    assert_eq!(pipe.read(8).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_registration_that_is_taken_back_leaves_the_one_before() {
    let mut pipe = Pipe::new(CLIENT);
    let before = pipe.machine.register(&mut pipe.world, Token(1), BOTH);
    pipe.machine.undo_register(before);
    assert!(!pipe.machine.is_registered());
    assert_eq!(pipe.event(), None);

    pipe.machine
        .register(&mut pipe.world, Token(2), Interest::WRITABLE);
    let before = pipe.machine.register(&mut pipe.world, Token(3), BOTH);
    pipe.machine.undo_register(before);
    assert_eq!(
        pipe.machine.take_event(),
        Some((Token(2), Readiness::WRITABLE))
    );
}
