//! How much of the space of scripts was reached.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;

use super::op::Op;

/// Counts over the scripts of one backend. `{}` is one line of them, `{:#}` all.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub scripts: u64,
    /// Operations that were carried out.
    pub operations: u64,
    /// Those, and the ones passed over, by name.
    pub by_name: BTreeMap<&'static str, (u64, u64)>,
    pub would_block: u64,
    /// Other errors, by kind.
    pub errors: BTreeMap<String, u64>,
    /// Operations that moved something: bytes, a message, a connection; a registration counts too.
    pub(super) moved: u64,
    pub events: u64,
    /// Events that had to come, at the comparisons.
    pub due: u64,
    /// Events for which nobody waited, by type of source: the kernel's own, permitted extras.
    pub extras: BTreeMap<&'static str, u64>,
}

/// Whether an answer means that something was done.
pub(super) trait Moves {
    fn moves(&self) -> bool;
}

impl Moves for usize {
    fn moves(&self) -> bool {
        *self > 0
    }
}

impl Moves for () {
    fn moves(&self) -> bool {
        true
    }
}

impl Moves for super::source::Real {
    fn moves(&self) -> bool {
        true
    }
}

impl Stats {
    pub(super) fn step(&mut self, op: &Op, done: bool) {
        let (taken, passed) = self.by_name.entry(op.name()).or_default();
        if done {
            *taken += 1;
            self.operations += 1;
        } else {
            *passed += 1;
        }
    }

    pub(super) fn outcome<T: Moves>(&mut self, outcome: &Result<T, ErrorKind>) {
        match outcome {
            Ok(value) => self.moved += u64::from(value.moves()),
            Err(ErrorKind::WouldBlock) => self.would_block += 1,
            Err(kind) => *self.errors.entry(format!("{kind:?}")).or_default() += 1,
        }
    }

    pub(super) fn extra(&mut self, kind: &'static str) {
        *self.extras.entry(kind).or_default() += 1;
    }

    pub fn add(&mut self, other: &Stats) {
        self.scripts += other.scripts;
        self.operations += other.operations;
        self.would_block += other.would_block;
        self.moved += other.moved;
        self.events += other.events;
        self.due += other.due;
        for (name, (taken, passed)) in &other.by_name {
            let counts = self.by_name.entry(name).or_default();
            counts.0 += taken;
            counts.1 += passed;
        }
        for (kind, count) in &other.errors {
            *self.errors.entry(kind.clone()).or_default() += count;
        }
        for (kind, count) in &other.extras {
            *self.extras.entry(kind).or_default() += count;
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations in {} scripts, {} answered WouldBlock; {} events, {} due at comparisons",
            self.operations, self.scripts, self.would_block, self.events, self.due
        )?;
        if !f.alternate() {
            return Ok(());
        }
        write!(f, "\n  taken (passed over):")?;
        for (name, (taken, passed)) in &self.by_name {
            write!(f, " {name} {taken} ({passed})")?;
        }
        writeln!(f, "\n  errors: {:?}", self.errors)?;
        write!(f, "  permitted extra events: {:?}", self.extras)
    }
}
