//! The server: one thread with all the connections, the threads that wake, and the quiet poll.

mod bells;
mod connection;
mod pulse;
mod quiet;
mod service;

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ferrio::net::TcpListener;
use ferrio::{Events, Interest, Poll, Token, Waker};

use crate::cli::{Sabotage, Serve};
use crate::limits;
use crate::link::{Ending, Kind, Line, Waits, fault, hear, histogram, record, report_panics, say};
use bells::{Bell, Guest, Ringer, Room, Which};
use pulse::Pulse;
use quiet::Quiet;
use service::Service;

/// Tokens of the busy poll that aren't connections'.
const LISTENER: usize = 1 << 62;
const WAKER: usize = 2 << 62;
const COMMANDS: Token = Token(3 << 62);
const KINDS: usize = 3 << 62;

enum Command {
    /// What is known of this connection?
    Query(u64),
    End,
}

pub fn run(options: &Serve) -> Result<()> {
    report_panics();
    limits::raise_descriptors(options.common.connections)?;
    let poll = options.common.poll()?;
    let pulse = Arc::new(Pulse::default());
    let mut listeners = Vec::new();
    for (number, &address) in options.addresses.iter().enumerate() {
        let mut listener = TcpListener::bind(SocketAddr::from((address, 0)))
            .with_context(|| format!("cannot listen on {address}"))?;
        let token = Token(LISTENER | number);
        poll.registry()
            .register(&mut listener, token, Interest::READABLE)?;
        listeners.push(listener);
    }
    let ringers = start_ringers(options, &poll, &pulse)?;
    let commands = listen_for_commands(&poll, &pulse, options.common.patience)?;
    let addresses = listeners.iter().map(TcpListener::local_addr);
    say(&Line::Listening {
        addresses: addresses.collect::<std::io::Result<_>>()?,
        selector: poll.selector().to_string(),
        waker: poll.waker().to_string(),
    });
    let service = Service::new(options, listeners);
    Loop {
        poll,
        pulse,
        service,
        ringers,
        commands,
    }
    .run()
}

type Times = Arc<Mutex<hdrhistogram::Histogram<u64>>>;

/// The threads, and what belongs to them.
struct Ringers {
    all: Vec<Arc<Ringer>>,
    threads: Vec<Thread>,
    /// Of all three polls, in the order of [`Which::ALL`].
    pulses: [Arc<Pulse>; 3],
    waits: [Times; 3],
}

fn start_ringers(options: &Serve, busy: &Poll, busy_pulse: &Arc<Pulse>) -> Result<Ringers> {
    let (quiet, third) = (options.common.poll()?, options.common.poll()?);
    let pulses = [Arc::clone(busy_pulse), Arc::default(), Arc::default()];
    let waits: [Times; 3] = std::array::from_fn(|_| Arc::new(Mutex::new(histogram())));
    let (mut all, mut threads) = (Vec::new(), Vec::new());
    for number in 0..options.wakers {
        all.push(Arc::new(Ringer {
            number,
            bells: [
                Bell::new(busy.registry(), Token(WAKER | number))?,
                Bell::new(quiet.registry(), quiet::bell_token(number))?,
                Bell::new(third.registry(), quiet::bell_token(number))?,
            ],
            guest: Guest::default(),
            wakes: Default::default(),
            rounds: Default::default(),
            registrations: Default::default(),
        }));
    }
    for ringer in &all {
        let is_first = ringer.number == 0;
        let room = Room {
            seed: options.common.seed,
            patience: options.common.patience,
            pulses: pulses.clone(),
            registry: third.registry().try_clone()?,
            drop_wake_in: (is_first && options.sabotage == Some(Sabotage::Wake)).then_some(100),
            guest_token: quiet::guest_token,
        };
        threads.push(bells::start(Arc::clone(ringer), room)?);
    }
    for (which, poll) in [(Which::Quiet, quiet), (Which::Third, third)] {
        Quiet {
            which,
            poll,
            pulse: Arc::clone(&pulses[which as usize]),
            waits: Arc::clone(&waits[which as usize]),
            ringers: all.clone(),
            threads: threads.clone(),
        }
        .start()?;
    }
    Ok(Ringers {
        all,
        threads,
        pulses,
        waits,
    })
}

