//! The event loop: one thread, one `Poll`, any number of connections.
//!
//! Each round of the loop goes like this:
//!
//! 1. *Wait* for events, until the next deadline at most. Not at all if somebody still wants a
//!    turn that no event will announce.
//! 2. *Take note* of all events, without acting on any: a session whose stream is ready is queued.
//! 3. *Give turns*: each session in the queue does what it can without waiting, but not more than
//!    its share. Who isn't done then goes to the end of the queue, so a peer that sends without
//!    pause doesn't keep the others waiting.
//! 4. *Settle* what the sessions have to do with each other.
//! 5. *Accept*, last, when descriptors freed in this round are there for new connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::{TcpListener, TcpStream};
use ferrio::{Events, Interest, Poll, Registry, Waker};

use crate::acceptor::{Accepted, Acceptor};
use crate::cli::{Failure, Serving, log, raise_descriptor_limit, resolve, say};
use crate::sessions::Sessions;
use crate::slab::{Key, LISTENER, STOP, Side};
use crate::stop::Stop;
use crate::throttle::Throttle;

/// Connections accepted in a row before the others have their turn.
const ACCEPTS_PER_ROUND: usize = 64;

/// How a session stands after its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// An event or its deadline will tell when to go on.
    Waits,
    /// It could have gone on, but the others want their turn: no event will tell.
    WantsMore,
    /// It's at its end, and all was said.
    Finished,
}

/// A connection's state machine.
pub trait Session<A> {
    /// Takes note of an event of the stream registered under `side`, without acting on it.
    fn note(&mut self, side: Side, event: &Event);

    /// Does what can be done now. It's also called when the deadline has passed, which is then for
    /// the session to see: `now` tells. An error ends the session, and is logged.
    fn advance(&mut self, app: &mut A, now: Instant) -> io::Result<Turn>;

    /// When it wants a turn even if no event comes.
    fn deadline(&self) -> Option<Instant>;
}

/// What a new session is given besides its stream.
pub struct Opening<'a> {
    pub registry: &'a Registry,
    /// Its streams are registered under the tokens of this.
    pub key: Key,
    pub peer: SocketAddr,
    pub now: Instant,
}

/// What makes one server different from another.
pub trait App: Sized {
    type Session: Session<Self>;

    /// Makes a session of a new connection, and registers its streams. After an error the
    /// connection is dropped, and the error logged.
    fn open(&mut self, stream: TcpStream, opening: &Opening<'_>) -> io::Result<Self::Session>;

    /// Says no to a connection that there is no room for, if the protocol has a word for it. There
    /// is one try: what doesn't go out at once isn't worth waiting for.
    fn refuse(&mut self, stream: &mut TcpStream) {
        let _ = stream;
    }

    /// Ends a session. `end` tells how it came to that.
    fn close(&mut self, session: Self::Session, end: &io::Result<()>) {
        let _ = end;
        drop(session);
    }

    /// Does what concerns several sessions, once the turns of a round are over.
    fn settle(&mut self, sessions: &mut Sessions<Self::Session>) {
        let _ = sessions;
    }

    /// A line for the summary that is printed at the end.
    fn summary(&self) -> Option<String> {
        None
    }
}

/// Serves until Ctrl-C or SIGTERM. `make` makes the app, and may print what its user has to know
/// besides the address.
pub fn serve<A: App>(
    serving: &Serving,
    make: impl FnOnce(SocketAddr) -> Result<A, Failure>,
) -> Result<(), Failure> {
    let address = resolve(&serving.listen)?;
    raise_descriptor_limit();
    let failed = |e: io::Error| Failure::new(format!("cannot set up the event loop: {e}"));
    let poll = Poll::new().map_err(failed)?;
    let stop = Stop::on_signal(Waker::new(poll.registry(), STOP).map_err(failed)?)?;

    let mut listener = TcpListener::bind(address)
        .map_err(|e| Failure::new(format!("cannot listen on {address}: {e}")))?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)
        .map_err(failed)?;
    // The port may have been 0, which lets the system choose one.
    let address = listener.local_addr().map_err(failed)?;
    let app = make(address)?;
    let mut server = Server {
        poll,
        app,
        acceptor: Acceptor::new(listener, serving.max_connections),
        sessions: Sessions::new(),
        counts: Counts::default(),
        verbose: serving.verbose,
        refusals: Throttle::default(),
        breaks: Throttle::default(),
    };
    // Everything that could have failed is done: whoever waits for this line may go ahead.
    say(format_args!("listening on {address}"));
    server
        .run(&stop)
        .map_err(|e| Failure::new(format!("the event loop failed: {e}")))?;
    server.close_all();
    server.sum_up();
    Ok(())
}

#[derive(Default)]
struct Counts {
    accepted: u64,
    most_open: usize,
    refused: u64,
    broken: u64,
    rounds: u64,
}

struct Server<A: App> {
    poll: Poll,
    app: A,
    acceptor: Acceptor<TcpListener>,
    sessions: Sessions<A::Session>,
    counts: Counts,
    verbose: bool,
    /// Of what a flood of clients would log.
    refusals: Throttle,
    breaks: Throttle,
}

