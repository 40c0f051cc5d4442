//! A connection, from the first request to the last byte of the last response.
//!
//! ```text
//!        ┌──────────── next request ◄──────────────┐
//!        ▼                                         │
//!      Head ──► Body ──► (the response's head) ──► Page ──► Closing ──► Lingering
//!        │        │                                         ▲
//!        └────────┴── an error is answered, too ────────────┘
//! ```
//!
//! Requests may arrive in any pieces, several in one (pipelining): the state machine doesn't care,
//! it works on what has arrived and asks for more when that's not enough. Responses leave in the
//! order of the requests because nothing is parsed while one is being made.
//!
//! *Back-pressure.* While the outbox is full nothing is parsed, and what isn't parsed isn't read: a
//! client that sends requests and doesn't read the responses blocks itself. A page is made piece by
//! piece as the outbox has room, so that a long one needs no more memory than a short one.
//!
//! *Time.* A head has to be complete in time, however steadily its bytes trickle in. Everything
//! else has to make progress in time.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio_programs::cli::log;
use ferrio_programs::outbox::Outbox;
use ferrio_programs::server::{App, Opening, Session, Turn};
use ferrio_programs::slab::Side;
use ferrio_programs::socket::Socket;

use crate::body::Body;
use crate::head::{Head, Parsed, parse};
use crate::input::Input;
use crate::pages::{self, Page};
use crate::response::{CONTINUE, Clock, Persistence, Status, explanation, write_head};

/// Of responses that wait to be sent: from here on no more are made.
const OUTBOX: usize = 64 * 1024;
/// Steps of the state machine before the other connections have their turn.
const STEPS_PER_TURN: usize = 64;
/// Outboxes sent before that: a page for a fast network costs more than a step.
const FLUSHES_PER_TURN: usize = 4;
/// How much, and how long, to listen to a client that was told that the connection is over.
const LINGER_BYTES: usize = 1 << 20;
const LINGER_TIME: Duration = Duration::from_secs(2);

/// What the connections share.
pub struct Http {
    timeout: Duration,
    clock: Clock,
    /// Room to read into. What is left over of it is kept by the connection.
    buffer: Vec<u8>,
    requests: u64,
}

impl Http {
    pub fn new(timeout: Duration) -> Http {
        Http {
            timeout,
            clock: Clock::new(),
            buffer: vec![0; 64 * 1024],
            requests: 0,
        }
    }

    /// A response's head, and the body's page.
    fn write_head(&mut self, to: &mut Vec<u8>, status: Status, page: Page, stays: Persistence) {
        let date = self.clock.date();
        write_head(to, status, page.media_type(), page.length(), stays, date);
    }
}

impl App for Http {
    type Session = Connection;

    fn open(&mut self, stream: TcpStream, opening: &Opening<'_>) -> io::Result<Connection> {
        let token = opening.key.token(Side::Client);
        Ok(Connection {
            socket: Socket::register(stream, opening.registry, token)?,
            peer: opening.peer,
            input: Input::default(),
            at_end: false,
            outbox: Outbox::new(OUTBOX),
            state: State::Head,
            deadline: opening.now + self.timeout,
        })
    }

    fn refuse(&mut self, stream: &mut TcpStream) {
        let page = explanation(Status::ServiceUnavailable);
        let mut response = Vec::new();
        self.write_head(
            &mut response,
            Status::ServiceUnavailable,
            page,
            Persistence::Close,
        );
        page.write(0, usize::MAX, &mut response);
        // Closing a stream with unread input resets it, which may destroy the response on its way.
        // So take what has arrived already. For what hasn't, there is no room to wait.
        let _ = stream.read(&mut self.buffer);
        let _ = stream.write(&response);
        let _ = stream.shutdown(Shutdown::Write);
    }

    fn summary(&self) -> Option<String> {
        Some(format!("requests       {}", self.requests))
    }
}

pub struct Connection {
    socket: Socket,
    peer: SocketAddr,
    input: Input,
    /// The client has sent all that it will send.
    at_end: bool,
    outbox: Outbox,
    state: State,
    deadline: Instant,
}

