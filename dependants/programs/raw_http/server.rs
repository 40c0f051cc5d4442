//! The loop: waits for events, accepts, and hands each connection its turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::connection::{Connection, Fate};

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

/// How much is read at a time, from any connection.
const READ_SIZE: usize = 64 * 1024;

/// When the listener is tried again if it could not accept for want of a descriptor, and none of
/// our own has been closed since.
const RETRY: Duration = Duration::from_millis(100);

pub struct Server {
    poll: Poll,
    /// Here too, because a wake does not outlive its waker.
    waker: Arc<Waker>,
    listener: TcpListener,
    /// A connection's key is its token.
    connections: Slab<Connection>,
    /// Those who have more to do and get no event for it.
    again: Vec<usize>,
    /// Connections may be waiting to be accepted; no event will say so once more.
    stalled: bool,
}

impl Server {
    pub fn bind(address: SocketAddr) -> Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP)?);
        let mut listener = TcpListener::bind(address)?;
        let registry = poll.registry();
        registry.register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            waker,
            listener,
            connections: Slab::new(),
            again: Vec::new(),
            stalled: false,
        })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What makes [`Server::run`] return.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    pub fn run(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let timeout = match self.again.is_empty() {
                true => self.stalled.then_some(RETRY),
                false => Some(Duration::ZERO),
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for key in std::mem::take(&mut self.again) {
                self.serve(key, &mut buffer);
            }
            for event in &events {
                match event.token() {
                    STOP => return Ok(()),
                    LISTENER => self.accept(),
                    Token(key) => self.serve(key, &mut buffer),
                }
            }
            if self.stalled {
                self.accept();
            }
        }
    }

    /// Accepts all who wait: the next event comes only for those who come later.
    fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    if let Err(error) = self.admit(stream) {
                        eprintln!("{peer} is turned away: {error}");
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break self.stalled = false,
                    // That one client is gone (accept(2)); others may wait.
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                    _ => {
                        if !self.stalled {
                            eprintln!("not accepting for now: {error}");
                        }
                        break self.stalled = true;
                    }
                },
            }
        }
    }

    fn admit(&mut self, mut stream: TcpStream) -> io::Result<()> {
        let entry = self.connections.vacant_entry();
        // Both, once: an edge is reported once, so that it costs nothing to have asked for it.
        let interests = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(&mut stream, Token(entry.key()), interests)?;
        entry.insert(Connection::new(stream));
        Ok(())
    }

    /// An event of a connection that was closed earlier in the same batch finds nobody, or one who
    /// took its place, for whom a turn too many changes nothing.
    fn serve(&mut self, key: usize, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        match connection.turn(buffer) {
            Fate::Keep => {}
            Fate::Again => self.again.push(key),
            // Closing the descriptor ends its registration too.
            Fate::Close => drop(self.connections.remove(key)),
        }
    }
}