/// Says how many lines were left out, if any were.
fn tell_unsaid(refused: Option<u64>, broken: Option<u64>) {
    if let Some(count @ 1..) = refused {
        log(format_args!("refused {count} more"));
    }
    if let Some(count @ 1..) = broken {
        log(format_args!("closed {count} more that broke off"));
    }
}

impl<A: App> Server<A> {
    fn run(&mut self, stop: &Stop) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !stop.is_requested() {
            match self.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                // A signal handler ran. No event is lost by it: just ask again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.counts.rounds += 1;
            // One reading of the clock for the whole round: nobody here needs it any finer.
            let now = Instant::now();
            for event in &events {
                self.note(event);
            }
            self.sessions.queue_due(now);
            for _ in 0..self.sessions.queued() {
                self.give_turn(now);
            }
            self.app.settle(&mut self.sessions);
            self.accept(now);
            let refused = self.refusals.due(now);
            let broken = self.breaks.due(now);
            tell_unsaid(refused, broken);
        }
        tell_unsaid(Some(self.refusals.take()), Some(self.breaks.take()));
        Ok(())
    }

    /// How long to wait for events.
    fn timeout(&self) -> Option<Duration> {
        if self.sessions.queued() > 0 {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let deadlines = [
            self.sessions.next_deadline(),
            self.acceptor.wants_turn(now),
            self.refusals.deadline(),
            self.breaks.deadline(),
        ];
        let next = deadlines.into_iter().flatten().min()?;
        Some(next.saturating_duration_since(now))
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            LISTENER => self.acceptor.note(),
            STOP => {}
            token => {
                let (key, side) = Key::of(token);
                // An event for a session that is gone finds nothing here.
                if let Some(session) = self.sessions.get_mut(key) {
                    session.note(side, event);
                    self.sessions.queue(key);
                }
            }
        }
    }

    fn give_turn(&mut self, now: Instant) {
        let Some((key, entry)) = self.sessions.next_turn() else {
            return;
        };
        match entry.session.advance(&mut self.app, now) {
            Ok(Turn::Finished) => self.close(key, Ok(()), now),
            Ok(turn) => {
                let deadline = entry.session.deadline();
                self.sessions.set_deadline(key, deadline);
                if turn == Turn::WantsMore {
                    self.sessions.queue(key);
                }
            }
            Err(error) => self.close(key, Err(error), now),
        }
    }

    fn close(&mut self, key: Key, end: io::Result<()>, now: Instant) {
        let Some(entry) = self.sessions.remove(key) else {
            return;
        };
        // Dropping a stream closes it at once and takes its registration along.
        self.app.close(entry.session, &end);
        self.acceptor.resume();
        let open = self.sessions.len();
        match end {
            Ok(()) => self.log(format_args!("closed {} ({open} open): done", entry.peer)),
            Err(error) => {
                self.counts.broken += 1;
                if self.breaks.admit(now) {
                    log(format_args!("closed {} ({open} open): {error}", entry.peer));
                }
            }
        }
    }

    /// Ends the sessions that are there still, so that the summary has what they did.
    fn close_all(&mut self) {
        let keys: Vec<Key> = self.sessions.iter_mut().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(entry) = self.sessions.remove(key) {
                self.app.close(entry.session, &Ok(()));
                self.log(format_args!("closed {}: the server ends", entry.peer));
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        for _ in 0..ACCEPTS_PER_ROUND {
            let pause = |error: &io::Error| log(format_args!("cannot accept for now: {error}"));
            match self.acceptor.next(self.sessions.len(), now, pause) {
                Some(Accepted::Welcome(stream, peer)) => self.open(stream, peer, now),
                Some(Accepted::Refused(mut stream, peer, why)) => {
                    self.app.refuse(&mut stream);
                    drop(stream);
                    self.note_refusal(peer, &why, now);
                }
                None => return,
            }
        }
    }

    fn open(&mut self, stream: TcpStream, peer: SocketAddr, now: Instant) {
        let registry = self.poll.registry();
        let opened = self.sessions.open(peer, |key| {
            let opening = Opening {
                registry,
                key,
                peer,
                now,
            };
            self.app.open(stream, &opening)
        });
        match opened {
            Ok(()) => {
                let open = self.sessions.len();
                self.counts.accepted += 1;
                self.counts.most_open = self.counts.most_open.max(open);
                self.log(format_args!("accepted {peer} ({open} open)"));
            }
            Err(error) => {
                self.note_refusal(peer, &error, now);
            }
        }
    }

    fn note_refusal(&mut self, peer: SocketAddr, why: &dyn fmt::Display, now: Instant) {
        self.counts.refused += 1;
        if self.refusals.admit(now) {
            log(format_args!("refused {peer}: {why}"));
        }
    }

    fn log(&self, line: fmt::Arguments<'_>) {
        if self.verbose {
            log(line);
        }
    }

    fn sum_up(&self) {
        let Counts {
            accepted,
            most_open,
            refused,
            broken,
            rounds,
        } = self.counts;
        say(format_args!(
            "connections    {accepted} accepted, at most {most_open} open at once, \
             {refused} refused, {broken} broken off"
        ));
        if let Some(line) = self.app.summary() {
            say(line);
        }
        say(format_args!(
            "event loop     {rounds} rounds on {} and {}",
            self.poll.selector(),
            self.poll.waker()
        ));
    }
}
