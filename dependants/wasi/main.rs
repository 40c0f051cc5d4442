//! Sends everything back, to as many connections as the second argument says, and ends.
//!
//! ```text
//! wasmtime run -Sinherit-network tokio-on-wasi.wasm 127.0.0.1:7000 20
//! ```

use std::env;
use std::io::{Error, Result};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().ok_or(Error::other("no address"))?;
    let count = arguments.next().and_then(|count| count.parse().ok());
    let count: usize = count.ok_or(Error::other("no number of connections"))?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(&address, count))
}

async fn serve(address: &str, count: usize) -> Result<()> {
    // Nothing is registered yet, and tokio polls all the same.
    let begun = Instant::now();
    sleep(Duration::from_millis(20)).await;
    assert!(begun.elapsed() >= Duration::from_millis(20));

    let listener = TcpListener::bind(address).await?;
    let mut tasks = Vec::new();
    for _ in 0..count {
        let (stream, _) = listener.accept().await?;
        tasks.push(tokio::spawn(send_back(stream)));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn send_back(mut stream: TcpStream) -> Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let len = stream.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..len]).await?;
    }
}
