//! `http`, and clients that are slow, wrong, greedy or gone.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::clients::{
    connect, connect_narrowly, finish, receive, receive_all, reset, send, send_until_stuck,
};
use crate::http::page;
use crate::process::{HTTP, Server, resident};
use crate::replies::Replies;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
/// The beginning of a request with a body.
const PUT: &str = "PUT / HTTP/1.1\r\nHost: h\r\n";

/// The server answers an ordinary client as ever.
#[track_caller]
fn assert_answers(server: &Server) {
    let mut client = connect(server.address);
    send(&mut client, GET);
    assert_eq!(Replies::of(&client).next().status, 200);
}

#[test]
fn what_is_no_request_is_refused_and_the_connection_closed() {
    let server = Server::start(HTTP, &[]);
    let mut good = connect(server.address);
    let mut replies = Replies::of(&good);
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000));
    let many = format!("GET / HTTP/1.1\r\n{}", "a: b\r\n".repeat(200));
    let blank = "\r\n".repeat(5000);
    let chunks = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    let bad_chunk = format!("{chunks}3\r\nabcd\r\n");
    let huge_chunk = format!("{chunks}fffffffff\r\n");
    let smuggled = format!(
        "{}Content-Length: 5\r\n\r\n0\r\n\r\n",
        &chunks[..chunks.len() - 2]
    );
    for (request, status) in [
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}\x03\x03", 400),
        ("\0\0\0\0", 400),
        ("hello\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/3.1\r\nHost: h\r\n\r\n", 505),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
            413,
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
        ),
        (&long, 431),
        (&many, 431),
        (&blank, 431),
        (&bad_chunk, 400),
        (&huge_chunk, 413),
        (&smuggled, 400),
    ] {
        let mut client = connect(server.address);
        send(&mut client, request);
        let mut answers = Replies::of(&client);
        let answer = answers.next();
        assert_eq!(answer.status, status, "{request:?}");
        assert!(answer.is_last(), "{request:?}");
        answers.expect_end();
        server.expect_log(&[
            &client.local_addr().expect("an address").to_string(),
            &status.to_string(),
        ]);
        // One that came first is served on.
        send(&mut good, GET);
        assert_eq!(replies.next().status, 200);
    }
    drop((good, replies));
    server.end();
}

/// The refusal isn't destroyed by what the client goes on sending.
#[test]
fn a_refusal_reaches_a_client_that_sends_on() {
    let server = Server::start(HTTP, &[]);
    let mut client = connect(server.address);
    send(&mut client, "nonsense\r\n\r\n");
    let mut answers = Replies::of(&client);
    for _ in 0..200 {
        send(&mut client, [b'x'; 1000]);
    }
    finish(&client);
    assert_eq!(answers.next().status, 400);
    answers.expect_end();
    drop(client);
    server.end();
}

/// But it isn't listened to for ever.
#[test]
fn a_refused_client_that_never_stops_sending_is_cut_off() {
    let server = Server::start(HTTP, &["--verbose"]);
    let mut client = connect(server.address);
    send(&mut client, "nonsense\r\n\r\n");
    let mut sent = 0;
    let error = loop {
        match client.write(&[b'x'; 10_000]) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
        assert!(sent < 1 << 30, "it listens for ever");
    };
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
    drop(client);
    server.end();
}

