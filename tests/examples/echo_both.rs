//! `echo` with server and load in one process, the README's first command.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

use crate::process::{Process, run};

#[test]
fn a_short_run_is_clean() {
    let echo = run("echo", &["--connections", "50", "--seconds", "1"]);
    assert_eq!(echo.code, Some(0), "{echo:?}");
    assert_eq!(echo.number("connections"), 50, "{echo:?}");
    assert!(echo.number("requests ") > 50, "{echo:?}");
    assert_eq!(echo.number("errors"), 0, "{echo:?}");
    assert!(
        echo.stdout.contains("descriptors    0 left open\n"),
        "{echo:?}"
    );
    assert_eq!(echo.stderr, "");
}

#[test]
fn the_summary_as_json_is_one_line_and_adds_up() {
    let echo = run(
        "echo",
        &[
            "--connections",
            "50",
            "--message",
            "100",
            "--seconds",
            "1",
            "--json",
        ],
    );
    assert_eq!(echo.code, Some(0), "{echo:?}");
    assert_eq!(echo.stdout.lines().count(), 1, "{echo:?}");
    let json: serde_json::Value = serde_json::from_str(&echo.stdout).expect("JSON");
    let requests = json["requests"].as_u64().expect("requests");
    assert!(requests > 50, "{json}");
    assert_eq!(json["bytes_checked"], requests * 100, "{json}");
    assert_eq!(json["connections"], 50, "{json}");
    assert_eq!(json["errors"], 0, "{json}");
    assert_eq!(json["interrupted"], false, "{json}");
    assert_eq!(json["descriptors_left_open"], 0, "{json}");
    let latency = &json["latency_us"];
    let quantile = |name: &str| latency[name].as_f64().expect("a latency");
    assert!(quantile("p50") > 0.0, "{json}");
    assert!(quantile("p50") <= quantile("p99"), "{json}");
    assert!(quantile("p99") <= quantile("p999"), "{json}");
    assert!(quantile("p999") <= quantile("max"), "{json}");
    assert!(
        json["selector"]
            .as_str()
            .is_some_and(|name| !name.is_empty()),
        "{json}"
    );
    assert!(
        json["waker"].as_str().is_some_and(|name| !name.is_empty()),
        "{json}"
    );
}

/// None of these fits into a socket's buffer: both sides write in parts.
#[test]
fn messages_larger_than_any_buffer() {
    let args = [
        "--connections",
        "3",
        "--message",
        "20000000",
        "--seconds",
        "1",
    ];
    let echo = run("echo", &args);
    assert_eq!(echo.code, Some(0), "{echo:?}");
    assert!(echo.number("requests ") >= 3, "{echo:?}");
    assert_eq!(echo.number("errors"), 0, "{echo:?}");
}

#[test]
fn ctrl_c_ends_with_the_summary_so_far() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut echo = Process::start("echo", &["--connections", "50", "--seconds", "3600"]);
        echo.expect("50 connections to ");
        echo.signal(signal);
        let echo = echo.finish();
        assert_eq!(echo.code, Some(0), "{echo:?}");
        assert!(echo.stdout.contains(" (interrupted)"), "{echo:?}");
        assert_eq!(echo.number("errors"), 0, "{echo:?}");
        assert!(
            echo.stdout.contains("descriptors    0 left open\n"),
            "{echo:?}"
        );
        assert_eq!(echo.stderr, "");
    }
}

/// `echo | head -0`, as it were.
#[test]
fn nobody_to_read_the_summary_is_no_reason_to_panic() {
    let echo = Process::start_with(
        "echo",
        &["--connections", "2", "--seconds", "1"],
        |command| {
            let (reader, writer) = std::os::unix::net::UnixStream::pair().expect("a pair");
            drop(reader);
            command.stdout(Stdio::from(std::os::fd::OwnedFd::from(writer)));
        },
    );
    let echo = echo.finish();
    assert_eq!((echo.code, echo.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_soft_limit_on_descriptors_is_raised() {
    let echo = Process::start_with(
        "echo",
        &["--connections", "100", "--seconds", "1"],
        |command| {
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit");
            let lower = move || Ok(setrlimit(Resource::RLIMIT_NOFILE, 64, hard)?);
            // SAFETY: between fork and exec this makes one system call and touches nothing else.
            unsafe { command.pre_exec(lower) };
        },
    );
    let echo = echo.finish();
    assert_eq!(echo.code, Some(0), "{echo:?}");
    assert_eq!(echo.number("connections"), 100, "{echo:?}");
}

#[test]
fn more_connections_than_descriptors_names_how_many_it_takes() {
    let echo = Process::start_with("echo", &["--connections", "100"], |command| {
        let lower = || Ok(setrlimit(Resource::RLIMIT_NOFILE, 64, 64)?);
        // SAFETY: between fork and exec this makes one system call and touches nothing else.
        unsafe { command.pre_exec(lower) };
    });
    let echo = echo.finish();
    echo.assert_refused(&["descriptors", "limit is 64", "--connections"]);
    let needed = echo
        .stderr
        .split(' ')
        .find_map(|word| word.parse::<u64>().ok());
    assert!(
        needed.is_some_and(|needed| (200..300).contains(&needed)),
        "{echo:?}"
    );

    run("echo", &["--connections", &usize::MAX.to_string()]).assert_refused(&["descriptors"]);
}

#[test]
fn impossible_numbers_are_refused() {
    for option in ["--connections", "--message", "--seconds"] {
        for value in ["0", "-1", "many", "99999999999999999999999"] {
            let echo = run("echo", &[&format!("{option}={value}")]);
            assert_eq!(echo.code, Some(2), "{echo:?}");
            assert!(echo.stderr.contains(option), "{echo:?}");
            assert!(!echo.stderr.contains("panicked"), "{echo:?}");
        }
    }
    assert_eq!(
        run("echo", &["--listen", "127.0.0.1:0", "--json"]).code,
        Some(2)
    );
    assert_eq!(
        run(
            "echo",
            &["--listen", "127.0.0.1:0", "--connect", "127.0.0.1:1"]
        )
        .code,
        Some(2)
    );
}

#[test]
fn bad_addresses_are_one_clear_line() {
    for option in ["--listen", "--connect"] {
        for address in [
            "nonsense",
            "127.0.0.1",
            "127.0.0.1:port",
            "127.0.0.1:65536",
            "",
        ] {
            run("echo", &[option, address]).assert_refused(&["is no address", address]);
        }
    }
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let echo = run("echo", &["--listen", &address]);
    echo.assert_refused(&["cannot listen on", &address, "in use"]);
}

#[test]
fn a_refused_connection_is_one_clear_line() {
    // The port of a connection's own end is taken, but nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a stream");
    let address = stream.local_addr().expect("its address").to_string();
    let echo = run("echo", &["--connect", &address]);
    echo.assert_refused(&["cannot connect to", &address, "refused"]);
}
