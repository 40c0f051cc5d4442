//! One script of any sort, as fuzzers try them: run, made small, and printed.

use std::fmt;
use std::time::{Duration, Instant};

use super::compare::{Divergence, check_all};
use super::fuzz::{SHRINKING, SHRINKING_LIMIT, ThreadsText, shrink_threads};
use super::op::Op;
#[cfg(unix)]
use super::rounds::check_rounds;
use super::stats::Stats;
use super::threads::check_threads;
use crate::backend::Backend;

/// How often operations that overlap are tried again before a script of them is taken to pass.
#[cfg(unix)]
const REPEATS: usize = 20;

/// A script for one thread or for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Case {
    One(Vec<Op>),
    /// The capacity of the poller's buffer, and a script for each thread beside it.
    Threads {
        capacity: u8,
        scripts: Vec<Vec<Op>>,
    },
    /// The same capacity, and operations that overlap.
    #[cfg(unix)]
    Rounds {
        capacity: u8,
        rounds: Vec<Vec<Op>>,
    },
}

impl Case {
    /// How many operations there are.
    pub fn operations(&self) -> usize {
        match self {
            Case::One(script) => script.len(),
            Case::Threads { scripts, .. } => scripts.iter().map(Vec::len).sum(),
            #[cfg(unix)]
            Case::Rounds { rounds, .. } => rounds.iter().map(Vec::len).sum(),
        }
    }

    /// Runs it on all of them; adds to the statistics of each.
    ///
    /// # Errors
    ///
    /// The first thing that went wrong.
    pub fn check(
        &self,
        backends: &mut [(Backend, Stats)],
        limit: Duration,
    ) -> Result<(), Divergence> {
        match self {
            Case::One(script) => check_all(backends, script, limit),
            Case::Threads { capacity, scripts } => {
                for (backend, sum) in backends {
                    sum.add(&check_threads(backend, *capacity, scripts, limit)?);
                }
                Ok(())
            }
            #[cfg(unix)]
            Case::Rounds { capacity, rounds } => {
                for (backend, sum) in backends {
                    sum.add(&check_rounds(backend, *capacity, rounds, limit)?);
                }
                Ok(())
            }
        }
    }

    /// Leaves out what a failure doesn't need.
    pub fn shrink(self, backends: &[Backend], divergence: Divergence) -> (Case, Divergence) {
        let failing = backends.iter().find(|b| b.name == divergence.backend);
        let failing = *failing.expect("it failed on one of them");
        match self {
            Case::One(script) => {
                // What is compared with another backend needs that one.
                let alone = [failing];
                let all = if fails(&script, &alone).is_some() {
                    &alone
                } else {
                    backends
                };
                let (script, divergence) = shrink_script(script, divergence, all);
                (Case::One(script), divergence)
            }
            Case::Threads { capacity, scripts } => {
                let (divergence, scripts) = shrink_threads(&failing, capacity, scripts, divergence);
                (Case::Threads { capacity, scripts }, divergence)
            }
            #[cfg(unix)]
            Case::Rounds { capacity, rounds } => {
                let (rounds, divergence) = shrink_rounds(&failing, capacity, rounds, divergence);
                (Case::Rounds { capacity, rounds }, divergence)
            }
        }
    }
}

fn fails(script: &[Op], backends: &[Backend]) -> Option<Divergence> {
    let mut all: Vec<_> = backends.iter().map(|b| (*b, Stats::default())).collect();
    check_all(&mut all, script, SHRINKING_LIMIT).err()
}

fn shrink_script(
    mut script: Vec<Op>,
    mut divergence: Divergence,
    backends: &[Backend],
) -> (Vec<Op>, Divergence) {
    let begun = Instant::now();
    // What stands behind the step that fails is not needed.
    for part in [64, 16, 4, 2, 1, 1] {
        let mut end = script.len();
        while end > 0 && begun.elapsed() < SHRINKING {
            let start = end.saturating_sub(part);
            let mut shorter = script.clone();
            shorter.drain(start..end);
            if let Some(found) = fails(&shorter, backends) {
                (script, divergence) = (shorter, found);
            }
            end = start.min(script.len());
        }
    }
    (script, divergence)
}

#[cfg(unix)]
fn shrink_rounds(
    backend: &Backend,
    capacity: u8,
    mut rounds: Vec<Vec<Op>>,
    mut divergence: Divergence,
) -> (Vec<Vec<Op>>, Divergence) {
    let begun = Instant::now();
    let fails = |rounds: &[Vec<Op>]| {
        let mut tries = 0..REPEATS;
        tries.find_map(|_| check_rounds(backend, capacity, rounds, SHRINKING_LIMIT).err())
    };
    for part in [16, 4, 1] {
        let mut end = rounds.len();
        while end > 0 && begun.elapsed() < SHRINKING {
            let start = end.saturating_sub(part);
            let mut shorter = rounds.clone();
            shorter.drain(start..end);
            if let Some(found) = fails(&shorter) {
                (rounds, divergence) = (shorter, found);
            }
            end = start.min(rounds.len());
        }
    }
    for round in (0..rounds.len()).rev() {
        for index in (0..rounds[round].len()).rev() {
            let mut shorter = rounds.clone();
            shorter[round].remove(index);
            if rounds[round].len() == 1 || begun.elapsed() > SHRINKING {
                continue;
            }
            if let Some(found) = fails(&shorter) {
                (rounds, divergence) = (shorter, found);
            }
        }
    }
    (rounds, divergence)
}

/// As `tests/scripts/kept.rs` has it.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Case::One(script) => {
                writeln!(f, "    (\"a name that says what it shows\", &[")?;
                for op in script {
                    writeln!(f, "        {op:?},")?;
                }
                write!(f, "    ]),")
            }
            Case::Threads { capacity, scripts } => write!(f, "{}", ThreadsText(*capacity, scripts)),
            #[cfg(unix)]
            Case::Rounds { capacity, rounds } => write!(f, "{}", ThreadsText(*capacity, rounds)),
        }
    }
}
