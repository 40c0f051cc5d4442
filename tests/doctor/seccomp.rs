//! The doctor behind a seccomp filter, as containers have it.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use ferrio::{SelectorKind, WakerKind};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use serde_json::Value;

use crate::{advises, answer, report_of};

/// libc has it for some architectures only.
const SYS_EPOLL_PWAIT2: i64 = 441;

/// A filter that lets everything pass but `calls`.
fn filter(calls: &[i64], action: SeccompAction) -> BpfProgram {
    let rules: BTreeMap<i64, Vec<_>> = calls.iter().map(|&call| (call, Vec::new())).collect();
    let arch = std::env::consts::ARCH
        .try_into()
        .expect("an architecture with seccomp");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch);
    let program = filter.and_then(BpfProgram::try_from);
    program.expect("a filter")
}

/// The doctor's report behind that filter, and its exit code.
#[track_caller]
fn report_behind(code: i32, calls: &[i64], action: SeccompAction) -> Value {
    let program = filter(calls, action);
    let report = report_of(code, |command: &mut Command| {
        let apply = move || seccompiler::apply_filter(&program).map_err(std::io::Error::other);
        // SAFETY: between fork and exec this makes two system calls with memory that was prepared
        // before; only a failure allocates, and then the test has failed.
        unsafe { command.pre_exec(apply) };
    });
    assert_eq!(report["sandbox"]["seccomp"], "filter");
    assert_eq!(report["sandbox"]["no_new_privileges"], true);
    report
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

/// The selector that a `Poll` of this build stands on.
fn selector() -> SelectorKind {
    SelectorKind::available()[0]
}

/// Its call for timeouts below a millisecond.
fn precise() -> (&'static str, i64) {
    match selector() {
        SelectorKind::Epoll => ("epoll_pwait2", SYS_EPOLL_PWAIT2),
        _ => ("ppoll", libc::SYS_ppoll),
    }
}

#[test]
fn what_a_filter_refuses_is_done_another_way() {
    let (precise, number_of_precise) = precise();
    let calls = [number_of_precise, libc::SYS_accept4];
    for (number, word) in [(libc::EPERM, "refused"), (libc::ENOSYS, "missing")] {
        let report = report_behind(0, &calls, errno(number));
        for name in [precise, "accept4"] {
            assert_eq!(answer(&report, name), word, "{name}");
            assert!(advises(&report, name), "{report:#}");
        }
        assert_eq!(answer(&report, "accept"), "works");
        let choice = &report["choice"];
        assert_eq!(choice["selector"]["chosen"], selector().to_string());
        assert_eq!(choice["timeouts"]["chosen"], "rounded up to milliseconds");
        assert_eq!(choice["accepting"]["chosen"], "accept, then fcntl");
        let why = choice["accepting"]["why"].as_str().expect("a reason");
        assert!(why.contains("accept4") && why.contains(word), "{why}");
        // Ferrio has found its way round both.
        assert_eq!(report["works"], true);
    }
}

#[test]
fn without_eventfd_a_pipe_wakes() {
    for (number, word) in [(libc::EPERM, "refused"), (libc::ENOSYS, "missing")] {
        let report = report_behind(0, &[libc::SYS_eventfd2], errno(number));
        assert_eq!(answer(&report, "eventfd2"), word);
        let waker = &report["choice"]["waker"];
        assert_eq!(waker["chosen"], "pipe");
        let why = waker["why"].as_str().expect("a reason");
        if WakerKind::available()[0] == WakerKind::Eventfd {
            assert!(why.contains(&format!("eventfd2 is {word}")), "{why}");
            assert!(advises(&report, "eventfd2"), "{report:#}");
        } else {
            assert!(why.contains("asked for"), "{why}");
        }
        let woken = report["trial"][0]["detail"].as_str().expect("a reason");
        assert!(woken.ends_with("by pipe"), "{woken}");
        assert_eq!(report["works"], true);
    }
}

#[test]
fn a_filter_that_kills_is_survived_and_reported() {
    let (precise, number) = precise();
    let report = report_behind(1, &[number], SeccompAction::KillProcess);
    assert_eq!(answer(&report, precise), "kills");
    assert_eq!(answer(&report, "epoll_wait"), "works");
    assert_eq!(report["choice"]["timeouts"]["chosen"], Value::Null);
    let tried = report["trial"].as_array().expect("a list");
    let not_tried = format!("not tried: {precise} kills");
    assert!(
        tried.iter().all(|trial| trial["detail"]
            .as_str()
            .is_some_and(|detail| detail.starts_with(&not_tried))),
        "{tried:?}"
    );
}

/// A call that only programs make is no reason not to try ferrio.
#[test]
fn what_ferrio_does_not_call_may_kill() {
    let report = report_behind(0, &[libc::SYS_inotify_init1], SeccompAction::KillProcess);
    assert_eq!(answer(&report, "inotify_init1"), "kills");
    assert_eq!(report["works"], true);
}

/// A build on poll(2) is none the worse for it.
#[test]
fn without_epoll_there_is_no_selector_unless_it_is_another() {
    let on_epoll = selector() == SelectorKind::Epoll;
    // Which does instead; not every processor has it.
    #[cfg(target_arch = "x86_64")]
    let calls = [libc::SYS_epoll_create1, libc::SYS_epoll_create];
    #[cfg(not(target_arch = "x86_64"))]
    let calls = [libc::SYS_epoll_create1];
    // Where there are both, the one that is refused was to be tried too.
    let works = SelectorKind::available() == [SelectorKind::Poll];
    let report = report_behind(i32::from(!works), &calls, errno(libc::EPERM));
    assert_eq!(answer(&report, "epoll_create1"), "refused");
    assert_eq!(report["works"], works);
    let choice = &report["choice"]["selector"];
    if on_epoll {
        assert_eq!(choice["chosen"], Value::Null);
        let why = choice["why"].as_str().expect("a reason");
        assert!(why.contains("epoll_create1 is refused"), "{why}");
        assert!(advises(&report, "epoll_create1"), "{report:#}");
    } else {
        assert_eq!(choice["chosen"], selector().to_string());
        assert!(!advises(&report, "epoll_create1"), "{report:#}");
    }
}

/// Where no child can be made it asks by itself, and has no thread to try a wake with.
#[test]
fn without_processes_it_still_answers() {
    let calls = [
        libc::SYS_clone,
        libc::SYS_clone3,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_fork,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_vfork,
    ];
    let report = report_behind(1, &calls, errno(libc::EPERM));
    assert_eq!(answer(&report, "epoll_create1"), "works");
    assert_eq!(
        report["choice"]["selector"]["chosen"],
        selector().to_string()
    );
    assert_eq!(report["trial"][0]["works"], false);
    assert_eq!(report["trial"][1]["works"], true);
}
