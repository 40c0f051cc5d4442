//! The filter, for processors that the crate `seccompiler` knows.

use std::collections::{BTreeMap, BTreeSet};
use std::{env, io};

use seccompiler::{BpfProgram, Error, SeccompAction, SeccompFilter};

/// Installs a filter for each errno: one filter has one answer, and of several the one that refuses
/// counts.
pub(super) fn install(calls: &[(libc::c_long, i32)]) {
    let errnos: BTreeSet<i32> = calls.iter().map(|&(_, errno)| errno).collect();
    for errno in errnos {
        let refused = calls.iter().filter(|call| call.1 == errno);
        // A call without rules is refused whatever its arguments.
        let rules: BTreeMap<i64, Vec<_>> = refused.map(|call| (call.0, Vec::new())).collect();
        let answer = SeccompAction::Errno(errno.unsigned_abs());
        let arch = env::consts::ARCH.try_into().expect("a known processor");
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch);
        let program: BpfProgram = filter.expect("a filter").try_into().expect("a program");
        if let Err(error) = seccompiler::apply_filter(&program) {
            panic!("the filter: {}", reason(error));
        }
    }
}

/// What the kernel has said.
fn reason(error: Error) -> io::Error {
    match error {
        Error::Prctl(error) | Error::Seccomp(error) => error,
        other => io::Error::other(other),
    }
}
