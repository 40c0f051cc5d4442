use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::windows::io::OwnedHandle;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ferrio::windows::NamedPipe;
use ferrio::{Interest, Token};

use windows_sys::Win32::Storage::FileSystem::{PIPE_ACCESS_INBOUND, PIPE_ACCESS_OUTBOUND};
use windows_sys::Win32::System::Pipes::PIPE_TYPE_BYTE;

use crate::fixture::{
    BOTH, CLIENT, Driver, SERVER, client_of, connected, fill, name, open_for, read_blocks,
    server_with, would_block,
};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[test]
fn an_echo_of_any_size_comes_back_whole() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    for size in [0, 1, 4095, 4096, 4097, 65_536, 65_537, 1 << 20] {
        let sent = pattern(size);
        let (mut to_send, mut echoed) = (&sent[..], 0);
        let (mut pending, mut received) = (Vec::new(), Vec::new());
        let mut room = vec![0; 10_000];
        while received.len() < size {
            let before = (to_send.len(), echoed, received.len());
            if !to_send.is_empty() {
                if let Some(count) = step((&client).write(to_send)) {
                    to_send = &to_send[count..];
                }
            }
            if let Some(count) = step((&server).read(&mut room)) {
                assert!(count > 0);
                pending.extend_from_slice(&room[..count]);
            }
            if echoed < pending.len() {
                if let Some(count) = step((&server).write(&pending[echoed..])) {
                    echoed += count;
                }
            }
            if let Some(count) = step((&client).read(&mut room)) {
                assert!(count > 0);
                received.extend_from_slice(&room[..count]);
            }
            if before == (to_send.len(), echoed, received.len()) {
                driver.wait("any event", |_| true);
            }
        }
        assert!(received == sent, "{size} bytes");
    }
    driver.until("the last write ends", || (&server).write(b"").ok());
    driver.all();
    read_blocks(&server);
    read_blocks(&client);
}

fn step(result: std::io::Result<usize>) -> Option<usize> {
    match result {
        Ok(count) => Some(count),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            None
        }
    }
}

#[test]
fn writes_beyond_the_pipes_room_block_until_an_event_says_that_there_is_some() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    let accepted = fill(&server);
    driver.readable(CLIENT);
    let events = driver.all();
    assert!(
        !events.iter().any(|event| event.token() == SERVER),
        "{events:?}"
    );

    // The client takes it all, and then there is room.
    let data = driver.read_exactly(&client, CLIENT, accepted);
    assert!(data.iter().all(|byte| *byte == 7));
    driver.writable(SERVER);
    assert_eq!((&server).write(b"more").unwrap(), 4);
    assert_eq!(driver.read_exactly(&client, CLIENT, 4), b"more");
}

#[test]
fn a_write_that_nobody_waits_for_brings_no_event() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    for _ in 0..10 {
        assert_eq!((&server).write(b"abc").unwrap(), 3);
        assert_eq!(driver.read_exactly(&client, CLIENT, 3), b"abc");
        let events = driver.all();
        assert!(
            !events.iter().any(|event| event.token() == SERVER),
            "{events:?}"
        );
    }
}

#[test]
fn a_blocked_read_brings_no_event_but_the_data_do() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    for _ in 0..10 {
        read_blocks(&server);
        driver.expect_silence();
        (&client).write_all(b"abc").unwrap();
        driver.readable(SERVER);
        assert_eq!(driver.read_exactly(&server, SERVER, 3), b"abc");
        driver.expect_silence();
    }
}

#[test]
fn a_short_read_is_followed_by_the_next_event() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    for _ in 0..10 {
        (&client).write_all(b"abc").unwrap();
        driver.readable(SERVER);
        // No attempt until it blocks.
        assert_eq!((&server).read(&mut [0; 100]).unwrap(), 3);
        driver.until("the write ends", || (&client).write(b"").ok());
    }
}

#[test]
fn a_read_takes_no_more_than_the_buffer_size_asks_for() {
    let mut driver = Driver::new();
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    server.set_read_buffer_size(10);
    driver.add(&mut server, SERVER, BOTH);
    let mut client = client_of(&name);
    driver.add(&mut client, CLIENT, BOTH);
    server.connect().unwrap();
    client.write_all(&pattern(25)).unwrap();
    for (from, count) in [(0, 10), (10, 10), (20, 5)] {
        driver.readable(SERVER);
        let mut room = [0; 100];
        assert_eq!(server.read(&mut room).unwrap(), count);
        assert_eq!(room[..count], pattern(25)[from..from + count]);
    }
    server.set_read_buffer_size(1 << 20);
    would_block(server.read(&mut [0; 8]));
}

#[test]
fn a_write_accepts_no_more_than_its_buffer_size() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    server.set_write_buffer_size(10);
    assert_eq!((&server).write(&pattern(25)).unwrap(), 10);
    // It accepted less than it was given, so the end is an event although no write was tried.
    driver.writable(SERVER);
    assert_eq!((&server).write(&pattern(25)[10..]).unwrap(), 10);
    assert_eq!(driver.read_exactly(&client, CLIENT, 20), pattern(20));
}

#[test]
fn an_empty_write_into_a_stream_is_nothing() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    assert_eq!((&client).write(b"").unwrap(), 0);
    assert_eq!((&client).write(b"").unwrap(), 0);
    driver.expect_silence();
    read_blocks(&server);
    assert_eq!((&server).read(&mut []).unwrap(), 0);
}

