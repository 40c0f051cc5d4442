//! The polls without connections and without a time limit: the quiet one, where nothing hides a wake that
//! got lost, and the third one, with sources that come and go.

use std::io::{self, ErrorKind};
use std::sync::atomic::Ordering::*;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};

use ferrio::{Events, Poll, Token};
use hdrhistogram::Histogram;

use super::bells::{Ringer, Which};
use super::pulse::Pulse;
use crate::link::{Kind, fault, record};

const GUEST: usize = 1 << 62;
const NUMBER_BITS: u32 = 16;

pub fn bell_token(number: usize) -> Token {
    Token(number)
}

pub fn guest_token(number: usize, generation: u64) -> Token {
    Token(GUEST | (generation as usize) << NUMBER_BITS | number)
}

pub struct Quiet {
    pub which: Which,
    pub poll: Poll,
    pub pulse: Arc<Pulse>,
    pub waits: Arc<Mutex<Histogram<u64>>>,
    pub ringers: Vec<Arc<Ringer>>,
    pub threads: Vec<Thread>,
}

impl Quiet {
    pub fn start(self) -> io::Result<()> {
        thread::Builder::new()
            .name(format!("{} poll", self.which.name()))
            .spawn(move || self.run())?;
        Ok(())
    }

    fn run(mut self) {
        let mut events = Events::with_capacity(64);
        let mut gone = vec![0; self.ringers.len()];
        loop {
            for (gone, ringer) in gone.iter_mut().zip(&self.ringers) {
                // Deregistered before this poll begins.
                *gone = ringer.guest.gone.load(Acquire);
            }
            self.pulse.begin();
            let polled = self.poll.poll(&mut events, None);
            self.pulse.end();
            match polled {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    return fault(
                        Kind::Error,
                        format!("the {} poll: {error}", self.which.name()),
                    );
                }
            }
            for event in &events {
                self.note(event.token(), &gone);
            }
        }
    }

    fn note(&self, token: Token, gone: &[u64]) {
        let name = self.which.name();
        let number = token.0 & ((1 << NUMBER_BITS) - 1);
        let Some(ringer) = self.ringers.get(number) else {
            let text = format!("the {name} poll has never had a token {:#x}", token.0);
            return fault(Kind::StaleToken, text);
        };
        if token.0 & GUEST == 0 {
            if let Some(since) = ringer.bells[self.which as usize].tell() {
                let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
                record(&mut waits, since);
            }
        } else {
            let generation = ((token.0 ^ GUEST) >> NUMBER_BITS) as u64;
            if generation <= gone[number] {
                let text = format!(
                    "the {name} poll told of registration {generation} of source {number}, and {} had \
                     been deregistered before that poll began",
                    gone[number]
                );
                fault(Kind::StaleToken, text);
            }
            ringer.guest.told.fetch_max(generation, Release);
        }
        self.threads[number].unpark();
    }
}