enum State {
    /// A request is to come.
    Head,
    /// Its body is being discarded, after which it's answered.
    Body(Head, Body),
    /// The response's head is in the outbox; its body is being made.
    Page {
        page: Page,
        made: u64,
        persistence: Persistence,
    },
    /// What is in the outbox is the last.
    Closing,
    /// All was sent, the client was told that no more comes, and so much may still come from it. To
    /// close now would reset the connection if anything did, and the reset would destroy what the
    /// client hasn't read yet (RFC 9112, section 9.6).
    Lingering(usize),
}

/// How far a step has led.
enum Step {
    Again,
    /// More input is needed.
    Starved,
    /// Room in the outbox is needed, or all of it sent.
    Full,
    Over,
}

impl Session<Http> for Connection {
    fn note(&mut self, _: Side, event: &Event) {
        self.socket.note(event);
    }

    fn advance(&mut self, http: &mut Http, now: Instant) -> io::Result<Turn> {
        let turn = self.work(http, now)?;
        if turn == Turn::Waits && now >= self.deadline {
            return self.time_out(http, now);
        }
        Ok(turn)
    }

    fn deadline(&self) -> Option<Instant> {
        Some(self.deadline)
    }
}

impl Connection {
    fn work(&mut self, http: &mut Http, now: Instant) -> io::Result<Turn> {
        let mut flushes = 0;
        for _ in 0..STEPS_PER_TURN {
            match self.step(http, now)? {
                Step::Again => {}
                Step::Starved => {
                    // All the responses to what came in one piece leave in one, if they fit.
                    let gone = self.outbox.flush(&mut self.socket)?;
                    if gone > 0 && !self.is_in_head() {
                        self.deadline = now + http.timeout;
                    }
                    if !self.receive(http, now)? {
                        return Ok(Turn::Waits);
                    }
                }
                Step::Full => {
                    if self.outbox.flush(&mut self.socket)? == 0 {
                        return Ok(Turn::Waits);
                    }
                    self.deadline = now + http.timeout;
                    flushes += 1;
                    if flushes == FLUSHES_PER_TURN {
                        return Ok(Turn::WantsMore);
                    }
                }
                Step::Over => return Ok(Turn::Finished),
            }
        }
        self.outbox.flush(&mut self.socket)?;
        Ok(Turn::WantsMore)
    }

    fn step(&mut self, http: &mut Http, now: Instant) -> io::Result<Step> {
        match &mut self.state {
            State::Head => Ok(self.read_head(http, now)),
            State::Body(..) => self.skip_body(http, now),
            State::Page {
                page,
                made,
                persistence,
            } => {
                let room = self.outbox.room();
                if room == 0 {
                    return Ok(Step::Full);
                }
                self.outbox
                    .push_with(|bytes| *made += page.write(*made, room, bytes));
                if *made == page.length() {
                    self.state = after(*persistence);
                }
                Ok(Step::Again)
            }
            State::Closing if !self.outbox.is_empty() => Ok(Step::Full),
            State::Closing => {
                self.socket.finish()?;
                self.state = State::Lingering(LINGER_BYTES);
                self.deadline = now + http.timeout.min(LINGER_TIME);
                Ok(Step::Again)
            }
            State::Lingering(left) => {
                *left = left.saturating_sub(self.input.take_all());
                let is_over = self.at_end || *left == 0;
                Ok(if is_over { Step::Over } else { Step::Starved })
            }
        }
    }

    fn read_head(&mut self, http: &mut Http, now: Instant) -> Step {
        if self.outbox.is_full() {
            return Step::Full;
        }
        match parse(self.input.bytes()) {
            Ok(Parsed::Partial) if !self.at_end => return Step::Starved,
            // Half-close: what was asked is answered; the client reads it if it still listens.
            Ok(Parsed::Partial) => {
                if !self.input.bytes().is_empty() {
                    log(format_args!(
                        "{}: ended in the middle of a request",
                        self.peer
                    ));
                }
                self.state = State::Closing;
            }
            Ok(Parsed::Head(mut head, length)) => {
                self.input.consume(length);
                self.deadline = now + http.timeout;
                match head.body.take() {
                    Some(body) => {
                        // Not if the client didn't wait for it.
                        if head.expects_continue && self.input.bytes().is_empty() {
                            self.outbox.push(CONTINUE);
                        }
                        self.state = State::Body(head, body);
                    }
                    None => self.respond(http, &head),
                }
            }
            Err(status) => self.fail(http, status, now),
        }
        Step::Again
    }

