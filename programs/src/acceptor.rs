//! Accepting connections, and what to do when there are too many.
//!
//! `accept` can fail in three ways that a server has to tell apart:
//!
//! * `WouldBlock`: the queue is empty. An event will come with the next connection.
//! * An error of the connection that was about to be returned. That one is gone from the queue;
//!   the next may be asked for at once.
//! * Anything else, which for a server under load means `EMFILE`: this process has no descriptor
//!   left. The connection *stays in the queue*. Trying again at once fails at once, so a loop that
//!   does so burns a processor while nobody is served. Waiting for an event is no better: the
//!   listener has been readable all along, so with edges none will come.
//!
//! The old trick against the last one is a descriptor kept in reserve. It is given up, which makes
//! room to accept one connection, and that connection is refused in an orderly way: told so where
//! the protocol has words for it, then closed, and logged. Then the reserve is taken back. Clients
//! learn at once that there is no room, instead of waiting for an answer in a queue that nobody
//! serves. Where even that fails, say because another thread took the descriptor, the acceptor
//! pauses until one of the server's connections closes or a little time has passed.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ferrio::net::{TcpListener, TcpStream};

/// How long to pause, at most: descriptors may be freed elsewhere without our hearing of it.
const PAUSE: Duration = Duration::from_millis(100);

/// Something that is always there to be opened, for the reserve.
const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// What the acceptor needs of a listening socket.
pub trait Listen {
    type Stream;
    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;
}

impl Listen for TcpListener {
    type Stream = TcpStream;
    fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self)
    }
}

/// A connection from the queue.
pub enum Accepted<S> {
    Welcome(S, SocketAddr),
    /// There is no room for it. It is to be told so, if there is a way, and dropped.
    Refused(S, SocketAddr, String),
}

pub struct Acceptor<L> {
    listener: L,
    /// How many connections may be open at once.
    most: usize,
    /// None: it could not be taken back; to be tried again.
    reserve: Option<File>,
    /// `accept` hasn't said `WouldBlock` since the last event.
    can_accept: bool,
    paused_until: Option<Instant>,
    /// The reason for the pause was logged, and isn't to be again for each attempt.
    is_pause_known: bool,
}

impl<L: Listen> Acceptor<L> {
    pub fn new(listener: L, most: usize) -> Acceptor<L> {
        Acceptor {
            listener,
            most,
            reserve: File::open(NOTHING).ok(),
            can_accept: true,
            paused_until: None,
            is_pause_known: false,
        }
    }

    /// Takes note of the listener's event.
    pub fn note(&mut self) {
        self.can_accept = true;
    }

    /// One of the server's connections was closed, so there is a descriptor.
    pub fn resume(&mut self) {
        self.paused_until = None;
    }

    /// When to accept again though no event says so.
    pub fn wants_turn(&self, now: Instant) -> Option<Instant> {
        self.can_accept.then(|| self.paused_until.unwrap_or(now))
    }

    /// The next connection, if there is one and it's time to ask. `open` is how many the server
    /// has; `log` is told why there is a pause.
    pub fn next(
        &mut self,
        open: usize,
        now: Instant,
        log: impl FnOnce(&io::Error),
    ) -> Option<Accepted<L::Stream>> {
        if self.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        self.paused_until = None;
        while self.can_accept {
            // First of all: a descriptor that has become free is for the reserve.
            self.restock();
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    self.is_pause_known = false;
                    return Some(self.judge(stream, peer, open));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can_accept = false,
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    if let Some((stream, peer)) = self.accept_with_reserve() {
                        return Some(Accepted::Refused(stream, peer, error.to_string()));
                    }
                    if self.can_accept {
                        self.paused_until = Some(now + PAUSE);
                        if !self.is_pause_known {
                            self.is_pause_known = true;
                            log(&error);
                        }
                        return None;
                    }
                }
            }
        }
        None
    }

    fn judge(&self, stream: L::Stream, peer: SocketAddr, open: usize) -> Accepted<L::Stream> {
        if open < self.most {
            Accepted::Welcome(stream, peer)
        } else {
            let why = format!("{open} connections are open, as many as may be");
            Accepted::Refused(stream, peer, why)
        }
    }

    /// Gives up the reserve for one connection. The caller drops it before it comes back to
    /// [`next`](Acceptor::next), and then there is a descriptor for the reserve again.
    fn accept_with_reserve(&mut self) -> Option<(L::Stream, SocketAddr)> {
        self.reserve.take()?;
        match self.listener.accept() {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                self.can_accept = error.kind() != io::ErrorKind::WouldBlock;
                self.restock();
                None
            }
        }
    }

    fn restock(&mut self) {
        if self.reserve.is_none() {
            self.reserve = File::open(NOTHING).ok();
        }
    }
}

