//! The programs in `examples/` as their users see them: each is started as a process, talked to,
//! interrupted, starved, and asked for its exit code.
//!
//! A program says on stdout when it's ready, so nothing here has to sleep.

#![cfg(unix)]

mod binaries;
mod echo_both;
mod echo_load;
mod echo_parts;
mod echo_serve;
mod pipes;
mod process;
mod signals;
mod udp;
mod unix_socket;

/// Every example explains itself, and says in one way what it doesn't understand.
#[test]
fn help_and_unknown_options() {
    for name in ["echo", "pipes", "signals", "udp", "unix_socket"] {
        let help = process::run(name, &["--help"]);
        assert_eq!(help.code, Some(0), "{name}: {help:?}");
        assert!(help.stdout.contains("Usage:"), "{name}: {help:?}");
        assert!(help.stdout.contains("Exit"), "{name}: {help:?}");
        assert_eq!(help.stderr, "", "{name}");
        if name != "pipes" {
            let unknown = process::run(name, &["--nonsense"]);
            assert_eq!(unknown.code, Some(2), "{name}: {unknown:?}");
            assert!(unknown.stderr.contains("--nonsense"), "{name}: {unknown:?}");
        }
    }
}
