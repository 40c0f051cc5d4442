//! The target in `fuzz/`, which libFuzzer drives: built with nightly Rust, AddressSanitizer and the
//! instrumentation that libFuzzer is guided by. What cargo-fuzz does, without having to be installed.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;
use std::{env, fs, thread};

use anyhow::{Context, Result, ensure};

use super::report::{self, Section};
use super::{Arguments, kqueue};
use crate::counts::Counts;
use crate::workspace::{Workspace, rustflags};
use crate::{install, run};

const TOOLCHAIN: &str = "nightly";
/// As cargo-fuzz has it.
const FLAGS: &[&str] = &[
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Zsanitizer=address",
];
/// `MAX_BYTES` of `conformance/src/script/bytes.rs`.
const MAX_BYTES: usize = 648;
/// Strings to begin with, for one seed.
const BEGINNINGS: u64 = 400;
/// A script that takes longer hangs. In seconds; the limit within which an event has to come is 10.
pub const HANGS: u32 = 90;

/// The target, built for epoll and poll(2) or for kqueue(2).
pub struct Target {
    /// The beginning of its backends' names, or nothing.
    backend: String,
    program: PathBuf,
    environment: Vec<(String, OsString)>,
    /// What its runs keep.
    home: PathBuf,
}

/// The builds that are asked for.
fn builds(arguments: &Arguments) -> Vec<&str> {
    match &arguments.backend {
        Some(backend) => vec![backend],
        None => vec!["", "kqueue"],
    }
}

fn build(workspace: &Workspace, backend: &str) -> Result<Target> {
    if !kqueue::is_asked(Some(backend)) {
        return build_in(workspace.root(), &workspace.target("fuzz"), backend);
    }
    let mut environment = Vec::new();
    let mut flags = String::new();
    for (name, value) in kqueue::environment(workspace, None)? {
        match name.as_str() {
            "RUSTFLAGS" => flags = format!("{} {}", value.to_string_lossy(), FLAGS.join(" ")),
            "CARGO_TARGET_DIR" => {}
            _ => environment.push((name, value)),
        }
    }
    let home = workspace.target("fuzz-kqueue");
    Ok(Target {
        environment,
        ..build_with(workspace.root(), &home, backend, &flags)?
    })
}

/// In another copy of the repository; for all backends but kqueue(2).
pub fn build_in(root: &Path, home: &Path, backend: &str) -> Result<Target> {
    build_with(root, home, backend, &rustflags(&FLAGS.join(" ")))
}

fn build_with(root: &Path, home: &Path, backend: &str, flags: &str) -> Result<Target> {
    install::package("g++", "g++", "https://gcc.gnu.org")?;
    install::toolchain(TOOLCHAIN)?;
    let triple = triple()?;
    let mut cargo = Command::new("rustup");
    cargo
        .args(["run", TOOLCHAIN, "cargo", "build", "--locked", "--release"])
        .args(["--target", &triple, "--bin", "scripts"])
        .current_dir(root.join("fuzz"))
        .env("RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", home)
        .env_remove("CARGO_PROFILE_RELEASE_DEBUG");
    run::step(&mut cargo)?;
    let program = home.join(&triple).join("release").join("scripts");
    ensure!(program.exists(), "{} was not built", program.display());
    Ok(Target {
        backend: backend.to_owned(),
        program,
        environment: Vec::new(),
        home: home.to_owned(),
    })
}

/// A sanitizer's flags may not reach build scripts, so the target has to be named.
fn triple() -> Result<String> {
    let said = run::stdout(Command::new("rustup").args(["run", TOOLCHAIN, "rustc", "-vV"]))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}

impl Target {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("FERRIO_SCRIPT_BACKEND", &self.backend)
            .env("RUST_BACKTRACE", "0")
            .envs(self.environment.iter().cloned());
        command
    }
}

