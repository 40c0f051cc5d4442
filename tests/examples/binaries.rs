//! Where the examples' programs are.
//!
//! `cargo test` builds them next to the tests, but `cargo test --test examples` does not, and then
//! there may be none or an old one. Old programs must not pass for new ones, so what is missing or
//! older than its sources is built here.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;
use std::{env, fs};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// In the environment: the emulator that the tests run under.
const RUNNER: &str = "FERRIO_RUNNER";

/// Starts the example `name`, by way of the emulator that `cargo xtask qemu` runs the tests under.
pub fn example(name: &str) -> Command {
    let program = program(name);
    match env::var_os(RUNNER) {
        None => Command::new(program),
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(program);
            command
        }
    }
}

/// The program of the example `name`, up to date.
fn program(name: &str) -> PathBuf {
    static FOUND: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    let found = found.get_or_insert_with(HashMap::new);
    if let Some(program) = found.get(name) {
        return program.clone();
    }
    let beside = profile_directory().join("examples").join(name);
    let program = if is_current(&beside) {
        beside
    } else {
        built(name)
    };
    found.insert(name.to_string(), program.clone());
    program
}

/// `target/debug` or its like: this program is in its directory `deps`.
fn profile_directory() -> PathBuf {
    let this = env::current_exe().expect("the test's own path");
    this.ancestors()
        .nth(2)
        .expect("a directory two levels up")
        .to_path_buf()
}

/// Is the program there, and newer than what it was made of?
fn is_current(program: &Path) -> bool {
    let Ok(built_at) = modified(program) else {
        return false;
    };
    // Cargo lists the sources here, as a makefile would.
    let Ok(rule) = fs::read_to_string(program.with_extension("d")) else {
        return false;
    };
    let Some((_, sources)) = rule.trim_end().split_once(": ") else {
        return false;
    };
    // A space within a name has a backslash before it.
    let sources = sources.replace("\\ ", "\0");
    sources.split(' ').all(|source| {
        let source = PathBuf::from(source.replace('\0', " "));
        !is_outdated(&source, built_at)
    })
}

/// Has `source` changed since `built_at`, in a way that this run of the tests has to heed?
fn is_outdated(source: &Path, built_at: SystemTime) -> bool {
    static THIS_BUILT_AT: OnceLock<SystemTime> = OnceLock::new();
    let this_built_at = THIS_BUILT_AT.get_or_init(|| {
        let this = env::current_exe().expect("the test's own path");
        modified(&this).expect("the test's own date")
    });
    let Ok(changed_at) = modified(source) else {
        return true;
    };
    // The library may be edited while the tests run: what they are about is the state they were
    // built from. The examples aren't part of this program, so there the date says nothing.
    let ours = source.starts_with(Path::new(ROOT).join("examples"));
    changed_at > built_at && (ours || changed_at <= *this_built_at)
}

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// Has cargo build the examples as it built this test, and say where the program is.
fn built(name: &str) -> PathBuf {
    let directory = profile_directory();
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.arg("build");
    if env::var_os(RUNNER).is_some() {
        // For another target there is a directory with its name.
        let target = directory.parent().and_then(Path::file_name);
        cargo
            .arg("--target")
            .arg(target.expect("the target's name"));
    }
    let output = cargo
        .args([
            "--quiet",
            "--examples",
            "--message-format=json",
            "--profile",
            profile,
        ])
        .arg("--manifest-path")
        .arg(Path::new(ROOT).join("Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the examples can't be built");
    let messages = String::from_utf8(output.stdout).expect("cargo's messages are text");
    let program = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let target = message.get("target")?;
        let is_it = target["name"] == name && target["kind"][0] == "example";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    program.unwrap_or_else(|| panic!("cargo built no example {name}"))
}
