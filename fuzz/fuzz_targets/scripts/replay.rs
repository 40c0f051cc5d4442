//! One file once more: does it fail, and what of it is needed for that?

use std::env;
use std::io::Write;

use ferrio_conformance::script::{Case, Stats};
use ferrio_conformance::{Backend, LIMIT};

/// How often a script is tried that passes: with several threads, the scheduler has a say.
const ROUNDS: usize = 200;

pub fn is_asked() -> bool {
    env::var_os("FERRIO_FUZZ_REPLAY").is_some()
}

/// Ends the process with 1 if the script fails. libFuzzer's standard output is closed by some of its
/// options, so everything goes to standard error.
pub fn run(case: Case, backends: &[Backend]) {
    let mut err = std::io::stderr().lock();
    let mut say = |text: String| writeln!(err, "{text}").expect("standard error");
    say(format!("{} operations:\n{case}", case.operations()));
    for round in 1..=ROUNDS {
        let mut all: Vec<_> = backends.iter().map(|b| (*b, Stats::default())).collect();
        let Err(divergence) = case.check(&mut all, LIMIT) else {
            continue;
        };
        say(format!("it fails, in round {round}: {divergence}"));
        let (case, divergence) = case.shrink(backends, divergence);
        let left = case.operations();
        say(format!(
            "{left} operations are enough: {divergence}\n{case}"
        ));
        // SAFETY: _exit(2) takes a number. exit(3) would be taken for a crash by libFuzzer.
        unsafe { libc::_exit(1) };
    }
    say(format!("it passes, {ROUNDS} times"));
}