#[test]
fn resets_at_every_step_cost_one_connection_each() {
    let server = Server::start(HTTP, &["--verbose"]);
    let mut good = connect(server.address);
    let mut replies = Replies::of(&good);
    let steps: [fn(&mut TcpStream); 8] = [
        |_| {},
        |client| send(client, &GET[..10]),
        |client| send(client, GET),
        // Within a body, and within a chunk.
        |client| send(client, format!("{PUT}Content-Length: 9\r\n\r\nabc")),
        |client| {
            send(
                client,
                format!("{PUT}Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
            )
        },
        // Within a response, after it, and after a refusal.
        |client| {
            send(client, "GET /bytes/50000000 HTTP/1.1\r\nHost: h\r\n\r\n");
            receive(client, 100_000);
        },
        |client| {
            send(client, GET);
            assert_eq!(Replies::of(client).next().status, 200);
        },
        |client| {
            send(client, "nonsense\r\n\r\n");
            assert_eq!(Replies::of(client).next().status, 400);
        },
    ];
    for step in steps {
        let mut client = connect(server.address);
        step(&mut client);
        let address = client.local_addr().expect("an address").to_string();
        reset(client);
        server.expect_log(&["closed ", &format!("{address} ")]);
        send(&mut good, GET);
        assert_eq!(replies.next().status, 200);
    }
    drop((good, replies));
    server.end();
}

/// A client that asks and doesn't read is stopped by the network, not stored by the server.
fn hold_back(request: &str, check: fn(&mut Replies)) {
    const ALL: usize = 32 << 20;
    let server = Server::start(HTTP, &[]);
    assert_answers(&server);
    let before = resident(server.id());
    let mut client = connect_narrowly(server.address);
    let sent = send_until_stuck(&mut client, request.as_bytes(), ALL);
    assert!(sent < ALL, "the server took all of it");
    if let (Some(before), Some(after)) = (before, resident(server.id())) {
        assert!(after < before + 4096, "{before} KiB before, now {after}");
    }
    // The others don't notice,
    assert_answers(&server);
    // and once it reads, it gets all that it asked for.
    finish(&client);
    let mut replies = Replies::of(&client);
    for _ in 0..sent / request.len() {
        check(&mut replies);
    }
    replies.expect_end();
    drop(client);
    server.end();
}

#[test]
fn a_client_that_never_reads_is_held_back() {
    hold_back("GET /bytes/5000 HTTP/1.1\r\nHost: h\r\n\r\n", |replies| {
        assert!(replies.next().body == page(5000), "the page differs");
    });
}

/// Responses without a body count as well.
#[test]
fn a_client_that_never_reads_heads_is_held_back() {
    hold_back("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", |replies| {
        assert_eq!(replies.next_head().status, 200);
    });
}

#[test]
fn a_slow_reader_gets_its_page_and_keeps_nobody_waiting() {
    let server = Server::start(HTTP, &[]);
    let mut slow = connect(server.address);
    send(
        &mut slow,
        "GET /bytes/30000000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    let mut bytes = Vec::new();
    for _ in 0..100 {
        bytes.extend(receive(&mut slow, 1000));
        assert_answers(&server);
    }
    bytes.extend(receive_all(&mut slow));
    let head = bytes
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .expect("a head")
        + 4;
    assert!(bytes[head..] == page(30_000_000), "the page differs");
    drop(slow);
    server.end();
}

#[test]
fn a_slow_writer_is_answered_when_it_is_done() {
    let server = Server::start(HTTP, &[]);
    let mut slow = connect(server.address);
    for byte in GET.bytes() {
        send(&mut slow, [byte]);
        assert_answers(&server);
    }
    assert_eq!(Replies::of(&slow).next().status, 200);
    drop(slow);
    server.end();
}

/// Reads until the end or until `limit` has passed without a byte.
fn try_read(client: &mut TcpStream, limit: Duration) -> Option<Vec<u8>> {
    client.set_read_timeout(Some(limit)).expect("a timeout");
    let mut bytes = [0; 4096];
    match client.read(&mut bytes) {
        Ok(count) => Some(bytes[..count].to_vec()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_head_has_to_be_complete_in_time_however_steadily_it_trickles() {
    let server = Server::start(HTTP, &["--timeout", "0.5"]);
    let began = Instant::now();
    let mut client = connect(server.address);
    send(&mut client, "GET / HTTP/1.1\r\nX: ");
    let answer = loop {
        send(&mut client, "x");
        if let Some(answer) = try_read(&mut client, Duration::from_millis(20)) {
            break answer;
        }
    };
    assert!(began.elapsed() >= Duration::from_millis(500), "too early");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    server.expect_log(&["answered 408"]);
    drop(client);
    server.end();
}

#[test]
fn idle_and_stuck_connections_end() {
    let server = Server::start(HTTP, &["--timeout", "1"]);
    // Nothing was asked: nothing is said.
    assert_eq!(receive_all(&mut connect(server.address)), b"");
    // Kept alive for nothing.
    let mut client = connect(server.address);
    send(&mut client, GET);
    let mut replies = Replies::of(&client);
    assert_eq!(replies.next().status, 200);
    replies.expect_end();
    // A body that doesn't come.
    let mut client = connect(server.address);
    send(&mut client, format!("{PUT}Content-Length: 9\r\n\r\nabc"));
    let mut replies = Replies::of(&client);
    assert_eq!(replies.next().status, 408);
    replies.expect_end();
    // A response that isn't read.
    let mut client = connect(server.address);
    send(
        &mut client,
        "GET /bytes/99999999999 HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    let address = client.local_addr().expect("an address").to_string();
    server.expect_log(&["closed ", &address, "doesn't read"]);
    assert_answers(&server);
    drop((client, replies));
    server.end();
}

#[test]
fn a_request_cut_short_is_logged() {
    let server = Server::start(HTTP, &[]);
    let mut client = connect(server.address);
    send(&mut client, &GET[..10]);
    finish(&client);
    assert_eq!(receive_all(&mut client), b"");
    server.expect_log(&["ended in the middle of a request"]);
    let mut client = connect(server.address);
    send(&mut client, format!("{PUT}Content-Length: 9\r\n\r\nabc"));
    finish(&client);
    assert_eq!(receive_all(&mut client), b"");
    server.expect_log(&["ended in the middle of a request's body"]);
    drop(client);
    server.end();
}

#[test]
fn beyond_the_limit_of_connections_clients_are_told() {
    let server = Server::start(HTTP, &["--max-connections", "2", "--verbose"]);
    let mut clients: Vec<TcpStream> = (0..2).map(|_| connect(server.address)).collect();
    for client in &mut clients {
        send(client, GET);
        assert_eq!(Replies::of(client).next().status, 200);
    }
    for _ in 0..10 {
        let mut replies = Replies::of(&connect(server.address));
        assert_eq!(replies.next().status, 503);
        replies.expect_end();
    }
    for client in &mut clients {
        send(client, GET);
        assert_eq!(Replies::of(client).next().status, 200);
    }
    let gone = clients.pop().expect("a client");
    let address = gone.local_addr().expect("an address").to_string();
    drop(gone);
    server.expect_log(&["closed ", &address]);
    assert_answers(&server);
    drop(clients);
    let ended = server.end();
    assert_eq!(ended.count("refused"), 10, "{ended:?}");
    assert_eq!(
        ended.logged("2 connections are open, as many as may be"),
        10,
        "{ended:?}"
    );
}
