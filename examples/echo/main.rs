//! An echo server over TCP and the load that tests it, both on ferrio.
//!
//! ```text
//! cargo run --release --example echo                    # server and load, one thread each
//! cargo run --release --example echo -- --listen 127.0.0.1:7777     # the server alone: try nc
//! cargo run --release --example echo -- --connect 127.0.0.1:7777    # the load alone
//! ```
//!
//! Where to look:
//! * `server.rs` is an event loop as a server has one: accepting, dispatching by token, stopping.
//! * `connection.rs` is what happens to one of its connections: partial writes, half-close.
//! * `slots.rs` turns connections into tokens and back, and is why a late event is harmless.
//! * `load.rs` and `client.rs` are the other side: non-blocking connects, deadlines, checks.
//! * `stop.rs` shows how another thread ends a loop that is blocked in `poll`.

use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::{fmt, io, thread};

mod args;
mod client;
mod connection;
mod descriptors;
mod load;
mod progress;
mod report;
mod sequence;
mod server;
mod slots;
mod stop;

use args::{Args, Mode};
use load::{Load, LoadReport};
use progress::Progress;
use report::Summary;
use server::Server;
use stop::Stop;

/// Something that keeps the program from doing its job at all: one line for the user, exit code 2.
pub struct Failure(String);

impl Failure {
    pub fn new(what: impl fmt::Display) -> Failure {
        Failure(what.to_string())
    }
}

fn main() -> ExitCode {
    let args = args::parse();
    let outcome = match args.mode() {
        Mode::Listen(address) => serve(&args, address),
        Mode::Connect(address) => load(&args, Some(address)),
        Mode::Both => load(&args, None),
    };
    match outcome {
        Ok(code) => code,
        Err(Failure(line)) => {
            eprintln!("echo: {line}");
            ExitCode::from(2)
        }
    }
}

/// `--listen`: serves until Ctrl-C.
fn serve(args: &Args, address: &str) -> Result<ExitCode, Failure> {
    let address = resolve(address)?;
    let stop = Stop::on_ctrl_c()?;
    // Every connection costs a descriptor: take as many as we may have.
    let _ = descriptors::raise_limit();
    let before = descriptors::open();

    let mut server = Server::bind(address, args.verbose)?;
    stop.watch(server.waker());
    say(&format!("listening on {}\n", server.address()));
    let report = server
        .run(&stop)
        .map_err(|e| Failure::new(format!("the server failed: {e}")))?;
    drop(server);
    stop.release();

    say(&report.to_text(descriptors::left_open(before)));
    Ok(ExitCode::SUCCESS)
}

/// Without `--listen`: drives the load, against a server of our own unless told of another.
fn load(args: &Args, address: Option<&str>) -> Result<ExitCode, Failure> {
    if cfg!(target_os = "wasi") && address.is_none() {
        return Err(Failure::new(
            "WASI has no threads, so server and load cannot share a process: use --listen and --connect",
        ));
    }
    let stop = Stop::on_ctrl_c()?;
    // Where server and load share the process, each connection has two ends in it.
    let ends = if address.is_none() { 2 } else { 1 };
    descriptors::provide(args.connections.saturating_mul(ends))?;
    let before = descriptors::open();

    let (report, server) = match address {
        Some(address) => (drive(args, resolve(address)?, &stop)?, None),
        None => {
            let mut server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), args.verbose)?;
            // The server outlives its load: it isn't told to stop before the last reply is in.
            let stop_server = Arc::new(Stop::new());
            stop_server.watch(server.waker());
            let address = server.address();
            let told = Arc::clone(&stop_server);
            let thread = thread::spawn(move || server.run(&told));

            let report = drive(args, address, &stop);
            stop_server.stop();
            let served = thread
                .join()
                .map_err(|_| Failure::new("the server's thread panicked"))?;
            let served = served.map_err(|e| Failure::new(format!("the server failed: {e}")))?;
            (report?, Some(served))
        }
    };

    stop.release();
    let summary = Summary::new(args, report, server, descriptors::left_open(before));
    say(&if args.json {
        summary.to_json()
    } else {
        summary.to_text()
    });
    Ok(if summary.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the load in a thread of its own and draws the progress bar in this one, so that a slow
/// terminal has no part in the latencies.
fn drive(args: &Args, address: SocketAddr, stop: &Arc<Stop>) -> Result<LoadReport, Failure> {
    let progress = Arc::new(Progress::default());
    let load = Load::new(args, address, Arc::clone(&progress))?;
    stop.watch(load.waker());
    if !args.json {
        say(&report::headline(args, address, &load));
    }

    if cfg!(target_os = "wasi") {
        // There is one thread, and it is the load's.
        return load.run(stop);
    }
    // The channel carries nothing: it closes when the thread ends, whichever way it ends.
    let (running, ended) = mpsc::channel::<()>();
    let thread = thread::spawn({
        let stop = Arc::clone(stop);
        move || {
            let _running = running;
            load.run(&stop)
        }
    });
    progress.draw_until(&ended, args);
    thread
        .join()
        .map_err(|_| Failure::new("the load's thread panicked"))?
}

/// The first address that `address` stands for.
fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let bad = |why: &dyn fmt::Display| {
        Failure::new(format!(
            "'{address}' is no address such as 127.0.0.1:7777 or localhost:7777: {why}"
        ))
    };
    let mut found = address.to_socket_addrs().map_err(|e| bad(&e))?;
    found.next().ok_or_else(|| bad(&"the name has no address"))
}

/// Prints to stdout; unlike `print!` it doesn't panic when nobody reads any more (`echo | head`).
fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}
