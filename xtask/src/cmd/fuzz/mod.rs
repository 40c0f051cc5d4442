//! Random scripts on every backend, compared with a model of the contract: `conformance/src/script`.
//! By seeds on stable Rust, or with libFuzzer choosing (`--libfuzzer`).

mod libfuzzer;
mod mio;
mod mutations;
mod report;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use clap::Args;

use super::conformance::kqueue;
use crate::counts::Counts;
use crate::run;
use crate::workspace::Workspace;

/// The seed of the run that is the same every time.
const FIXED: u64 = 0;

#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// How many operations are carried out in scripts for one thread, on all backends together; half
    /// as many come in scripts for several
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    operations: u64,
    /// Chooses the scripts; may be given more than once [default: 0 and a fresh one]
    #[arg(long, value_name = "SEED")]
    seed: Vec<u64>,
    /// Only the backends whose names begin with this, such as `poll` or `epoll_pipe`. `kqueue`, on
    /// Linux: on the library that simulates it
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// Print what the scripts have reached
    #[arg(long)]
    stats: bool,
    /// libFuzzer chooses the scripts, guided by what they reach in the library: takes nightly Rust. On
    /// all backends, kqueue simulated, unless `--backend` says which
    #[arg(long, conflicts_with_all = ["operations", "stats"])]
    libfuzzer: bool,
    /// The scripts on crates.io mio, on epoll and on poll(2): what it answers differently
    #[arg(long, conflicts_with_all = ["operations", "stats", "libfuzzer", "backend"])]
    mio: bool,
    /// Breaks a copy of the library in each way of `fuzz/mutations.toml`: libFuzzer has to notice
    #[arg(long, conflicts_with_all = ["operations", "stats", "libfuzzer", "backend", "mio"])]
    mutations: bool,
    /// For how many minutes libFuzzer runs each build and seed [default: 1, for mutations 2]
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// How many scripts each build and seed runs, instead of for how long
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    runs: Option<u64>,
    /// How many builds and seeds libFuzzer runs at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    jobs: u8,
    /// A script that libFuzzer runs for longer than so many seconds hangs. Clocks go on while a machine
    /// is suspended: more for a long run where that may happen
    #[arg(long, value_name = "S", default_value_t = libfuzzer::HANGS)]
    hangs: u32,
    /// What is reached is added to this file, as a section of Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Runs a file that libFuzzer has left, and prints its script, made small if it fails
    #[arg(long, value_name = "FILE", conflicts_with_all = ["libfuzzer", "operations", "seed"])]
    replay: Option<PathBuf>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            operations: 200_000,
            seed: Vec::new(),
            backend: None,
            stats: false,
            libfuzzer: false,
            mio: false,
            mutations: false,
            minutes: None,
            runs: None,
            jobs: 1,
            hangs: libfuzzer::HANGS,
            report: None,
            replay: None,
        }
    }
}

impl Arguments {
    /// The run on kqueue(2).
    pub fn kqueue() -> Self {
        Self {
            backend: Some("kqueue".to_owned()),
            ..Self::default()
        }
    }

    /// The run in which libFuzzer chooses.
    pub fn libfuzzer() -> Self {
        Self {
            libfuzzer: true,
            minutes: Some(0.25),
            ..Self::default()
        }
    }

    fn seeds(&self) -> Vec<u64> {
        match self.seed.as_slice() {
            [] => vec![FIXED, fresh_seed()],
            given => given.to_vec(),
        }
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    if let Some(file) = &arguments.replay {
        return libfuzzer::replay(workspace, arguments, file, counts);
    }
    if arguments.mio {
        return mio::run(workspace, arguments, counts);
    }
    if arguments.mutations {
        return mutations::run(workspace, arguments, counts);
    }
    if arguments.libfuzzer {
        return libfuzzer::run(workspace, arguments, counts);
    }
    let environment = if kqueue::is_asked(arguments.backend.as_deref()) {
        kqueue::environment(workspace, None)?
    } else {
        Vec::new()
    };
    let seeds = arguments.seeds();
    let operations = arguments.operations.div_ceil(seeds.len() as u64);
    for seed in seeds {
        let mut test = workspace.cargo(["test", "--release", "-p", "ferrio-conformance"]);
        test.args(["--test", "scripts", "--", "--nocapture"])
            .env("FERRIO_SCRIPT_SEED", seed.to_string())
            .env("FERRIO_SCRIPT_OPERATIONS", operations.to_string())
            .env("RUST_BACKTRACE", "0")
            .envs(environment.iter().cloned());
        if let Some(backend) = &arguments.backend {
            test.env("FERRIO_SCRIPT_BACKEND", backend);
        }
        if arguments.stats {
            test.env("FERRIO_SCRIPT_STATS", "1");
        }
        let report = run::tests(&mut test, counts)?;
        ensure!(report.counts.passed > 0, "no script was run");
    }
    Ok(())
}

/// Another one each time; it is printed with the command that uses it.
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // A few digits are easier to type again, and there are enough of them.
    now.map_or(1, |now| now.as_micros() as u64 % 1_000_000_000)
}