    fn skip_body(&mut self, http: &mut Http, now: Instant) -> io::Result<Step> {
        let State::Body(_, body) = &mut self.state else {
            return Ok(Step::Again);
        };
        match body.skip(self.input.bytes()) {
            Ok(length) => self.input.consume(length),
            Err(status) => {
                self.fail(http, status, now);
                return Ok(Step::Again);
            }
        }
        if body.is_over() {
            if let State::Body(head, _) = std::mem::replace(&mut self.state, State::Head) {
                self.respond(http, &head);
            }
            Ok(Step::Again)
        } else if self.at_end {
            let why = "the client ended in the middle of a request's body";
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, why))
        } else {
            Ok(Step::Starved)
        }
    }

    fn respond(&mut self, http: &mut Http, head: &Head) {
        http.requests += 1;
        let found = head.target.as_deref().map_err(|&status| status);
        let found = found.and_then(|target| pages::find(target).ok_or(Status::NotFound));
        let (status, page) = match found {
            Ok(page) => (Status::Ok, page),
            Err(status) => (status, explanation(status)),
        };
        let persistence = head.persistence;
        self.outbox
            .push_with(|bytes| http.write_head(bytes, status, page, persistence));
        self.state = if head.is_head {
            after(persistence)
        } else {
            State::Page {
                page,
                made: 0,
                persistence,
            }
        };
    }

    /// Answers something that can't be understood, or takes too long. What follows it can't be
    /// understood either.
    fn fail(&mut self, http: &mut Http, status: Status, now: Instant) {
        log(format_args!("{}: answered {status}", self.peer));
        let page = explanation(status);
        self.outbox.push_with(|bytes| {
            http.write_head(bytes, status, page, Persistence::Close);
            page.write(0, usize::MAX, bytes);
        });
        self.state = State::Closing;
        self.deadline = now + http.timeout;
    }

    /// Has a request's head begun and not ended? Its time runs, whatever else goes on.
    fn is_in_head(&self) -> bool {
        matches!(self.state, State::Head) && !self.input.bytes().is_empty()
    }

    /// Reads once. False: there is nothing to read, and an event will come.
    fn receive(&mut self, http: &mut Http, now: Instant) -> io::Result<bool> {
        match self.socket.read(&mut http.buffer) {
            Ok(0) => self.at_end = true,
            Ok(count) => {
                if !self.is_in_head() && !matches!(self.state, State::Lingering(_)) {
                    self.deadline = now + http.timeout;
                }
                self.input.extend(&http.buffer[..count]);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            // It had its answer. How it takes its leave is its own affair.
            Err(_) if matches!(self.state, State::Lingering(_)) => self.at_end = true,
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn time_out(&mut self, http: &mut Http, now: Instant) -> io::Result<Turn> {
        match self.state {
            State::Lingering(_) => Ok(Turn::Finished),
            // A request has begun and doesn't get any further.
            State::Head if self.is_in_head() && !self.outbox.is_full() => self.give_up(http, now),
            State::Body(..) => self.give_up(http, now),
            // Nothing is asked, nothing to be answered: the end of an idle connection.
            State::Head if self.outbox.is_empty() => Ok(Turn::Finished),
            _ => {
                let why = "the client doesn't read its response";
                Err(io::Error::new(io::ErrorKind::TimedOut, why))
            }
        }
    }

    /// The client had its time.
    fn give_up(&mut self, http: &mut Http, now: Instant) -> io::Result<Turn> {
        self.fail(http, Status::RequestTimeout, now);
        self.work(http, now)
    }
}

/// The state after a response.
fn after(persistence: Persistence) -> State {
    match persistence {
        Persistence::Close => State::Closing,
        Persistence::Implied | Persistence::KeepAlive => State::Head,
    }
}
