//! A TCP proxy: each connection it accepts is connected to another address.
//!
//! ```text
//! cargo run -p ferrio-programs --bin proxy -- --listen 127.0.0.1:7777 --to example.org:80
//! ```
//!
//! Where to look:
//! * `session.rs` is a pair of connections, and what becomes of one when the other ends.
//! * `pipe.rs` is one direction between them: a bounded buffer and an end.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ferrio_programs::cli::{self, Failure, Serving, resolve, seconds};
use ferrio_programs::server;

mod pipe;
mod session;

/// Forwards TCP connections to another address, in one thread.
///
/// Ends, resets and slowness on one side show on the other as they would without it. Ctrl-C or
/// SIGTERM ends it.
///
/// Exit codes: 0, ended by a signal; 2, it could not start or go on.
#[derive(Parser)]
#[command(name = "proxy")]
struct Args {
    #[command(flatten)]
    serving: Serving,

    /// Where to connect to. A name is looked up once, at the start
    #[arg(long, value_name = "ADDR")]
    to: String,

    /// How long connecting may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    connect_timeout: Duration,

    /// After how long without a byte in either direction a pair of connections is given up
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    timeout: Duration,

    /// How much to hold of what one side has sent and the other hasn't taken
    #[arg(long, value_name = "BYTES", default_value = "65536", value_parser = cli::at_least_one)]
    buffer: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let make = |_: SocketAddr| {
        let to = resolve(&args.to)?;
        if to.port() == 0 {
            return Err(Failure::new(format!(
                "nobody listens on port 0: '{}'",
                args.to
            )));
        }
        Ok::<_, Failure>(session::Proxy::new(session::Settings {
            to,
            connect_timeout: args.connect_timeout,
            timeout: args.timeout,
            buffer: args.buffer,
        }))
    };
    cli::exit("proxy", server::serve(&args.serving, make))
}
