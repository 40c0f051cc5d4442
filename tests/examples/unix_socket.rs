//! `unix_socket`: every part succeeds, and no file stays behind.

use std::path::PathBuf;
use std::{env, fs, process};

use crate::process::{Process, run};

/// An empty directory that is gone again at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Directory {
        let path = env::temp_dir().join(format!("ferrio-test-{}-{name}", process::id()));
        fs::create_dir(&path).expect("a new directory");
        Directory(path)
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(&self.0)
            .expect("the directory")
            .next()
            .is_none()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn every_part_checks_what_arrives_and_leaves_no_file() {
    let directory = Directory::new("parts");
    let sockets = Process::start_with("unix_socket", &[], |command| {
        command.env("TMPDIR", &directory.0);
    });
    let sockets = sockets.finish();
    assert_eq!(sockets.code, Some(0), "{sockets:?}");
    let streams = if cfg!(any(target_os = "linux", target_os = "android")) {
        3
    } else {
        2
    };
    let echoed = ": 1000000 bytes sent, echoed and checked\n";
    assert_eq!(
        sockets.stdout.matches(echoed).count(),
        streams,
        "{sockets:?}"
    );
    assert!(
        sockets.stdout.contains("bounds and senders checked\n"),
        "{sockets:?}"
    );
    assert!(
        sockets.stdout.contains("pair: bounds checked\n"),
        "{sockets:?}"
    );
    assert_eq!(sockets.stderr, "");
    assert!(directory.is_empty());
}

#[test]
fn streams_of_any_length() {
    let directory = Directory::new("lengths");
    let path = directory.0.to_str().expect("a path in UTF-8");
    for bytes in ["0", "1", "30000000"] {
        let sockets = run("unix_socket", &["--bytes", bytes, "--directory", path]);
        assert_eq!(sockets.code, Some(0), "{sockets:?}");
        assert!(
            sockets.stdout.contains(&format!(": {bytes} bytes sent")),
            "{sockets:?}"
        );
        assert!(directory.is_empty());
    }
}

#[test]
fn a_bad_directory_is_one_clear_line() {
    let missing = "/nonexistent/directory";
    run("unix_socket", &["--directory", missing]).assert_refused(&["cannot use", missing]);

    // Longer than an address can be.
    let directory = Directory::new("long");
    let long = directory.0.join("x".repeat(200));
    fs::create_dir(&long).expect("a directory");
    let sockets = run(
        "unix_socket",
        &["--directory", long.to_str().expect("UTF-8")],
    );
    sockets.assert_refused(&["cannot use", "xxx"]);

    // Taken: a socket's file isn't removed by anyone but who made it.
    let taken = Directory::new("taken");
    fs::write(taken.0.join("stream.sock"), "mine").expect("a file");
    let sockets = run(
        "unix_socket",
        &["--directory", taken.0.to_str().expect("UTF-8")],
    );
    sockets.assert_refused(&["cannot use", "stream.sock", "in use"]);
    assert_eq!(
        fs::read_to_string(taken.0.join("stream.sock")).expect("the file"),
        "mine"
    );
}
