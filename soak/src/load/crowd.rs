//! All connections of the load.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio::{Interest, Registry};
use hdrhistogram::Histogram;

use super::client::{Client, End, Shared, State, Trouble};
use crate::cli::Load;
use crate::clock;
use crate::link::{Connections, Kind, Line, fault, histogram, say};
use crate::memory::Sample;
use crate::message::{Order, mix};
use crate::table::{Found, Key, Table};

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
/// Connections that are being made at once. The queue of each of the server's listeners holds 128.
const CONNECTING: usize = 64;
/// Connections that are ending, beside those that are held.
const ENDING: usize = 200;
/// What is made up for in one go when time was lost.
const AT_ONCE: u64 = 2000;
/// Slots to look at for a connection that is idle.
const TRIES: usize = 16;
/// The count's name.
pub const RESET_UNANSWERED: &str = "connections reset before an answer";
const SAMPLE: Duration = Duration::from_secs(1);

pub struct Crowd {
    servers: Vec<SocketAddr>,
    held: usize,
    churn: u64,
    requests: u64,
    patience: u64,
    table: Table<Client>,
    shared: Shared,
    random: fastrand::Rng,
    poll: u64,
    next_id: u64,
    connecting: usize,
    /// Those that are no longer held, but not gone.
    ending: usize,
    /// Who has been waiting since when; the oldest first.
    waiting: VecDeque<(u64, Key)>,
    connections: Connections,
    events: u64,
    overtaken: u64,
    replaced: u64,
    reset_unanswered: u64,
    asked: u64,
    next_sample: Instant,
}

impl Crowd {
    pub fn new(options: &Load) -> Crowd {
        let seed = options.common.seed;
        Crowd {
            servers: options.servers.clone(),
            held: options.common.connections as usize,
            churn: options.churn,
            requests: options.requests,
            patience: options.common.patience.as_nanos() as u64,
            table: Table::new(),
            shared: Shared {
                seed,
                buffer: vec![0; 64 << 10],
                waits: histogram(),
                answers: 0,
                bytes: 0,
            },
            random: fastrand::Rng::with_seed(mix(seed ^ 1)),
            poll: 0,
            next_id: 1,
            connecting: 0,
            ending: 0,
            waiting: VecDeque::new(),
            connections: Connections::default(),
            events: 0,
            overtaken: 0,
            replaced: 0,
            reset_unanswered: 0,
            asked: 0,
            next_sample: Instant::now() + SAMPLE,
        }
    }

    pub fn begin(&mut self, poll: u64) {
        self.poll = poll;
    }

    /// Are all there that are to be held?
    pub fn is_complete(&self) -> bool {
        self.connecting == 0 && self.table.len() - self.ending >= self.held
    }

    /// Makes connections until as many are there as should be.
    pub fn open(&mut self, registry: &Registry) {
        let most = CONNECTING * self.servers.len();
        while self.table.len() - self.ending < self.held
            && self.connecting < most
            && self.ending < ENDING
        {
            let id = self.next_id;
            self.next_id += 1;
            let server = self.servers[id as usize % self.servers.len()];
            let key = self.table.vacant();
            let made = TcpStream::connect(server).and_then(|mut stream| {
                registry.register(&mut stream, key.token(), BOTH)?;
                Ok(stream)
            });
            match made {
                Ok(stream) => {
                    let client = Client::new(stream, id, self.shared.seed);
                    self.wait(key, client.since);
                    self.table.fill(key, client);
                    self.connecting += 1;
                }
                Err(error) => {
                    self.table.give_back(key);
                    return fault(Kind::Error, format!("connecting to {server}: {error}"));
                }
            }
        }
    }

    fn wait(&mut self, key: Key, since: u64) {
        self.waiting.push_back((since, key));
    }

    pub fn note(&mut self, event: &Event) {
        self.events += 1;
        match self.table.judge(event.token(), self.poll) {
            Found::Live => {}
            Found::Overtaken => {
                self.overtaken += 1;
                return;
            }
            Found::Stale(what) => return fault(Kind::StaleToken, format!("in the load: {what}")),
        }
        let key = Key::of(event.token());
        let Some(client) = self.table.get(key) else {
            return;
        };
        client.events += 1;
        if client.state == State::Connecting {
            match client.check_connected() {
                Ok(false) => {}
                Ok(true) => self.connected(key),
                Err(trouble) => self.end(key, trouble),
            }
            return;
        }
        let mut done = Ok(());
        if event.is_writable() {
            done = client.flush();
        }
        if done.is_ok() && (event.is_readable() || event.is_read_closed() || event.is_error()) {
            done = client.read(&mut self.shared);
        }
        if let Err(trouble) = done {
            self.end(key, trouble);
        }
    }

    /// Some leave before they have said a word; some say who they are and wait; most ask at once.
    fn connected(&mut self, key: Key) {
        self.connecting -= 1;
        self.connections.opened += 1;
        match self.random.u8(..20) {
            0 => self.reset(key),
            1..=4 => {
                let Some(client) = self.table.get(key) else {
                    return;
                };
                client.greet(self.shared.seed);
                if let Err(trouble) = client.flush() {
                    self.end(key, trouble);
                }
            }
            _ => self.request(key, Order::Stay),
        }
    }

    fn request(&mut self, key: Key, order: Order) {
        let Some(client) = self.table.get(key) else {
            return;
        };
        client.greet(self.shared.seed);
        let done = client.request(order);
        let since = client.since;
        self.asked += 1;
        self.wait(key, since);
        if let Err(trouble) = done {
            self.end(key, trouble);
        }
    }

