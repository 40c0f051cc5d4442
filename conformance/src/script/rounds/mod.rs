//! Scripts in rounds: the operations of a round run at the same time, each on a thread of its own, on
//! objects that all threads share, while another thread polls.
//!
//! In what order the kernel and the library took the operations of a round, nobody can see from outside.
//! So the model keeps every state that it may be in: after a round, those to which some order of the
//! operations leads in which each might have answered as it did, and in which none that had returned comes
//! after one that began later ([`legal`]). If there is none, an answer was wrong. What is due is compared
//! whenever the script settles, and has to be right in one of the states.

mod hands;
mod legal;
mod stage;

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use ferrio::{Token, Waker};

use self::hands::Hand;
use self::legal::States;
use self::stage::{Record, Stage, Step};
use super::compare::{Divergence, alone};
use super::model::{Complaint, DIRECTIONS, Model, Rules};
use super::op::{Op, SLOTS, WAKERS};
use super::stats::Stats;
use super::threads::{STOP, Shared, assert_silent, join, report};
use crate::backend::Backend;
use crate::blocked;

/// Operations that run at the same time.
pub const WIDTH: usize = 3;
/// More states than any round but a rare one leaves: the script ends there.
const MAX_STATES: usize = 64;
/// How often it is asked whether the poller sleeps. It need not, if something is reported for ever.
const LOOKS: usize = 50;

/// Runs a script on a backend. The poller's buffer holds `capacity` events.
///
/// # Errors
///
/// The first thing that went wrong.
pub fn check_rounds(
    backend: &Backend,
    capacity: u8,
    rounds: &[Vec<Op>],
    limit: Duration,
) -> Result<Stats, Divergence> {
    let _alone = alone();
    run(backend, capacity.max(1).into(), rounds, limit).map_err(|complaint| Divergence {
        backend: backend.name,
        step: None,
        complaint,
    })
}

fn run(
    backend: &Backend,
    capacity: usize,
    rounds: &[Vec<Op>],
    limit: Duration,
) -> Result<Stats, Complaint> {
    let mut poll = backend.poll();
    let stop = Waker::new(poll.registry(), Token(STOP)).map_err(|error| error.to_string())?;
    let shared = Shared::default();
    let registry = poll.registry().try_clone().expect("no system call");
    let stage = Stage::new(registry, shared.clock.clone());
    let mut show = Show {
        stage: &stage,
        states: States::new(Model::new(Rules::of(backend), shared.clock.clone())),
        shared: &shared,
        hands: Vec::new(),
        poller: None,
        tokens: 0,
        limit,
        stats: Stats::default(),
    };
    let (send, receive) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        let poller = scope.spawn(|| {
            let _ = send.send(blocked::own());
            report(backend, &mut poll, capacity, &shared, limit)
        });
        show.poller = receive.recv().ok();
        let threads: Vec<_>;
        (show.hands, threads) = (0..WIDTH).map(|_| Hand::new(scope, &stage)).unzip();
        let told = show.all(rounds);
        show.hands.clear();
        // That one has panicked was told when it owed an answer.
        threads.into_iter().for_each(|thread| drop(thread.join()));
        // In any case, or the scope would not end.
        shared.stopping.store(true, Ordering::SeqCst);
        let woken = stop.wake().map_err(|error| format!("wake: {error}"));
        told.and(woken).and(join(poller))
    })?;
    show.check_lives()?;
    let mut stats = std::mem::take(&mut show.stats);
    stats.scripts = 1;
    stats.events = shared.log().events;
    drop(stage);
    assert_silent(&mut poll)?;
    Ok(stats)
}

/// A script on its way.
struct Show<'a> {
    stage: &'a Stage,
    states: States,
    shared: &'a Shared,
    hands: Vec<Hand>,
    poller: Option<blocked::Id>,
    /// How many were given.
    tokens: usize,
    limit: Duration,
    stats: Stats,
}

