//! The threads that wake: each rings one of three polls, and waits until that has told of it.
//!
//! The *busy* poll is the one with the connections. There a wake can meet a poll that is awake, about
//! to sleep, or full of events. But a wake whose ring got lost would be found with the next
//! connection's event, and be late only. So there is a *quiet* poll too, with nothing but wakers and
//! without a time limit, where a lost ring is a thread that waits for ever.
//!
//! Around their wakes the threads register sources with the *third* poll, make them ready, and
//! deregister them, while it is blocked: no wake may be lost by that, no event either, and once
//! `deregister` has returned no poll that begins later may return the token.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::thread::{self, Thread};
use std::time::Duration;

use ferrio::net::UnixStream;
use ferrio::{Interest, Registry, Token, Waker};

use super::pulse::Pulse;
use crate::clock;
use crate::link::{Kind, fault};

/// How often a thread that waits looks for itself, should it not be unparked.
const LOOK: Duration = Duration::from_millis(200);

/// One poll's side of a thread's wakes.
pub struct Bell {
    waker: Waker,
    /// Written before `wake` and read after its event, without an ordering: contract row 19 says that
    /// this is enough.
    asked: AtomicU64,
    asked_at: AtomicU64,
    told: AtomicU64,
}

impl Bell {
    pub fn new(registry: &Registry, token: Token) -> io::Result<Bell> {
        Ok(Bell {
            waker: Waker::new(registry, token)?,
            asked: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
            told: AtomicU64::new(0),
        })
    }

    /// The poll has the waker's event. Returns when the wake was asked for, if it wasn't told yet.
    pub fn tell(&self) -> Option<u64> {
        let asked = self.asked.load(Relaxed);
        let is_new = self.told.swap(asked, Release) < asked;
        is_new.then(|| self.asked_at.load(Relaxed))
    }
}

/// What the poll keeps of a source that a thread registers and deregisters.
#[derive(Default)]
pub struct Guest {
    /// The registration whose event came last.
    pub told: AtomicU64,
    /// The registration whose `deregister` has returned last.
    pub gone: AtomicU64,
}

/// The polls that are woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Busy,
    Quiet,
    Third,
}

impl Which {
    pub const ALL: [Which; 3] = [Which::Busy, Which::Quiet, Which::Third];

    pub fn name(self) -> &'static str {
        match self {
            Which::Busy => "busy",
            Which::Quiet => "quiet",
            Which::Third => "third",
        }
    }
}

/// What a thread and the polls share.
pub struct Ringer {
    pub number: usize,
    /// In the order of [`Which::ALL`].
    pub bells: [Bell; 3],
    pub guest: Guest,
    pub wakes: AtomicU64,
    pub rounds: AtomicU64,
    pub registrations: AtomicU64,
}

/// What only the thread needs.
pub struct Room {
    pub seed: u64,
    pub patience: Duration,
    pub pulses: [Arc<Pulse>; 3],
    /// The third poll's.
    pub registry: Registry,
    /// For the tests of the watchdog: from which round on to leave out a wake of the quiet poll.
    pub drop_wake_in: Option<u64>,
    pub guest_token: fn(usize, u64) -> Token,
}

/// Rings for as long as the process lives.
pub fn start(ringer: Arc<Ringer>, room: Room) -> io::Result<Thread> {
    let (guest, far) = UnixStream::pair()?;
    let thread = thread::Builder::new().name(format!("waker {}", ringer.number));
    let handle = thread.spawn(move || {
        let mut work = Work {
            random: fastrand::Rng::with_seed(room.seed ^ (ringer.number as u64 + 1)),
            ringer,
            room,
            guest,
            far,
            generation: 0,
        };
        loop {
            work.round();
        }
    })?;
    Ok(handle.thread().clone())
}

struct Work {
    random: fastrand::Rng,
    ringer: Arc<Ringer>,
    room: Room,
    guest: UnixStream,
    far: UnixStream,
    generation: u64,
}

