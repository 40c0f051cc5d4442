//! A TLS connection: rustls does the cryptography and owns the buffers, we move the bytes.
//!
//! rustls is a state machine without a socket. Four calls connect it to one:
//!
//! ```text
//!   socket ── read_tls ──► process_new_packets ──► reader() ── plaintext ─┐
//!                                   │ handshake, alerts                   │ the echo
//!   socket ◄── write_tls ◄──────────┴───────────── writer() ◄─────────────┘
//! ```
//!
//! Directions on the two levels have nothing to do with each other: the handshake writes before
//! anything was said, an alert has to go out because something bad came in. So after every event
//! the same loop runs, in an order that gives *back-pressure* for nothing: first everything that
//! waits goes out; only when that is done is plaintext taken out of rustls and echoed; and only when
//! there is no more of it, more is read. A client that doesn't read what it gets is no longer read.
//!
//! *Two ends.* TCP's end (`Ok(0)`) can be forged by anyone on the way, TLS's cannot: `close_notify`.
//! A connection that ends without one may have been cut off, and that is an error. After the
//! client's `close_notify` it still gets the rest of its echo, then ours, and then TCP's end.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio_programs::server::{App, Opening, Session, Turn};
use ferrio_programs::slab::Side;
use ferrio_programs::socket::Socket;
use rustls::{ServerConfig, ServerConnection};

/// Steps before the other connections have their turn, each of a buffer at most.
const STEPS_PER_TURN: usize = 32;
/// As much as fits into one TLS record.
const BUFFER: usize = 16 * 1024;
/// How long to wait for the client's end of TCP after ours.
const LINGER_TIME: Duration = Duration::from_secs(2);

/// What the connections share.
pub struct TlsEcho {
    config: Arc<ServerConfig>,
    timeout: Duration,
    buffer: Vec<u8>,
    handshakes: u64,
    echoed: u64,
}

impl TlsEcho {
    pub fn new(config: Arc<ServerConfig>, timeout: Duration) -> TlsEcho {
        TlsEcho {
            config,
            timeout,
            buffer: vec![0; BUFFER],
            handshakes: 0,
            echoed: 0,
        }
    }
}

impl App for TlsEcho {
    type Session = Connection;

    fn open(&mut self, stream: TcpStream, opening: &Opening<'_>) -> io::Result<Connection> {
        let token = opening.key.token(Side::Client);
        let tls = ServerConnection::new(Arc::clone(&self.config)).map_err(io::Error::other)?;
        Ok(Connection {
            socket: Socket::register(stream, opening.registry, token)?,
            tls,
            phase: Phase::Handshake,
            deadline: opening.now + self.timeout,
        })
    }

    fn summary(&self) -> Option<String> {
        let TlsEcho {
            handshakes, echoed, ..
        } = self;
        Some(format!(
            "TLS            {handshakes} handshakes, {echoed} bytes echoed"
        ))
    }
}

pub struct Connection {
    socket: Socket,
    tls: ServerConnection,
    phase: Phase,
    deadline: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Handshake,
    Echo,
    /// Our `close_notify` is on its way: nothing more will be said.
    Closing,
    /// TCP's end was sent too. What still comes is discarded: to close now would reset the
    /// connection, and destroy what the client hasn't read yet.
    Lingering,
}

/// How far a step has led.
enum Step {
    Again,
    Blocked,
    Over,
}

impl Session<TlsEcho> for Connection {
    fn note(&mut self, _: Side, event: &Event) {
        self.socket.note(event);
    }