    fn idle(&mut self) -> Option<Key> {
        (0..TRIES).find_map(|_| {
            let slot = self.random.usize(..self.table.slots().max(1));
            let (key, client) = self.table.at(slot)?;
            (client.state == State::Idle).then_some(key)
        })
    }

    /// Ends as many as should have ended by now; [`open`](Crowd::open) replaces them.
    pub fn churn(&mut self, so_far: Duration) {
        let due = (so_far.as_secs_f64() * self.churn as f64) as u64;
        for _ in 0..due.saturating_sub(self.replaced).min(AT_ONCE) {
            // After a halt there is much to make up for, but not all at once: the connections that
            // are held are the point of it.
            let are_held = self.table.len() - self.ending >= self.held - self.held / 100;
            if self.ending >= ENDING || !are_held {
                return;
            }
            let Some(key) = self.idle() else {
                return;
            };
            self.replaced += 1;
            self.end_somehow(key);
        }
    }

    fn end_somehow(&mut self, key: Key) {
        match self.random.u8(..100) {
            0..25 => {
                self.connections.ended_by_client += 1;
                self.table.remove(key.slot, self.poll);
            }
            25..45 => {
                self.ending += 1;
                self.finish(key);
            }
            45..60 => self.reset(key),
            60..75 => {
                self.request(key, Order::Stay);
                self.reset(key);
            }
            75..90 => {
                self.ending += 1;
                self.request(key, Order::Close);
            }
            _ => {
                self.ending += 1;
                self.request(key, Order::Reset);
            }
        }
    }

    fn finish(&mut self, key: Key) {
        let Some(client) = self.table.get(key) else {
            return;
        };
        let done = client.finish();
        let since = client.since;
        self.wait(key, since);
        if let Err(trouble) = done {
            self.end(key, trouble);
        }
    }

    fn reset(&mut self, key: Key) {
        if self.table.get(key).is_none() {
            return;
        }
        if let Some(client) = self.table.remove(key.slot, self.poll) {
            self.connections.reset_by_client += 1;
            self.reset_unanswered += u64::from(!client.was_answered());
            if let Err(error) = client.reset() {
                fault(Kind::Error, format!("SO_LINGER: {error}"));
            }
        }
    }

    /// Sends as many requests as should have been sent by now.
    pub fn ask(&mut self, so_far: Duration) {
        let due = (so_far.as_secs_f64() * self.requests as f64) as u64;
        for _ in 0..due.saturating_sub(self.asked).min(AT_ONCE) {
            let Some(key) = self.idle() else {
                return;
            };
            self.request(key, Order::Stay);
        }
    }

    fn end(&mut self, key: Key, trouble: Trouble) {
        let Some(client) = self.table.remove(key.slot, self.poll) else {
            return;
        };
        match client.state {
            State::Connecting => self.connecting -= 1,
            State::Finished | State::Leaving(_) => self.ending -= 1,
            State::Waiting(order) if order != Order::Stay => self.ending -= 1,
            State::Idle | State::Waiting(_) => {}
        }
        let id = client.id;
        match trouble {
            Trouble::End(End::ByClient) => self.connections.ended_by_client += 1,
            Trouble::End(End::ByServer) => self.connections.ended_by_server += 1,
            Trouble::End(End::ResetByServer) => self.connections.reset_by_server += 1,
            Trouble::WrongByte(what) => {
                fault(
                    Kind::WrongByte,
                    format!("connection {id}, downwards: {what}"),
                );
            }
            Trouble::Failed(what) => {
                fault(
                    Kind::Error,
                    format!("connection {id}: {what}; {}", client.describe()),
                );
            }
        }
    }

    /// Names who has been waiting for too long, once, and asks the server what it knows.
    pub fn watch(&mut self) {
        let now = clock::now();
        while let Some(&(since, key)) = self.waiting.front() {
            let is_waiting =
                |client: &&mut Client| client.since == since && client.state != State::Idle;
            match self.table.get(key).filter(is_waiting) {
                Some(_) if now - since < self.patience => return,
                Some(client) => {
                    fault(Kind::Stall, client.describe());
                    say(&Line::Query(client.id));
                }
                None => {}
            }
            self.waiting.pop_front();
        }
    }

    /// Ends all that are idle, in an orderly way. True: all are gone.
    pub fn leave(&mut self) -> bool {
        let idle = |(key, client): (Key, &mut Client)| (client.state == State::Idle).then_some(key);
        let idle: Vec<Key> = self.table.values().filter_map(idle).collect();
        for key in idle {
            self.connections.ended_by_client += 1;
            self.table.remove(key.slot, self.poll);
        }
        self.table.len() == 0
    }

    pub fn tell_leftovers(&mut self) {
        for (_, client) in self.table.values() {
            fault(Kind::Stall, format!("at the end: {}", client.describe()));
        }
    }

    pub fn sample(&mut self) {
        let now = Instant::now();
        if now < self.next_sample {
            return;
        }
        self.next_sample = now + SAMPLE;
        let longest = self.shared.waits.max();
        let (open, opened) = (self.table.len(), self.connections.opened);
        say(&Line::Sample(Sample::take(
            open,
            self.shared.answers,
            opened,
            longest,
        )));
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
            ("connections replaced", self.replaced),
            (RESET_UNANSWERED, self.reset_unanswered),
            ("requests sent", self.asked),
            ("answers received and checked", self.shared.answers),
            ("bytes received and checked", self.shared.bytes),
        ]
        .map(|(name, count)| (name.to_owned(), count))
        .into()
    }
}
