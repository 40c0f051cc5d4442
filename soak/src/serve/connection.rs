//! A connection of the server: it checks what comes, and answers each message with one.

use std::io::{ErrorKind, Read as _};

use ferrio::net::TcpStream;
use hdrhistogram::Histogram;

use crate::link::record;
use crate::message::{HELLO, Item, Order, Reader, Way, Writer, parse_hello};

pub struct Connection {
    pub stream: TcpStream,
    /// None until its hello has come.
    pub talk: Option<Talk>,
    hello: [u8; HELLO],
    greeted: usize,
    /// To be done when the last answer is gone.
    order: Order,
    /// Messages sent before this are not measured: we ourselves weren't watching then.
    pub watched_since: u64,
    pub events: u64,
    /// Set aside, deregistered, until that poll.
    pub aside_until: Option<u64>,
}

pub struct Talk {
    pub id: u64,
    pub reader: Reader,
    pub writer: Writer,
}

/// How a connection has ended.
pub enum End {
    ByClient,
    ResetByClient,
    ByServer,
    ResetByServer,
    WrongByte(String),
    Failed(String),
}

/// What the server has in common for all connections.
pub struct Shared {
    pub seed: u64,
    pub buffer: Vec<u8>,
    pub waits: Histogram<u64>,
    pub messages: u64,
    pub bytes: u64,
    /// To spoil one byte of, once so many messages have come.
    pub spoil_at: Option<u64>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Connection {
        Connection {
            stream,
            talk: None,
            hello: [0; HELLO],
            greeted: 0,
            order: Order::Stay,
            watched_since: 0,
            events: 0,
            aside_until: None,
        }
    }

    /// Reads until there is nothing more, and answers. True: a message was answered.
    pub fn read(&mut self, shared: &mut Shared) -> Result<bool, End> {
        let before = shared.messages;
        let mut buffer = std::mem::take(&mut shared.buffer);
        let end = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break Err(self.end_of_stream()),
                Ok(count) => {
                    shared.bytes += count as u64;
                    if let Err(end) = self.take(&buffer[..count], shared) {
                        break Err(end);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(failed("read", &error)),
            }
        };
        shared.buffer = buffer;
        end.map(|()| shared.messages > before)
    }

    fn end_of_stream(&self) -> End {
        match &self.talk {
            Some(talk) if talk.reader.is_between() && talk.writer.is_empty() => End::ByClient,
            Some(talk) => {
                let place = talk.reader.place();
                End::Failed(format!("an end in the middle: {place}"))
            }
            None => End::Failed(String::from("an end before the hello")),
        }
    }

    fn take(&mut self, bytes: &[u8], shared: &mut Shared) -> Result<(), End> {
        let mut bytes = bytes;
        let Some(talk) = &mut self.talk else {
            let count = bytes.len().min(HELLO - self.greeted);
            self.hello[self.greeted..self.greeted + count].copy_from_slice(&bytes[..count]);
            self.greeted += count;
            if self.greeted == HELLO {
                let id = parse_hello(shared.seed, &self.hello);
                let id = id.ok_or_else(|| End::WrongByte(String::from("a hello of nobody")))?;
                self.talk = Some(Talk {
                    id,
                    reader: Reader::new(shared.seed, id, Way::Up),
                    writer: Writer::new(shared.seed, id, Way::Down),
                });
                return self.take(&bytes[count..], shared);
            }
            return Ok(());
        };
        loop {
            match talk.reader.next(&mut bytes).map_err(End::WrongByte)? {
                None => return Ok(()),
                Some(Item::Begun(stamp)) => {
                    if stamp > self.watched_since {
                        record(&mut shared.waits, stamp);
                    }
                }
                Some(Item::Whole(order)) => {
                    shared.messages += 1;
                    self.order = order;
                    if !talk.writer.is_empty() {
                        let what = "a message before the answer to the last";
                        return Err(End::Failed(what.to_owned()));
                    }
                    talk.writer.push(Order::Stay);
                    if shared.spoil_at == Some(shared.messages) {
                        talk.writer.spoil();
                    }
                    let flushed = talk.writer.flush(&mut self.stream);
                    after_flush(flushed, self.order)?;
                }
            }
        }
    }

    pub fn flush(&mut self) -> Result<(), End> {
        let Some(talk) = &mut self.talk else {
            return Ok(());
        };
        if talk.writer.is_empty() {
            return Ok(());
        }
        after_flush(talk.writer.flush(&mut self.stream), self.order)
    }

    /// May it be set aside, with nothing under way?
    pub fn is_quiet(&self) -> bool {
        let is_quiet = |talk: &Talk| talk.reader.is_between() && talk.writer.is_empty();
        self.talk.as_ref().is_some_and(is_quiet)
    }
}

fn after_flush(flushed: std::io::Result<bool>, order: Order) -> Result<(), End> {
    match (flushed, order) {
        (Ok(true), Order::Close) => Err(End::ByServer),
        (Ok(true), Order::Reset) => Err(End::ResetByServer),
        (Ok(_), _) => Ok(()),
        (Err(error), _) => Err(failed("write", &error)),
    }
}

/// Linux tells a writer of a connection that was reset either of two errors.
fn failed(what: &str, error: &std::io::Error) -> End {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => End::ResetByClient,
        _ => End::Failed(format!("{what}: {error}")),
    }
}
