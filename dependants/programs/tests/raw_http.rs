//! The raw HTTP server under clients as they come: quick, slow, rude, and too many.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
const LAST: &str = "GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
const HELLO: &str = "Hello, world!";

/// Beyond this a read counts as never to be answered.
const LIMIT: Duration = Duration::from_secs(60);

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        Self::spawn(&mut Command::new(env!("CARGO_BIN_EXE_raw-http")))
    }

    /// With room for this many descriptors and no more.
    fn start_with_descriptors(limit: usize) -> Self {
        let mut shell = Command::new("sh");
        let script = format!("ulimit -n {limit} && exec \"$0\"");
        Self::spawn(shell.args(["-c", &script, env!("CARGO_BIN_EXE_raw-http")]))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.as_mut().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap();
        let address = address.parse().unwrap();
        Self { process, address }
    }

    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        client.set_write_timeout(Some(LIMIT)).unwrap();
        client
    }

    /// One request on a connection of its own is answered.
    fn check(&self) {
        let mut client = self.client();
        client.write_all(LAST.as_bytes()).unwrap();
        assert_eq!(answers(&text_to_end(&mut client)), 1);
    }

    /// Ends the server's input; what it had to say on standard error.
    fn stop(mut self) -> String {
        drop(self.process.stdin.take());
        let output = self.process.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn text_to_end(client: &mut TcpStream) -> String {
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

/// How many answers of "Hello, world!" the text is made of. It has nothing else.
fn answers(mut text: &str) -> usize {
    let mut count = 0;
    while !text.is_empty() {
        let (head, rest) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("\r\nContent-Length: 13"), "{head}");
        text = rest.strip_prefix(HELLO).unwrap();
        count += 1;
    }
    count
}

/// Reads one answer.
fn one_answer(client: &mut TcpStream) -> Vec<u8> {
    let mut text = Vec::new();
    while !text.ends_with(HELLO.as_bytes()) {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    assert_eq!(answers(std::str::from_utf8(&text).unwrap()), 1);
    text
}

#[test]
fn a_connection_is_kept_alive() {
    let server = Server::start();
    let mut client = server.client();
    for _ in 0..3 {
        client.write_all(GET.as_bytes()).unwrap();
        one_answer(&mut client);
    }
    client.write_all(LAST.as_bytes()).unwrap();
    assert_eq!(answers(&text_to_end(&mut client)), 1);
    assert_eq!(server.stop(), "");
}

#[test]
fn pipelined_requests_are_answered_in_order_and_before_the_end() {
    let server = Server::start();
    let mut client = server.client();
    let missing = "GET /missing HTTP/1.1\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\nGET / H";
    client
        .write_all(format!("{GET}{missing}{post}{GET}").as_bytes())
        .unwrap();
    // A client that is done sending still gets its answers.
    client.shutdown(Shutdown::Write).unwrap();
    let text = text_to_end(&mut client);
    let status: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let (_, status) = line.split_once("HTTP/1.1 ")?;
            status.get(..3)
        })
        .collect();
    assert_eq!(status, ["200", "404", "405", "200"]);
    assert_eq!(server.stop(), "");
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let server = Server::start();
    let mut client = server.client();
    client.set_nodelay(true).unwrap();
    for byte in LAST.bytes() {
        client.write_all(&[byte]).unwrap();
    }
    assert_eq!(answers(&text_to_end(&mut client)), 1);
    assert_eq!(server.stop(), "");
}

#[test]
fn who_sends_and_does_not_read_is_held_back_and_gets_every_answer() {
    const REQUESTS: usize = 1_000_000;
    let server = Server::start();
    let mut client = server.client();
    let mut writer = client.try_clone().unwrap();
    let writing = thread::spawn(move || {
        let thousand = GET.repeat(1000);
        for _ in 0..REQUESTS / 1000 {
            writer.write_all(thousand.as_bytes()).unwrap();
        }
        writer.shutdown(Shutdown::Write).unwrap();
    });
    // The others are served all along.
    for _ in 0..100 {
        server.check();
    }
    assert!(
        !writing.is_finished(),
        "95 MB of answers went into a socket that nobody reads"
    );
    let answer = one_answer(&mut client);
    let mut client = BufReader::new(client);
    let mut next = vec![0; answer.len()];
    for _ in 1..REQUESTS {
        client.read_exact(&mut next).unwrap();
        assert_eq!(next, answer);
    }
    assert_eq!(client.read(&mut next).unwrap(), 0);
    writing.join().unwrap();
    assert_eq!(server.stop(), "");
}

#[test]
fn garbage_is_refused_and_the_refusal_arrives() {
    let server = Server::start();
    for (garbage, status) in [
        (b"\0\0\0\r\n\r\n".to_vec(), "400"),
        (vec![b'x'; 300_000], "431"),
        (
            [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'x'; 300_000]].concat(),
            "431",
        ),
    ] {
        let mut client = server.client();
        // All of it, though the answer is there after the first part.
        client.write_all(&garbage).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let text = text_to_end(&mut client);
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        server.check();
    }
    assert_eq!(server.stop(), "");
}

#[test]
fn resets_and_half_requests_harm_nobody() {
    let server = Server::start();
    let mut waiting = server.client();
    waiting.write_all(&GET.as_bytes()[..10]).unwrap();
    for _ in 0..50 {
        let mut client = server.client();
        client.write_all(GET.repeat(10).as_bytes()).unwrap();
        // Bytes unread at close make it a reset (tcp(7)); a first byte makes sure there are some.
        client.read_exact(&mut [0]).unwrap();
        drop(client);
    }
    waiting.write_all(&GET.as_bytes()[10..]).unwrap();
    one_answer(&mut waiting);
    server.check();
    assert_eq!(server.stop(), "");
}

#[test]
fn more_connections_than_descriptors_wait_their_turn() {
    const DESCRIPTORS: usize = 24;
    const CLIENTS: usize = 60;
    let server = Server::start_with_descriptors(DESCRIPTORS);
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| server.client()).collect();
    for client in &mut clients {
        client.write_all(GET.as_bytes()).unwrap();
    }
    // The first are served while the last are not even accepted.
    one_answer(&mut clients[0]);
    let last = &mut clients[CLIENTS - 1];
    last.set_nonblocking(true).unwrap();
    let unanswered = last.read(&mut [0]).unwrap_err();
    assert_eq!(unanswered.kind(), ErrorKind::WouldBlock);
    last.set_nonblocking(false).unwrap();
    // Each that goes makes room for one more.
    clients.remove(0);
    for mut client in clients {
        one_answer(&mut client);
    }
    server.check();
    let said = server.stop();
    assert!(said.contains("not accepting for now: "), "{said}");
}
