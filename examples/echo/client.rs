//! One connection of the load: sends a message, checks what comes back, sends the next.

use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio::{Interest, Registry, Token};

use crate::connection::write_some;
use crate::sequence::Sequence;

pub struct Client {
    stream: TcpStream,
    sequence: Sequence,
    message: u64,
    is_connected: bool,
    can_write: bool,
    /// Bytes of the stream sent, received, and those that make up the messages begun.
    sent: u64,
    received: u64,
    begun: u64,
    begun_at: Instant,
    /// No further message: our half of the connection is closed, the server's will be.
    is_finishing: bool,
}

/// How a connection stands after an event.
pub enum Step {
    Waits,
    /// It has just been established.
    Connected,
    /// The server has closed its half too, after the last byte.
    Closed,
}

/// What may go wrong on a connection.
pub enum Fault {
    /// A byte isn't the one that was sent.
    Wrong {
        position: u64,
        expected: u8,
    },
    /// More came back than was sent.
    Extra(u64),
    /// The server closed the connection with so many bytes still to come back.
    ClosedEarly(u64),
    Io(io::Error),
    /// It could not be connected in the first place.
    Connect(io::Error),
}

/// Where a client reports the messages that came back, and asks whether to go on.
pub trait Tally {
    /// Says whether to send another one.
    fn message_returned(&mut self, took: Duration, now: Instant) -> bool;
}

impl Client {
    /// Begins to connect; an event says when that is done.
    pub fn connect(
        address: SocketAddr,
        registry: &Registry,
        token: Token,
        sequence: Sequence,
        message: u64,
    ) -> io::Result<Client> {
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Client {
            stream,
            sequence,
            message,
            is_connected: false,
            can_write: false,
            sent: 0,
            received: 0,
            begun: 0,
            begun_at: Instant::now(),
            is_finishing: false,
        })
    }

    /// Bytes that haven't come back yet.
    pub fn missing(&self) -> u64 {
        self.begun - self.received
    }

    /// Begins the first message.
    pub fn start(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.begin(Instant::now());
        self.send(buffer)
    }

    /// Acts on an event, `buffer` being room for what is sent and received.
    pub fn advance(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        tally: &mut impl Tally,
    ) -> Result<Step, Fault> {
        if !self.is_connected {
            return self.finish_connect();
        }
        if event.is_writable() || event.is_write_closed() || event.is_error() {
            self.can_write = true;
            self.send(buffer)?;
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            return self.receive(buffer, tally);
        }
        Ok(Step::Waits)
    }

    /// A non-blocking connect has ended when the socket knows its peer; until then an event
    /// proves nothing, some systems send one early. A failure is kept as the socket's error.
    fn finish_connect(&mut self) -> Result<Step, Fault> {
        if let Some(error) = self.stream.take_error().map_err(Fault::Connect)? {
            return Err(Fault::Connect(error));
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.stream.set_nodelay(true).map_err(Fault::Connect)?;
                self.is_connected = true;
                self.can_write = true;
                Ok(Step::Connected)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(Step::Waits),
            Err(error) => Err(Fault::Connect(error)),
        }
    }

    fn begin(&mut self, now: Instant) {
        self.begun += self.message;
        self.begun_at = now;
    }

    /// Sends what the kernel takes of the message begun.
    fn send(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        while self.sent < self.begun && self.can_write {
            let rest = usize::try_from(self.begun - self.sent).unwrap_or(usize::MAX);
            let part = rest.min(buffer.len());
            let bytes = &mut buffer[..part];
            self.sequence.fill(self.sent, bytes);
            let gone =
                write_some(&mut self.stream, bytes, &mut self.can_write).map_err(Fault::Io)?;
            self.sent += gone as u64;
        }
        Ok(())
    }

    /// Reads until nothing is left to read, which it must to get another event for certain.
    fn receive(&mut self, buffer: &mut [u8], tally: &mut impl Tally) -> Result<Step, Fault> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) if self.missing() > 0 || !self.is_finishing => {
                    return Err(Fault::ClosedEarly(self.missing()));
                }
                Ok(0) => return Ok(Step::Closed),
                Ok(count) => self.check(&buffer[..count])?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Step::Waits),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Fault::Io(error)),
            }
            if self.missing() == 0 && !self.is_finishing {
                let now = Instant::now();
                if tally.message_returned(now - self.begun_at, now) {
                    self.begin(now);
                    self.send(buffer)?;
                } else {
                    // Half-close. The server answers with its own close, and anything it would
                    // have sent too much comes before that.
                    self.is_finishing = true;
                    self.stream.shutdown(Shutdown::Write).map_err(Fault::Io)?;
                }
            }
        }
    }

    fn check(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let count = bytes.len() as u64;
        if let Err((position, expected)) = self.sequence.check(self.received, bytes) {
            return Err(Fault::Wrong { position, expected });
        }
        // Can't have come from a server that only returns what it got, right though they may be.
        if self.received + count > self.sent {
            return Err(Fault::Extra(self.received + count - self.sent));
        }
        self.received += count;
        Ok(())
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Wrong { position, expected } => {
                write!(f, "byte {position} came back wrong (not {expected:#04x})")
            }
            Fault::Extra(count) => write!(f, "{count} bytes more than were sent"),
            Fault::ClosedEarly(0) => write!(f, "closed by the server before its time"),
            Fault::ClosedEarly(missing) => {
                write!(
                    f,
                    "closed by the server with {missing} bytes still to come back"
                )
            }
            Fault::Io(error) | Fault::Connect(error) => error.fmt(f),
        }
    }
}