    fn advance(&mut self, app: &mut TlsEcho, now: Instant) -> io::Result<Turn> {
        for _ in 0..STEPS_PER_TURN {
            match self.step(app, now)? {
                Step::Again => {}
                Step::Blocked if now >= self.deadline => return self.time_out(app, now),
                Step::Blocked => return Ok(Turn::Waits),
                Step::Over => return Ok(Turn::Finished),
            }
        }
        Ok(Turn::WantsMore)
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

impl Connection {
    fn step(&mut self, app: &mut TlsEcho, now: Instant) -> io::Result<Step> {
        if self.tls.wants_write() {
            return self.send(app, now);
        }
        if self.phase == Phase::Handshake && !self.tls.is_handshaking() {
            self.phase = Phase::Echo;
            app.handshakes += 1;
            self.progress(app, now);
        }
        match self.phase {
            Phase::Handshake => self.receive(app, now),
            Phase::Echo => self.echo(app, now),
            Phase::Closing => {
                self.socket.finish()?;
                self.phase = Phase::Lingering;
                self.deadline = now + app.timeout.min(LINGER_TIME);
                Ok(Step::Again)
            }
            Phase::Lingering => self.linger(app),
        }
    }

    /// Sends what rustls has, as much as the socket takes.
    fn send(&mut self, app: &TlsEcho, now: Instant) -> io::Result<Step> {
        match self.tls.write_tls(&mut self.socket) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(_) => {
                self.progress(app, now);
                Ok(Step::Again)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::Blocked),
            Err(error) => Err(error),
        }
    }

    /// Hands plaintext that was received back to rustls, or sees to it that there is some.
    fn echo(&mut self, app: &mut TlsEcho, now: Instant) -> io::Result<Step> {
        match self.tls.reader().read(&mut app.buffer) {
            // The client's close_notify. All that came before was echoed and is sent.
            Ok(0) => {
                self.tls.send_close_notify();
                self.phase = Phase::Closing;
            }
            // rustls keeps all of it, as it's less than its limit and nothing else waits.
            Ok(count) => {
                self.tls.writer().write_all(&app.buffer[..count])?;
                app.echoed += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return self.receive(app, now),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(cut_off()),
            Err(error) => return Err(error),
        }
        Ok(Step::Again)
    }

    /// Reads once, and lets rustls see what it is.
    fn receive(&mut self, app: &TlsEcho, now: Instant) -> io::Result<Step> {
        match self.tls.read_tls(&mut self.socket) {
            // In the echo rustls itself says what it makes of TCP's end.
            Ok(0) if self.phase == Phase::Handshake => return Err(cut_off()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Blocked),
            Err(error) => return Err(error),
        }
        self.progress(app, now);
        match self.tls.process_new_packets() {
            Ok(_) => Ok(Step::Again),
            Err(error) => {
                // An alert waits that tells the client why. It has one try.
                let _ = self.tls.write_tls(&mut self.socket);
                let _ = self.socket.finish();
                Err(io::Error::new(ErrorKind::InvalidData, error))
            }
        }
    }

    /// Discards what comes until TCP's end.
    fn linger(&mut self, app: &mut TlsEcho) -> io::Result<Step> {
        match self.socket.read(&mut app.buffer) {
            Ok(0) => Ok(Step::Over),
            Ok(_) => Ok(Step::Again),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::Blocked),
            // All was said on both sides; how the client leaves is its own affair.
            Err(_) => Ok(Step::Over),
        }
    }

    /// Something has moved, so there is time for the next. A handshake has to be done in time as a
    /// whole, or a client could spread it over days.
    fn progress(&mut self, app: &TlsEcho, now: Instant) {
        if self.phase != Phase::Handshake {
            self.deadline = now + app.timeout;
        }
    }

    fn time_out(&mut self, app: &TlsEcho, now: Instant) -> io::Result<Turn> {
        let why = match self.phase {
            Phase::Lingering => return Ok(Turn::Finished),
            Phase::Handshake => "the handshake takes too long",
            Phase::Echo if !self.tls.wants_write() => {
                // Idle. It's told so, in the way that can't be forged.
                self.tls.send_close_notify();
                self.phase = Phase::Closing;
                self.deadline = now + app.timeout;
                return Ok(Turn::WantsMore);
            }
            Phase::Echo | Phase::Closing => "the client doesn't read",
        };
        Err(io::Error::new(ErrorKind::TimedOut, why))
    }
}

fn cut_off() -> io::Error {
    let why = "the connection ended without close_notify: it may have been cut off";
    io::Error::new(ErrorKind::UnexpectedEof, why)
}
