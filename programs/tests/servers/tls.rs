//! `tls_echo`, and clients that know the protocol: OpenSSL's and rustls.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::clients::noise;
use crate::process::{Server, TLS_ECHO};
use crate::tls_client::{TlsClient, TlsServer, speaking, trusting};
use crate::tools::{Scratch, run, start, text};

/// A conversation as a person would have it with `openssl s_client`.
fn talk_with_openssl(name: &str, version: &str) {
    let server = TlsServer::start(name, &[]);
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-quiet", "-no_ign_eof", "-verify_return_error"])
        .args([version, "-verify_hostname", "localhost"])
        .args(["-connect", &server.server.address.to_string()])
        .args(["-CAfile", server.cert.as_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut client = start(&mut command, "openssl");
    let mut input = client.stdin.take().expect("a pipe");
    let mut output = BufReader::new(client.stdout.take().expect("a pipe"));
    for line in ["hello\n", "and again, somewhat longer\n"] {
        input.write_all(line.as_bytes()).expect("openssl reads");
        let mut echo = String::new();
        output.read_line(&mut echo).expect("openssl writes");
        assert_eq!(echo, line);
    }
    // The end of its input makes it say close_notify and leave.
    drop(input);
    let ended = client.wait_with_output().expect("openssl ends");
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    let ended = server.server.end();
    assert_eq!(ended.count("handshakes"), 1, "{ended:?}");
    assert_eq!(ended.count("bytes echoed"), 33, "{ended:?}");
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

#[test]
fn openssl_talks_tls_1_2() {
    talk_with_openssl("openssl-1.2", "-tls1_2");
}

#[test]
fn openssl_talks_tls_1_3() {
    talk_with_openssl("openssl-1.3", "-tls1_3");
}

#[test]
fn rustls_talks_both_versions() {
    let server = TlsServer::start("rustls", &[]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = speaking(&server.cert, &[version]);
        let mut client = TlsClient::new(server.server.address, config);
        client.shake_hands();
        assert_eq!(client.tls.protocol_version(), Some(version.version));
        for length in [1, 2, 1000, 16 * 1024, 16 * 1024 + 1, 100_000] {
            client.echo(&noise(length as u64, length));
        }
        client.end();
    }
    let ended = server.server.end();
    assert_eq!(ended.count("handshakes"), 2, "{ended:?}");
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

#[test]
fn megabytes_return_as_they_were() {
    let server = TlsServer::start("megabytes", &[]);
    let mut client = server.client();
    client.echo(&noise(1, 8 << 20));
    client.end();
    server.server.end();
}

/// After its close_notify a client still gets the rest of its echo, and then the server's.
#[test]
fn a_half_close_is_answered_after_the_last_byte() {
    let server = TlsServer::start("half-close", &[]);
    let mut client = server.client();
    let bytes = noise(2, 1 << 20);
    client.say(&bytes);
    client.tls.send_close_notify();
    client.run("the end", |client| client.at_end);
    assert!(client.received == bytes, "the echo differs");
    client.end();
    let ended = server.server.end();
    assert_eq!(ended.count("broken off"), 0, "{ended:?}");
}

/// A client that sends and doesn't read blocks itself; once it reads, nothing is missing.
#[test]
fn a_client_that_never_reads_is_held_back() {
    const ALL: usize = 128 << 20;
    let server = TlsServer::start("held-back", &[]);
    let mut client = server.client();
    let bytes = client.send_until_stuck(ALL);
    assert!(bytes.len() < ALL, "the server took all of it");
    // The others don't notice.
    server.assert_answers();
    client.run("the echo", |client| client.received.len() >= bytes.len());
    assert!(client.received == bytes, "the echo differs");
    client.end();
    server.server.end();
}

#[test]
fn many_clients_at_once() {
    let server = TlsServer::start("many", &[]);
    let mut clients: Vec<TlsClient> = (0..50).map(|_| server.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.echo(format!("client {number}").as_bytes());
    }
    clients.into_iter().for_each(TlsClient::end);
    let ended = server.server.end();
    assert_eq!(ended.count("handshakes"), 50, "{ended:?}");
}

/// With a certificate from elsewhere, say of `openssl req`.
#[test]
fn a_given_certificate_is_used() {
    let cert = Scratch::new("given.pem");
    let key = Scratch::new("given.key");
    let mut command = Command::new("openssl");
    command
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=given"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", key.as_str(), "-out", cert.as_str()]);
    let made = run(&mut command, "openssl");
    assert!(made.status.success(), "{}", text(&made.stderr));

    let server = Server::start(TLS_ECHO, &["--cert", cert.as_str(), "--key", key.as_str()]);
    let mut client = TlsClient::new(server.address, trusting(&cert));
    client.shake_hands();
    client.echo(b"hello");
    client.end();
    server.end();
}