impl Show<'_> {
    fn all(&mut self, rounds: &[Vec<Op>]) -> Result<(), Complaint> {
        for (index, round) in rounds.iter().enumerate() {
            if self.states.len() > MAX_STATES {
                break;
            }
            for part in parts(round, &self.states) {
                self.part(&part)
                    .map_err(|complaint| format!("round {index}, {part:?}: {complaint}"))?;
            }
        }
        self.settle()?;
        // The last word: nothing is left.
        for waker in 0..WAKERS as u8 {
            self.part(&[Op::DropWaker { waker }])?;
        }
        for slot in 0..SLOTS as u8 {
            self.part(&[Op::Drop { slot }])?;
        }
        Ok(())
    }

    /// Operations that may run at the same time.
    fn part(&mut self, part: &[Op]) -> Result<(), Complaint> {
        match part {
            [Op::Settle { .. }] => return self.settle(),
            [Op::Poll { .. }] => {
                self.wait_for_sleep();
                return Ok(());
            }
            [Op::Create { kind, a, b }] => return self.create(*kind, *a, *b),
            _ => {}
        }
        let steps: Vec<Step> = part.iter().map(|op| self.step(op)).collect();
        let results: Vec<Result<Record, Complaint>> = match steps.as_slice() {
            [step] => vec![self.stage.perform(step)],
            steps => hands::all(&self.hands, steps),
        };
        let records = results.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (op, record) in part.iter().zip(&records) {
            self.stats.step(op, record.is_done());
            record.count(&mut self.stats);
        }
        self.states.advance(&records)?;
        if part.iter().any(|op| matches!(op, Op::Drop { .. })) {
            self.states.await_hang_ups(self.stage)?;
        }
        Ok(())
    }

    fn step(&mut self, op: &Op) -> Step {
        self.tokens += 1;
        let deregisters = match op {
            Op::Drop { slot } => self.states.is_registered_raw(usize::from(*slot) % SLOTS),
            _ => false,
        };
        Step {
            op: *op,
            token: self.tokens,
            deregisters,
        }
    }

    fn create(&mut self, kind: super::op::Kind, a: u8, b: u8) -> Result<(), Complaint> {
        let b = if a % SLOTS as u8 == b % SLOTS as u8 {
            a + 1
        } else {
            b
        };
        for slot in [a, b] {
            self.part(&[Op::Drop { slot }])?;
        }
        let op = Op::Create { kind, a, b };
        let record = self.stage.create(kind, a.into(), b.into())?;
        self.stats.step(&op, record.is_done());
        self.states.advance(&[record])
    }

    fn wait_for_sleep(&self) {
        let Some(poller) = self.poller else { return };
        for _ in 0..LOOKS {
            if blocked::in_polling_call(poller) {
                return;
            }
            thread::yield_now();
        }
    }

    /// Waits until everything that is due in one of the states was reported.
    fn settle(&mut self) -> Result<(), Complaint> {
        let begun = Instant::now();
        loop {
            let told = |token: usize, direction: usize| {
                let log = self.shared.log();
                log.told.get(&token).map_or(0, |t| t.returned[direction])
            };
            match self.states.unanswered(self.stage, told) {
                Ok(due) => {
                    self.stats.due += due;
                    return Ok(());
                }
                Err(complaint) if begun.elapsed() > self.limit => return Err(complaint),
                Err(_) => thread::yield_now(),
            }
        }
    }

    /// No poll that began after a token's end reported it, and none said what never was.
    fn check_lives(&self) -> Result<(), Complaint> {
        for (&token, told) in &self.shared.log().told {
            if token == STOP {
                continue;
            }
            let lives = self.states.lives(token);
            if lives.is_empty() {
                return Err(format!("token {token}, which nobody has"));
            }
            let over = |until: Option<u64>| until.is_some_and(|until| told.begun > until);
            if lives.iter().all(|life| over(life.until)) {
                return Err(format!(
                    "token {token} was reported by a poll that began at {}: {lives:?}",
                    told.begun
                ));
            }
            for direction in DIRECTIONS {
                let may_say = lives.iter().any(|life| life.may_say(direction));
                if told.says[direction] && !may_say {
                    let what = ["readable", "writable"][direction];
                    return Err(format!("token {token} was never {what}: {lives:?}"));
                }
            }
        }
        Ok(())
    }
}

/// The operations of a round in parts that may run at the same time. To end one half of a connection is
/// several steps to the kernel, between which others may look; and who makes something is alone.
fn parts(round: &[Op], states: &States) -> Vec<Vec<Op>> {
    let mut parts: Vec<Vec<Op>> = Vec::new();
    for op in round {
        let fits = |part: &Vec<Op>| part.iter().all(|other| go_together(op, other, states));
        match parts.last_mut() {
            Some(part) if part.len() < WIDTH && fits(part) => part.push(*op),
            _ => parts.push(vec![*op]),
        }
    }
    parts
}

fn go_together(one: &Op, other: &Op, states: &States) -> bool {
    let alone = |op: &Op| matches!(op, Op::Create { .. } | Op::Settle { .. } | Op::Poll { .. });
    if alone(one) || alone(other) {
        return false;
    }
    let ends = |op: &Op| matches!(op, Op::Drop { .. } | Op::Shutdown { .. });
    let strangers = match (stage::slot_of(one), stage::slot_of(other)) {
        (Some(one), Some(other)) => states.are_strangers(one, other),
        _ => true,
    };
    strangers || !ends(one) && !ends(other)
}