pub fn run(workspace: &Workspace, arguments: &Arguments, counts: &mut Counts) -> Result<()> {
    let backends = builds(arguments).into_iter();
    let targets: Vec<Target> = backends
        .map(|backend| build(workspace, backend))
        .collect::<Result<_>>()?;
    let seeds = arguments.seeds();
    let pairs = seeds
        .iter()
        .flat_map(|&seed| targets.iter().map(move |target| (target, seed)));
    let queue = Mutex::new(pairs.collect::<VecDeque<_>>());
    let sections = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        loop {
            let next = queue.lock().expect("no panic beside it").pop_front();
            let Some((target, seed)) = next else {
                return Ok(());
            };
            let section = one(target, arguments, seed)?;
            let mut sections = sections.lock().expect("no panic beside it");
            print(&section);
            sections.push(section);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.jobs).map(|_| scope.spawn(work)).collect();
        let mut ends = workers.into_iter().map(|worker| worker.join());
        ends.try_for_each(|end| end.expect("a worker doesn't panic"))
    })?;
    let sections = sections.into_inner().expect("no panic before");
    for section in &sections {
        for reached in &section.reached {
            counts.add(reached.operations > 0);
        }
        counts.failed += usize::from(section.failed.is_some());
    }
    match &arguments.report {
        Some(file) => report::append(workspace, file, &sections),
        None => Ok(()),
    }
}

fn print(section: &Section) {
    for reached in &section.reached {
        println!("{reached}");
    }
    if let Some(left) = &section.failed {
        println!("FAILED  {left}");
    }
}

/// A run with one seed.
pub fn one(target: &Target, arguments: &Arguments, seed: u64) -> Result<Section> {
    let corpus = target.home.join(format!("corpus-{seed}"));
    let artifacts = target.home.join("artifacts");
    let reached = target.home.join(format!("reached-{seed}.json"));
    if corpus.exists() {
        fs::remove_dir_all(&corpus)?;
    }
    for directory in [&corpus, &artifacts] {
        fs::create_dir_all(directory)?;
    }
    begin(&corpus, seed)?;
    let _ = fs::remove_file(&reached);
    let mut command = target.command();
    command
        .arg(&corpus)
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        // 0 would be one of its own choice.
        .arg(format!("-seed={}", seed % u64::from(u32::MAX) + 1))
        .arg(format!("-max_len={MAX_BYTES}"))
        .args(["-len_control=0", "-verbosity=0", "-print_final_stats=1"])
        .arg(format!("-timeout={}", arguments.hangs))
        .arg(match arguments.runs {
            Some(runs) => format!("-runs={runs}"),
            None => format!("-max_total_time={}", seconds(arguments)),
        })
        .env("FERRIO_FUZZ_COUNTS", &reached);
    println!("$ {}", run::show(&command));
    let begun = Instant::now();
    let status = command.status().context("the target could not be run")?;
    let failed = (!status.success()).then(|| {
        let left = artifacts.display();
        format!("{status}: what libFuzzer has left in {left} is for cargo xtask fuzz --replay FILE")
    });
    let text = fs::read_to_string(&reached).context("the target has counted nothing")?;
    let reached = report::reached(&text)?;
    ensure!(!reached.is_empty(), "the target has counted nothing");
    Ok(Section {
        seed,
        duration: begun.elapsed(),
        reached,
        failed,
    })
}

fn seconds(arguments: &Arguments) -> u64 {
    (arguments.minutes.unwrap_or(1.0) * 60.0).ceil().max(1.0) as u64
}

/// The same strings for the same seed. As every string is a script, any will do.
fn begin(corpus: &Path, seed: u64) -> Result<()> {
    let mut state = seed;
    for number in 0..BEGINNINGS {
        let length = 8 + 4 * (10 + next(&mut state) as usize % 120);
        let bytes: Vec<u8> = (0..length).map(|_| next(&mut state) as u8).collect();
        fs::write(corpus.join(format!("begin-{number}")), bytes)?;
    }
    Ok(())
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Runs a file that libFuzzer has left.
pub fn replay(
    workspace: &Workspace,
    arguments: &Arguments,
    file: &Path,
    counts: &mut Counts,
) -> Result<()> {
    let file = env::current_dir()?.join(file);
    ensure!(file.is_file(), "{} is no file", file.display());
    let target = build(workspace, arguments.backend.as_deref().unwrap_or_default())?;
    let mut command = target.command();
    command.arg(&file).env("FERRIO_FUZZ_REPLAY", "1");
    println!("$ {}", run::show(&command));
    let status = command.status().context("the target could not be run")?;
    counts.add(status.success());
    Ok(())
}
