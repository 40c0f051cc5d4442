//! `proxy`, with clients and upstreams that fail.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::clients::{
    connect, expect_reset, finish, noise, receive, receive_all, receive_to_any_end, reset, send,
    send_until_stuck, try_connect,
};
use crate::process::{PROXY, Server, wait_until};
use crate::proxy::Proxied;

/// An address where nobody listens, for as long as the socket is kept.
fn nobody() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("bound");
    let address = socket.local_addr().expect("an address");
    (socket, address.as_socket().expect("an IP address"))
}

#[test]
fn a_refused_connection_is_passed_on_as_a_reset() {
    let (_socket, to) = nobody();
    let proxy = Server::start(PROXY, &["--to", &to.to_string()]);
    for _ in 0..20 {
        if let Some(mut client) = try_connect(proxy.address) {
            expect_reset(&mut client);
        }
    }
    // Those that send something at once, and those that are gone already.
    for _ in 0..20 {
        if let Some(mut client) = try_connect(proxy.address) {
            let _ = std::io::Write::write(&mut client, b"hello");
            receive_to_any_end(&mut client);
        }
        drop(try_connect(proxy.address));
    }
    proxy.expect_log(&[&format!("cannot connect to {to}: "), "refused"]);
    // The last may be in the queue still.
    wait_until("all were seen", || proxy.log_lines().len() >= 60);
    let ended = proxy.end();
    let failed = ended.count("broken off") + ended.count("refused");
    assert_eq!(failed, 60, "{ended:?}");
}

#[test]
fn a_reset_on_one_side_is_a_reset_on_the_other() {
    let proxied = Proxied::start(&[]);
    let (mut good, mut up) = proxied.pair();
    let steps: [fn(&mut TcpStream, &mut TcpStream); 5] = [
        |_, _| {},
        |one, other| {
            send(one, "hello");
            assert_eq!(receive(other, 5), b"hello");
        },
        // One direction has ended,
        |one, other| {
            finish(one);
            assert_eq!(receive_all(other), b"");
        },
        // or the other.
        |one, other| {
            finish(other);
            assert_eq!(receive_all(one), b"");
        },
        // Nothing moves any more: the proxy neither reads nor writes, and still has to notice.
        |one, other| {
            let bytes = noise(1, 1 << 20);
            send_until_stuck(one, &bytes, 256 << 20);
            send_until_stuck(other, &bytes, 256 << 20);
        },
    ];
    for step in steps {
        let (mut client, mut upstream) = proxied.pair();
        step(&mut client, &mut upstream);
        reset(client);
        expect_reset(&mut upstream);

        let (mut client, mut upstream) = proxied.pair();
        step(&mut upstream, &mut client);
        reset(upstream);
        expect_reset(&mut client);

        send(&mut good, "there?");
        assert_eq!(receive(&mut up, 6), b"there?");
    }
    drop((good, up));
    let ended = proxied.proxy.end();
    assert_eq!(ended.count("broken off"), 10, "{ended:?}");
}

/// A listener whose queue is full, so that a connection to it neither succeeds nor fails.
#[cfg(target_os = "linux")]
fn clogged() -> (Socket, SocketAddr, Vec<TcpStream>) {
    let (socket, address) = nobody();
    socket.listen(0).expect("listening");
    let mut queue = Vec::new();
    // Linux drops what comes to a full queue; the client tries again and again.
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        queue.push(stream);
        assert!(queue.len() < 100, "the queue doesn't fill");
    }
    (socket, address, queue)
}

#[test]
#[cfg(target_os = "linux")]
fn connecting_has_a_time_limit() {
    let (_socket, to, _queue) = clogged();
    let proxy = Server::start(
        PROXY,
        &["--to", &to.to_string(), "--connect-timeout", "0.3"],
    );
    let mut patient = connect(proxy.address);
    send(&mut patient, "hello?");
    expect_reset(&mut patient);
    proxy.expect_log(&["closed ", "cannot connect to", "timed out"]);
    drop(patient);
    proxy.end();
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_that_gives_up_while_connecting_is_let_go() {
    let (_socket, to, _queue) = clogged();
    let proxy = Server::start(
        PROXY,
        &["--to", &to.to_string(), "--connect-timeout", "600"],
    );
    let mut client = connect(proxy.address);
    send(&mut client, "hello?");
    let address = client.local_addr().expect("an address").to_string();
    reset(client);
    proxy.expect_log(&["closed ", &address, "reset"]);
    proxy.end();
}

#[test]
fn a_pair_where_nothing_moves_is_given_up() {
    let proxied = Proxied::start(&["--timeout", "1.5"]);
    let (mut client, mut upstream) = proxied.pair();
    // Half-open: one end is all that ever comes.
    finish(&client);
    assert_eq!(receive_all(&mut upstream), b"");
    expect_reset(&mut upstream);
    receive_to_any_end(&mut client);
    proxied
        .proxy
        .expect_log(&["closed ", "nothing has moved for too long"]);
    proxied.assert_serves();
    drop((client, upstream));
    proxied.proxy.end();
}

#[test]
fn beyond_the_limit_of_connections_clients_are_closed() {
    let proxied = Proxied::start(&["--max-connections", "1", "--verbose"]);
    let (client, upstream) = proxied.pair();
    for _ in 0..5 {
        assert_eq!(receive_all(&mut connect(proxied.proxy.address)), b"");
    }
    let address = client.local_addr().expect("an address").to_string();
    drop((client, upstream));
    proxied.proxy.expect_log(&["closed ", &address]);
    proxied.assert_serves();
    let ended = proxied.proxy.end();
    assert_eq!(ended.count("refused"), 5, "{ended:?}");
}
