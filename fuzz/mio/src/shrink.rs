//! Makes a script small that shows a difference, without letting it become another difference.

use std::time::{Duration, Instant};

use ferrio_conformance::Backend;
use ferrio_conformance::script::{Case, Op, Stats};

use super::class;

/// How long smaller ones are tried, for one sort of difference.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a script for several threads has to pass to be taken for one that does.
const REPEATS: usize = 8;

pub fn shrink(backend: &Backend, class: &str, case: Case, example: String) -> (Case, String) {
    let begun = Instant::now();
    let (mut best, mut example) = (case, example);
    for part in [64, 16, 4, 2, 1, 1] {
        for thread in 0..scripts(&best).len() {
            let mut end = scripts(&best)[thread].len();
            while end > 0 && begun.elapsed() < PATIENCE {
                let start = end.saturating_sub(part);
                let mut shorter = best.clone();
                script_mut(&mut shorter, thread).drain(start..end);
                if let Some(told) = shows(backend, class, &shorter) {
                    (best, example) = (shorter, told);
                }
                end = start;
            }
        }
    }
    if let Case::Rounds { rounds, .. } = &mut best {
        rounds.retain(|round| !round.is_empty());
    }
    (best, example)
}

fn shows(backend: &Backend, class: &str, case: &Case) -> Option<String> {
    let repeats = match case {
        Case::One(_) => 1,
        _ => REPEATS,
    };
    (0..repeats).find_map(|_| {
        let mut all = [(*backend, Stats::default())];
        let told = case.check(&mut all, super::LIMIT).err()?.complaint;
        (class::of(case, &told) == class).then_some(told)
    })
}

fn scripts(case: &Case) -> Vec<&Vec<Op>> {
    match case {
        Case::One(script) => vec![script],
        Case::Threads { scripts, .. } => scripts.iter().collect(),
        Case::Rounds { rounds, .. } => rounds.iter().collect(),
    }
}

fn script_mut(case: &mut Case, thread: usize) -> &mut Vec<Op> {
    match case {
        Case::One(script) => script,
        Case::Threads { scripts, .. } => &mut scripts[thread],
        Case::Rounds { rounds, .. } => &mut rounds[thread],
    }
}
