//! `examples/doctor`: what it says is so, in an ordinary environment and in a poor one.

#![cfg(unix)]

#[path = "../examples/binaries.rs"]
mod binaries;
// Its other half is for other tests.
#[allow(dead_code)]
#[path = "../examples/process.rs"]
mod process;
#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
mod seccomp;

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use ferrio::{Poll, SelectorKind, Token, Waker, WakerKind};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use process::{Finished, Process, run};
use serde_json::{Value, json};

/// Its report, as JSON.
#[track_caller]
fn report(finished: &Finished) -> Value {
    assert_eq!(finished.stderr, "");
    serde_json::from_str(&finished.stdout).unwrap_or_else(|e| panic!("{e}: {finished:?}"))
}

/// Its report from a process that `prepare` did something to.
#[track_caller]
fn report_of(code: i32, prepare: impl FnOnce(&mut Command)) -> Value {
    let finished = Process::start_with("doctor", &["--json"], prepare).finish();
    assert_eq!(finished.code, Some(code), "{finished:?}");
    report(&finished)
}

/// What became of a system call.
#[cfg(target_os = "linux")]
#[track_caller]
fn answer<'a>(report: &'a Value, name: &str) -> &'a Value {
    let calls = report["calls"].as_array().expect("a list");
    let call = calls.iter().find(|call| call["name"] == name);
    &call.unwrap_or_else(|| panic!("no {name} in {report:#}"))["answer"]
}

/// Is there advice with this in it?
fn advises(report: &Value, part: &str) -> bool {
    let advice = report["advice"].as_array().expect("a list");
    advice
        .iter()
        .any(|line| line.as_str().is_some_and(|line| line.contains(part)))
}

#[test]
fn help_and_unknown_options() {
    let help = run("doctor", &["--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    for part in ["Usage:", "--json", "Exit codes"] {
        assert!(help.stdout.contains(part), "{help:?}");
    }
    let unknown = run("doctor", &["--nonsense"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(unknown.stderr.contains("--nonsense"), "{unknown:?}");
}

#[test]
fn it_says_what_ferrio_says() {
    let finished = run("doctor", &["--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let report = report(&finished);
    let poll = Poll::new().expect("a poll");
    // Which one it is may be found out with the first.
    let _waker = Waker::new(poll.registry(), Token(0)).expect("a waker");
    assert_eq!(
        report["choice"]["selector"]["chosen"],
        poll.selector().to_string()
    );
    assert_eq!(
        report["choice"]["waker"]["chosen"],
        poll.waker().to_string()
    );
    let names = |kinds: &[String]| json!(kinds);
    let selectors: Vec<String> = SelectorKind::available()
        .iter()
        .map(ToString::to_string)
        .collect();
    let wakers: Vec<String> = WakerKind::available()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(report["ferrio"]["selectors"], names(&selectors));
    assert_eq!(report["ferrio"]["wakers"], names(&wakers));
    for &(name, is_there) in ferrio::capabilities::ALL {
        assert_eq!(
            report["ferrio"]["capabilities"][name.to_lowercase()],
            is_there,
            "{name}"
        );
    }
    assert_eq!(report["works"], true);
    let trials = report["trial"].as_array().expect("a list");
    // Where there is a choice, each way is tried.
    let ways = match selectors.len() * wakers.len() {
        1 => 0,
        ways => ways,
    };
    assert_eq!(trials.len(), 3 + ways);
    if ways > 0 {
        let (selector, waker) = (&selectors[0], &wakers[wakers.len() - 1]);
        let what = format!("{selector} and {waker}");
        let tried = trials.iter().find(|trial| trial["what"] == what.as_str());
        let detail = tried.expect("it was tried")["detail"].to_string();
        assert!(detail.contains(&format!("by {waker}")), "{detail}");
    }
    assert!(
        trials.iter().all(|trial| trial["works"] == true),
        "{trials:?}"
    );
}

#[test]
fn the_text_says_the_same_as_the_json() {
    let text = run("doctor", &[]);
    assert_eq!(text.code, Some(0), "{text:?}");
    let json = report(&run("doctor", &["--json"]));
    for heading in [
        "ferrio",
        "system",
        "limits",
        "what ferrio chooses",
        "how it goes",
    ] {
        let line = format!("{heading}\n");
        assert!(
            text.stdout.starts_with(&line) || text.stdout.contains(&format!("\n{line}")),
            "{heading}: {text:?}"
        );
    }
    let row = |label: &str| {
        let found = text
            .stdout
            .lines()
            .find_map(|line| line.trim().strip_prefix(label));
        found
            .unwrap_or_else(|| panic!("no {label} in {text:?}"))
            .trim()
            .to_string()
    };
    let selector = json["choice"]["selector"]["chosen"]
        .as_str()
        .expect("a name");
    assert!(
        row("selector ").starts_with(&format!("{selector}: ")),
        "{text:?}"
    );
    assert_eq!(row("architecture "), std::env::consts::ARCH);
    for call in json["calls"].as_array().expect("a list") {
        let (name, answer) = (call["name"].as_str(), call["answer"].as_str());
        let row = row(&format!("{} ", name.expect("a name")));
        assert!(row.contains(answer.expect("a word")), "{row}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn it_reads_what_the_kernel_says() {
    let report = report(&run("doctor", &["--json"]));
    let read = |path: &str| {
        let text = std::fs::read_to_string(path).expect("a file of the kernel's");
        text.trim().to_string()
    };
    assert_eq!(
        report["system"]["kernel"],
        read("/proc/sys/kernel/osrelease")
    );
    assert_eq!(
        report["limits"]["backlog"].to_string(),
        read("/proc/sys/net/core/somaxconn")
    );
    let watches = read("/proc/sys/fs/epoll/max_user_watches");
    assert_eq!(report["limits"]["epoll_watches"].to_string(), watches);
    // We could make a Poll, so these work for us, and it may do what we may.
    for name in [
        "epoll_create1",
        "epoll_ctl",
        "epoll_wait",
        "poll",
        "ppoll",
        "eventfd2",
        "pipe2",
    ] {
        assert_eq!(answer(&report, name), "works");
    }
}

#[test]
fn limits_are_reported_and_what_to_do_about_them() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    let report = |soft, hard| {
        report_of(0, move |command| {
            let lower = move || Ok(setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?);
            // SAFETY: between fork and exec this makes one system call and touches nothing else.
            unsafe { command.pre_exec(lower) };
        })
    };
    let low = report(64, 128);
    assert_eq!(low["limits"]["descriptors"], 64);
    assert_eq!(low["limits"]["descriptors_at_most"], 128);
    assert!(advises(&low, "from 64 to 128"), "{low:#}");
    assert!(advises(&low, "no more than 128"), "{low:#}");
    let full = report(hard, hard);
    assert_eq!(full["limits"]["descriptors"], hard);
    assert!(!advises(&full, "by itself"), "{full:#}");
}

/// One descriptor besides stdin and the like is enough to start a program, and for nothing else.
#[test]
fn it_says_so_when_ferrio_does_not_work() {
    let report = report_of(1, |command| {
        let lower = || Ok(setrlimit(Resource::RLIMIT_NOFILE, 4, 4)?);
        // SAFETY: between fork and exec this makes one system call and touches nothing else.
        unsafe { command.pre_exec(lower) };
    });
    assert_eq!(report["works"], false);
    let connection = &report["trial"][1];
    assert_eq!(connection["works"], false);
    let why = connection["detail"].as_str().expect("a reason");
    assert!(why.contains("open files"), "{why}");
}
