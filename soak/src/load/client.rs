//! A connection of the load.

use std::io::{self, ErrorKind, Read as _};
use std::net::Shutdown;
use std::time::Duration;

use ferrio::net::TcpStream;
use hdrhistogram::Histogram;

use crate::clock;
use crate::link::record;
use crate::message::{Item, Order, Reader, Way, Writer, hello};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Connecting,
    Idle,
    /// For the answer to a request.
    Waiting(Order),
    /// Answered for the last time: the server ends the connection, in the way it was told.
    Leaving(Order),
    /// We have said our end, and wait for the server's.
    Finished,
}

pub struct Client {
    pub stream: TcpStream,
    pub id: u64,
    pub state: State,
    /// Since when, unless idle.
    pub since: u64,
    pub events: u64,
    reader: Reader,
    writer: Writer,
    has_greeted: bool,
}

/// How a connection has ended, if it was as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    ByClient,
    ByServer,
    ResetByServer,
}

pub enum Trouble {
    End(End),
    WrongByte(String),
    Failed(String),
}

pub struct Shared {
    pub seed: u64,
    pub buffer: Vec<u8>,
    pub waits: Histogram<u64>,
    pub answers: u64,
    pub bytes: u64,
}

impl Client {
    pub fn new(stream: TcpStream, id: u64, seed: u64) -> Client {
        Client {
            stream,
            id,
            state: State::Connecting,
            since: clock::now(),
            events: 0,
            reader: Reader::new(seed, id, Way::Down),
            writer: Writer::new(seed, id, Way::Up),
            has_greeted: false,
        }
    }

    /// Has the connection been made?
    pub fn check_connected(&mut self) -> Result<bool, Trouble> {
        let failed = |error: io::Error| Trouble::Failed(format!("connect: {error}"));
        if let Some(error) = self.stream.take_error().map_err(failed)? {
            return Err(failed(error));
        }
        match self.stream.peer_addr() {
            Ok(_) => {
                self.state = State::Idle;
                let done = self.stream.set_nodelay(true);
                done.map_err(failed).map(|()| true)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Says who we are, with the first request or before it.
    pub fn greet(&mut self, seed: u64) {
        if !self.has_greeted {
            self.has_greeted = true;
            self.writer.push_raw(&hello(seed, self.id));
        }
    }

    pub fn request(&mut self, order: Order) -> Result<(), Trouble> {
        self.state = State::Waiting(order);
        self.since = clock::now();
        self.writer.push(order);
        self.flush()
    }

    pub fn flush(&mut self) -> Result<(), Trouble> {
        match self.writer.flush(&mut self.stream) {
            Ok(_) => Ok(()),
            Err(error) => Err(Trouble::Failed(format!("write: {error}"))),
        }
    }

    pub fn finish(&mut self) -> Result<(), Trouble> {
        self.state = State::Finished;
        self.since = clock::now();
        let done = self.stream.shutdown(Shutdown::Write);
        done.map_err(|error| Trouble::Failed(format!("shutdown: {error}")))
    }

    /// Has the server said anything?
    pub fn was_answered(&self) -> bool {
        self.reader.has_begun()
    }

    /// socket(7): closing with a linger time of zero resets.
    pub fn reset(self) -> io::Result<()> {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    pub fn read(&mut self, shared: &mut Shared) -> Result<(), Trouble> {
        let mut buffer = std::mem::take(&mut shared.buffer);
        let done = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break Err(self.end()),
                Ok(count) => {
                    shared.bytes += count as u64;
                    if let Err(trouble) = self.take(&buffer[..count], shared) {
                        break Err(trouble);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(self.error(&error)),
            }
        };
        shared.buffer = buffer;
        done
    }

    fn take(&mut self, bytes: &[u8], shared: &mut Shared) -> Result<(), Trouble> {
        let mut bytes = bytes;
        loop {
            match self.reader.next(&mut bytes).map_err(Trouble::WrongByte)? {
                None => return Ok(()),
                Some(Item::Begun(stamp)) => record(&mut shared.waits, stamp),
                Some(Item::Whole(_)) => {
                    shared.answers += 1;
                    let State::Waiting(order) = self.state else {
                        let what = format!("an answer to nothing, while {:?}", self.state);
                        return Err(Trouble::Failed(what));
                    };
                    self.state = match order {
                        Order::Stay => State::Idle,
                        other => State::Leaving(other),
                    };
                }
            }
        }
    }

    fn end(&self) -> Trouble {
        match self.state {
            State::Finished if self.reader.is_between() => Trouble::End(End::ByClient),
            State::Leaving(Order::Close) => Trouble::End(End::ByServer),
            state => {
                let place = self.reader.place();
                Trouble::Failed(format!("the server ends while we are {state:?}, {place}"))
            }
        }
    }

    /// A reset may destroy the answer that it follows.
    fn error(&self, error: &io::Error) -> Trouble {
        match self.state {
            State::Waiting(Order::Reset) | State::Leaving(Order::Reset)
                if error.kind() == ErrorKind::ConnectionReset =>
            {
                Trouble::End(End::ResetByServer)
            }
            state => Trouble::Failed(format!("read: {error}, while {state:?}")),
        }
    }

    pub fn describe(&self) -> String {
        let waited = clock::milliseconds(clock::now().saturating_sub(self.since));
        let unread = rustix::io::ioctl_fionread(&self.stream);
        format!(
            "connection {}: {:?} for {waited:.0} ms, with {} events so far; {}; {} bytes to write, {} \
             bytes to read in the kernel",
            self.id,
            self.state,
            self.events,
            self.reader.place(),
            self.writer.waiting(),
            unread.map_or_else(|error| error.to_string(), |count| count.to_string()),
        )
    }
}
