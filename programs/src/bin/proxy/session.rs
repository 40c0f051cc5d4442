//! A pair of connections: the one that was accepted, and the one that was made for it.
//!
//! Whatever happens to one has to happen to the other, or the two programs would see something else
//! than without a proxy:
//!
//! | on one side | on the other |
//! |---|---|
//! | bytes | the same bytes |
//! | slow to read | slow to be read |
//! | the end, after the last byte | the end, after the last byte |
//! | a reset | a reset |
//! | can't be connected | a reset: an ordinary end could be taken for an empty answer |
//!
//! When both directions have ended the pair is done.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio_programs::server::{App, Opening, Session, Turn};
use ferrio_programs::slab::Side;
use ferrio_programs::socket::Socket;

use crate::pipe::{Flow, Pipe, Sink};

/// Reads in one direction before the other connections have their turn.
const READS_PER_TURN: usize = 16;

pub struct Settings {
    pub to: SocketAddr,
    pub connect_timeout: Duration,
    pub timeout: Duration,
    /// For each direction of a pair.
    pub buffer: usize,
}

/// What the pairs share.
pub struct Proxy {
    settings: Settings,
    /// Room to read into.
    buffer: Vec<u8>,
    up: u64,
    down: u64,
}

impl Proxy {
    pub fn new(settings: Settings) -> Proxy {
        Proxy {
            buffer: vec![0; settings.buffer.min(64 * 1024)],
            settings,
            up: 0,
            down: 0,
        }
    }
}

impl App for Proxy {
    type Session = Pair;

    fn open(&mut self, stream: TcpStream, opening: &Opening<'_>) -> io::Result<Pair> {
        let to = self.settings.to;
        let about = |e: io::Error| io::Error::new(e.kind(), format!("cannot connect to {to}: {e}"));
        let register = |stream, side| {
            let token = opening.key.token(side);
            Socket::register(stream, opening.registry, token)
        };
        let client = register(stream, Side::Client)?;
        let upstream = TcpStream::connect(to)
            .and_then(|stream| register(stream, Side::Upstream))
            .map_err(about);
        let upstream = match upstream {
            Ok(upstream) => upstream,
            // Known at once: no route, no port, no descriptor.
            Err(error) => {
                client.abort();
                return Err(error);
            }
        };
        Ok(Pair {
            client,
            upstream,
            is_connected: false,
            up: Pipe::new(self.settings.buffer),
            down: Pipe::new(self.settings.buffer),
            error: None,
            deadline: opening.now + self.settings.connect_timeout,
        })
    }

    fn close(&mut self, pair: Pair, end: &io::Result<()>) {
        self.up += pair.up.moved();
        self.down += pair.down.moved();
        if end.is_err() {
            pair.client.abort();
            pair.upstream.abort();
        }
    }

    fn summary(&self) -> Option<String> {
        let Proxy { up, down, .. } = self;
        Some(format!("bytes          {up} up, {down} down"))
    }
}

pub struct Pair {
    client: Socket,
    upstream: Socket,
    is_connected: bool,
    /// From the client.
    up: Pipe,
    /// To the client.
    down: Pipe,
    /// An error that an event brought. Where a side is neither read nor written, because a pipe is
    /// full or at its end, nothing else would tell of it.
    error: Option<io::Error>,
    deadline: Instant,
}

impl Session<Proxy> for Pair {
    fn note(&mut self, side: Side, event: &Event) {
        let socket = match side {
            Side::Client => &mut self.client,
            Side::Upstream => &mut self.upstream,
        };
        socket.note(event);
        // Of a connection that isn't established yet, `connect` below asks for itself.
        if event.is_error() && (self.is_connected || side == Side::Client) {
            let pending = socket.stream().take_error();
            let found = pending.unwrap_or_else(Some);
            self.error = self.error.take().or(found);
        }
    }

    fn advance(&mut self, proxy: &mut Proxy, now: Instant) -> io::Result<Turn> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if !self.is_connected && !self.connect(proxy, now)? {
            return Ok(Turn::Waits);
        }
        let before = (self.up.moved(), self.down.moved());
        let up = self.up.advance(
            &mut self.client,
            &mut self.upstream,
            &mut proxy.buffer,
            READS_PER_TURN,
        )?;
        let down = self.down.advance(
            &mut self.upstream,
            &mut self.client,
            &mut proxy.buffer,
            READS_PER_TURN,
        )?;
        if (self.up.moved(), self.down.moved()) != before {
            self.deadline = now + proxy.settings.timeout;
        }
        match (up, down) {
            (Flow::Ended, Flow::Ended) => Ok(Turn::Finished),
            (Flow::WantsMore, _) | (_, Flow::WantsMore) => Ok(Turn::WantsMore),
            _ if now >= self.deadline => {
                let why = "nothing has moved for too long";
                Err(io::Error::new(ErrorKind::TimedOut, why))
            }
            _ => Ok(Turn::Waits),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

impl Pair {
    /// Is the upstream connected by now? A non-blocking connect has ended when the socket knows its
    /// peer; until then an event proves nothing. A failure is kept as the socket's error.
    fn connect(&mut self, proxy: &mut Proxy, now: Instant) -> io::Result<bool> {
        let to = proxy.settings.to;
        let failed =
            |e: io::Error| io::Error::new(e.kind(), format!("cannot connect to {to}: {e}"));
        if let Some(error) = self.upstream.stream().take_error()? {
            return Err(failed(error));
        }
        match self.upstream.stream().peer_addr() {
            Ok(_) => {
                self.is_connected = true;
                self.deadline = now + proxy.settings.timeout;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotConnected => {
                if now >= self.deadline {
                    return Err(failed(ErrorKind::TimedOut.into()));
                }
                // Meanwhile, find out if the client gives up.
                while self.up.fill(&mut self.client, &mut proxy.buffer)? {}
                Ok(false)
            }
            Err(error) => Err(failed(error)),
        }
    }
}

impl Sink for Socket {
    fn finish(&mut self) -> io::Result<()> {
        Socket::finish(self)
    }
}
