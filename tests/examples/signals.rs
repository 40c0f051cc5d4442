//! `signals`: each signal sent is counted, once.

#![cfg(any(target_os = "linux", target_os = "android"))]

use nix::sys::signal::Signal;

use crate::process::{Process, run};

#[test]
fn the_self_test_counts_what_it_sends() {
    let signals = run("signals", &["--self-test"]);
    assert_eq!(signals.code, Some(0), "{signals:?}");
    assert!(
        signals
            .stdout
            .contains("counted 1 SIGINT, 3 SIGUSR1, 1 SIGTERM\n"),
        "{signals:?}"
    );
}

#[test]
fn signals_of_others_are_counted_until_one_ends_it() {
    for (last, counted) in [
        (Signal::SIGINT, "counted 1 SIGINT, 3 SIGUSR1\n"),
        (Signal::SIGTERM, "counted 3 SIGUSR1, 1 SIGTERM\n"),
    ] {
        let mut signals = Process::start("signals", &[]);
        signals.expect("listening for ");
        for _ in 0..3 {
            // Waits for each: one that is pending already isn't counted twice.
            signals.signal(Signal::SIGUSR1);
            let sender = signals.expect("SIGUSR1 from process ");
            assert!(
                sender.starts_with(&format!("{} (", std::process::id())),
                "{sender}"
            );
        }
        signals.signal(last);
        let signals = signals.finish();
        assert_eq!(signals.code, Some(0), "{signals:?}");
        assert!(signals.stdout.ends_with(counted), "{signals:?}");
    }
}