impl Work {
    fn round(&mut self) {
        let round = self.ringer.rounds.fetch_add(1, Relaxed);
        let with_guest = self.random.u8(..4) == 0;
        if with_guest {
            self.register();
        }
        let which = Which::ALL[self.random.usize(..3)];
        self.ring(round, which);
        if with_guest {
            self.deregister();
        }
        match self.random.u8(..4) {
            0 => {}
            1 => (0..self.random.u32(..2000)).for_each(|_| std::hint::spin_loop()),
            _ => thread::sleep(Duration::from_micros(self.random.u64(50..6000))),
        }
    }

    /// Wakes one of the polls, several times in a row maybe, and waits until it has told.
    fn ring(&mut self, round: u64, which: Which) {
        let bell = &self.ringer.bells[which as usize];
        let asked = bell.asked.load(Relaxed) + 1;
        bell.asked_at.store(clock::now(), Relaxed);
        bell.asked.store(asked, Relaxed);
        let wakes = self.random.u64(1..4);
        let drop_from = self.room.drop_wake_in.filter(|_| which == Which::Quiet);
        let is_dropped = drop_from.is_some_and(|from| round >= from);
        if is_dropped {
            self.room.drop_wake_in = None;
        }
        for _ in 0..if is_dropped { 0 } else { wakes } {
            if let Err(error) = bell.waker.wake() {
                fault(
                    Kind::Error,
                    format!("waker {}: {error}", self.ringer.number),
                );
            }
        }
        self.ringer.wakes.fetch_add(wakes, Relaxed);
        let is_told = || bell.told.load(Acquire) >= asked;
        if !wait(self.room.patience, is_told) {
            let (name, pulse) = (which.name(), &self.room.pulses[which as usize]);
            let told = bell.told.load(Relaxed);
            let text = format!(
                "waker {} has woken the {name} poll for the {asked}th time, {:?} ago, and it has \
                 told of the {told}th: {}",
                self.ringer.number,
                self.room.patience,
                pulse.describe()
            );
            fault(Kind::LostWake, text);
        }
    }

    /// Registers a source with the third poll, ready at once, and waits for its event.
    fn register(&mut self) {
        self.generation += 1;
        self.ringer.registrations.fetch_add(1, Relaxed);
        let (number, generation) = (self.ringer.number, self.generation);
        let token = (self.room.guest_token)(number, generation);
        let is_ready_before = self.random.bool();
        let registry = &self.room.registry;
        if is_ready_before {
            self.say();
        }
        if let Err(error) = registry.register(&mut self.guest, token, Interest::READABLE) {
            fault(
                Kind::Error,
                format!("register, beside a blocked poll: {error}"),
            );
        }
        if !is_ready_before {
            self.say();
        }
        let told = &self.ringer.guest.told;
        if !wait(self.room.patience, || told.load(Acquire) >= generation) {
            let text = format!(
                "source {number}, registration {generation}: it has been readable for {:?}, and the \
                 last event was for registration {}; the third poll: {}",
                self.room.patience,
                told.load(Relaxed),
                self.room.pulses[Which::Third as usize].describe()
            );
            fault(Kind::LostEvent, text);
        }
    }

    fn say(&self) {
        if let Err(error) = (&self.far).write_all(b"x") {
            fault(Kind::Error, format!("a byte into a socket pair: {error}"));
        }
    }

    /// Half of the time it is still ready when it is deregistered.
    fn deregister(&mut self) {
        let is_read_before = self.random.bool();
        if is_read_before {
            self.hear();
        }
        if let Err(error) = self.room.registry.deregister(&mut self.guest) {
            fault(
                Kind::Error,
                format!("deregister, beside a blocked poll: {error}"),
            );
        }
        // From here on no poll may begin that returns the token.
        self.ringer.guest.gone.store(self.generation, Release);
        if !is_read_before {
            self.hear();
        }
    }

    fn hear(&mut self) {
        if let Err(error) = self.guest.read_exact(&mut [0]) {
            fault(Kind::Error, format!("a byte out of a socket pair: {error}"));
        }
    }
}

/// Waits until it is so; false if it takes longer than `patience`.
fn wait(patience: Duration, is_so: impl Fn() -> bool) -> bool {
    let since = clock::now();
    while !is_so() {
        if u128::from(clock::now() - since) > patience.as_nanos() {
            return false;
        }
        thread::park_timeout(LOOK);
    }
    true
}
