//! TCP.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::{on_both, pattern};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Echoes everything on every connection.
async fn echo_server() -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("accept");
            tokio::spawn(async move {
                let (mut reader, mut writer) = stream.split();
                tokio::io::copy(&mut reader, &mut writer)
                    .await
                    .expect("an echo");
                writer.shutdown().await.expect("shutdown");
            });
        }
    });
    address
}

/// Sends everything, and reads until the end.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(address).await.expect("connect");
    let (mut reader, mut writer) = stream.into_split();
    let sent = bytes.to_vec();
    let sending = tokio::spawn(async move {
        writer.write_all(&sent).await.expect("write");
        writer.shutdown().await.expect("shutdown");
    });
    let mut received = Vec::new();
    reader.read_to_end(&mut received).await.expect("read");
    sending.await.expect("the sending task");
    received
}

#[test]
fn megabytes_come_back_whole() {
    on_both(|| async {
        let address = echo_server().await;
        let bytes = pattern(4 << 20);
        let received = exchange(address, &bytes).await;
        assert!(received == bytes, "{} bytes came back", received.len());
    });
}

/// More than the 64 that one AFD poll could ask about, and than two helpers have seats for.
#[test]
fn a_hundred_connections_at_a_time() {
    on_both(|| async {
        let address = echo_server().await;
        let clients = (0..100_usize).map(|number| {
            tokio::spawn(async move {
                let bytes = pattern(1000 + number);
                for _ in 0..5 {
                    assert_eq!(exchange(address, &bytes).await, bytes);
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("a client");
        }
    });
}

/// Small answers to small questions: each direction blocks every time.
#[test]
fn a_thousand_questions_are_answered() {
    on_both(|| async {
        let address = echo_server().await;
        let mut stream = TcpStream::connect(address).await.expect("connect");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        let mut buffer = [0; 64];
        for number in 0..1000_u32 {
            let question = number.to_le_bytes();
            stream.write_all(&question).await.expect("write");
            let length = question.len();
            stream
                .read_exact(&mut buffer[..length])
                .await
                .expect("read");
            assert_eq!(&buffer[..length], &question);
        }
    });
}

/// A reader that is given up leaves the socket as it was.
#[test]
fn a_read_that_was_given_up_is_no_loss() {
    on_both(|| async {
        let (listener, address) = listener().await;
        let mut client = TcpStream::connect(address).await.expect("connect");
        let (mut server, _) = listener.accept().await.expect("accept");
        for round in 0..20_u8 {
            let mut byte = [0];
            let given_up = timeout(Duration::from_millis(2), client.read(&mut byte)).await;
            assert!(given_up.is_err(), "nobody has written");
            server.write_all(&[round]).await.expect("write");
            assert_eq!(client.read(&mut byte).await.expect("read"), 1);
            assert_eq!(byte, [round]);
        }
        let given_up = timeout(Duration::from_millis(2), listener.accept()).await;
        assert!(given_up.is_err(), "nobody has connected");
        let _client = TcpStream::connect(address).await.expect("connect");
        listener.accept().await.expect("accept");
    });
}

#[test]
fn a_writer_waits_for_a_slow_reader() {
    on_both(|| async {
        let (listener, address) = listener().await;
        let mut client = TcpStream::connect(address).await.expect("connect");
        let (mut server, _) = listener.accept().await.expect("accept");
        let bytes = pattern(8 << 20);
        let expected = bytes.len();
        let writer = tokio::spawn(async move {
            client.write_all(&bytes).await.expect("write");
        });
        let (mut total, mut buffer) = (0, vec![0; 64 * 1024]);
        while total < expected {
            let n = server.read(&mut buffer).await.expect("read");
            assert!(n > 0, "the end after {total} bytes");
            let position = |index: usize| ((total + index) % 251) as u8;
            assert!((0..n).all(|index| buffer[index] == position(index)));
            total += n;
            tokio::task::yield_now().await;
        }
        writer.await.expect("the writer");
    });
}

#[test]
fn a_connection_that_nobody_takes_is_refused() {
    on_both(|| async {
        let (listener, address) = listener().await;
        drop(listener);
        let error = TcpStream::connect(address)
            .await
            .expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn the_end_of_a_connection_ends_the_reader() {
    on_both(|| async {
        let (listener, address) = listener().await;
        let mut client = TcpStream::connect(address).await.expect("connect");
        let (server, _) = listener.accept().await.expect("accept");
        let reader = tokio::spawn(async move { client.read(&mut [0; 8]).await });
        tokio::task::yield_now().await;
        drop(server);
        let end = reader.await.expect("the reader");
        assert_eq!(end.expect("the end"), 0);
    });
}
