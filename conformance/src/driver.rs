//! A `Poll` with its buffer, and the waits that the cases are made of.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::{Events, Interest, Poll, Registry, Token, Waker, event::Source};

use crate::LIMIT;

/// More zero-timeout polls with events than any case causes: then something is reported for ever.
const MAX_ROUNDS: usize = 10_000;

/// A `Poll` and its `Events`.
#[derive(Debug)]
pub struct Driver {
    pub poll: Poll,
    pub events: Events,
}

impl Driver {
    pub fn new(poll: Poll, capacity: usize) -> Driver {
        Driver {
            poll,
            events: Events::with_capacity(capacity),
        }
    }

    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// Registers `source`, which must succeed.
    pub fn add(&self, source: &mut impl Source, token: usize, interest: Interest) {
        self.registry()
            .register(source, Token(token), interest)
            .unwrap_or_else(|error| panic!("register {token}: {error}"));
    }

    /// Deregisters `source`, which must succeed.
    pub fn remove(&self, source: &mut impl Source) {
        self.registry().deregister(source).expect("deregister");
    }

    /// A waker, which must succeed.
    pub fn waker(&self, token: usize) -> Waker {
        Waker::new(self.registry(), Token(token)).expect("a Waker")
    }

    /// One poll, as the caller would make it.
    pub fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.poll.poll(&mut self.events, timeout)
    }

    /// The events of one poll with a timeout of zero. A signal meant for no one in particular does
    /// not make a difference.
    pub fn turn(&mut self) -> Vec<Event> {
        self.turn_within(Duration::ZERO)
    }

    /// The events of one poll.
    pub fn turn_within(&mut self, timeout: Duration) -> Vec<Event> {
        loop {
            match self.poll(Some(timeout)) {
                Ok(()) => return self.batch(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("poll: {error}"),
            }
        }
    }

    /// What the last poll left in the buffer.
    pub fn batch(&self) -> Vec<Event> {
        self.events.iter().cloned().collect()
    }

    /// The tokens of the last poll, sorted.
    pub fn tokens(&self) -> Vec<usize> {
        let mut tokens: Vec<usize> = self.events.iter().map(|e| e.token().0).collect();
        tokens.sort_unstable();
        tokens
    }

    /// Polls until the events seen so far satisfy `enough`, and returns them; panics after
    /// [`LIMIT`].
    pub fn until(&mut self, what: &str, mut enough: impl FnMut(&[Event]) -> bool) -> Vec<Event> {
        let start = Instant::now();
        let mut seen = Vec::new();
        while !enough(&seen) {
            let left = LIMIT
                .checked_sub(start.elapsed())
                .unwrap_or_else(|| panic!("waited {LIMIT:?} for {what}, saw {}", List(&seen)));
            seen.extend(self.turn_within(left));
        }
        seen
    }

    /// Polls until an event of `token` came for which `wanted` holds.
    pub fn expect(&mut self, token: usize, wanted: fn(&Event) -> bool) -> Vec<Event> {
        self.until(&format!("an event of token {token}"), |seen| {
            has(seen, token, wanted)
        })
    }

    /// Polls until the source is reported readable.
    pub fn expect_readable(&mut self, token: usize) -> Vec<Event> {
        self.expect(token, Event::is_readable)
    }

    /// Polls until the source is reported writable.
    pub fn expect_writable(&mut self, token: usize) -> Vec<Event> {
        self.expect(token, Event::is_writable)
    }

    /// Polls with a timeout of zero until there is nothing left, and returns what there was.
    pub fn quiesce(&mut self) -> Vec<Event> {
        let mut seen = Vec::new();
        for _ in 0..MAX_ROUNDS {
            let batch = self.turn();
            if batch.is_empty() {
                return seen;
            }
            seen.extend(batch);
        }
        panic!("a poll of zero still returns events after {MAX_ROUNDS} times");
    }

    /// Panics if there is any event.
    pub fn assert_quiet(&mut self) {
        let seen = self.quiesce();
        assert!(seen.is_empty(), "unexpected: {}", List(&seen));
    }

    /// Panics if there is an event of `token`; other events are thrown away.
    pub fn assert_quiet_for(&mut self, token: usize) {
        let mut seen = self.quiesce();
        seen.retain(|event| event.token() == Token(token));
        assert!(seen.is_empty(), "unexpected: {}", List(&seen));
    }
}

/// Whether one of `events` has this token and satisfies `wanted`.
pub fn has(events: &[Event], token: usize, wanted: fn(&Event) -> bool) -> bool {
    events
        .iter()
        .any(|event| event.token() == Token(token) && wanted(event))
}

struct List<'a>(&'a [Event]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0).finish()
    }
}