/// Commands reach the loop by a wake of their own. If the loop doesn't take one in time, this thread
/// says what it knows of the loop.
fn listen_for_commands(
    poll: &Poll,
    pulse: &Arc<Pulse>,
    patience: Duration,
) -> Result<Receiver<Command>> {
    let waker = Waker::new(poll.registry(), COMMANDS)?;
    let pulse = Arc::clone(pulse);
    let (sender, receiver) = channel();
    hear(move |line| {
        let command = match line.split_once(' ') {
            Some(("query", id)) => id.parse().map(Command::Query).ok(),
            _ => (line == "end").then_some(Command::End),
        };
        let polls = pulse.polls();
        if command.is_none_or(|command| sender.send(command).is_err()) {
            return;
        }
        if let Err(error) = waker.wake() {
            fault(Kind::Error, format!("the waker for commands: {error}"));
        }
        let pulse = Arc::clone(&pulse);
        std::thread::spawn(move || {
            std::thread::sleep(patience);
            if pulse.polls() == polls {
                let state = pulse.describe();
                fault(
                    Kind::LostWake,
                    format!("a command has woken the server's poll: {state}"),
                );
            }
        });
    });
    Ok(receiver)
}

struct Loop {
    poll: Poll,
    pulse: Arc<Pulse>,
    service: Service,
    ringers: Ringers,
    commands: Receiver<Command>,
}

impl Ringers {
    fn times(&self, which: Which) -> MutexGuard<'_, hdrhistogram::Histogram<u64>> {
        let times = &self.waits[which as usize];
        times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn longest(&self) -> u64 {
        let longest = Which::ALL.map(|which| self.times(which).max());
        longest.into_iter().max().unwrap_or(0)
    }
}

impl Loop {
    /// Serves until it is told to end and all connections are gone.
    fn run(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut is_ending = None;
        loop {
            let number = self.pulse.begin();
            let polled = self.poll.poll(&mut events, Some(self.service.timeout()));
            self.pulse.end();
            match polled {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            self.service.begin(number);
            for event in &events {
                match event.token().0 & KINDS {
                    0 => self.service.note(event, self.poll.registry()),
                    LISTENER => {
                        let listener = event.token().0 & !KINDS;
                        self.service.accept(listener, self.poll.registry());
                    }
                    WAKER => self.note_wake(event.token().0 & !KINDS),
                    _ => {}
                }
            }
            self.service.finish(self.poll.registry());
            while let Ok(command) = self.commands.try_recv() {
                match command {
                    Command::Query(id) => say(&Line::Note(self.service.describe(id))),
                    Command::End => is_ending = is_ending.or_else(|| Some(Instant::now())),
                }
            }
            self.service.sample(|| self.ringers.longest());
            if let Some(since) = is_ending {
                if self.service.is_empty() || since.elapsed() > self.service.patience() {
                    self.end();
                    return Ok(());
                }
            }
        }
    }

    fn note_wake(&mut self, number: usize) {
        match self.ringers.all.get(number) {
            Some(ringer) => {
                if let Some(since) = ringer.bells[Which::Busy as usize].tell() {
                    record(&mut self.ringers.times(Which::Busy), since);
                }
                self.ringers.threads[number].unpark();
            }
            None => fault(Kind::StaleToken, format!("there is no waker {number}")),
        }
    }

    fn end(&mut self) {
        self.service.tell_leftovers();
        let sum = |part: fn(&Ringer) -> u64| self.ringers.all.iter().map(|r| part(r)).sum::<u64>();
        let mut counts = self.service.counts();
        let polls = self.ringers.pulses.iter().map(|pulse| pulse.polls()).sum();
        for (name, count) in [
            ("polls", polls),
            ("wakes", sum(|ringer| ringer.wakes.load(Relaxed))),
            (
                "rounds of wakes, each waited for",
                sum(|ringer| ringer.rounds.load(Relaxed)),
            ),
            (
                "registrations and deregistrations beside a blocked poll",
                sum(|ringer| ringer.registrations.load(Relaxed)),
            ),
        ] {
            counts.push((name.to_owned(), count));
        }
        let request = "a request, from its sending to its reading".to_owned();
        let mut waits = vec![(request, Waits::of(self.service.waits()))];
        for which in Which::ALL {
            let name = format!("a wake of the {} poll", which.name());
            waits.push((name, Waits::of(&self.ringers.times(which))));
        }
        say(&Line::Done(Ending {
            counts,
            waits,
            connections: self.service.connections(),
        }));
    }
}
