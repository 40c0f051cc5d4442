//! Tries scripts until one fails, and makes that one small.

use std::fmt;
use std::time::{Duration, Instant};

use ferrio::{SelectorKind, WakerKind};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::compare::{Divergence, check_all};
use super::op::Op;
use super::stats::Stats;
use super::threads::check_threads;
use crate::LIMIT;
use crate::backend::Backend;

/// How long an event that is due may take while a script is made smaller.
pub(super) const SHRINKING_LIMIT: Duration = Duration::from_millis(500);
/// How often a script for several threads has to pass to be taken for one that does.
const REPEATS: usize = 5;
/// How long smaller scripts are tried.
pub(super) const SHRINKING: Duration = Duration::from_secs(60);

/// A script that fails, made small.
#[derive(Clone, Debug)]
pub struct Failure {
    pub script: Vec<Op>,
    pub divergence: Divergence,
    /// Operations that were carried out before, on all backends.
    pub operations: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.divergence)?;
        writeln!(f, "after {} operations; to be kept:", self.operations)?;
        writeln!(f, "    (\"a name that says what it shows\", &[")?;
        for op in &self.script {
            writeln!(f, "        {op:?},")?;
        }
        write!(f, "    ]),")
    }
}

/// Those that this build has and whose names begin with `prefix`, as in `epoll` or `poll_pipe`.
///
/// # Panics
///
/// There is none.
pub fn backends(prefix: &str) -> Vec<Backend> {
    let mut backends = Vec::new();
    for &selector in SelectorKind::available() {
        for &waker in WakerKind::available() {
            let name = format!("{selector}_{waker}");
            if name.starts_with(prefix) {
                let name = Box::leak(name.into_boxed_str());
                backends.push(Backend {
                    selector,
                    waker,
                    name,
                    test: "",
                });
            }
        }
    }
    assert!(!backends.is_empty(), "no backend is called {prefix:?}");
    backends
}

/// Runs scripts, the same ones for the same seed, on all `backends`, until they have carried out that
/// many operations together.
///
/// # Errors
///
/// The first failure.
pub fn fuzz(
    backends: &[Backend],
    seed: u64,
    operations: u64,
) -> Result<Vec<(Backend, Stats)>, Box<Failure>> {
    let mut sums: Vec<_> = backends.iter().map(|b| (*b, Stats::default())).collect();
    let strategy = super::strategy::script();
    let mut runner = runner(seed);
    loop {
        let done = sums.iter().map(|(_, stats)| stats.operations).sum();
        if done >= operations {
            return Ok(sums);
        }
        let mut tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
        if let Err(divergence) = check_all(&mut sums, &tree.current(), LIMIT) {
            let failure = Failure {
                script: tree.current(),
                divergence,
                operations: done,
            };
            return Err(Box::new(shrink(&mut tree, failure, &mut sums)));
        }
    }
}

/// Runs scripts for several threads, until they have carried out that many operations together. The
/// seed chooses the scripts; what the scheduler makes of them is another matter.
///
/// # Errors
///
/// The first failure, in words: a smaller script that fails as often is hard to find.
pub fn fuzz_threads(
    backends: &[Backend],
    seed: u64,
    operations: u64,
) -> Result<Vec<(Backend, Stats)>, String> {
    let mut sums: Vec<_> = backends.iter().map(|b| (*b, Stats::default())).collect();
    let strategy = super::strategy::threads();
    let mut runner = runner(seed);
    loop {
        let done: u64 = sums.iter().map(|(_, stats)| stats.operations).sum();
        if done >= operations {
            return Ok(sums);
        }
        let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
        let (capacity, scripts) = tree.current();
        for (backend, sum) in &mut sums {
            match check_threads(backend, capacity, &scripts, LIMIT) {
                Ok(stats) => sum.add(&stats),
                Err(divergence) => {
                    let (divergence, scripts) =
                        shrink_threads(backend, capacity, scripts, divergence);
                    return Err(format!(
                        "{divergence}\nafter {done} operations; to be kept:\n{}",
                        ThreadsText(capacity, &scripts)
                    ));
                }
            }
        }
    }
}

/// Leaves out what a failure doesn't need, as far as repeating it shows.
pub(super) fn shrink_threads(
    backend: &Backend,
    capacity: u8,
    mut scripts: Vec<Vec<Op>>,
    mut divergence: Divergence,
) -> (Divergence, Vec<Vec<Op>>) {
    let begun = Instant::now();
    for part in [16, 4, 1] {
        for thread in 0..scripts.len() {
            let mut index = 0;
            while index < scripts[thread].len() && begun.elapsed() < SHRINKING {
                let mut shorter = scripts.clone();
                let end = (index + part).min(shorter[thread].len());
                shorter[thread].drain(index..end);
                let failed = (0..REPEATS).find_map(|_| {
                    check_threads(backend, capacity, &shorter, SHRINKING_LIMIT).err()
                });
                match failed {
                    Some(found) => (divergence, scripts) = (found, shorter),
                    None => index += part,
                }
            }
        }
    }
    (divergence, scripts)
}

/// As `tests/scripts/kept.rs` has it.
pub(super) struct ThreadsText<'a>(pub(super) u8, pub(super) &'a [Vec<Op>]);

impl fmt::Display for ThreadsText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    (\"a name that says what it shows\", {}, &[", self.0)?;
        for script in self.1 {
            writeln!(f, "        &[")?;
            for op in script {
                writeln!(f, "            {op:?},")?;
            }
            writeln!(f, "        ],")?;
        }
        write!(f, "    ]),")
    }
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn shrink(
    tree: &mut impl ValueTree<Value = Vec<Op>>,
    mut failure: Failure,
    backends: &mut [(Backend, Stats)],
) -> Failure {
    let begun = Instant::now();
    let mut fails = |script: &[Op], failure: &mut Failure| {
        let result = check_all(backends, script, SHRINKING_LIMIT);
        if let Err(divergence) = &result {
            failure.script = script.to_vec();
            failure.divergence = divergence.clone();
        }
        (result.is_err(), begun.elapsed() < SHRINKING)
    };
    let mut more = tree.simplify();
    while more {
        let (failed, left) = fails(&tree.current(), &mut failure);
        more = left
            && if failed {
                tree.simplify()
            } else {
                tree.complicate()
            };
    }
    // What a strategy has put together it does not take apart again.
    let mut index = 0;
    while index < failure.script.len() {
        let mut shorter = failure.script.clone();
        shorter.remove(index);
        let (failed, left) = fails(&shorter, &mut failure);
        if !failed {
            index += 1;
        }
        if !left {
            break;
        }
    }
    failure
}
