//! One client of the chat.
//!
//! *Two kinds of output, two answers to a client that doesn't read.* What it asked for itself is
//! held back: its next line isn't looked at before there is room for the answer, so a client that
//! floods us with /who waits for itself. What the others say can't be held back, they would all have
//! to wait for the slowest. It's kept up to a limit, and beyond it the client is disconnected.

use std::io::{self, ErrorKind, Read as _};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio_programs::cli::log;
use ferrio_programs::outbox::Outbox;
use ferrio_programs::server::{Opening, Session, Turn};
use ferrio_programs::slab::{Key, Side};
use ferrio_programs::socket::Socket;

use crate::lines::{Lines, TooLong};
use crate::room::Room;

/// Lines or reads before the other clients have their turn.
const STEPS_PER_TURN: usize = 16;
/// How long to wait for a leaving client to take what is left for it, and to close.
const LINGER_TIME: Duration = Duration::from_secs(2);

pub struct Client {
    key: Key,
    peer: String,
    socket: Socket,
    lines: Lines,
    outbox: Outbox,
    state: State,
    at_end: bool,
    deadline: Option<Instant>,
}

enum State {
    /// It hasn't said its name.
    New,
    Member(String),
    /// It's told the rest, and not listened to any more.
    Leaving,
    /// Told, the end of the connection included; it's only waited for to close its side, because a
    /// close with unread input would be a reset, and destroy what it hasn't read yet.
    Lingering,
}

/// How far a step has led.
enum Step {
    Again,
    Blocked,
    Over,
}

impl Client {
    pub fn open(room: &Room, stream: TcpStream, opening: &Opening<'_>) -> io::Result<Client> {
        let token = opening.key.token(Side::Client);
        let socket = Socket::register(stream, opening.registry, token)?;
        // People may say nothing for hours, so there is no deadline for that. A peer that vanished
        // without a word is found by TCP's own probes.
        socket2::SockRef::from(socket.stream()).set_keepalive(true)?;
        let mut outbox = Outbox::new(room.backlog);
        outbox.push(b"* Welcome. What is your name?\n");
        Ok(Client {
            key: opening.key,
            peer: opening.peer.to_string(),
            socket,
            lines: Lines::default(),
            outbox,
            state: State::New,
            at_end: false,
            deadline: Some(opening.now + room.timeout),
        })
    }

    /// The name of a member.
    pub fn name(&self) -> Option<&str> {
        match &self.state {
            State::Member(name) => Some(name),
            State::New | State::Leaving | State::Lingering => None,
        }
    }

    /// Something that another client said.
    pub fn tell(&mut self, line: &str) {
        self.outbox.push(line.as_bytes());
    }

    fn step(&mut self, room: &mut Room, now: Instant) -> io::Result<Step> {
        match &self.state {
            State::New | State::Member(_) => self.listen(room, now),
            State::Leaving if !self.outbox.is_empty() => Ok(Step::Blocked),
            State::Leaving if self.at_end => Ok(Step::Over),
            State::Leaving => {
                self.socket.finish()?;
                self.state = State::Lingering;
                Ok(Step::Again)
            }
            State::Lingering => match self.socket.read(&mut room.buffer) {
                Ok(1..) => Ok(Step::Again),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::Blocked),
                // The end, orderly or not.
                _ => Ok(Step::Over),
            },
        }
    }

    /// Obeys one line, or reads for more.
    fn listen(&mut self, room: &mut Room, now: Instant) -> io::Result<Step> {
        // Half of the backlog is for the answers to a client's own lines, the rest for the others.
        if self.outbox.len() > room.backlog / 2 {
            return Ok(Step::Blocked);
        }
        match self.lines.next() {
            Ok(Some(line)) => self.obey(room, &line, now),
            Ok(None) if self.at_end => {
                if let Some(line) = self.lines.last() {
                    self.obey(room, &line, now);
                }
                self.leave(room, now);
            }
            Ok(None) => match self.socket.read(&mut room.buffer) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.lines.extend(&room.buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Step::Blocked),
                Err(error) => return Err(error),
            },
            Err(TooLong) => {
                log(format_args!("{}: a line is too long", self.peer));
                self.outbox.push(b"* That line is too long. Goodbye.\n");
                self.leave(room, now);
            }
        }
        Ok(Step::Again)
    }

    fn obey(&mut self, room: &mut Room, line: &str, now: Instant) {
        match (&self.state, line) {
            (State::New | State::Member(_), "/quit") => {
                self.outbox.push(b"* Goodbye.\n");
                self.leave(room, now);
            }
            (State::New, name) => match room.join(name, self.key) {
                Ok(()) => {
                    self.outbox.push(format!("* You are {name}.\n").as_bytes());
                    self.state = State::Member(name.to_string());
                    self.deadline = None;
                }
                Err(why) => self.outbox.push(format!("* {why}\n").as_bytes()),
            },
            (State::Member(_), "") => {}
            (State::Member(_), "/who") => self.outbox.push(room.who().as_bytes()),
            (State::Member(_), command) if command.starts_with('/') => {
                self.outbox.push(b"* The commands are /who and /quit.\n");
            }
            (State::Member(name), text) => room.say(self.key, name, text),
            (State::Leaving | State::Lingering, _) => {}
        }
    }

    fn leave(&mut self, room: &mut Room, now: Instant) {
        if let Some(name) = self.name() {
            room.leave(name, "left");
        }
        self.state = State::Leaving;
        self.deadline = Some(now + LINGER_TIME);
    }

    /// How a client is called in the log.
    fn label(&self) -> &str {
        self.name().unwrap_or("the client")
    }
}

impl Session<Room> for Client {
    fn note(&mut self, _: Side, event: &Event) {
        self.socket.note(event);
    }

    fn advance(&mut self, room: &mut Room, now: Instant) -> io::Result<Turn> {
        for _ in 0..STEPS_PER_TURN {
            self.outbox.flush(&mut self.socket)?;
            if self.outbox.len() > room.backlog {
                let (label, waits) = (self.label(), self.outbox.len());
                let why = format!("{label} doesn't read, {waits} bytes wait");
                return Err(io::Error::new(ErrorKind::TimedOut, why));
            }
            match self.step(room, now)? {
                Step::Again => {}
                Step::Blocked if self.deadline.is_some_and(|at| now >= at) => {
                    let why = match self.state {
                        State::Lingering => return Ok(Turn::Finished),
                        State::New => "said no name in time",
                        _ => "doesn't read",
                    };
                    let why = format!("{} {why}", self.label());
                    return Err(io::Error::new(ErrorKind::TimedOut, why));
                }
                Step::Blocked => return Ok(Turn::Waits),
                Step::Over => return Ok(Turn::Finished),
            }
        }
        Ok(Turn::WantsMore)
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}
