//! Test bodies in processes of their own.
//!
//! The tests of one binary run in parallel in one process. What is counted or changed process-wide,
//! such as open descriptors, resource limits and remembered fallbacks, needs a process to itself: the
//! binary is started again with that single test.
//!
//! Starting a process copies the descriptor table for an instant, close-on-exec or not: what another
//! thread closes just then stays open a little longer. So in a file that isolates one case, every
//! case that relies on a close taking effect at once is isolated too.

use std::env;
#[cfg(unix)]
use std::io;
#[cfg(unix)]
use std::panic::{self, AssertUnwindSafe};
use std::process::Output;

const CHILD: &str = "FERRIO_CONFORMANCE_CHILD";

/// How long an isolated body may take before its process is ended.
const WATCHDOG_SECONDS: u32 = 120;

/// Runs `body` in a new process, in which `test`, the full name of the calling test, is the only
/// test. Panics with the output of that process if the body did not run to its end.
pub fn isolated(test: &str, body: impl FnOnce()) {
    let finished = format!("isolated body of {test} finished");
    if env::var(CHILD).is_ok_and(|name| name == test) {
        watch();
        body();
        println!("{finished}");
        return;
    }
    let this = env::current_exe().expect("the path of this test binary");
    #[cfg(unix)]
    let mut command = crate::emulator::command(&this);
    #[cfg(windows)]
    let mut command = std::process::Command::new(&this);
    let output = command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .output()
        .expect("this test binary starts again");
    // The line is proof that the body ran: a wrong name would run no test and succeed too.
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains(&finished),
        "{}",
        describe(&output)
    );
}

/// Ends this process if it takes too long, by SIGALRM.
#[cfg(unix)]
fn watch() {
    // SAFETY: alarm(2) takes a number and touches no memory of ours.
    unsafe { libc::alarm(WATCHDOG_SECONDS) };
}

/// Ends this process if it takes too long.
#[cfg(windows)]
fn watch() {
    use std::time::{Duration, Instant};

    let (started, is_started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let end = Instant::now() + Duration::from_secs(WATCHDOG_SECONDS.into());
        started.send(()).expect("somebody waits for it");
        // Not `sleep`: that opens a timer, at any moment, which a body that counts handles would find.
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            std::thread::park_timeout(left);
        }
        eprintln!("the isolated body is still running after {WATCHDOG_SECONDS} s");
        std::process::abort();
    });
    is_started.recv().expect("the thread starts");
}

fn describe(output: &Output) -> String {
    format!(
        "the isolated body failed: {}\n--- its stdout\n{}\n--- its stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A child made by fork(2), which shares this process's descriptors' open file descriptions.
#[cfg(unix)]
#[derive(Debug)]
pub struct Forked {
    pid: libc::pid_t,
}

/// Forks. The child runs `body` and exits without running anything else of this process.
///
/// Only for bodies of [`isolated`], where the one other thread is libtest's, which sleeps until the
/// test ends. So no lock is held that the child would find locked for ever, as fork(2) warns.
#[cfg(unix)]
pub fn fork(body: impl FnOnce()) -> Forked {
    let others = crate::blocked::other_threads();
    assert!(others.len() <= 1, "fork needs a process without threads");
    crate::wait_for("libtest's thread to sleep", || {
        others.iter().all(|&tid| crate::blocked::is_asleep(tid))
    });
    // SAFETY: the only other thread, if any, is asleep in a system call, as was just seen.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => panic!("fork: {}", io::Error::last_os_error()),
        0 => {
            let code = match panic::catch_unwind(AssertUnwindSafe(body)) {
                Ok(()) => 0,
                Err(_) => 101,
            };
            // SAFETY: _exit(2) takes a number and does not return.
            unsafe { libc::_exit(code) }
        }
        pid => Forked { pid },
    }
}

#[cfg(unix)]
impl Forked {
    /// Waits for the child; panics unless its body ran to the end.
    pub fn join(self) {
        let mut status = 0;
        loop {
            // SAFETY: `status` is a valid place for the result.
            let pid = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
            if pid == self.pid {
                break;
            }
            let error = io::Error::last_os_error();
            assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{error}");
        }
        assert!(
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
            "the forked child failed, status {status:#x}"
        );
    }
}
