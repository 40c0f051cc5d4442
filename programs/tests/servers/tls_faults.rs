//! `tls_echo`, and clients that are slow, wrong or gone.

use std::io::Write as _;
use std::net::Shutdown;
use std::os::fd::OwnedFd;

use crate::clients::{connect, finish, noise, receive_all, receive_to_any_end, reset, send};
use crate::tls_client::{End, TlsClient, TlsServer, trusting};

/// The same connection as the standard library's.
fn into_std(client: TlsClient) -> std::net::TcpStream {
    let descriptor = OwnedFd::from(client.stream);
    std::net::TcpStream::from(descriptor)
}

#[test]
fn what_is_no_tls_gets_an_alert() {
    let server = TlsServer::start("garbage", &[]);
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"[..],
        &[0; 100],
        &[0xff; 5],
        // A record of a length that no record may have.
        &[0x16, 3, 1, 0xff, 0xff, 1, 2, 3],
        // A handshake message that isn't one.
        &[0x16, 3, 1, 0, 4, 99, 0, 0, 0],
        // Data before the handshake.
        &[0x17, 3, 3, 0, 1, 0],
    ] {
        let mut client = connect(server.server.address);
        send(&mut client, garbage);
        let address = client.local_addr().expect("an address").to_string();
        let answer = receive_to_any_end(&mut client);
        assert_eq!(
            answer.first(),
            Some(&0x15),
            "no alert for {garbage:?}: {answer:?}"
        );
        server
            .server
            .expect_log(&["closed ", &format!("{address} ")]);
    }
    server.assert_answers();
    let ended = server.server.end();
    assert_eq!(ended.count("broken off"), 6, "{ended:?}");
}

#[test]
fn a_client_that_trusts_somebody_else_says_so() {
    let server = TlsServer::start("trust", &[]);
    let other = TlsServer::start("other-trust", &[]);
    let mut client = TlsClient::new(server.server.address, trusting(&other.cert));
    let error = client.try_run("a handshake", |client| !client.tls.is_handshaking());
    let error = error.expect_err("another certificate");
    assert!(error.to_string().contains("certificate"), "{error}");
    // The alert that tells the server.
    while client.tls.wants_write() {
        client.tls.write_tls(&mut client.stream).expect("sent");
    }
    server
        .server
        .expect_log(&["closed ", &client.address(), "fatal alert"]);
    drop(client);
    server.assert_answers();
    server.server.end();
    other.server.end();
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    let server = TlsServer::start("cut-off", &[]);
    // After data,
    let mut client = server.client();
    client.echo(b"hello");
    client
        .stream
        .shutdown(Shutdown::Write)
        .expect("a half-close");
    client.run("the end", |client| client.at_end);
    assert_eq!(client.end, Some(End::CutOff));
    server
        .server
        .expect_log(&[&client.address(), "without close_notify"]);
    // in the middle of the handshake,
    let mut client = connect(server.server.address);
    send(&mut client, [0x16, 3, 1, 0, 100, 1]);
    finish(&client);
    assert_eq!(receive_all(&mut client), b"");
    let address = client.local_addr().expect("an address").to_string();
    server
        .server
        .expect_log(&[&address, "without close_notify"]);
    // and before it.
    let mut client = connect(server.server.address);
    finish(&client);
    assert_eq!(receive_all(&mut client), b"");
    drop(client);
    let ended = server.server.end();
    assert_eq!(ended.count("broken off"), 3, "{ended:?}");
}

#[test]
fn resets_at_every_step_cost_one_connection_each() {
    let server = TlsServer::start("resets", &["--verbose"]);
    let mut good = server.client();
    let hello = {
        // A ClientHello, whole.
        let mut client = TlsClient::new(server.server.address, trusting(&server.cert));
        let mut hello = Vec::new();
        client.tls.write_tls(&mut hello).expect("into memory");
        hello
    };
    for part in [0, 1, 5, hello.len() / 2, hello.len()] {
        let mut client = connect(server.server.address);
        send(&mut client, &hello[..part]);
        let address = client.local_addr().expect("an address").to_string();
        reset(client);
        server
            .server
            .expect_log(&["closed ", &format!("{address} ")]);
        good.echo(b"still there?");
    }
    let steps: [fn(&mut TlsClient); 4] = [
        |_| {},
        |client| client.echo(b"hello"),
        |client| {
            // Half a record.
            client.say(&noise(4, 1000));
            let mut record = Vec::new();
            client.tls.write_tls(&mut record).expect("into memory");
            client
                .stream
                .write_all(&record[..500])
                .expect("there is room");
        },
        |client| {
            client.send_until_stuck(128 << 20);
        },
    ];
    for step in steps {
        let mut client = server.client();
        step(&mut client);
        let address = client.address();
        reset(into_std(client));
        server
            .server
            .expect_log(&["closed ", &format!("{address} ")]);
        good.echo(b"still there?");
    }
    good.end();
    server.server.end();
}

/// After each byte of what a client says last in a handshake.
#[test]
fn resets_at_the_end_of_a_handshake_cost_one_connection_each() {
    let server = TlsServer::start("last-words", &["--verbose"]);
    let mut good = server.client();
    let mut bytes = 0;
    loop {
        let mut client = TlsClient::new(server.server.address, trusting(&server.cert));
        let address = client.address();
        client.say_hello();
        let mut last = Vec::new();
        client.tls.write_tls(&mut last).expect("into memory");
        assert!(last.len() > 20, "these are no last words: {last:?}");
        client.stream.write_all(&last[..bytes]).expect("room");
        reset(into_std(client));
        server
            .server
            .expect_log(&["closed ", &format!("{address} ")]);
        if bytes == last.len() {
            break;
        }
        bytes += 1;
    }
    good.echo(b"still there?");
    good.end();
    server.server.end();
}

#[test]
fn handshakes_have_a_time_limit_and_idle_clients_are_sent_off() {
    let server = TlsServer::start("timeout", &["--timeout", "1.5"]);
    // One that says nothing, and one that doesn't get any further.
    let mut silent = connect(server.server.address);
    let mut half = connect(server.server.address);
    send(&mut half, [0x16, 3, 1, 0, 100, 1]);
    for client in [&mut silent, &mut half] {
        assert_eq!(receive_all(client), b"");
        let address = client.local_addr().expect("an address").to_string();
        server
            .server
            .expect_log(&["closed ", &address, "handshake takes too long"]);
    }
    // One that has no more to say is told goodbye.
    let mut idle = server.client();
    idle.run("the end", |client| client.at_end);
    assert_eq!(idle.end, Some(End::CloseNotify));
    drop((silent, half, idle));
    server.assert_answers();
    server.server.end();
}

#[test]
fn a_client_that_never_reads_is_given_up() {
    let server = TlsServer::start("given-up", &["--timeout", "2"]);
    let mut stuck = server.client();
    stuck.send_until_stuck(128 << 20);
    let address = stuck.address();
    server
        .server
        .expect_log(&["closed ", &address, "doesn't read"]);
    drop(stuck);
    server.assert_answers();
    server.server.end();
}

#[test]
fn a_handshake_in_single_bytes_is_one_too() {
    let server = TlsServer::start("bytes", &[]);
    let mut client = TlsClient::new(server.server.address, trusting(&server.cert));
    let mut hello = Vec::new();
    client.tls.write_tls(&mut hello).expect("into memory");
    client.stream.set_nodelay(true).expect("no delay");
    for byte in hello {
        client.stream.write_all(&[byte]).expect("there is room");
    }
    client.shake_hands();
    client.echo(b"hello");
    client.end();
    server.server.end();
}
