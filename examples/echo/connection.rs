//! One connection of the server.
//!
//! ferrio's events are edge-triggered: an event says that something has changed, and doesn't come
//! again while it stays so. A connection therefore keeps in mind in which directions it may go
//! on, and takes a direction for closed only when an operation said `WouldBlock`; from then on the
//! next change brings an event.
//!
//! What was read goes out again at once. What the kernel doesn't take is kept in `unsent`, and
//! until all of it is gone nothing more is read: the peer's window closes, so a peer that sends
//! but never reads blocks itself, and costs us one buffer at most.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};

use ferrio::event::Event;
use ferrio::net::TcpStream;

/// Reads in a row before the other connections have their turn.
const READS_PER_TURN: usize = 16;

pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    can_read: bool,
    can_write: bool,
    /// The peer has sent all it had to send.
    at_end: bool,
    unsent: Vec<u8>,
    /// How much of `unsent` is gone already.
    sent: usize,
    /// The server has it in line for another turn.
    pub is_queued: bool,
}

/// How a connection stands after its turn.
pub enum Turn {
    /// An event will tell when to go on.
    Waits,
    /// It could have gone on, but the others want their turn: no event will tell.
    WantsMore,
    /// The peer is done, and so are we.
    Finished,
}

impl Connection {
    pub fn new(stream: TcpStream, peer: SocketAddr) -> Connection {
        // Small messages should leave at once. Where the option isn't to be had, they'll be late.
        let _ = stream.set_nodelay(true);
        Connection {
            stream,
            peer,
            can_read: true,
            can_write: true,
            at_end: false,
            unsent: Vec::new(),
            sent: 0,
            is_queued: false,
        }
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Takes note of what an event says. An error is found by using the stream, so it opens both
    /// directions.
    pub fn note(&mut self, event: &Event) {
        self.can_read |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.can_write |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Echoes what there is, `buffer` being room for it, and adds what was sent to `echoed`.
    pub fn advance(&mut self, buffer: &mut [u8], echoed: &mut u64) -> io::Result<Turn> {
        for _ in 0..READS_PER_TURN {
            if !self.flush(echoed)? {
                return Ok(Turn::Waits);
            }
            if self.at_end {
                // Half-close: the peer may have stopped sending and still have read until now.
                // What's left of the connection goes when the stream is dropped.
                let _ = self.stream.shutdown(Shutdown::Write);
                return Ok(Turn::Finished);
            }
            if !self.can_read {
                return Ok(Turn::Waits);
            }
            match self.stream.read(buffer) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.echo(&buffer[..count], echoed)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can_read = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Turn::WantsMore)
    }

    /// Sends `bytes`, keeping what doesn't go out now.
    fn echo(&mut self, bytes: &[u8], echoed: &mut u64) -> io::Result<()> {
        let gone = write_some(&mut self.stream, bytes, &mut self.can_write)?;
        *echoed += gone as u64;
        if gone < bytes.len() {
            self.unsent = bytes[gone..].to_vec();
            self.sent = 0;
        }
        Ok(())
    }

    /// Sends what earlier reads left over. True: nothing is left.
    fn flush(&mut self, echoed: &mut u64) -> io::Result<bool> {
        let rest = &self.unsent[self.sent..];
        let gone = write_some(&mut self.stream, rest, &mut self.can_write)?;
        *echoed += gone as u64;
        if gone < rest.len() {
            self.sent += gone;
            return Ok(false);
        }
        // Gives the memory back: most connections never need it again.
        self.unsent = Vec::new();
        self.sent = 0;
        Ok(true)
    }
}

/// Writes as much of `bytes` as the kernel takes and returns how much that was. If it wasn't all,
/// `can_write` is now false.
pub fn write_some(stream: &mut TcpStream, bytes: &[u8], can_write: &mut bool) -> io::Result<usize> {
    let mut gone = 0;
    while gone < bytes.len() && *can_write {
        match stream.write(&bytes[gone..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => gone += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => *can_write = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(gone)
}
