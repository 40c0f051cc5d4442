//! `echo --listen` and clients that behave well, badly, or are simply too many.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, rlim_t, setrlimit};
use nix::sys::signal::Signal;

use crate::process::{Finished, Process};

/// A server, and where it listens.
struct Server {
    process: Process,
    address: String,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        Server::over(Process::start(
            "echo",
            &[&["--listen", "127.0.0.1:0"], args].concat(),
        ))
    }

    /// A server that may open no more than `descriptors`.
    fn start_with_limit(descriptors: rlim_t) -> Server {
        let args = ["--listen", "127.0.0.1:0", "--verbose"];
        Server::over(Process::start_with("echo", &args, |command| {
            let lower = move || {
                Ok(setrlimit(
                    Resource::RLIMIT_NOFILE,
                    descriptors,
                    descriptors,
                )?)
            };
            // SAFETY: between fork and exec this makes one system call and touches nothing else.
            unsafe { command.pre_exec(lower) };
        }))
    }

    fn over(mut process: Process) -> Server {
        let address = process.expect("listening on ");
        Server { process, address }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).expect("the server accepts")
    }

    /// Ends it as its user would and checks that nothing was left behind.
    #[track_caller]
    fn end(self) -> Finished {
        self.process.signal(Signal::SIGINT);
        let server = self.process.finish();
        assert_eq!(server.code, Some(0), "{server:?}");
        assert!(
            server.stdout.contains("descriptors    0 left open\n"),
            "{server:?}"
        );
        server
    }
}

/// Sends `bytes` and expects them back.
#[track_caller]
fn round_trip(client: &mut TcpStream, bytes: &[u8]) {
    client.write_all(bytes).expect("the server reads");
    let mut reply = vec![0; bytes.len()];
    client.read_exact(&mut reply).expect("the server replies");
    assert!(reply == bytes, "the reply differs");
}

/// Bytes of every value, without a period that could hide a shift.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn bytes_return_and_a_half_close_is_answered() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    round_trip(&mut client, b"hello");
    round_trip(&mut client, b"\0");

    client.write_all(b"last words").expect("the server reads");
    client.shutdown(Shutdown::Write).expect("a half-close");
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).expect("the server finishes");
    assert_eq!(rest, b"last words");

    let server = server.end();
    assert!(
        server
            .stdout
            .contains("1 accepted, at most 1 open at once, 0 broken off"),
        "{server:?}"
    );
    assert_eq!(server.number("bytes"), 16, "{server:?}");
    assert_eq!(server.stderr, "", "it only logs when told to");
}

#[test]
fn a_megabyte_of_noise_returns_as_it_was() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let bytes = noise(1 << 20);
    let sender = thread::spawn({
        let mut client = client.try_clone().expect("a second handle");
        let bytes = bytes.clone();
        move || {
            client.write_all(&bytes).expect("the server reads");
            client.shutdown(Shutdown::Write).expect("a half-close");
        }
    });
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).expect("the server replies");
    assert!(reply == bytes, "the reply differs");
    sender.join().expect("the sender is done");
    server.end();
}

