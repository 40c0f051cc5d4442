//! Runs one script on several backends, and compares them with the model and with each other.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::model::Musts;
use super::op::Op;
use super::run::Runner;
use super::stats::Stats;
use crate::backend::Backend;

pub type Script = [Op];

/// A backend, or the model, is wrong.
#[derive(Clone, Debug)]
pub struct Divergence {
    pub backend: &'static str,
    /// Index of the operation, and the operation; `None`: at the end of the script.
    pub step: Option<(usize, Op)>,
    pub complaint: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.step {
            Some((index, op)) => write!(f, "{}, step {index}, {op:?}: ", self.backend)?,
            None => write!(f, "{}, at the end: ", self.backend)?,
        }
        f.write_str(&self.complaint)
    }
}

/// A script closes descriptors under their registrations, so that the next to open one, any thread
/// of the process, gets the number. There is one script at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(super) fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a script on a backend. `limit` is how long an event that is due may take.
///
/// # Errors
///
/// The first thing that went wrong.
pub fn check(backend: &Backend, script: &Script, limit: Duration) -> Result<Stats, Divergence> {
    let _alone = alone();
    run(backend, script, limit).map(|(stats, _)| stats)
}

/// Runs a script on all of them; adds to the statistics of each.
///
/// # Errors
///
/// The first thing that went wrong.
pub fn check_all(
    backends: &mut [(Backend, Stats)],
    script: &Script,
    limit: Duration,
) -> Result<(), Divergence> {
    let _alone = alone();
    let mut earlier: Vec<(Backend, Outcome)> = Vec::new();
    for (backend, sum) in backends {
        let (stats, outcome) = run(backend, script, limit)?;
        sum.add(&stats);
        let comparable = earlier.iter().find(|(other, others)| {
            other.selector == backend.selector || !others.own_way && !outcome.own_way
        });
        if let Some((other, others)) = comparable.filter(|(_, o)| o.musts != outcome.musts) {
            let (name, musts, others) = (other.name, &outcome.musts, &others.musts);
            return Err(Divergence {
                backend: backend.name,
                step: None,
                complaint: format!("{musts:?} had to come, on {name} it was {others:?}"),
            });
        }
        earlier.push((*backend, outcome));
    }
    Ok(())
}

/// What is compared between backends.
struct Outcome {
    /// What had to come before each comparison.
    musts: Vec<Musts>,
    /// The script has registered what other selectors have refused, or the other way round.
    own_way: bool,
}

fn run(
    backend: &Backend,
    script: &Script,
    limit: Duration,
) -> Result<(Stats, Outcome), Divergence> {
    let diverged = |step, complaint| Divergence {
        backend: backend.name,
        step,
        complaint,
    };
    let mut runner = Runner::new(backend, limit);
    let mut guarded = |step: Option<(usize, Op)>| {
        let result = panic::catch_unwind(AssertUnwindSafe(|| match &step {
            Some((_, op)) => runner.step(op),
            None => runner.finish(),
        }));
        match result {
            Ok(result) => result.map_err(|complaint| diverged(step, complaint)),
            Err(payload) => Err(diverged(step, message(&*payload))),
        }
    };
    for (index, op) in script.iter().enumerate() {
        guarded(Some((index, *op)))?;
    }
    guarded(None)?;
    let own_way = runner.model.own_way;
    let Runner {
        mut stats, musts, ..
    } = runner;
    stats.scripts = 1;
    Ok((stats, Outcome { musts, own_way }))
}

pub(super) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("with no message"))
}
