//! The server: one thread, one `Poll`, any number of connections.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, io};

use ferrio::net::{TcpListener, TcpStream};
use ferrio::{Events, Interest, Poll, Token, Waker};

use crate::Failure;
use crate::connection::{Connection, Turn};
use crate::report::ServerReport;
use crate::slots::Slots;
use crate::stop::Stop;

// No connection has one of these: see `Slots`.
const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

/// Connections accepted in a row before the others have their turn.
const ACCEPTS_PER_TURN: usize = 256;
/// How long to wait, when a connection couldn't be accepted, before trying again even though
/// none of ours was closed: descriptors may be freed elsewhere.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

pub struct Server {
    poll: Poll,
    waker: Arc<Waker>,
    listener: TcpListener,
    address: SocketAddr,
    connections: Slots<Connection>,
    /// Connections that had their turn but weren't done.
    unfinished: VecDeque<Token>,
    /// There may be connections to accept: `accept` hasn't said `WouldBlock` since the last event.
    can_accept: bool,
    /// Accepting failed for want of something (descriptors, memory) that a close may bring, or
    /// else time: then to try again.
    accept_later: Option<Instant>,
    buffer: Vec<u8>,
    verbose: bool,
    report: ServerReport,
}

impl Server {
    pub fn bind(address: SocketAddr, verbose: bool) -> Result<Server, Failure> {
        let mut listener = TcpListener::bind(address)
            .map_err(|e| Failure::new(format!("cannot listen on {address}: {e}")))?;
        let failed = |e: io::Error| Failure::new(format!("cannot set up the server's poll: {e}"));
        let poll = Poll::new().map_err(failed)?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP).map_err(failed)?);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)
            .map_err(failed)?;
        // The port may have been 0, which lets the system choose one.
        let address = listener.local_addr().map_err(failed)?;
        Ok(Server {
            waker,
            listener,
            address,
            connections: Slots::new(),
            unfinished: VecDeque::new(),
            can_accept: false,
            accept_later: None,
            buffer: vec![0; 64 * 1024],
            verbose,
            report: ServerReport::new(poll.selector(), poll.waker()),
            poll,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn waker(&self) -> &Arc<Waker> {
        &self.waker
    }

    /// Serves until `stop` is requested.
    pub fn run(&mut self, stop: &Stop) -> io::Result<ServerReport> {
        let mut events = Events::with_capacity(1024);
        while !stop.is_requested() {
            match self.poll.poll(&mut events, self.timeout()) {
                Ok(()) => {}
                // A signal handler ran. No event is lost by it: just ask again.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.report.turns += 1;

            // Those that ran out of turn the last time; what they leave over now is for the next.
            for _ in 0..self.unfinished.len() {
                if let Some(token) = self.unfinished.pop_front() {
                    self.advance(token);
                }
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.can_accept = true,
                    STOP => {}
                    token => {
                        // An event for a connection that is gone finds nothing here.
                        let Some(connection) = self.connections.get_mut(token) else {
                            continue;
                        };
                        connection.note(event);
                        if !connection.is_queued {
                            self.advance(token);
                        }
                    }
                }
            }
            // Comes last, so that descriptors freed above are there for new connections.
            if self.accept_later.is_none_or(|at| at <= Instant::now()) {
                self.accept_later = None;
                self.accept();
            }
        }
        Ok(self.report.clone())
    }

    /// How long to wait for events: not at all when there is work that no event announces.
    fn timeout(&self) -> Option<Duration> {
        match self.accept_later {
            _ if !self.unfinished.is_empty() => Some(Duration::ZERO),
            Some(at) => Some(at.saturating_duration_since(Instant::now())),
            None if self.can_accept => Some(Duration::ZERO),
            None => None,
        }
    }

    fn accept(&mut self) {
        for _ in 0..ACCEPTS_PER_TURN {
            if !self.can_accept {
                return;
            }
            match self.listener.accept() {
                Ok((stream, peer)) => self.open(stream, peer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can_accept = false,
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    // Most likely EMFILE, we have no descriptor left. The connection stays in
                    // the queue, so trying again at once would fail at once, for ever: serve
                    // the others, and come back when one of them is closed or time has passed.
                    // No event will bring us back, the listener has been readable all along.
                    self.accept_later = Some(Instant::now() + ACCEPT_AGAIN);
                    self.report.accept_failures += 1;
                    self.log(format_args!("cannot accept for now: {error}"));
                    return;
                }
            }
        }
    }

    fn open(&mut self, mut stream: TcpStream, peer: SocketAddr) {
        let registry = self.poll.registry();
        let opened = self.connections.insert_with(|token| {
            // Both directions at once and for good: with edges, an interest that isn't needed
            // right now costs nothing.
            registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
            Ok::<_, io::Error>(Connection::new(stream, peer))
        });
        match opened {
            Ok(()) => {
                self.report.accepted += 1;
                let open = self.connections.len();
                self.report.most_open = self.report.most_open.max(open);
                self.log(format_args!("accepted {peer} ({open} open)"));
            }
            // The stream is dropped, which the peer sees as a close.
            Err(error) => self.log(format_args!("cannot serve {peer}: {error}")),
        }
    }

    /// Gives a connection its turn, and closes it if that was the last one.
    fn advance(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(token) else {
            return;
        };
        connection.is_queued = false;
        match connection.advance(&mut self.buffer, &mut self.report.echoed) {
            Ok(Turn::Waits) => {}
            Ok(Turn::WantsMore) => {
                connection.is_queued = true;
                self.unfinished.push_back(token);
            }
            Ok(Turn::Finished) => self.close(token, format_args!("done")),
            Err(error) => {
                self.report.broken += 1;
                self.close(token, format_args!("{error}"));
            }
        }
    }

    fn close(&mut self, token: Token, why: fmt::Arguments<'_>) {
        let Some(mut connection) = self.connections.remove(token) else {
            return;
        };
        // Dropping the stream would be enough, its registration goes with it. It matters where
        // a duplicate of the descriptor lives on, say in a child process.
        let _ = self.poll.registry().deregister(connection.stream());
        let peer = connection.peer();
        drop(connection);
        self.accept_later = None;
        self.log(format_args!(
            "closed {peer} ({} open): {why}",
            self.connections.len()
        ));
    }

    fn log(&self, line: fmt::Arguments<'_>) {
        if self.verbose {
            // Unlike eprintln!, no panic where stderr is gone.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{line}\n"));
        }
    }
}

/// Did `accept` fail because of the one connection it was about to return? Then that one is gone
/// from the queue, and the next may be asked for. Linux hands over a connection's pending network
/// errors here too, see accept(2).
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
