//! Random scripts, on every backend and on a model of the contract: see `script` in the library.
//!
//! `cargo xtask fuzz` runs many. By itself this is a short run with a fixed seed; the environment
//! changes that: `FERRIO_SCRIPT_OPERATIONS`, `FERRIO_SCRIPT_SEED`, `FERRIO_SCRIPT_BACKEND`, a
//! name or its beginning, as in `epoll` or `poll_pipe`; `FERRIO_SCRIPT_STATS=1` prints what was
//! reached.

#![cfg(not(wasi_p1))] // A script makes its sockets itself, there only the host does.

#[cfg_attr(target_os = "wasi", allow(dead_code))] // Those for threads.
#[path = "scripts/kept.rs"]
mod kept;
#[cfg_attr(target_os = "wasi", allow(dead_code))] // Likewise.
#[path = "scripts/kept_kqueue.rs"]
mod kept_kqueue;

use std::env;

#[cfg(unix)]
use ferrio_conformance::script::Case;
use ferrio_conformance::script::{self, Stats};
use ferrio_conformance::{Backend, LIMIT};

/// Of a run that nobody asked for more of, in a debug build too.
const OPERATIONS: u64 = 8_000;
const SEED: u64 = 1;

fn backends() -> Vec<Backend> {
    script::backends(&env::var("FERRIO_SCRIPT_BACKEND").unwrap_or_default())
}

fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={text:?}")),
        Err(_) => default,
    }
}

fn show(stats: &Stats) -> String {
    if env::var_os("FERRIO_SCRIPT_STATS").is_some() {
        format!("{stats:#}")
    } else {
        stats.to_string()
    }
}

#[test]
fn kept_scripts_pass() {
    for (name, script) in kept::KEPT.iter().chain(kept_kqueue::KEPT) {
        let mut all: Vec<_> = backends()
            .into_iter()
            .map(|b| (b, Stats::default()))
            .collect();
        if let Err(divergence) = script::check_all(&mut all, script, LIMIT) {
            panic!("{name}: {divergence}");
        }
    }
}

#[cfg(any(unix, windows))]
#[test]
fn kept_scripts_of_several_threads_pass() {
    for (name, capacity, scripts) in kept::KEPT_THREADS.iter().chain(kept_kqueue::KEPT_THREADS) {
        for backend in backends() {
            if let Err(divergence) = script::check_threads(&backend, *capacity, scripts, LIMIT) {
                panic!("{name}: {divergence}");
            }
        }
    }
}

#[test]
fn random_scripts_pass() {
    let operations = number("FERRIO_SCRIPT_OPERATIONS", OPERATIONS);
    let seed = number("FERRIO_SCRIPT_SEED", SEED);
    match script::fuzz(&backends(), seed, operations) {
        Ok(sums) => {
            for (backend, stats) in &sums {
                println!("{}: {}", backend.name, show(stats));
            }
        }
        Err(failure) => panic!("seed {seed}: {failure}"),
    }
}

#[cfg(any(unix, windows))]
/// What one of several threads reads or ends, another does at the same time.
#[cfg(unix)]
#[test]
fn random_scripts_of_overlapping_operations_pass() {
    let operations = number("FERRIO_SCRIPT_OPERATIONS", OPERATIONS) / 8;
    let seed = number("FERRIO_SCRIPT_SEED", SEED);
    let mut sums: Vec<_> = backends()
        .into_iter()
        .map(|b| (b, Stats::default()))
        .collect();
    let mut state = seed;
    while sums.iter().map(|(_, stats)| stats.operations).sum::<u64>() < operations {
        let mut bytes = script::bytes::random(&mut state);
        bytes[0] = script::bytes::OVERLAPPING;
        let case = Case::from_bytes(&bytes);
        if let Err(divergence) = case.check(&mut sums, LIMIT) {
            panic!("seed {seed}: {divergence}\n{case}");
        }
    }
    for (backend, stats) in &sums {
        println!("{} overlapping: {}", backend.name, show(stats));
    }
}

#[cfg(any(unix, windows))]
#[test]
fn random_scripts_of_several_threads_pass() {
    let operations = number("FERRIO_SCRIPT_OPERATIONS", OPERATIONS) / 2;
    let seed = number("FERRIO_SCRIPT_SEED", SEED);
    match script::fuzz_threads(&backends(), seed, operations) {
        Ok(sums) => {
            for (backend, stats) in &sums {
                println!("{} beside a poller: {}", backend.name, show(stats));
            }
        }
        Err(failure) => panic!("seed {seed}: {failure}"),
    }
}
