//! The connections of the server, from `accept` to their end.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::TcpListener;
use ferrio::{Interest, Registry};
use hdrhistogram::Histogram;

use super::connection::{Connection, End, Shared};
use crate::cli::{Sabotage, Serve};
use crate::clock;
use crate::link::{Connections, Kind, Line, fault, histogram, say};
use crate::memory::Sample;
use crate::message::mix;
use crate::table::{Found, Key, Table};

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const SAMPLE: Duration = Duration::from_secs(1);
/// How long to wait in poll while a connection is set aside until some poll later.
const ASIDE: Duration = Duration::from_millis(5);
/// One answered message in so many is followed by a new registration of its connection.
const RENEW_ONE_IN: u32 = 50;

pub struct Service {
    listeners: Vec<TcpListener>,
    table: Table<Connection>,
    shared: Shared,
    /// Connections that are deregistered for a while, those to come back first in front.
    aside: VecDeque<Key>,
    poll: u64,
    random: fastrand::Rng,
    connections: Connections,
    events: u64,
    overtaken: u64,
    renewed: u64,
    next_sample: Instant,
    patience: Duration,
    sabotage: Option<Sabotage>,
    leaked: Vec<OwnedFd>,
    leaked_memory: Vec<Box<[u8]>>,
}

impl Service {
    pub fn new(options: &Serve, listeners: Vec<TcpListener>) -> Service {
        let spoils = options.sabotage == Some(Sabotage::Byte);
        Service {
            listeners,
            table: Table::new(),
            shared: Shared {
                seed: options.common.seed,
                buffer: vec![0; 64 << 10],
                waits: histogram(),
                messages: 0,
                bytes: 0,
                spoil_at: spoils.then_some(500),
            },
            aside: VecDeque::new(),
            poll: 0,
            random: fastrand::Rng::with_seed(mix(options.common.seed)),
            connections: Connections::default(),
            events: 0,
            overtaken: 0,
            renewed: 0,
            next_sample: Instant::now() + SAMPLE,
            patience: options.common.patience,
            sabotage: options.sabotage,
            leaked: Vec::new(),
            leaked_memory: Vec::new(),
        }
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    pub fn timeout(&self) -> Duration {
        let sample = self.next_sample.saturating_duration_since(Instant::now());
        if self.aside.is_empty() {
            sample
        } else {
            sample.min(ASIDE)
        }
    }

    /// The batch of this poll follows.
    pub fn begin(&mut self, poll: u64) {
        self.poll = poll;
    }

    pub fn accept(&mut self, listener: usize, registry: &Registry) {
        let Some(listener) = self.listeners.get(listener) else {
            return fault(Kind::StaleToken, format!("there is no listener {listener}"));
        };
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    self.connections.opened += 1;
                    let key = self.table.vacant();
                    let mut connection = Connection::new(stream);
                    // Answers should leave at once.
                    let prepared = connection.stream.set_nodelay(true);
                    let done = prepared.and_then(|()| {
                        registry.register(&mut connection.stream, key.token(), BOTH)
                    });
                    if let Err(error) = done {
                        fault(Kind::Error, format!("a new connection: {error}"));
                    }
                    self.table.fill(key, connection);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return fault(Kind::Error, format!("accept: {error}")),
            }
        }
    }

    pub fn note(&mut self, event: &Event, registry: &Registry) {
        self.events += 1;
        match self.table.judge(event.token(), self.poll) {
            Found::Live => {}
            Found::Overtaken => {
                self.overtaken += 1;
                return;
            }
            Found::Stale(what) => return fault(Kind::StaleToken, what),
        }
        let key = Key::of(event.token());
        let Some(connection) = self.table.get(key) else {
            return;
        };
        connection.events += 1;
        if connection.aside_until.is_some() {
            let what = format!("slot {} isn't registered, and has an event", key.slot);
            return fault(Kind::StaleToken, what);
        }
        let mut done = Ok(false);
        if event.is_writable() || event.is_error() {
            done = connection.flush().map(|()| false);
        }
        if done.is_ok() && (event.is_readable() || event.is_read_closed() || event.is_error()) {
            done = connection.read(&mut self.shared);
        }
        self.sabotage_memory();
        match done {
            Ok(true) if self.random.u32(..RENEW_ONE_IN) == 0 => self.renew(key, registry),
            Ok(_) => {}
            Err(end) => self.close(key.slot, end, registry),
        }
    }

    /// For the tests that growth and panics are found.
    fn sabotage_memory(&mut self) {
        match self.sabotage {
            Some(Sabotage::Memory) => self.leaked_memory.push(vec![1; 2000].into()),
            Some(Sabotage::Panic) => assert!(self.events < 2000, "asked to"),
            _ => {}
        }
    }

    /// Ends a registration and begins another, at once or some polls later. Whatever is ready
    /// meanwhile must be told to the new one, and nothing more to the old one.
    fn renew(&mut self, key: Key, registry: &Registry) {
        let Some(connection) = self.table.get(key) else {
            return;
        };
        if !connection.is_quiet() {
            return;
        }
        self.renewed += 1;
        // For the test that stale tokens are found: the registration stays.
        let is_skipped = self.sabotage == Some(Sabotage::Deregister);
        if !is_skipped {
            if let Err(error) = registry.deregister(&mut connection.stream) {
                fault(Kind::Error, format!("deregister: {error}"));
            }
        }
        let polls = if is_skipped {
            1000
        } else {
            self.random.u64(..4)
        };
        connection.aside_until = Some(self.poll + polls);
        let key = self.table.renew(key.slot, self.poll);
        if polls == 0 {
            self.take_back(key, registry);
        } else {
            self.aside.push_back(key);
        }
    }

    fn take_back(&mut self, key: Key, registry: &Registry) {
        let Some(connection) = self.table.get(key) else {
            return;
        };
        connection.aside_until = None;
        // What waits since before this would tell of our absence only.
        connection.watched_since = clock::now();
        if let Err(error) = registry.register(&mut connection.stream, key.token(), BOTH) {
            fault(Kind::Error, format!("registering anew: {error}"));
        }
    }

    /// The batch is over: those that were set aside for so long come back.
    pub fn finish(&mut self, registry: &Registry) {
        for _ in 0..self.aside.len() {
            let Some(key) = self.aside.pop_front() else {
                return;
            };
            let until = self
                .table
                .get(key)
                .and_then(|connection| connection.aside_until);
            match until {
                Some(until) if until <= self.poll => self.take_back(key, registry),
                Some(_) => self.aside.push_back(key),
                None => {}
            }
        }
    }

    fn close(&mut self, slot: usize, end: End, registry: &Registry) {
        let Some(mut connection) = self.table.remove(slot, self.poll) else {
            return;
        };
        let id = connection.talk.as_ref().map_or(0, |talk| talk.id);
        let closed = &mut self.connections;
        match end {
            End::ByClient => closed.ended_by_client += 1,
            End::ResetByClient => closed.reset_by_client += 1,
            End::ByServer => closed.ended_by_server += 1,
            End::ResetByServer => {
                closed.reset_by_server += 1;
                let linger =
                    socket2::SockRef::from(&connection.stream).set_linger(Some(Duration::ZERO));
                if let Err(error) = linger {
                    fault(Kind::Error, format!("SO_LINGER: {error}"));
                }
            }
            End::WrongByte(what) => {
                fault(Kind::WrongByte, format!("connection {id}, upwards: {what}"));
            }
            End::Failed(what) => fault(Kind::Error, format!("connection {id}: {what}")),
        }
        if self.sabotage == Some(Sabotage::Descriptor) && id % 50 == 0 {
            self.leaked
                .extend(connection.stream.as_fd().try_clone_to_owned());
        }
        // Both ways of ending a registration, half of the time each.
        if self.random.bool() {
            if let Err(error) = registry.deregister(&mut connection.stream) {
                fault(Kind::Error, format!("deregister before a close: {error}"));
            }
        }
    }

    pub fn sample(&mut self, longest_wake: impl FnOnce() -> u64) {
        let now = Instant::now();
        if now < self.next_sample {
            return;
        }
        self.next_sample = now + SAMPLE;
        let longest = self.shared.waits.max().max(longest_wake());
        let (open, opened) = (self.table.len(), self.connections.opened);
        say(&Line::Sample(Sample::take(
            open,
            self.shared.messages,
            opened,
            longest,
        )));
    }

    /// What is known of a connection that its client waits for.
    pub fn describe(&mut self, id: u64) -> String {
        let poll = self.poll;
        let is_it =
            |connection: &Connection| connection.talk.as_ref().is_some_and(|talk| talk.id == id);
        let found = self
            .table
            .values()
            .find(|(_, connection)| is_it(connection));
        let Some((key, connection)) = found else {
            return format!("connection {id}: the server, in poll {poll}, has none of this number");
        };
        let unread = rustix::io::ioctl_fionread(&connection.stream);
        let talk = connection.talk.as_ref();
        format!(
            "connection {id}: at the server it is slot {} generation {}, {}, with {} events so far; \
             {}; {} bytes to write, {} bytes to read in the kernel; poll {poll}",
            key.slot,
            key.generation,
            match connection.aside_until {
                Some(until) => format!("set aside until poll {until}"),
                None => String::from("registered"),
            },
            connection.events,
            talk.map(|talk| talk.reader.place()).unwrap_or_default(),
            talk.map_or(0, |talk| talk.writer.waiting()),
            unread.map_or_else(|error| error.to_string(), |count| count.to_string()),
        )
    }

    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// All clients are gone by now, and have said so; what is left has not been told.
    pub fn tell_leftovers(&mut self) {
        let left: Vec<Key> = self.table.values().map(|(key, _)| key).collect();
        for key in left {
            let id = self
                .table
                .get(key)
                .and_then(|connection| connection.talk.as_ref());
            let id = id.map_or(0, |talk| talk.id);
            let what = format!(
                "the client is gone, and no event said so; {}",
                self.describe(id)
            );
            fault(Kind::LostEvent, what);
        }
    }

    pub fn waits(&self) -> &Histogram<u64> {
        &self.shared.waits
    }

    pub fn connections(&self) -> Connections {
        self.connections
    }

    pub fn counts(&self) -> Vec<(String, u64)> {
        [
            ("events", self.events),
            (
                "events overtaken by their registration's end, in one batch",
                self.overtaken,
            ),
            ("registrations renewed", self.renewed),
            ("requests received and checked", self.shared.messages),
            ("bytes received and checked", self.shared.bytes),
            ("slots", self.table.slots() as u64),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
    }
}
