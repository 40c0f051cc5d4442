//! An HTTP/1.1 server: keep-alive, pipelining, limits on everything a client could overdo.
//!
//! ```text
//! cargo run --release -p ferrio-programs --bin http -- --listen 127.0.0.1:8080
//! curl -i http://127.0.0.1:8080/
//! curl http://127.0.0.1:8080/bytes/1000000000 | wc -c
//! ```
//!
//! Where to look:
//! * `session.rs` is the state machine of a connection.
//! * `head.rs` turns the head of a request into what the server has to know, or into an error.
//! * `body.rs` finds the end of a request's body, however it arrives.
//! * `response.rs` writes heads; `pages.rs` is what there is to get: the place to begin with.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ferrio_programs::cli::{self, Failure, Serving, seconds};
use ferrio_programs::server;

mod body;
mod head;
mod input;
mod pages;
mod response;
mod session;

/// An HTTP/1.1 server with keep-alive and pipelining, in one thread.
///
/// It serves a text at / and N bytes at /bytes/N, to GET and HEAD. Request bodies are read and
/// discarded. Ctrl-C or SIGTERM ends it.
///
/// Exit codes: 0, ended by a signal; 2, it could not start or go on.
#[derive(Parser)]
#[command(name = "http")]
struct Args {
    #[command(flatten)]
    serving: Serving,

    /// How long a client may take for a request's head, or be idle otherwise
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let make = |_: SocketAddr| Ok::<_, Failure>(session::Http::new(args.timeout));
    cli::exit("http", server::serve(&args.serving, make))
}