/// A client that sends and doesn't read is stopped by the network, not stored by the server.
#[test]
fn a_client_that_never_reads_is_held_back() {
    const ALL: usize = 256 << 20;
    let server = Server::start(&[]);
    let mut client = server.connect();
    client
        .set_write_timeout(Some(Duration::from_millis(500)))
        .expect("a timeout");
    let part = noise(1 << 16);
    let mut sent = 0;
    while sent < ALL {
        match client.write(&part[sent % part.len()..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(sent < ALL, "the server took all of it");

    // The others don't notice,
    round_trip(&mut server.connect(), b"hello");
    // and once it reads, it gets all of it.
    client.shutdown(Shutdown::Write).expect("a half-close");
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).expect("the server replies");
    assert_eq!(reply.len(), sent);
    assert!(
        reply.iter().zip(part.iter().cycle()).all(|(a, b)| a == b),
        "the reply differs"
    );
    server.end();
}

#[test]
fn a_reset_costs_one_connection_only() {
    let mut server = Server::start(&["--verbose"]);
    let mut other = server.connect();
    round_trip(&mut other, b"hello");

    let mut client = server.connect();
    client.write_all(b"never read").expect("the server reads");
    client.peek(&mut [0]).expect("the server replies");
    let address = client.local_addr().expect("its address");
    // Closed with a reply that nobody has read, which resets the connection.
    drop(client);
    let why = server
        .process
        .expect_on_stderr(&format!("closed {address} "));
    assert!(why.contains("reset"), "{why}");

    round_trip(&mut other, b"hello");
    drop(other);
    server.process.expect_on_stderr("closed ");
    let server = server.end();
    assert!(server.stdout.contains("1 broken off"), "{server:?}");
}

#[test]
fn two_hundred_clients_at_once() {
    let server = Server::start(&[]);
    let mut clients: Vec<TcpStream> = (0..200).map(|_| server.connect()).collect();
    for round in 0..3 {
        let message = |index: usize| format!("client {index}, round {round}");
        for (index, client) in clients.iter_mut().enumerate() {
            client
                .write_all(message(index).as_bytes())
                .expect("the server reads");
        }
        for (index, client) in clients.iter_mut().enumerate() {
            let mut reply = vec![0; message(index).len()];
            client.read_exact(&mut reply).expect("the server replies");
            assert_eq!(reply, message(index).as_bytes());
        }
    }
    for client in &mut clients {
        client.shutdown(Shutdown::Write).expect("a half-close");
        assert_eq!(client.read(&mut [0]).expect("the server closes"), 0);
    }
    let server = server.end();
    let expected = "200 accepted, at most 200 open at once, 0 broken off";
    assert!(server.stdout.contains(expected), "{server:?}");
}

/// Those that came first are served, those that wait are served as places become free, and
/// meanwhile the server doesn't turn in circles.
#[test]
fn out_of_descriptors_it_serves_those_it_has_and_then_the_rest() {
    const CLIENTS: usize = 40;
    const ROUNDS: usize = 500;
    let began = Instant::now();
    let mut server = Server::start_with_limit(24);
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| server.connect()).collect();
    let why = server.process.expect_on_stderr("cannot accept for now: ");
    assert!(why.contains("open files"), "{why}");

    for _ in 0..ROUNDS {
        round_trip(&mut clients[0], b"still there?");
    }
    // The queue is served in order: by the time a client's turn has come, those before it have
    // left their places to it.
    for mut client in clients.drain(..) {
        round_trip(&mut client, b"and me?");
    }

    // A loop that tries again at once would turn thousands of times in each of these.
    let quiet = usize::try_from(began.elapsed().as_millis() / 100).expect("a short time");
    let server = server.end();
    let (turns, failures) = (server.number("event loop"), server.number("not accepted"));
    assert!(
        turns as usize <= 3 * ROUNDS + 10 * CLIENTS + quiet,
        "{server:?}"
    );
    assert!(failures as usize <= 2 * CLIENTS + quiet, "{server:?}");
    assert_eq!(server.number("connections"), CLIENTS as u64, "{server:?}");
}

/// With no connection whose close could tell it that there is room again, it has to look.
#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn out_of_descriptors_without_a_connection_it_recovers_too() {
    let mut server = Server::start(&["--verbose"]);
    let began = Instant::now();
    limit(server.process.id(), 3);
    let mut client = server.connect();
    client.write_all(b"hello").expect("there is room");
    for _ in 0..3 {
        server.process.expect_on_stderr("cannot accept for now: ");
    }
    limit(server.process.id(), 64);
    let mut reply = [0; 5];
    client.read_exact(&mut reply).expect("the server replies");
    assert_eq!(&reply, b"hello");

    let pauses = u64::try_from(began.elapsed().as_millis() / 100).expect("a short time");
    let server = server.end();
    assert!(server.number("not accepted") <= pauses + 1, "{server:?}");
}

/// Sets how many descriptors another process may have.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit(process: u32, descriptors: rlim_t) {
    let limit = libc::rlimit {
        rlim_cur: descriptors,
        rlim_max: 64,
    };
    let process = libc::pid_t::try_from(process).expect("a process id");
    // SAFETY: the pointer is to a limit that outlives the call, and null asks for no old one.
    let done = unsafe { libc::prlimit(process, libc::RLIMIT_NOFILE, &limit, std::ptr::null_mut()) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}