#[test]
fn vectored_operations_use_all_buffers() {
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert_eq!((&client).write_vectored(&parts).unwrap(), 5);
    driver.readable(SERVER);
    let (mut one, mut two) = ([0; 3], [0; 10]);
    let mut room = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    assert_eq!((&server).read_vectored(&mut room).unwrap(), 5);
    assert_eq!((&one, &two[..2]), (b"abc", &b"de"[..]));
}

#[test]
fn one_thread_reads_while_another_writes() {
    const BYTES: usize = 1 << 20;
    let mut driver = Driver::new();
    let (server, client) = connected(&mut driver);
    let client = Arc::new(client);
    let writer = {
        let client = client.clone();
        thread::spawn(move || {
            let data = pattern(BYTES);
            let mut rest = &data[..];
            while !rest.is_empty() {
                let some = &rest[..rest.len().min(5000)];
                match (&*client).write(some) {
                    Ok(count) => rest = &rest[count..],
                    // The other thread polls.
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        thread::yield_now();
                    }
                }
            }
        })
    };
    assert!(driver.read_exactly(&server, SERVER, BYTES) == pattern(BYTES));
    writer.join().unwrap();
}

#[test]
fn a_pipe_of_one_direction_works_in_that() {
    let denied = |result: std::io::Result<usize>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
    };
    for (access, client_writes) in [(PIPE_ACCESS_INBOUND, true), (PIPE_ACCESS_OUTBOUND, false)] {
        let mut driver = Driver::new();
        let name = name();
        let mut server = server_with(&name, access, PIPE_TYPE_BYTE);
        driver.add(&mut server, SERVER, BOTH);
        would_block(server.connect());
        let directions = match client_writes {
            true => Interest::WRITABLE,
            false => Interest::READABLE,
        };
        let mut client = open_for(&name, directions).unwrap();
        driver.writable(SERVER);
        server.connect().unwrap();
        // Interest in what there is not.
        driver.add(&mut client, CLIENT, BOTH);
        let (writer, reader, token) = match client_writes {
            true => (&mut client, &mut server, SERVER),
            false => (&mut server, &mut client, CLIENT),
        };
        assert_eq!(writer.write(b"one way").unwrap(), 7);
        assert_eq!(driver.read_exactly(reader, token, 7), b"one way");
        denied(reader.write(b"x"));
        driver.until("the write ends", || writer.write(b"").ok());
        denied(writer.read(&mut [0; 8]));
        assert!(writer.take_error().unwrap().is_none());
        assert!(reader.take_error().unwrap().is_none());
    }
}

#[test]
fn a_childs_output_is_a_named_pipe() {
    let mut driver = Driver::new();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let command = command.arg("--list").stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut output = NamedPipe::from(OwnedHandle::from(child.stdout.take().unwrap()));
    driver.add(&mut output, CLIENT, Interest::READABLE);
    let text = driver.read_to_end(&output, CLIENT);
    assert!(
        String::from_utf8(text)
            .unwrap()
            .contains("a_childs_output_is_a_named_pipe")
    );
    child.wait().unwrap();
}

#[test]
fn before_its_registration_a_pipe_can_do_nothing() {
    let name = name();
    let mut server = NamedPipe::new(&name).unwrap();
    let mut client = client_of(&name);
    for pipe in [&mut server, &mut client] {
        assert_eq!(
            pipe.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        assert_eq!(pipe.write(b"x").unwrap_err().kind(), ErrorKind::NotFound);
        assert!(pipe.flush().is_ok());
        assert!(pipe.take_error().unwrap().is_none());
    }
}

#[test]
fn the_end_of_a_write_that_is_no_event_hides_none() {
    let (mut driver, mut other) = (Driver::with_capacity(1), Driver::new());
    let mut pairs = Vec::new();
    for index in 0..2 {
        let name = name();
        let mut server = NamedPipe::new(&name).unwrap();
        driver.add(&mut server, Token(index), BOTH);
        let mut client = client_of(&name);
        other.add(&mut client, Token(100 + index), BOTH);
        server.connect().unwrap();
        pairs.push((server, client));
    }
    driver.all();
    for _ in 0..5 {
        (&pairs[0].0).write_all(b"quiet").unwrap();
        (&pairs[1].1).write_all(b"loud").unwrap();
        // When this end's write is over, so is the other end's read.
        other.until("the write ends", || (&pairs[1].1).write(b"").ok());
        let batch = driver.batch(Duration::ZERO);
        assert_eq!(batch.len(), 1);
        assert_eq!(batch[0].token(), Token(1));
        driver.read_exactly(&pairs[1].0, Token(1), 4);
    }
}

#[test]
fn with_room_for_one_event_every_pipe_gets_its_turn() {
    const PIPES: usize = 10;
    let mut driver = Driver::with_capacity(1);
    let mut pipes = Vec::new();
    for index in 0..PIPES {
        let name = name();
        let mut server = NamedPipe::new(&name).unwrap();
        driver.add(&mut server, Token(index), BOTH);
        let mut client = client_of(&name);
        driver.add(&mut client, Token(100 + index), Interest::READABLE);
        server.connect().unwrap();
        pipes.push((server, client));
    }
    for (_, client) in &pipes {
        let mut client = client;
        client.write_all(b"x").unwrap();
    }
    for index in 0..PIPES {
        driver.readable(Token(index));
    }
}
