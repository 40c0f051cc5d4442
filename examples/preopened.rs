//! Sends everything back to whoever connects to a listener that was opened by somebody else: under WASI,
//! preview 1, by the host.
//!
//! ```text
//! cargo build --example preopened --target wasm32-wasip1
//! wasmtime run -Spreview2=n -Stcplisten=127.0.0.1:7000 target/wasm32-wasip1/debug/examples/preopened.wasm
//! ```
//!
//! With a number as its argument it ends after as many connections, and fails if a poll told of anything
//! that was not so.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use ferrio::net::TcpStream;
use ferrio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(0);

fn main() -> ExitCode {
    match serve(std::env::args().nth(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("preopened: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(connections: Option<String>) -> io::Result<()> {
    let mut left = connections.map(number).transpose()?;
    let mut listener = listener()?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(64);
    let mut streams: HashMap<Token, TcpStream> = HashMap::new();
    let (mut next, mut idle) = (1, 0);
    while left != Some(0) || !streams.is_empty() {
        poll.poll(&mut events, None)?;
        for event in &events {
            let token = event.token();
            if token == LISTENER {
                let before = next;
                while let Some(mut stream) = accept(&listener)? {
                    poll.registry()
                        .register(&mut stream, Token(next), Interest::READABLE)?;
                    streams.insert(Token(next), stream);
                    next += 1;
                }
                idle += usize::from(next == before);
                left = left.map(|left| left.saturating_sub(next - before));
            } else if let Some(stream) = streams.get_mut(&token) {
                match send_back(stream) {
                    Ok(Some(0)) => idle += 1,
                    Ok(Some(_)) => {}
                    // The end, or an error of this connection alone.
                    Ok(None) | Err(_) => drop(streams.remove(&token)),
                }
            }
        }
    }
    if idle > 0 {
        return Err(io::Error::other(format!("{idle} events told of nothing")));
    }
    Ok(())
}

fn number(argument: String) -> io::Result<usize> {
    argument.parse().map_err(|_| {
        let sentence = format!("`{argument}` is no number of connections");
        io::Error::new(io::ErrorKind::InvalidInput, sentence)
    })
}

fn accept(listener: &ferrio::net::TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _)) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number of bytes that came; `None` at the end of the stream.
fn send_back(stream: &mut TcpStream) -> io::Result<Option<usize>> {
    let mut buffer = [0; 4096];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(len) => {
                stream.write_all(&buffer[..len])?;
                total += len;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Some(total)),
            Err(error) => return Err(error),
        }
    }
}

/// The first descriptor that the host has opened beside the three of every program.
#[cfg(target_os = "wasi")]
fn listener() -> io::Result<ferrio::net::TcpListener> {
    use std::os::fd::FromRawFd;

    // SAFETY: the host has opened it for this program, which uses it nowhere else.
    let listener = unsafe { std::net::TcpListener::from_raw_fd(3) };
    if let Err(error) = listener.set_nonblocking(true) {
        // Nor does this program own what isn't there.
        std::mem::forget(listener);
        let sentence = "the host has opened no listener: give wasmtime -Stcplisten=127.0.0.1:7000";
        return Err(io::Error::new(
            error.kind(),
            format!("{sentence} ({error})"),
        ));
    }
    Ok(ferrio::net::TcpListener::from_std(listener))
}

#[cfg(not(target_os = "wasi"))]
fn listener() -> io::Result<ferrio::net::TcpListener> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this example is for WASI; `echo` does the same everywhere",
    ))
}
