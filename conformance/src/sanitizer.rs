//! The sanitizer that is in this program, if there is one: `cargo xtask sanitize` says so in the
//! environment.

use std::{env, fs};

/// Its name, as rustc calls it.
const SANITIZER: &str = "FERRIO_SANITIZER";

/// Whether a thread of this process is the sanitizer's own. ThreadSanitizer has one, which blocks the
/// signals so that the program's threads get them; nothing in the suite blocks any. It knows of fork(2),
/// and nothing stays locked in the child.
pub(crate) fn owns(tid: libc::pid_t) -> bool {
    if env::var_os(SANITIZER).is_none_or(|name| name != "thread") {
        return false;
    }
    let status = fs::read_to_string(format!("/proc/self/task/{tid}/status"));
    status.is_ok_and(|status| blocks_signals(&status))
}

/// Most of them, that is: there are some that libc needs. proc_pid_status(5): a mask in hexadecimal.
fn blocks_signals(status: &str) -> bool {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigBlk:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask.count_ones() > 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_blocks_the_signals_is_told_from_others() {
        let status =
            |mask: &str| format!("Name:\tx\nSigPnd:\t{0}\nSigBlk:\t{mask}\n", "f".repeat(16));
        assert!(blocks_signals(&status("fffffffe3ffbfeff")));
        assert!(!blocks_signals(&status("0000000000000000")));
        assert!(!blocks_signals(&status("0000000000002200")));
        assert!(!blocks_signals("Name:\tx\n"));
    }

    #[test]
    fn a_thread_of_the_suite_is_nobodys() {
        // SAFETY: gettid(2) has no arguments and cannot fail.
        assert!(!owns(unsafe { libc::gettid() }));
    }
}
