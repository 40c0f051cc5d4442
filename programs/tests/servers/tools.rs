//! Other people's programs, and files for them.

use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

/// Runs a program that these tests need but can't bring along.
#[track_caller]
pub fn run(command: &mut Command, package: &str) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| explain(command, package, &error))
}

/// Starts one.
#[track_caller]
pub fn start(command: &mut Command, package: &str) -> Child {
    let child = command.spawn();
    child.unwrap_or_else(|error| explain(command, package, &error))
}

#[track_caller]
fn explain(command: &Command, package: &str, error: &std::io::Error) -> ! {
    let program = command.get_program().to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        panic!(
            "{program} is not installed: it is in the package {package}, see programs/README.md"
        );
    }
    panic!("cannot run {program}: {error}");
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
