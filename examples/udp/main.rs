//! Echo over UDP: sockets that are ready or not, but never connected for certain.
//!
//! ```text
//! cargo run --example udp                                # both sides in one loop
//! cargo run --example udp -- --listen 127.0.0.1:7777     # the echo server alone
//! cargo run --example udp -- --send 127.0.0.1:7777       # the sender alone
//! ```
//!
//! `server.rs` is the side that echoes, `sender.rs` the one that sends and checks. What differs from TCP:
//! * A socket serves any number of peers, so there is one source and one token, not one of each
//!   per peer.
//! * A datagram arrives whole, or cut off where the buffer ends, or not at all. Somebody has to
//!   notice what is lost: here the sender, which sends again what hasn't come back in time. That
//!   makes it an example of timeouts too.
//! * Edge-triggered events ask for the same care: receive until `WouldBlock`, or no event may
//!   come for what is left.

use std::io::{self, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
#[cfg(not(target_os = "wasi"))]
use ferrio::Waker;
use ferrio::{Events, Poll, Token};

mod sender;
mod server;

use sender::Sender;
use server::Server;

const SERVER: Token = Token(0);
const SENDER: Token = Token(1);
#[cfg_attr(target_os = "wasi", allow(dead_code))]
const STOP: Token = Token(2);

/// The longest datagram IPv4 can carry.
const LONGEST: usize = 65_507;

/// Echo over UDP, on ferrio. Without --listen or --send it does both, in one event loop.
///
/// Exit codes: 0, every datagram came back as it was sent; 1, one did not; 2, it could not start
/// or nobody listens.
#[derive(Parser)]
#[command(name = "udp")]
struct Args {
    /// Serve only, on this address, until Ctrl-C (port 0: any free port)
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["send", "count", "size"])]
    listen: Option<String>,

    /// Send only, to the echo server at this address
    #[arg(long, value_name = "ADDR")]
    send: Option<String>,

    /// How many datagrams to send
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,

    /// Length of a datagram, of which the first eight bytes are its number
    #[arg(long, value_name = "BYTES", default_value = "512", value_parser = clap::value_parser!(u32).range(8..=LONGEST as i64))]
    size: u32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(line) => {
            eprintln!("udp: {line}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool, String> {
    let mut poll = Poll::new().map_err(|e| format!("cannot set up a poll: {e}"))?;
    let stop = stop_on_ctrl_c(&poll)?;

    match (&args.listen, &args.send) {
        (Some(address), _) => {
            let mut server = Server::bind(&poll, SERVER, resolve(address)?)?;
            say(&format!("listening on {}\n", server.address()));
            drive(&mut poll, &stop, Some(&mut server), None)?;
            say(&format!("\n{}\n", server.report()));
            Ok(true)
        }
        (None, Some(address)) => {
            let mut sender = Sender::connect(&poll, SENDER, resolve(address)?, args)?;
            drive(&mut poll, &stop, None, Some(&mut sender))?;
            say(&format!("{}\n", sender.report()));
            Ok(sender.is_clean())
        }
        (None, None) => {
            let address = SocketAddr::from(([127, 0, 0, 1], 0));
            let mut server = Server::bind(&poll, SERVER, address)?;
            let mut sender = Sender::connect(&poll, SENDER, server.address(), args)?;
            say(&format!("listening on {}\n", server.address()));
            drive(&mut poll, &stop, Some(&mut server), Some(&mut sender))?;
            say(&format!("{}\n", sender.report()));
            Ok(sender.is_clean())
        }
    }
}

/// The event loop, for either side or both: until the sender is done, or Ctrl-C.
fn drive(
    poll: &mut Poll,
    stop: &AtomicBool,
    mut server: Option<&mut Server>,
    mut sender: Option<&mut Sender>,
) -> Result<(), String> {
    let mut events = Events::with_capacity(8);
    while !stop.load(Ordering::Acquire) {
        let mut timeout = None;
        if let Some(sender) = &mut sender {
            sender.send()?;
            if sender.is_done() {
                break;
            }
            timeout = sender.next_deadline();
        }
        if server.as_ref().is_some_and(|server| server.has_more) {
            timeout = Some(Duration::ZERO);
        }
        match poll.poll(&mut events, timeout) {
            Ok(()) => {}
            // A signal handler ran. No event is lost by it: just ask again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(format!("poll failed: {error}")),
        }
        // One source per kind, so the tokens alone say what to do. An event is a hint: whether
        // there is something to receive, receiving tells.
        for event in &events {
            match (event.token(), &mut server, &mut sender) {
                (SERVER, Some(server), _) => server.has_more = true,
                (SENDER, _, Some(sender)) => sender.receive()?,
                _ => {}
            }
        }
        if let Some(server) = &mut server {
            server.echo();
        }
    }
    Ok(())
}

#[cfg(target_os = "wasi")]
#[allow(clippy::unnecessary_wraps)] // As elsewhere.
fn stop_on_ctrl_c(_: &Poll) -> Result<Arc<AtomicBool>, String> {
    Ok(Arc::new(AtomicBool::new(false))) // WASI has no signals: the host ends the program.
}

/// Makes Ctrl-C set the flag, and wake the loop so that it looks at it.
#[cfg(not(target_os = "wasi"))]
fn stop_on_ctrl_c(poll: &Poll) -> Result<Arc<AtomicBool>, String> {
    let failed = |e: &dyn std::fmt::Display| format!("cannot listen for Ctrl-C: {e}");
    let stop = Arc::new(AtomicBool::new(false));
    let waker = Waker::new(poll.registry(), STOP).map_err(|e| failed(&e))?;
    let handler = {
        let stop = Arc::clone(&stop);
        move || {
            stop.store(true, Ordering::Release);
            let _ = waker.wake();
        }
    };
    ctrlc::set_handler(handler).map_err(|e| failed(&e))?;
    Ok(stop)
}

fn resolve(address: &str) -> Result<SocketAddr, String> {
    let found = address
        .to_socket_addrs()
        .map(|mut addresses| addresses.next());
    match found {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(format!("'{address}' has no address")),
        Err(e) => Err(format!(
            "'{address}' is no address such as 127.0.0.1:7777: {e}"
        )),
    }
}

/// Prints to stdout; unlike `print!` it doesn't panic when nobody reads any more.
fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}
