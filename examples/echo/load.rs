//! The load: opens the connections, keeps one message on its way on each, and counts.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::{Events, Poll, Token, Waker};
use hdrhistogram::Histogram;

use crate::Failure;
use crate::args::Args;
use crate::client::{Client, Fault, Step, Tally};
use crate::progress::Progress;
use crate::sequence::{Sequence, random_seed};
use crate::stop::Stop;

// A connection's token is its number: no connection takes another's place here.
const STOP: Token = Token(usize::MAX);

/// Connections that may be on their way at once: a server's accept queue is only so long.
const CONNECTING: usize = 128;
/// Without any byte or connection for so long, what is missing won't come any more.
const PATIENCE: Duration = Duration::from_secs(5);
/// After Ctrl-C somebody is waiting for the summary.
const PATIENCE_AFTER_STOP: Duration = Duration::from_secs(1);

pub struct Load {
    poll: Poll,
    waker: Arc<Waker>,
    address: SocketAddr,
    wanted: usize,
    message: u64,
    duration: Duration,
    seed: u64,
    clients: Vec<Option<Client>>,
    connected: usize,
    closed: usize,
    /// When something last happened on a connection.
    last_sign: Instant,
    /// What is sent and received passes through here.
    buffer: Vec<u8>,
    counts: Counts,
    progress: Arc<Progress>,
}

/// What came of it.
pub struct LoadReport {
    pub selector: ferrio::SelectorKind,
    pub waker: ferrio::WakerKind,
    pub connected: usize,
    pub requests: u64,
    pub latency: Histogram<u64>,
    pub elapsed: Duration,
    pub errors: u64,
    pub first_error: Option<String>,
    pub interrupted: bool,
}

struct Counts {
    requests: u64,
    latency: Histogram<u64>,
    /// No message is begun from then on.
    end: Instant,
    last_reply: Instant,
    errors: u64,
    first_error: Option<String>,
}

impl Tally for Counts {
    fn message_returned(&mut self, took: Duration, now: Instant) -> bool {
        self.requests += 1;
        self.latency
            .saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        self.last_reply = now;
        now < self.end
    }
}

impl Load {
    pub fn new(args: &Args, address: SocketAddr, progress: Arc<Progress>) -> Result<Load, Failure> {
        let failed = |e: io::Error| Failure::new(format!("cannot set up the load's poll: {e}"));
        let poll = Poll::new().map_err(failed)?;
        let waker = Arc::new(Waker::new(poll.registry(), STOP).map_err(failed)?);
        // From a nanosecond to an hour, to three digits.
        let latency = Histogram::new_with_bounds(1, 3_600_000_000_000, 3)
            .map_err(|e| Failure::new(format!("cannot count latencies: {e}")))?;
        let now = Instant::now();
        Ok(Load {
            poll,
            waker,
            address,
            wanted: args.connections,
            message: args.message as u64,
            duration: Duration::from_secs(args.seconds.into()),
            seed: random_seed(),
            clients: Vec::new(),
            connected: 0,
            closed: 0,
            last_sign: now,
            buffer: vec![0; 64 * 1024],
            counts: Counts {
                requests: 0,
                latency,
                end: now,
                last_reply: now,
                errors: 0,
                first_error: None,
            },
            progress,
        })
    }

    pub fn waker(&self) -> &Arc<Waker> {
        &self.waker
    }

    pub fn poll(&self) -> &Poll {
        &self.poll
    }

    /// Connects, sends until the time is up or `stop` is requested, and waits for what is still
    /// to come back.
    pub fn run(mut self, stop: &Stop) -> Result<LoadReport, Failure> {
        let mut events = Events::with_capacity(1024);
        self.last_sign = Instant::now();
        self.connect(&mut events, stop)?;

        let start = Instant::now();
        self.counts.end = start + self.duration;
        self.counts.last_reply = start;
        if !stop.is_requested() {
            self.start()?;
            self.send_and_receive(&mut events, stop)?;
            self.finish(&mut events, stop)?;
        }
        Ok(LoadReport {
            selector: self.poll.selector(),
            waker: self.poll.waker(),
            connected: self.connected,
            requests: self.counts.requests,
            elapsed: self.counts.last_reply - start,
            latency: self.counts.latency,
            errors: self.counts.errors,
            first_error: self.counts.first_error,
            interrupted: stop.is_requested(),
        })
    }

