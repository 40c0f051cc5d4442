//! Clients from outside the sandbox, for programs that send everything back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::run;

const LIMIT: Duration = Duration::from_secs(30);
const CLIENTS: usize = 20;

/// Runs a server in the sandbox, by the command that `command` makes for an address, and talks to it. It
/// has to end, and to end well, after its last client.
pub fn visit(command: impl FnOnce(&str) -> Command) -> Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut command = command(&address);
    command.arg(CLIENTS.to_string());
    println!("$ {}", run::show(&command));
    let mut server = command.spawn().context("wasmtime could not be run")?;
    let result = talk(&address, &mut server);
    if result.is_err() {
        let _ = server.kill();
    }
    let status = wait(&mut server)?;
    result?;
    ensure!(status.success(), "the program: {status}");
    Ok(())
}

/// All are connected at once, and those that speak do so in turn, twice.
fn talk(address: &str, server: &mut Child) -> Result<()> {
    let mut clients = vec![connect(address, server)?];
    for _ in 1..CLIENTS {
        clients.push(TcpStream::connect(address)?);
    }
    for round in 0..2 {
        for (number, client) in clients.iter_mut().enumerate() {
            let text = format!("client {number}, round {round}");
            client.set_read_timeout(Some(LIMIT))?;
            client.write_all(text.as_bytes())?;
            let mut answer = vec![0; text.len()];
            client.read_exact(&mut answer)?;
            ensure!(answer == text.as_bytes(), "{text}: {answer:?} came back");
        }
    }
    for client in &mut clients {
        client.shutdown(Shutdown::Write)?;
        ensure!(
            client.read(&mut [0; 8])? == 0,
            "something came after the end"
        );
    }
    Ok(())
}

/// As soon as the server listens.
fn connect(address: &str, server: &mut Child) -> Result<TcpStream> {
    let start = Instant::now();
    loop {
        if let Some(status) = server.try_wait()? {
            bail!("the program ended: {status}");
        }
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if start.elapsed() > LIMIT => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn wait(server: &mut Child) -> Result<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if let Some(status) = server.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    server.kill()?;
    bail!("the program goes on after its last client");
}
