//! The emulator that the tests run under, if there is one: `cargo xtask qemu` says so in the environment.
//!
//! Under qemu-user a test for another processor is a process of this kernel, in which the emulator
//! makes the system calls and has a thread of its own. What procfs tells is about that process.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The program that runs those for the other processor.
const RUNNER: &str = "FERRIO_RUNNER";

/// The processor that there is, named as Rust names it.
const HOST: &str = "FERRIO_HOST";

fn runner() -> Option<OsString> {
    env::var_os(RUNNER)
}

/// Starts `program`, which is for the processor that the tests are for. The kernel itself would have
/// to be told how, binfmt_misc, and may not have been.
pub fn command(program: &Path) -> Command {
    match runner() {
        None => Command::new(program),
        Some(runner) => {
            let mut command = Command::new(runner);
            command.arg(program);
            command
        }
    }
}

/// The processor that system calls are really made on, if it is another.
pub(crate) fn host() -> Option<String> {
    runner()?;
    let host = env::var(HOST);
    Some(host.unwrap_or_else(|error| panic!("{RUNNER} is set, and {HOST}: {error}")))
}

/// Whether a thread of this process is the emulator's own. Like the first thread of the program, it has
/// the name of what was started, the emulator; others have names that the program gave them.
pub(crate) fn owns(tid: libc::pid_t) -> bool {
    let Some(runner) = runner() else {
        return false;
    };
    if u32::try_from(tid) == Ok(std::process::id()) {
        return false;
    }
    let Ok(name) = fs::read_to_string(format!("/proc/self/task/{tid}/comm")) else {
        return false;
    };
    // proc_pid_comm(5): cut off after 15 bytes.
    let file = Path::new(&runner).file_name().expect("a program's name");
    let file = file.as_encoded_bytes();
    name.trim_end().as_bytes() == &file[..file.len().min(15)]
}