    fn connect(&mut self, events: &mut Events, stop: &Stop) -> Result<(), Failure> {
        while self.connected < self.wanted && !stop.is_requested() {
            while self.clients.len() < self.wanted
                && self.clients.len() - self.connected < CONNECTING
            {
                self.open()?;
            }
            self.turn(events, PATIENCE)?;
            if self.last_sign.elapsed() >= PATIENCE {
                return Err(self.cannot_connect(self.connected, &"no answer"));
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), Failure> {
        let number = self.clients.len();
        let sequence = Sequence::new(self.seed, number as u64);
        let registry = self.poll.registry();
        let client = Client::connect(
            self.address,
            registry,
            Token(number),
            sequence,
            self.message,
        )
        .map_err(|e| self.cannot_connect(number, &e))?;
        self.clients.push(Some(client));
        Ok(())
    }

    fn cannot_connect(&self, number: usize, why: &dyn std::fmt::Display) -> Failure {
        let (address, wanted) = (self.address, self.wanted);
        Failure::new(format!(
            "cannot connect to {address} ({} of {wanted}): {why}",
            number + 1
        ))
    }

    fn start(&mut self) -> Result<(), Failure> {
        for number in 0..self.clients.len() {
            let Some(client) = &mut self.clients[number] else {
                continue;
            };
            if let Err(fault) = client.start(&mut self.buffer) {
                self.fail(number, fault)?;
            }
        }
        Ok(())
    }

    fn send_and_receive(&mut self, events: &mut Events, stop: &Stop) -> Result<(), Failure> {
        while self.closed < self.clients.len() {
            let left = self.counts.end.saturating_duration_since(Instant::now());
            if left.is_zero() || stop.is_requested() {
                break;
            }
            self.turn(events, left)?;
        }
        Ok(())
    }

    /// Waits until every connection has got its last message back and is closed.
    fn finish(&mut self, events: &mut Events, stop: &Stop) -> Result<(), Failure> {
        let began = Instant::now();
        self.counts.end = began;
        self.last_sign = began;
        while self.closed < self.clients.len() {
            // Ctrl-C may come only now, too.
            let left = if stop.is_requested() {
                PATIENCE_AFTER_STOP.saturating_sub(began.elapsed())
            } else {
                PATIENCE.saturating_sub(self.last_sign.elapsed())
            };
            if left.is_zero() {
                break;
            }
            self.turn(events, left)?;
        }
        if !stop.is_requested() {
            for number in 0..self.clients.len() {
                self.give_up(number);
            }
        }
        Ok(())
    }

    fn give_up(&mut self, number: usize) {
        let Some(client) = self.clients[number].take() else {
            return;
        };
        self.count_error(match client.missing() {
            0 => format!("connection {number}: the server didn't close it"),
            missing => format!("connection {number}: {missing} bytes never came back"),
        });
    }

    /// Waits for events and acts on them.
    fn turn(&mut self, events: &mut Events, timeout: Duration) -> Result<(), Failure> {
        match self.poll.poll(events, Some(timeout)) {
            Ok(()) => {}
            // A signal handler ran. No event is lost by it: the caller comes again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(Failure::new(format!("the load's poll failed: {error}"))),
        }
        for event in &*events {
            if event.token() != STOP {
                self.advance(event)?;
            }
        }
        if !events.is_empty() {
            self.last_sign = Instant::now();
        }
        self.progress
            .show(self.connected, self.counts.requests, self.counts.errors);
        Ok(())
    }

    fn advance(&mut self, event: &Event) -> Result<(), Failure> {
        let Token(number) = event.token();
        // One that failed or ended earlier leaves its place empty.
        let Some(Some(client)) = self.clients.get_mut(number) else {
            return Ok(());
        };
        match client.advance(event, &mut self.buffer, &mut self.counts) {
            Ok(Step::Waits) => {}
            Ok(Step::Connected) => self.connected += 1,
            Ok(Step::Closed) => self.close(number),
            Err(fault) => self.fail(number, fault)?,
        }
        Ok(())
    }

    fn fail(&mut self, number: usize, fault: Fault) -> Result<(), Failure> {
        match fault {
            // Without all of the connections it isn't the load that was asked for.
            Fault::Connect(error) => return Err(self.cannot_connect(number, &error)),
            fault => self.count_error(format!("connection {number}: {fault}")),
        }
        self.close(number);
        Ok(())
    }

    fn count_error(&mut self, what: String) {
        self.counts.errors += 1;
        self.counts.first_error.get_or_insert(what);
    }

    fn close(&mut self, number: usize) {
        // Dropping a stream closes it, and its registration goes with it.
        self.clients[number] = None;
        self.closed += 1;
    }
}
