//! Other people's programs, and files for them.

use std::io::{self, ErrorKind};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::{Mutex, PoisonError};

/// Runs a program that these tests need but can't bring along; a missing one is installed.
#[track_caller]
pub fn run(command: &mut Command, package: &str) -> Output {
    present(command, package, Command::output)
}

/// Starts one.
#[track_caller]
pub fn start(command: &mut Command, package: &str) -> Child {
    present(command, package, Command::spawn)
}

#[track_caller]
fn present<T>(
    command: &mut Command,
    package: &str,
    mut go: impl FnMut(&mut Command) -> io::Result<T>,
) -> T {
    let mut result = go(command);
    if matches!(&result, Err(error) if error.kind() == ErrorKind::NotFound) {
        install(package);
        result = go(command);
    }
    let program = command.get_program().to_string_lossy();
    result.unwrap_or_else(|error| panic!("cannot run {program}: {error}"))
}

/// One at a time: the package manager holds a lock of its own, and does not wait for it.
#[track_caller]
fn install(package: &str) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/install-tools.sh");
    let output = Command::new(script).output().expect("a shell");
    assert!(
        output.status.success(),
        "{package} is missing, and {script} failed: {}",
        text(&output.stderr)
    );
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of a test's own, which is gone when the test is over.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A path; the file is for others to make. `name` is the test's.
    pub fn new(name: &str) -> Scratch {
        let name = format!("{}-{name}", std::process::id());
        Scratch(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    pub fn containing(name: &str, content: impl AsRef<[u8]>) -> Scratch {
        let file = Scratch::new(name);
        std::fs::write(&file.0, content).expect("a file");
        file
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().expect("a path of plain characters")
    }
}

impl Deref for Scratch {
    type Target = Path;
    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
