//! The scripts on crates.io mio, beside the model of ferrio's contract: what is answered differently,
//! how often, and by which smallest script. `cargo xtask fuzz --mio` builds and runs this.
//!
//! `scripts-on-mio SEED SCRIPTS [DIRECTORY]`: so many scripts of the seed, and those in the directory, such
//! as a corpus of libFuzzer. Prints JSON, one line for each sort of difference.

mod class;
mod shrink;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, panic};

use ferrio_conformance::Backend;
use ferrio_conformance::script::{self, Case, Kind, Op, Stats, Timeout, bytes};
use serde_json::json;

/// How long an event that is due may take.
const LIMIT: Duration = Duration::from_millis(300);

/// One sort of difference.
struct Found {
    count: u64,
    /// The shortest that has shown it.
    case: Case,
    example: String,
}

/// What the scripts have shown.
#[derive(Default)]
struct Finds {
    scripts: u64,
    operations: u64,
    passed: u64,
    classes: BTreeMap<String, Found>,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |index: usize| -> u64 {
        let text = arguments.get(index).expect("SEED SCRIPTS [DIRECTORY]");
        text.parse().expect("a number")
    };
    let (mut state, scripts) = (number(0), number(1));
    // They are part of the answer.
    panic::set_hook(Box::new(|_| ()));
    let mut cases: Vec<Case> = (0..scripts)
        .map(|_| Case::from_bytes(&bytes::random(&mut state)))
        .collect();
    if let Some(directory) = arguments.get(2) {
        cases.extend(stored(Path::new(directory)));
    }
    let backend = script::backends("")[0];
    for (rules, adapt) in [("contract", false), ("mio's", true)] {
        let mut finds = Finds::default();
        for case in &cases {
            let case = if adapt { adapted(case) } else { case.clone() };
            try_one(&backend, case, &mut finds);
        }
        print(&backend, rules, finds);
    }
}

fn try_one(backend: &Backend, case: Case, finds: &mut Finds) {
    finds.scripts += 1;
    let mut all = [(*backend, Stats::default())];
    match case.check(&mut all, LIMIT) {
        Ok(()) => {
            finds.passed += 1;
            finds.operations += all[0].1.operations;
        }
        Err(divergence) => {
            let class = class::of(&case, &divergence.complaint);
            let found = finds.classes.entry(class).or_insert_with(|| Found {
                count: 0,
                case: case.clone(),
                example: divergence.complaint.clone(),
            });
            found.count += 1;
            if case.operations() < found.case.operations() {
                (found.case, found.example) = (case, divergence.complaint);
            }
        }
    }
}

fn print(backend: &Backend, rules: &str, finds: Finds) {
    let (scripts, passed, operations) = (finds.scripts, finds.passed, finds.operations);
    let name = backend.name;
    let head = json!({ "backend": name, "rules": rules, "scripts": scripts, "passed": passed,
        "operations": operations });
    println!("{head}");
    for (class, found) in finds.classes {
        let (case, example) = shrink::shrink(backend, &class, found.case, found.example);
        let line = json!({ "backend": name, "rules": rules, "class": class, "count": found.count,
            "operations": case.operations(), "example": example, "script": case.to_string() });
        println!("{line}");
    }
}

fn stored(directory: &Path) -> Vec<Case> {
    let files = fs::read_dir(directory).expect("a directory");
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let read = |path| fs::read(path).expect("a file");
    paths
        .iter()
        .map(|path| Case::from_bytes(&read(path)))
        .collect()
}

/// What mio's documentation asks for is kept: one `Waker` for each `Poll`, and a source with one `Poll`.
/// Beside a poller, the waker is the one that stops it. Buffers have room, and what a backend does for a
/// bare descriptor, which has no hook for it, is left out.
fn adapted(case: &Case) -> Case {
    let without_wakers = |script: &Vec<Op>| {
        let wakes = |op: &&Op| matches!(op, Op::NewWaker { .. } | Op::Wake { .. });
        let left = script.iter().filter(|op| !wakes(op));
        left.map(adapted_op).collect::<Vec<_>>()
    };
    match case {
        Case::One(script) => Case::One(script.iter().map(adapted_op).collect()),
        Case::Threads { capacity, scripts } => Case::Threads {
            capacity: *capacity,
            scripts: scripts.iter().map(without_wakers).collect(),
        },
        Case::Rounds { capacity, rounds } => Case::Rounds {
            capacity: *capacity,
            rounds: rounds.iter().map(without_wakers).collect(),
        },
    }
}

fn adapted_op(op: &Op) -> Op {
    match *op {
        Op::Create {
            kind: Kind::Raw | Kind::Eventfd,
            a,
            b,
        } => Op::Create {
            kind: Kind::Unix,
            a,
            b,
        },
        Op::NewWaker { poll, token, .. } => Op::NewWaker {
            waker: poll % 2,
            poll,
            token,
        },
        Op::Wake { waker } => Op::Wake { waker: waker % 2 },
        Op::Register {
            slot, token, want, ..
        } => Op::Register {
            slot,
            poll: 0,
            token,
            want,
        },
        Op::Reregister {
            slot, token, want, ..
        } => Op::Reregister {
            slot,
            poll: 0,
            token,
            want,
        },
        Op::Deregister { slot, .. } => Op::Deregister { slot, poll: 0 },
        Op::DropWaker { waker } => Op::DropWaker { waker: waker % 2 },
        Op::Poll {
            poll,
            capacity: 0,
            timeout,
        } => Op::Poll {
            poll,
            capacity: 1,
            timeout,
        },
        Op::Poll {
            poll,
            capacity,
            timeout: Timeout::Brief,
        } => Op::Poll {
            poll,
            capacity,
            timeout: Timeout::Zero,
        },
        other => other,
    }
}
