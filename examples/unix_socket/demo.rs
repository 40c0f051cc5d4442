//! The frame: command line, outcome, the sockets' files.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, process};

use clap::Parser;

use crate::{datagrams, streams};

/// Sends data through Unix sockets of every kind and checks what arrives, on ferrio.
///
/// Exit codes: 0, all of it arrived; 1, something else did; 2, it could not start.
#[derive(Parser)]
#[command(name = "unix_socket")]
struct Args {
    /// Where the sockets' files go [default: a new directory for temporary files]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,

    /// How much to send through each stream
    #[arg(long, value_name = "N", default_value = "1000000")]
    bytes: usize,
}

pub fn main() -> ExitCode {
    let args = Args::parse();
    let directory = match Directory::open(args.directory) {
        Ok(directory) => directory,
        Err(line) => return complain(2, &line),
    };
    match streams::all(&directory.path, args.bytes).and_then(|()| datagrams::all(&directory.path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Setup(line)) => complain(2, &line),
        Err(Failure::Wrong(line)) => complain(1, &line),
    }
}

fn complain(code: u8, line: &str) -> ExitCode {
    eprintln!("unix_socket: {line}");
    ExitCode::from(code)
}

pub enum Failure {
    Setup(String),
    Wrong(String),
}

/// What the system refuses once the conversation runs.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Wrong(error.to_string())
    }
}

pub fn setup(what: &Path) -> impl Fn(io::Error) -> Failure {
    move |error| Failure::Setup(format!("cannot use {}: {error}", what.display()))
}

pub fn is_try_later(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// The byte at a position of what is sent. The period, 251, is no divisor of any buffer's
/// length, so a buffer that is lost or comes twice shows.
pub fn byte_at(position: usize) -> u8 {
    (position % 251) as u8
}

pub fn wrong(what: &str) -> Failure {
    Failure::Wrong(String::from(what))
}

/// The directory for the sockets' files, removed again if it's ours.
struct Directory {
    path: PathBuf,
    is_ours: bool,
}

impl Directory {
    fn open(given: Option<PathBuf>) -> Result<Directory, String> {
        if let Some(path) = given {
            return Ok(Directory {
                path,
                is_ours: false,
            });
        }
        let path = env::temp_dir().join(format!("ferrio-example-{}", process::id()));
        fs::create_dir(&path).map_err(|e| format!("cannot make {}: {e}", path.display()))?;
        Ok(Directory {
            path,
            is_ours: true,
        })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// A socket's file.
pub struct RemoveOnDrop<'a>(pub &'a Path);

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

/// Prints to stdout; unlike `print!` it doesn't panic when nobody reads any more.
pub fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}