/// Did `accept` fail because of the connection it was about to return? Linux hands over pending
/// network errors of the new connection too, and accept(2) asks to treat them like an empty turn.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown,
        NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
    )
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    /// "Too many open files", whatever its number is here.
    const NO_DESCRIPTOR: io::ErrorKind = io::ErrorKind::OutOfMemory;

    /// Answers from a list; an empty queue at its end.
    struct Scripted(RefCell<VecDeque<Result<u32, io::ErrorKind>>>);

    impl Listen for Scripted {
        type Stream = u32;
        fn accept(&self) -> io::Result<(u32, SocketAddr)> {
            let answer = self.0.borrow_mut().pop_front();
            let number = answer.unwrap_or(Err(io::ErrorKind::WouldBlock))?;
            Ok((number, SocketAddr::from(([127, 0, 0, 1], 1))))
        }
    }

    fn acceptor(answers: &[Result<u32, io::ErrorKind>]) -> Acceptor<Scripted> {
        Acceptor::new(
            Scripted(RefCell::new(answers.iter().copied().collect())),
            10,
        )
    }

    impl Acceptor<Scripted> {
        fn answers_left(&self) -> usize {
            self.listener.0.borrow().len()
        }

        /// What comes, as text.
        fn ask(&mut self, open: usize, now: Instant) -> String {
            let mut logged = String::new();
            let next = self.next(open, now, |error| logged = format!(", logged {error}"));
            let next = match next {
                Some(Accepted::Welcome(number, _)) => format!("welcome {number}"),
                Some(Accepted::Refused(number, _, why)) => format!("refused {number}: {why}"),
                None => String::from("none"),
            };
            next + &logged
        }
    }

    #[test]
    fn accepts_until_the_queue_is_empty_and_waits_for_an_event() {
        let now = Instant::now();
        let mut acceptor = acceptor(&[Ok(1), Ok(2), Err(io::ErrorKind::WouldBlock), Ok(3)]);
        assert_eq!(acceptor.wants_turn(now), Some(now));
        assert_eq!(acceptor.ask(0, now), "welcome 1");
        assert_eq!(acceptor.ask(1, now), "welcome 2");
        assert_eq!(acceptor.ask(2, now), "none");
        assert_eq!(acceptor.wants_turn(now), None);
        assert_eq!(acceptor.ask(2, now), "none", "no event, no call");
        assert_eq!(acceptor.answers_left(), 1);
        acceptor.note();
        assert_eq!(acceptor.ask(2, now), "welcome 3");
    }

    #[test]
    fn a_broken_connection_is_skipped() {
        let aborted = Err(io::ErrorKind::ConnectionAborted);
        let mut acceptor = acceptor(&[aborted, Err(io::ErrorKind::Interrupted), aborted, Ok(1)]);
        assert_eq!(acceptor.ask(0, Instant::now()), "welcome 1");
    }

    #[test]
    fn beyond_the_limit_connections_are_refused() {
        let mut acceptor = acceptor(&[Ok(1), Ok(2)]);
        assert_eq!(acceptor.ask(9, Instant::now()), "welcome 1");
        let refused = acceptor.ask(10, Instant::now());
        assert!(
            refused.starts_with("refused 2: 10 connections are open"),
            "{refused}"
        );
    }

    #[test]
    fn without_descriptors_the_reserve_serves_to_refuse() {
        let now = Instant::now();
        let none = Err(NO_DESCRIPTOR);
        let mut acceptor = acceptor(&[none, Ok(1), none, Ok(2), Ok(3)]);
        assert_eq!(acceptor.ask(0, now), "refused 1: out of memory");
        assert!(acceptor.reserve.is_none(), "given up for the connection");
        assert_eq!(acceptor.ask(0, now), "refused 2: out of memory");
        assert_eq!(acceptor.ask(0, now), "welcome 3");
        assert!(acceptor.reserve.is_some(), "taken back");
    }

    #[test]
    fn when_the_reserve_is_of_no_use_it_pauses_and_says_so_once() {
        let now = Instant::now();
        let none = Err(NO_DESCRIPTOR);
        let mut acceptor = acceptor(&[none, none, none, none, Ok(1), none, none]);
        assert_eq!(acceptor.ask(0, now), "none, logged out of memory");
        assert_eq!(acceptor.wants_turn(now), Some(now + PAUSE));
        assert_eq!(acceptor.ask(0, now), "none", "no call while it pauses");
        assert_eq!(acceptor.answers_left(), 5);

        let later = now + PAUSE;
        assert_eq!(acceptor.ask(0, later), "none");
        assert_eq!(acceptor.wants_turn(later), Some(later + PAUSE));
        acceptor.resume();
        assert_eq!(acceptor.wants_turn(later), Some(later));
        assert_eq!(acceptor.ask(0, later), "welcome 1");
        // Another shortage is news again.
        assert_eq!(acceptor.ask(0, later), "none, logged out of memory");
    }

    #[test]
    fn a_queue_found_empty_with_the_reserve_is_no_reason_to_pause() {
        let now = Instant::now();
        let mut acceptor = acceptor(&[Err(NO_DESCRIPTOR), Err(io::ErrorKind::WouldBlock)]);
        assert_eq!(acceptor.ask(0, now), "none");
        assert_eq!(acceptor.wants_turn(now), None);
        assert!(acceptor.reserve.is_some());
    }
}
