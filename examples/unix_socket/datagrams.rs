//! Datagrams: each arrives whole, in order, and with its sender's address.

use std::io;
use std::path::Path;

use ferrio::net::UnixDatagram;
use ferrio::{Events, Interest, Poll, Token};

use crate::demo::{Failure, RemoveOnDrop, byte_at, is_try_later, say, setup, wrong};

const FROM: Token = Token(0);
const TO: Token = Token(1);
/// Their number, and the length of the longest: the first one is empty.
const COUNT: usize = 1000;

pub fn all(directory: &Path) -> Result<(), Failure> {
    let (here, there) = (directory.join("here.sock"), directory.join("there.sock"));
    {
        let first = UnixDatagram::bind(&here).map_err(setup(&here))?;
        let _here = RemoveOnDrop(&here);
        let second = UnixDatagram::bind(&there).map_err(setup(&there))?;
        let _there = RemoveOnDrop(&there);
        exchange(
            first,
            second,
            |socket, bytes| socket.send_to(bytes, &there),
            Some(&here),
        )?;
        say("datagrams, addresses in a directory: bounds and senders checked\n");
    }
    let (first, second) = UnixDatagram::pair()?;
    exchange(first, second, |socket, bytes| socket.send(bytes), None)?;
    say("datagrams, pair: bounds checked\n");
    Ok(())
}

/// Sends messages of all lengths from one socket to the other, which checks each, and whom it
/// is from.
fn exchange(
    mut from: UnixDatagram,
    mut to: UnixDatagram,
    send: impl Fn(&UnixDatagram, &[u8]) -> io::Result<usize>,
    sender: Option<&Path>,
) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let registry = poll.registry();
    registry.register(&mut from, FROM, Interest::WRITABLE)?;
    registry.register(&mut to, TO, Interest::READABLE)?;

    let (mut sent, mut received) = (0, 0);
    let mut events = Events::with_capacity(8);
    loop {
        // Both go on until `WouldBlock`, and only then is an event certain to come.
        while sent < COUNT {
            match send(&from, &message(sent)) {
                Ok(length) if length == sent => sent += 1,
                Ok(_) => return Err(wrong("a datagram was cut off when it was sent")),
                // The receiver's queue is full.
                Err(error) if is_try_later(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        received = receive(&to, received, sender)?;
        if received == COUNT {
            return Ok(());
        }
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
    }
}

/// Receives what has arrived, of which `next` is to be the first, and returns the number of the
/// one to come after that.
fn receive(to: &UnixDatagram, mut next: usize, sender: Option<&Path>) -> Result<usize, Failure> {
    // One byte more than any datagram has, so that one too long would show.
    let mut buffer = [0; COUNT];
    loop {
        match to.recv_from(&mut buffer) {
            Ok((length, _)) if buffer[..length] != message(next) => {
                return Err(wrong("a datagram arrived wrong"));
            }
            Ok((_, address)) if address.as_pathname() != sender => {
                return Err(wrong("a datagram arrived with another sender"));
            }
            Ok(_) => next += 1,
            Err(error) if is_try_later(&error) => return Ok(next),
            Err(error) => return Err(error.into()),
        }
    }
}

fn message(number: usize) -> Vec<u8> {
    (0..number).map(byte_at).collect()
}
