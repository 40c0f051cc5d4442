use std::io::{ErrorKind, Read, Write};
use std::thread;

use ferrio::windows::NamedPipe;

use crate::fixture::{
    BOTH, CLIENT, Driver, SERVER, client_of, connected, fill, name, read_blocks, would_block,
};

/// Two ends, each with a `Poll` of its own.
fn apart() -> ((Driver, NamedPipe), (Driver, NamedPipe)) {
    let (mut one, mut two) = (Driver::new(), Driver::new());
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    one.add(&mut server, SERVER, BOTH);
    would_block(server.connect());
    let mut client = client_of(&name);
    two.add(&mut client, CLIENT, BOTH);
    one.writable(SERVER);
    server.connect().unwrap();
    two.writable(CLIENT);
    ((one, server), (two, client))
}

#[test]
fn what_was_sent_before_the_end_is_read_and_then_the_end() {
    for server_leaves in [false, true] {
        let ((mut one, server), (mut two, client)) = apart();
        if server_leaves {
            (&server).write_all(b"last words").unwrap();
            one.all();
            drop(server);
            assert_eq!(two.read_to_end(&client, CLIENT), b"last words");
            assert_eq!((&client).read(&mut [0; 8]).unwrap(), 0);
        } else {
            (&client).write_all(b"last words").unwrap();
            two.all();
            drop(client);
            assert_eq!(one.read_to_end(&server, SERVER), b"last words");
            assert_eq!((&server).read(&mut [0; 8]).unwrap(), 0);
        }
    }
}

#[test]
fn the_end_sets_closed_bits_at_the_client_only() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    drop(server);
    let event = driver.readable(CLIENT);
    assert!(event.is_read_closed() && event.is_write_closed());
    drop(client);

    let (server, client) = connected(&mut driver);
    drop(client);
    let event = driver.readable(SERVER);
    assert!(!event.is_read_closed() && !event.is_write_closed() && !event.is_error());
    assert_eq!((&server).read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn the_end_is_one_event() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    drop(server);
    driver.readable(CLIENT);
    driver.expect_silence();
    assert_eq!((&client).read(&mut [0; 8]).unwrap(), 0);
    driver.expect_silence();
}

#[test]
fn a_pipe_dropped_with_a_read_under_way_is_closed_at_once() {
    let ((_one, server), (mut two, client)) = apart();
    read_blocks(&server);
    drop(server);
    // The `Poll` of the server's end does nothing meanwhile.
    assert_eq!(two.read_to_end(&client, CLIENT), b"");
}

#[test]
fn a_server_dropped_while_it_waits_for_a_client_is_gone_at_once() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    driver.add(&mut server, SERVER, BOTH);
    would_block(server.connect());
    drop(server);
    assert!(crate::fixture::open(&name).is_err());
    driver.expect_silence();
}

#[test]
fn a_pipe_dropped_with_a_write_under_way_still_delivers_it() {
    let ((mut one, server), (mut two, client)) = apart();
    let accepted = fill(&server);
    drop(server);
    let poller = thread::spawn(move || {
        // Closing the handle is the poll's: nothing is left for the user, who gets no event.
        let end = two.read_to_end(&client, CLIENT);
        assert!(end.iter().all(|byte| *byte == 7));
        end.len()
    });
    one.until("the client has read all", || {
        poller.is_finished().then_some(())
    });
    assert_eq!(poller.join().unwrap(), accepted);
    one.expect_silence();
}

#[test]
fn the_drop_of_the_poll_cancels_a_dropped_pipes_last_write() {
    let ((one, server), (mut two, client)) = apart();
    let accepted = fill(&server);
    drop(server);
    drop(one);
    assert!(two.read_to_end(&client, CLIENT).len() <= accepted);
}

#[test]
fn a_poll_dropped_with_everything_under_way_leaves_pipes_that_can_be_dropped() {
    for poll_first in [true, false] {
        let ((one, server), (mut two, client)) = apart();
        let mut waiting = NamedPipe::new(name()).unwrap();
        one.add(&mut waiting, SERVER, BOTH);
        would_block(waiting.connect());
        fill(&server);
        read_blocks(&server);
        if poll_first {
            drop(one);
            let error = (&server).read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let late = (&server).write(b"x").unwrap_err();
            // First of all it says that what was accepted was not written.
            assert_ne!(late.kind(), ErrorKind::WouldBlock);
            let error = (&server).write(b"x").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert_eq!(waiting.connect().unwrap_err().kind(), ErrorKind::NotFound);
            drop((server, waiting));
        } else {
            drop((server, waiting));
            drop(one);
        }
        two.read_to_end(&client, CLIENT);
    }
}

#[test]
fn data_that_came_before_the_poll_was_dropped_can_be_read() {
    let ((mut one, server), (_two, client)) = apart();
    (&client).write_all(b"abc").unwrap();
    one.readable(SERVER);
    drop(one);
    let mut room = [0; 8];
    assert_eq!((&server).read(&mut room).unwrap(), 3);
    assert_eq!(&room[..3], b"abc");
    let error = (&server).read(&mut room).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_registry_that_outlives_its_poll_keeps_the_pipes_going() {
    let ((one, server), (mut two, client)) = apart();
    let registry = one.poll.registry().try_clone().unwrap();
    drop(one);
    (&server).write_all(b"still here").unwrap();
    assert_eq!(two.read_exactly(&client, CLIENT, 10), b"still here");
    drop(registry);
    let error = (&server).write(b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn disconnect_gives_up_a_write_under_way() {
    let ((mut one, server), (mut two, client)) = apart();
    let accepted = fill(&server);
    server.disconnect().unwrap();
    let read = two.read_to_end(&client, CLIENT).len();
    assert!(read < accepted, "{read} of {accepted}");
    // Nothing of it is left.
    assert!(server.take_error().unwrap().is_none());
    one.expect_silence();
    would_block(server.connect());
}

#[test]
fn a_write_that_fails_late_is_an_event_and_an_error() {
    for by_write in [false, true] {
        let ((mut one, server), (_two, client)) = apart();
        fill(&server);
        drop(client);
        let event = one.wait("error", |event| event.is_error());
        assert_eq!(event.token(), SERVER);
        assert!(event.is_writable());
        let error = if by_write {
            (&server).write(b"x").unwrap_err()
        } else {
            server.take_error().unwrap().unwrap()
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{error:?}");
        assert!(server.take_error().unwrap().is_none());
    }
}
