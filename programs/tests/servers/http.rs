//! `http`, and clients that know the protocol.

use std::net::TcpStream;
use std::thread;

use crate::clients::{connect, finish, receive_all, send};
use crate::process::{HTTP, Server};
use crate::replies::{Replies, Reply};

/// A connection and its responses.
#[track_caller]
fn dial(server: &Server) -> (TcpStream, Replies) {
    let stream = connect(server.address);
    let replies = Replies::of(&stream);
    (stream, replies)
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const HELLO: &[u8] = b"Hello from ferrio.\n";

/// The content of /bytes/N.
pub fn page(length: usize) -> Vec<u8> {
    (0..length).map(|position| (position % 251) as u8).collect()
}

#[test]
fn get_and_head_answer_alike_but_for_the_body() {
    let server = Server::start(HTTP, &[]);
    let (mut client, mut replies) = dial(&server);
    send(&mut client, GET);
    let get = replies.next();
    assert_eq!((get.status, get.body.as_slice()), (200, HELLO));
    assert_eq!(get.field("connection"), None);
    send(&mut client, GET.replace("GET", "HEAD"));
    let head = replies.next_head();
    let without_date = |reply: &Reply| {
        let fields = reply.fields.iter().filter(|field| field.0 != "Date");
        fields.cloned().collect::<Vec<_>>()
    };
    assert_eq!(
        (head.status, without_date(&head)),
        (200, without_date(&get))
    );
    send(&mut client, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(replies.next().status, 404);
    drop((client, replies));
    assert!(server.end().stdout.contains("\nrequests       3\n"));
}

#[test]
fn a_connection_serves_a_thousand_requests() {
    let server = Server::start(HTTP, &[]);
    let (mut client, mut replies) = dial(&server);
    for _ in 0..1000 {
        send(&mut client, GET);
        assert_eq!(replies.next().body, HELLO);
    }
    drop((client, replies));
    let ended = server.end();
    assert_eq!(ended.count("accepted"), 1, "{ended:?}");
}

#[test]
fn the_connection_ends_when_one_side_says_so() {
    let server = Server::start(HTTP, &[]);
    for (request, how) in [
        (
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
            Some("close"),
        ),
        ("GET / HTTP/1.0\r\n\r\n", Some("close")),
        (
            "GET /x HTTP/1.0\r\nConnection: close\r\n\r\n",
            Some("close"),
        ),
    ] {
        let (mut client, mut replies) = dial(&server);
        // The second is too late.
        send(&mut client, request.repeat(2));
        assert_eq!(replies.next().field("connection"), how, "{request}");
        replies.expect_end();
    }
    let (mut client, mut replies) = dial(&server);
    for _ in 0..2 {
        send(
            &mut client,
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        );
        assert_eq!(replies.next().field("connection"), Some("keep-alive"));
    }
    drop((client, replies));
    server.end();
}

/// Reads the response to a request, and checks it.
type Check = fn(&mut Replies);

/// A request of each kind, and what has to come back.
fn exchange() -> Vec<(String, Check)> {
    let post = "POST / HTTP/1.1\r\nHost: h\r\n";
    vec![
        (GET.to_string(), |replies| {
            assert_eq!(replies.next().body, HELLO);
        }),
        (GET.replace("GET", "HEAD"), |replies| {
            assert_eq!(replies.next_head().status, 200);
        }),
        (
            format!("{post}Content-Length: 11\r\n\r\nGET / HTTP/"),
            |replies| {
                let reply = replies.next();
                assert_eq!(
                    (reply.status, reply.field("allow")),
                    (405, Some("GET, HEAD"))
                );
            },
        ),
        (
            format!(
                "{post}Transfer-Encoding: chunked\r\n\r\n4;x=y\r\n\r\n\r\n\r\na\r\n0123456789\r\n0\r\nT: x\r\n\r\n"
            ),
            |replies| assert_eq!(replies.next().status, 405),
        ),
        (
            "GET /bytes/1000?q HTTP/1.1\r\nHOST:h\r\n\r\n".to_string(),
            |replies| {
                assert_eq!(replies.next().body, page(1000));
            },
        ),
        (
            "\r\nGET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc".to_string(),
            |replies| {
                assert_eq!(replies.next().status, 404);
            },
        ),
        (
            "BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n".to_string(),
            |replies| {
                assert_eq!(replies.next().status, 501);
            },
        ),
    ]
}

/// Whatever the pieces are that requests arrive in, the responses are the same.
#[test]
fn pipelined_requests_are_answered_in_order_however_they_are_cut() {
    let server = Server::start(HTTP, &[]);
    let exchange = exchange();
    let requests: String = exchange
        .iter()
        .map(|(request, _)| request.as_str())
        .collect();
    let requests = requests.repeat(3);
    let mut rng = fastrand::Rng::with_seed(7);
    let mut cuts: Vec<Box<dyn FnMut() -> usize>> = vec![
        Box::new(|| usize::MAX),
        Box::new(|| 1),
        Box::new(|| 2),
        Box::new(|| 7),
    ];
    for _ in 0..12 {
        let mut rng = rng.fork();
        cuts.push(Box::new(move || rng.usize(1..40)));
    }
    for mut cut in cuts {
        let (mut client, mut replies) = dial(&server);
        let writer = thread::spawn({
            let requests = requests.clone();
            let pieces: Vec<usize> = std::iter::repeat_with(&mut cut)
                .take(requests.len())
                .collect();
            move || {
                let mut rest = requests.as_bytes();
                for piece in pieces {
                    let (now, later) = rest.split_at(piece.min(rest.len()));
                    send(&mut client, now);
                    rest = later;
                }
                client
            }
        });
        for _ in 0..3 {
            for (_, check) in &exchange {
                check(&mut replies);
            }
        }
        finish(&writer.join().expect("all was sent"));
        replies.expect_end();
    }
    server.end();
}

#[test]
fn after_a_half_close_everything_asked_is_still_answered() {
    let server = Server::start(HTTP, &[]);
    let (mut client, mut replies) = dial(&server);
    send(&mut client, GET.repeat(2));
    send(
        &mut client,
        "GET /bytes/1000000 HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    finish(&client);
    assert_eq!(replies.next().body, HELLO);
    assert_eq!(replies.next().body, HELLO);
    assert!(replies.next().body == page(1_000_000), "the page differs");
    replies.expect_end();

    // With nothing asked there is nothing to say.
    let mut client = connect(server.address);
    finish(&client);
    assert_eq!(receive_all(&mut client), b"");
    drop(client);
    server.end();
}

#[test]
fn a_client_that_asks_for_leave_is_given_it() {
    let server = Server::start(HTTP, &[]);
    let (mut client, mut replies) = dial(&server);
    let head = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    send(&mut client, head);
    assert_eq!(replies.next().status, 100);
    send(&mut client, "abc");
    assert_eq!(replies.next().status, 405);
    // One that doesn't wait for it needs none.
    send(&mut client, [head, "abc", GET].concat());
    assert_eq!(replies.next().status, 405);
    assert_eq!(replies.next().status, 200);
    // If the body isn't wanted, it needn't be sent.
    send(&mut client, head.replace("Length: 3", "Length: 99999999"));
    assert_eq!(replies.next().status, 413);
    replies.expect_end();
    drop((client, replies));
    server.end();
}

#[test]
fn a_long_page_arrives_whole() {
    let server = Server::start(HTTP, &[]);
    let (mut client, mut replies) = dial(&server);
    send(
        &mut client,
        "GET /bytes/20000000 HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    assert!(replies.next().body == page(20_000_000), "the page differs");
    send(&mut client, GET);
    assert_eq!(replies.next().body, HELLO);
    send(
        &mut client,
        "HEAD /bytes/18446744073709551615 HTTP/1.1\r\nHost: h\r\n\r\n",
    );
    assert_eq!(
        replies.next_head().field("content-length"),
        Some("18446744073709551615")
    );
    drop((client, replies));
    server.end();
}
