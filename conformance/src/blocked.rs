//! Whether a thread sleeps in a polling system call, according to the kernel.

use std::{fs, io};

use crate::{emulator, sanitizer};

/// Names a thread to the kernel.
pub(crate) type Id = libc::pid_t;

/// The calling thread.
pub(crate) fn own() -> Id {
    // SAFETY: gettid(2) has no arguments and cannot fail.
    unsafe { libc::gettid() }
}

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

/// The calls that an emulator makes in their place: epoll_pwait, epoll_pwait2 and ppoll, by the numbers
/// that they have for the processor it runs on.
fn sleeping_emulated(host: &str) -> &'static [libc::c_long] {
    match host {
        "x86_64" => &[281, 441, 271],
        "aarch64" | "riscv64" => &[22, 441, 73],
        other => panic!("the numbers of the system calls of {other} are not known here"),
    }
}

/// Whether thread `tid` of this process is asleep in one of those calls at this moment.
///
/// proc_pid_syscall(5): the number of the call in which the thread blocks, `running` while it runs.
pub(crate) fn in_polling_call(tid: Id) -> bool {
    let sleeping = match emulator::host() {
        None => SLEEPING,
        Some(host) => sleeping_emulated(&host),
    };
    call(tid).is_some_and(|number| sleeping.contains(&number))
}

/// Whether thread `tid` of this process is asleep in any call.
pub(crate) fn is_asleep(tid: Id) -> bool {
    call(tid).is_some()
}

fn call(tid: Id) -> Option<libc::c_long> {
    match fs::read_to_string(format!("/proc/self/task/{tid}/syscall")) {
        Ok(line) => line.split_whitespace().next()?.parse().ok(),
        // The thread has ended, before or after the file was opened; the caller notices that.
        Err(error) if is_gone(&error) => None,
        Err(error) => panic!("/proc/self/task/{tid}/syscall: {error}"),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// The threads of this process but for the calling one and an emulator's or a sanitizer's.
pub(crate) fn other_threads() -> Vec<Id> {
    let own = own();
    fs::read_dir("/proc/self/task")
        .expect("procfs")
        .map(|entry| entry.expect("procfs").file_name())
        .map(|name| name.to_string_lossy().parse().expect("a number"))
        .filter(|&tid| tid != own && !emulator::owns(tid) && !sanitizer::owns(tid))
        .collect()
}
