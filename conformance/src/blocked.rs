//! Whether a thread sleeps in a polling system call, according to the kernel.

use std::fs;

/// The calls in which a selector may sleep.
const SLEEPING: &[libc::c_long] = &[
    #[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm"))]
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    #[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm"))]
    libc::SYS_poll,
    libc::SYS_ppoll,
];

/// Whether thread `tid` of this process is asleep in one of those calls at this moment.
///
/// proc_pid_syscall(5): the number of the call in which the thread blocks, `running` while it runs.
pub(crate) fn in_polling_call(tid: libc::pid_t) -> bool {
    match fs::read_to_string(format!("/proc/self/task/{tid}/syscall")) {
        Ok(line) => line
            .split_whitespace()
            .next()
            .and_then(|number| number.parse().ok())
            .is_some_and(|number: libc::c_long| SLEEPING.contains(&number)),
        // Between two calls of it the thread may have ended; the caller notices that.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => panic!("/proc/self/task/{tid}/syscall: {error}"),
    }
}
