//! The states that the model may be in, and the orders in which operations may have been taken.

use std::collections::BTreeMap;

use super::super::kernel::{self, Awaited};
use super::super::model::{Complaint, Level, Life, Model, READ, WRITE};
use super::super::op::SLOTS;
use super::stage::{Did, Record, Stage};
use crate::kernel::number;

/// Each may be the one that is true.
pub(super) struct States(Vec<Model>);

impl States {
    pub(super) fn new(model: Model) -> States {
        States(vec![model])
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Those that are possible after these operations.
    pub(super) fn advance(&mut self, records: &[Record]) -> Result<(), Complaint> {
        let mut found = Vec::new();
        let mut complaints = Vec::new();
        let all: Vec<usize> = (0..records.len()).collect();
        for model in self.0.drain(..) {
            extend(model, &all, records, &mut complaints, &mut found);
        }
        self.0 = unlike(found);
        if self.0.is_empty() {
            complaints.dedup();
            return Err(format!("{} ({records:?})", complaints.join("; or ")));
        }
        Ok(())
    }

    /// Whether what two slots hold has nothing to do with each other.
    pub(super) fn are_strangers(&self, one: usize, other: usize) -> bool {
        let model = &self.0[0];
        if one == other {
            return false;
        }
        match (model.object(one), model.object(other)) {
            (Some(object), Some(_)) => {
                model.id(one) != model.id(other) && object.peer != Some(model.id(other))
            }
            _ => true,
        }
    }

    /// Whether it is a `SourceFd` that has to be deregistered before it is dropped.
    pub(super) fn is_registered_raw(&self, slot: usize) -> bool {
        let model = &self.0[0];
        let raw = model
            .object(slot)
            .is_some_and(|object| object.kind.is_raw());
        raw && !model.polls_of(slot).is_empty()
    }

    /// Waits until the kernel has seen what was closed: a blocked poll(2) holds it a moment longer.
    pub(super) fn await_hang_ups(&self, stage: &Stage) -> Result<(), Complaint> {
        let model = &self.0[0];
        for slot in 0..SLOTS {
            let guard = stage.slot(slot);
            let Some(real) = guard.as_ref() else { continue };
            let awaited = Awaited {
                hang_up: model.world.peer_hung_up(model.id(slot)),
                ..Awaited::default()
            };
            if awaited.hang_up && !kernel::wait(real, awaited) {
                return Err(format!(
                    "the kernel never saw the end of slot {slot}'s peer"
                ));
            }
        }
        Ok(())
    }

    /// As [`Model::unanswered`], for one of them.
    pub(super) fn unanswered(
        &self,
        stage: &Stage,
        told: impl Fn(usize, usize) -> u64 + Copy,
    ) -> Result<u64, Complaint> {
        let answers: [Option<kernel::Answer>; SLOTS] =
            std::array::from_fn(|slot| stage.slot(slot).as_ref().map(|r| kernel::ask(number(r))));
        let mut last = Err("no state is left".to_owned());
        for model in &self.0 {
            last = agrees(model, &answers).and_then(|()| {
                let ready = |slot: usize, direction| {
                    answers[slot].is_some_and(|answer| answer.is_ready(direction))
                };
                model.unanswered(told, ready)
            });
            if last.is_ok() {
                break;
            }
        }
        last
    }

    /// What each of them knows of a token.
    pub(super) fn lives(&self, token: usize) -> Vec<Life> {
        let lives = self.0.iter().filter_map(|model| model.life(token));
        lives.copied().collect()
    }
}

/// Whether the kernel says what the model says.
fn agrees(model: &Model, answers: &[Option<kernel::Answer>; SLOTS]) -> Result<(), Complaint> {
    for (slot, answer) in answers.iter().enumerate() {
        let Some(answer) = answer else { continue };
        let level = |direction| model.world.level(model.id(slot), direction);
        let wrong = level(READ) == Level::Yes && !answer.is_ready(READ)
            || level(WRITE) == Level::Yes && !answer.is_ready(WRITE)
            || level(READ) == Level::No && answer.is_readable()
            || level(WRITE) == Level::No && answer.is_writable();
        if wrong {
            let object = model.object(slot);
            return Err(format!("the model is wrong: {answer:?} for {object:?}"));
        }
    }
    Ok(())
}

/// One for all that are alike.
fn unlike(found: Vec<Model>) -> Vec<Model> {
    if found.len() < 2 {
        return found;
    }
    let mut by_key: BTreeMap<String, Model> = BTreeMap::new();
    for model in found {
        let key = model.key();
        match by_key.get_mut(&key) {
            Some(like) => like.absorb(&model),
            None => drop(by_key.insert(key, model)),
        }
    }
    by_key.into_values().collect()
}

/// Every order of those that are left, behind this state.
fn extend(
    model: Model,
    left: &[usize],
    records: &[Record],
    complaints: &mut Vec<String>,
    found: &mut Vec<Model>,
) {
    if left.is_empty() {
        return found.push(model);
    }
    for &next in left {
        let late = |&other: &usize| records[other].ended < records[next].begun;
        if left.iter().any(late) {
            continue;
        }
        let mut model = model.clone();
        match apply(&mut model, &records[next]) {
            Ok(()) => {
                let rest: Vec<usize> = left.iter().copied().filter(|&i| i != next).collect();
                extend(model, &rest, records, complaints, found);
            }
            Err(complaint) => complaints.push(complaint),
        }
    }
}

fn apply(model: &mut Model, record: &Record) -> Result<(), Complaint> {
    model.between(record.begun, record.ended);
    match record.did {
        Did::Nothing => {}
        Did::Create(kind, a, b) => model.create(kind, a, b),
        Did::Drop(slot, answer) => {
            if let Some(answer) = answer {
                model.deregister((slot, 0), answer)?;
            }
            model.drop_source(slot);
        }
        Did::Read(slot, len, outcome) => model.read(slot, len, outcome)?,
        Did::Write(slot, len, outcome) => model.write(slot, len, outcome)?,
        Did::Shutdown(slot, how, answer) => model.shutdown(slot, how, answer)?,
        Did::Register(slot, token, want, answer) => {
            model.register((slot, 0), token, want, answer)?;
        }
        Did::Reregister(slot, token, want, answer) => {
            model.reregister((slot, 0), token, want, answer)?;
        }
        Did::Deregister(slot, answer) => model.deregister((slot, 0), answer)?,
        Did::NewWaker(waker, token) => model.new_waker(waker, 0, token),
        Did::Wake(waker) if !model.has_waker(waker) => return Err("no waker is there".to_owned()),
        Did::Wake(waker) => model.wake(waker),
        Did::DropWaker(waker) => model.drop_waker(waker),
    }
    model.note_levels();
    model.note_ready();
    Ok(())
}
