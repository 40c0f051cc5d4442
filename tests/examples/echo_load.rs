//! `echo --connect` against servers that make mistakes: it has to notice every one.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use nix::sys::signal::Signal;

use crate::process::{Process, run};

const MESSAGE: usize = 64;
type Message = [u8; MESSAGE];

/// Starts a server that lets `serve` have its first `count` connections, which it is free to
/// handle as it likes, and echoes on later ones.
fn server(count: usize, serve: impl FnOnce(Vec<TcpStream>) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        let accept = |listener: &TcpListener| listener.accept().expect("a connection").0;
        let streams = (0..count).map(|_| accept(&listener)).collect();
        thread::spawn(move || serve(streams));
        loop {
            let stream = accept(&listener);
            thread::spawn(move || echo(stream));
        }
    });
    address
}

fn receive(stream: &mut TcpStream) -> Option<Message> {
    let mut message = [0; MESSAGE];
    stream.read_exact(&mut message).ok().map(|()| message)
}

fn echo(mut stream: TcpStream) {
    while let Some(message) = receive(&mut stream) {
        if stream.write_all(&message).is_err() {
            return;
        }
    }
}

/// A server that echoes on one connection but lets `spoil` have its tenth message.
fn spoils_the_tenth(spoil: impl FnOnce(&mut TcpStream, Message) + Send + 'static) -> SocketAddr {
    server(1, |mut streams| {
        let stream = &mut streams[0];
        for _ in 0..9 {
            let message = receive(stream).expect("a message");
            stream.write_all(&message).expect("it's read");
        }
        let message = receive(stream).expect("a message");
        spoil(stream, message);
        echo(streams.remove(0));
    })
}

/// Runs the load on four connections and checks that it has noticed.
#[track_caller]
fn assert_noticed(address: SocketAddr, errors: u64, first: &str) {
    let args = [
        "--connections",
        "4",
        "--seconds",
        "1",
        "--json",
        "--connect",
    ];
    let echo = run("echo", &[args.as_slice(), &[&address.to_string()]].concat());
    assert_eq!(echo.code, Some(1), "{echo:?}");
    let json: serde_json::Value = serde_json::from_str(&echo.stdout).expect("JSON");
    assert_eq!(json["errors"], errors, "{json}");
    let found = json["first_error"].as_str().expect("an error");
    assert!(found.contains(first), "no {first:?} in {json}");
    assert_eq!(json["descriptors_left_open"], 0, "{json}");
}

#[test]
fn an_honest_server_passes() {
    let address = server(0, |_| ()).to_string();
    let echo = run(
        "echo",
        &[
            "--connections",
            "4",
            "--seconds",
            "1",
            "--connect",
            &address,
        ],
    );
    assert_eq!(echo.code, Some(0), "{echo:?}");
    assert_eq!(echo.number("errors"), 0, "{echo:?}");
}

#[test]
fn one_wrong_bit_is_noticed() {
    let address = spoils_the_tenth(|stream, mut message| {
        message[40] ^= 0x10;
        let _ = stream.write_all(&message);
    });
    // Nine whole messages and forty bytes come before it.
    assert_noticed(address, 1, "byte 616 came back wrong");
}

#[test]
fn a_message_sent_twice_is_noticed() {
    let address = spoils_the_tenth(|stream, message| {
        let _ = stream.write_all(&[message, message].concat());
    });
    assert_noticed(address, 1, " came back wrong");
}

#[test]
fn bytes_in_another_order_are_noticed() {
    let address = spoils_the_tenth(|stream, mut message| {
        message.rotate_left(8);
        let _ = stream.write_all(&message);
    });
    assert_noticed(address, 1, " came back wrong");
}

#[test]
fn a_message_for_another_connection_is_noticed() {
    let address = server(2, |mut streams| {
        let first = receive(&mut streams[0]).expect("a message");
        let second = receive(&mut streams[1]).expect("a message");
        let _ = streams[0].write_all(&second);
        let _ = streams[1].write_all(&first);
        streams.into_iter().for_each(echo);
    });
    assert_noticed(address, 2, " came back wrong");
}

#[test]
fn a_connection_that_ends_early_is_noticed() {
    let address = spoils_the_tenth(|stream, message| {
        let _ = stream.write_all(&message[..60]);
        let _ = stream.shutdown(Shutdown::Write);
    });
    assert_noticed(
        address,
        1,
        "closed by the server with 4 bytes still to come back",
    );
}

#[test]
fn a_reset_is_noticed() {
    let address = server(1, |streams| {
        // Closed with a message that nobody has read, which resets the connection.
        let mut byte = [0];
        streams[0].peek(&mut byte).expect("a message");
    });
    assert_noticed(address, 1, "reset");
}

#[test]
fn a_reply_that_never_comes_is_noticed() {
    let address = spoils_the_tenth(|_, _| ());
    assert_noticed(address, 1, "64 bytes never came back");
}

#[test]
fn bytes_after_the_last_reply_are_noticed() {
    let address = server(1, |mut streams| {
        let stream = &mut streams[0];
        while let Some(message) = receive(stream) {
            let _ = stream.write_all(&message);
        }
        let _ = stream.write_all(b"one more thing");
    });
    assert_noticed(address, 1, " came back wrong");
}

#[test]
fn ctrl_c_ends_the_load_and_then_the_server() {
    let mut server = Process::start("echo", &["--listen", "127.0.0.1:0"]);
    let address = server.expect("listening on ");
    let args = [
        "--connections",
        "20",
        "--seconds",
        "3600",
        "--connect",
        &address,
    ];
    let mut load = Process::start("echo", &args);
    load.expect("20 connections to ");
    load.signal(Signal::SIGINT);
    let load = load.finish();
    assert_eq!(load.code, Some(0), "{load:?}");
    assert_eq!(load.number("errors"), 0, "{load:?}");

    server.signal(Signal::SIGINT);
    let server = server.finish();
    assert_eq!(server.code, Some(0), "{server:?}");
    assert!(
        server.stdout.contains("descriptors    0 left open\n"),
        "{server:?}"
    );
}

/// Whoever presses Ctrl-C doesn't want to wait for a server that has stopped answering.
#[test]
fn ctrl_c_ends_the_load_of_a_silent_server() {
    let address = server(4, |mut streams| {
        // Holds them open until the load is gone.
        for stream in &mut streams {
            let _ = std::io::copy(stream, &mut std::io::sink());
        }
    });
    let address = address.to_string();
    let args = [
        "--connections",
        "4",
        "--seconds",
        "3600",
        "--connect",
        &address,
    ];
    let mut load = Process::start("echo", &args);
    load.expect("4 connections to ");
    load.signal(Signal::SIGINT);
    let load = load.finish();
    assert_eq!(load.code, Some(0), "{load:?}");
    assert!(load.stdout.contains(" (interrupted)"), "{load:?}");
}
