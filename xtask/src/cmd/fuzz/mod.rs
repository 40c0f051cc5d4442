//! Random scripts on every backend, compared with a model of the contract: `conformance/src/script`.
//! By seeds on stable Rust, or with libFuzzer choosing (`--libfuzzer`).

mod libfuzzer;
mod mio;
mod mutations;
mod report;

use std::path::{Path, PathBuf};
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
    #[arg(long, value_name = "N", default_value_t = 200_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    operations: u64,
    /// Chooses the scripts; may be given more than once [default: 0 and a fresh one]
    #[arg(long, value_name = "SEED")]
    seed: Vec<u64>,
    /// Only the backends whose names begin with this, such as `poll` or `epoll_pipe`. `kqueue`, on
    /// Linux: on the library that simulates it
    #[arg(long, value_name = "NAME", value_parser = backend)]
    backend: Option<String>,
    /// Print what the scripts have reached
    #[arg(long)]
    stats: bool,
    /// libFuzzer chooses the scripts, guided by what they reach in the library: takes nightly Rust. On
    /// all backends, kqueue simulated, unless `--backend` says which
    #[arg(long, group = "instead", conflicts_with_all = ["operations", "stats"])]
    libfuzzer: bool,
    /// The scripts on crates.io mio, on epoll and on poll(2): what it answers differently
    #[arg(long, group = "instead",
        conflicts_with_all = ["operations", "stats", "backend", "minutes", "jobs", "hangs"])]
    mio: bool,
    /// Breaks a copy of the library in each way of `fuzz/mutations.toml`: libFuzzer has to notice
    #[arg(long, group = "instead",
        conflicts_with_all = ["operations", "stats", "backend", "jobs", "report"])]
    mutations: bool,
    /// For how many minutes libFuzzer runs each build and seed [default: 1, for mutations 2]
    #[arg(long, value_name = "M", requires = "instead", value_parser = minutes)]
    minutes: Option<f64>,
    /// How many scripts each build and seed runs, instead of for how long
    #[arg(long, value_name = "N", requires = "instead", conflicts_with = "minutes",
        value_parser = clap::value_parser!(u64).range(1..))]
    runs: Option<u64>,
    /// How many builds and seeds libFuzzer runs at once
    #[arg(long, value_name = "N", default_value_t = 1, requires = "instead",
        value_parser = clap::value_parser!(u8).range(1..))]
    jobs: u8,
    /// A script that libFuzzer runs for longer than so many seconds hangs. Clocks go on while a machine
    /// is suspended: more for a long run where that may happen
    #[arg(long, value_name = "S", default_value_t = libfuzzer::HANGS, requires = "instead",
        value_parser = clap::value_parser!(u32).range(1..))]
    hangs: u32,
    /// What is reached is added to this file, as a section of Markdown
    #[arg(long, value_name = "FILE", requires = "instead")]
    report: Option<PathBuf>,
    /// Runs a file that libFuzzer has left, and prints its script, made small if it fails
    #[arg(long, value_name = "FILE", conflicts_with_all = ["instead", "operations", "seed", "stats",
        "minutes", "runs", "jobs", "hangs", "report"])]
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
    if let Some(file) = &arguments.report {
        can_be_written(file)?;
    }
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

/// What scripts run on, on Linux.
const BACKENDS: [&str; 4] = ["epoll_eventfd", "epoll_pipe", "poll_eventfd", "poll_pipe"];
/// And with kqueue(2) simulated.
const SIMULATED: [&str; 3] = ["kqueue_kqueue", "kqueue_pipe", "poll_kqueue"];

/// The beginning of a backend's name. Elsewhere the program that is built knows what there is.
fn backend(name: &str) -> Result<String, String> {
    let names: &[&str] = match kqueue::is_asked(Some(name)) {
        true => &SIMULATED,
        false => &BACKENDS,
    };
    let is_known = names.iter().any(|backend| backend.starts_with(name));
    if is_known || !cfg!(target_os = "linux") {
        return Ok(name.to_owned());
    }
    let names = [&BACKENDS[..], &SIMULATED].concat().join(", ");
    Err(format!("no backend begins with this; there are {names}"))
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if minutes > 0.0 && minutes <= 100_000.0 {
        return Ok(minutes);
    }
    Err("it has to be more than 0, and at most 100000".to_owned())
}

/// Whether what is reached can go there: better asked before hours than after them.
fn can_be_written(file: &Path) -> Result<()> {
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    ensure!(
        directory.is_dir(),
        "the report cannot be written: {} is no directory",
        directory.display()
    );
    ensure!(
        !file.is_dir(),
        "the report cannot be written: {} is a directory",
        file.display()
    );
    Ok(())
}

/// Another one each time; it is printed with the command that uses it.
fn fresh_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // A few digits are easier to type again, and there are enough of them.
    now.map_or(1, |now| now.as_micros() as u64 % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn is_taken(arguments: &str) -> bool {
        Cli::try_parse_from(["fuzz"].into_iter().chain(arguments.split(' '))).is_ok()
    }

    #[test]
    fn what_the_checks_use_is_taken() {
        for good in [
            "--operations 5000000 --seed 7 --backend poll --stats",
            "--libfuzzer --minutes 30 --seed 7 --seed 8 --report FILE --jobs 4 --hangs 36000",
            "--libfuzzer --backend kqueue --runs 100",
            "--libfuzzer --backend=",
            "--mutations --seed 1 --minutes 1.5",
            "--mio --runs 250 --seed 201 --report FILE",
            "--replay FILE --backend kqueue",
            "--backend poll_kqueue",
        ] {
            assert!(is_taken(good), "{good}");
        }
    }

    #[test]
    fn an_option_that_would_have_no_effect_is_refused() {
        for bad in [
            "--minutes 1",
            "--runs 1",
            "--jobs 2",
            "--hangs 100",
            "--report FILE",
            "--mio --minutes 1",
            "--mio --jobs 2",
            "--mio --libfuzzer",
            "--mutations --report FILE",
            "--mutations --jobs 2",
            "--libfuzzer --operations 5",
            "--libfuzzer --minutes 1 --runs 1",
            "--replay FILE --mio",
            "--replay FILE --minutes 1",
            "--replay FILE --report FILE",
        ] {
            assert!(!is_taken(bad), "{bad}");
        }
    }

    #[test]
    fn what_would_do_nothing_or_never_end_is_refused() {
        for bad in [
            "--operations 0",
            #[cfg(target_os = "linux")]
            "--backend nonsense",
            #[cfg(target_os = "linux")]
            "--backend kqueue_eventfd",
            "--libfuzzer --minutes 0",
            "--libfuzzer --minutes=-1",
            "--libfuzzer --minutes nan",
            "--libfuzzer --minutes inf",
            "--libfuzzer --runs 0",
            "--libfuzzer --hangs 0",
            "--libfuzzer --jobs 0",
        ] {
            assert!(!is_taken(bad), "{bad}");
        }
    }

    #[test]
    fn a_report_needs_a_directory_that_is_there() {
        assert!(can_be_written(Path::new("report.md")).is_ok());
        assert!(can_be_written(&std::env::temp_dir().join("report.md")).is_ok());
        assert!(can_be_written(&std::env::temp_dir()).is_err());
        assert!(can_be_written(Path::new("/no such/directory/report.md")).is_err());
    }
}
