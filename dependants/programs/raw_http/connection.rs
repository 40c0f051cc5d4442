//! One connection: what was read and not yet answered, what was answered and not yet sent.
//!
//! The order of work in [`Connection::turn`] is what gives back-pressure: nothing is read while
//! answers wait to be sent, so that a client who sends without reading fills its own buffers, not
//! our memory.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use crate::answer::{self, Answered};

/// Unsent answers beyond which requests already read have to wait.
const OUTPUT_LIMIT: usize = 64 * 1024;

/// Reads per turn: however much one client sends, the others get their turn too.
const READS: usize = 8;

/// What is read and thrown away after the last answer, at most.
const DRAIN_LIMIT: usize = 1024 * 1024;

pub struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    /// Bytes of a request's body that are still to come, and to be thrown away.
    body: usize,
    output: Vec<u8>,
    sent: usize,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    Open,
    /// The last answer is in `output`.
    Last,
    /// Everything is sent and our direction is shut. To close now, with bytes of the client's
    /// unread, would reset the connection and could take the last answer with it (RFC 9112, 9.6).
    Drain {
        thrown_away: usize,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// Until an event says that there is more to do.
    Keep,
    /// There may be more to do right now.
    Again,
    Close,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            input: Vec::new(),
            body: 0,
            output: Vec::new(),
            sent: 0,
            state: State::Open,
        }
    }

    /// Works until the socket would block in the direction that matters next: after that, and only
    /// after that, is another event to be expected.
    pub fn turn(&mut self, buffer: &mut [u8]) -> Fate {
        match self.work(buffer) {
            Ok(fate) => fate,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Fate::Keep,
            // Mostly a reset. There is nobody left to tell.
            Err(_) => Fate::Close,
        }
    }

    fn work(&mut self, buffer: &mut [u8]) -> io::Result<Fate> {
        for _ in 0..READS {
            self.answer();
            while self.flush()? {
                // There may be requests that had to wait for the space.
                self.answer();
            }
            if let State::Last = self.state {
                self.stream.shutdown(Shutdown::Write)?;
                self.state = State::Drain { thrown_away: 0 };
            }
            let read = retry(|| self.stream.read(buffer))?;
            if read == 0 {
                return Ok(Fate::Close);
            }
            match &mut self.state {
                State::Drain { thrown_away } => {
                    *thrown_away += read;
                    if *thrown_away > DRAIN_LIMIT {
                        return Ok(Fate::Close);
                    }
                }
                _ => self.input.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(Fate::Again)
    }

    /// Answers the requests that are complete, as long as there is room for the answers.
    fn answer(&mut self) {
        let mut used = 0;
        while let State::Open = self.state {
            let skip = self.body.min(self.input.len() - used);
            used += skip;
            self.body -= skip;
            if used == self.input.len() || self.output.len() >= OUTPUT_LIMIT {
                break;
            }
            match answer::next(&self.input[used..], &mut self.output) {
                Answered::NotYet => break,
                Answered::Request { head, body, last } => {
                    used += head;
                    self.body = body;
                    if last {
                        self.state = State::Last;
                    }
                }
                Answered::Refused => self.state = State::Last,
            }
        }
        self.input.drain(..used);
    }

    /// Sends all answers; whether there were any.
    fn flush(&mut self) -> io::Result<bool> {
        if self.output.is_empty() {
            return Ok(false);
        }
        while self.sent < self.output.len() {
            match retry(|| self.stream.write(&self.output[self.sent..]))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                sent => self.sent += sent,
            }
        }
        self.output.clear();
        self.sent = 0;
        Ok(true)
    }
}

fn retry(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
