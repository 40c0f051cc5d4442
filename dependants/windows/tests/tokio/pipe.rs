//! Named pipes.

use std::io::ErrorKind;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::windows::named_pipe::{
    ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions,
};
use tokio::time::timeout;

use crate::{on_both, pattern};

/// A name that nothing else has.
fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(r"\\.\pipe\ferrio-tokio-{}-{number}", process::id())
}

async fn pair() -> (NamedPipeServer, NamedPipeClient) {
    let name = name();
    let server = ServerOptions::new().create(&name).expect("a pipe");
    let client = ClientOptions::new().open(&name).expect("a client");
    server.connect().await.expect("connected");
    (server, client)
}

#[test]
fn megabytes_come_back_whole() {
    on_both(|| async {
        let (server, client) = pair().await;
        let echo = tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(server);
            let mut buffer = vec![0; 16 * 1024];
            let mut left = 1 << 20;
            while left > 0 {
                let n = reader.read(&mut buffer).await.expect("read");
                writer.write_all(&buffer[..n]).await.expect("write");
                left -= n;
            }
            writer.flush().await.expect("flush");
            // The client reads to its last byte before the pipe is closed.
            assert_eq!(reader.read(&mut buffer).await.expect("the answer"), 1);
        });
        let bytes = pattern(1 << 20);
        let (mut reader, mut writer) = tokio::io::split(client);
        let sent = bytes.clone();
        let sending = tokio::spawn(async move {
            writer.write_all(&sent).await.expect("write");
            writer
        });
        let mut received = vec![0; bytes.len()];
        reader.read_exact(&mut received).await.expect("read");
        assert!(received == bytes);
        let mut writer = sending.await.expect("the sending task");
        writer.write_all(b"!").await.expect("write");
        echo.await.expect("the echo");
    });
}

/// One instance after the other, as tokio's documentation shows a server.
#[test]
fn clients_come_one_after_the_other() {
    on_both(|| async {
        let name = name();
        let mut options = ServerOptions::new();
        let mut server = options
            .first_pipe_instance(true)
            .create(&name)
            .expect("a pipe");
        let serving = tokio::spawn({
            let name = name.clone();
            async move {
                for _ in 0..20 {
                    server.connect().await.expect("a client");
                    let connected = server;
                    server = ServerOptions::new().create(&name).expect("another");
                    tokio::spawn(answer(connected));
                }
            }
        });
        for number in 0..20_u8 {
            let mut client = open(&name).await;
            client.write_all(&[number]).await.expect("write");
            let mut answer = [0];
            client.read_exact(&mut answer).await.expect("read");
            assert_eq!(answer, [number + 1]);
        }
        serving.await.expect("the server");
    });
}

async fn answer(mut server: NamedPipeServer) {
    let mut byte = [0];
    server.read_exact(&mut byte).await.expect("read");
    server.write_all(&[byte[0] + 1]).await.expect("write");
    // Until the client has gone: what it has not read would go with the pipe.
    let end = server.read(&mut byte).await;
    assert!(
        end.is_err() || end.is_ok_and(|n| n == 0),
        "the client's end"
    );
}

/// Between two clients all instances may be busy, ERROR_PIPE_BUSY.
async fn open(name: &str) -> NamedPipeClient {
    const BUSY: i32 = 231;
    loop {
        match ClientOptions::new().open(name) {
            Ok(client) => return client,
            Err(error) if error.raw_os_error() == Some(BUSY) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

#[test]
fn a_read_that_was_given_up_is_no_loss() {
    on_both(|| async {
        let (mut server, mut client) = pair().await;
        for round in 0..20_u8 {
            let mut byte = [0];
            let short = Duration::from_millis(2);
            let given_up = timeout(short, client.read(&mut byte)).await;
            assert!(given_up.is_err(), "nobody has written");
            server.write_all(&[round]).await.expect("write");
            assert_eq!(client.read(&mut byte).await.expect("read"), 1);
            assert_eq!(byte, [round]);
        }
    });
}

#[test]
fn the_end_of_the_server_ends_the_reader() {
    on_both(|| async {
        let (server, mut client) = pair().await;
        let reader = tokio::spawn(async move { client.read(&mut [0; 8]).await });
        tokio::task::yield_now().await;
        drop(server);
        match reader.await.expect("the reader") {
            Ok(n) => assert_eq!(n, 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::BrokenPipe),
        }
    });
}
