//! An HTTP/1.1 server on nothing but mio and a parser: `raw-http [ADDRESS]`.
//!
//! One thread, one poll. It keeps connections alive, answers pipelined requests in their order, and
//! reads no further from a client who doesn't read its answers.

mod answer;
mod connection;
mod server;

use std::net::SocketAddr;

use anyhow::{Context, Result};
use programs::control;

use server::Server;

fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:0");
    let address: SocketAddr = address.parse().context("ADDRESS is no IP:PORT")?;
    let mut server = Server::bind(address)?;
    let waker = server.waker();
    control::attend(move || {
        if let Err(error) = waker.wake() {
            eprintln!("the server can't be stopped: {error}");
            std::process::abort();
        }
    })?;
    control::announce(server.address()?)?;
    server.run()
}
