//! A chat: what one client says, all the others get to read.
//!
//! ```text
//! cargo run -p ferrio-programs --bin chat -- --listen 127.0.0.1:7777
//! nc 127.0.0.1 7777        # in as many terminals as you like
//! ```
//!
//! Where to look:
//! * `room.rs` is what the clients share: who is there, and what has to be told to whom.
//! * `session.rs` is the state machine of one client.
//! * `lines.rs` cuts bytes into lines, and makes them fit to be shown.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ferrio_programs::cli::{self, Failure, Serving, at_least_one, seconds};
use ferrio_programs::server;

mod lines;
mod room;
mod session;

/// A chat for any number of clients, in one thread.
///
/// The first line a client sends is its name, each other one a message to all; /who and /quit are
/// commands. A client that doesn't read what the others say is disconnected. Ctrl-C or SIGTERM ends
/// the chat.
///
/// Exit codes: 0, ended by a signal; 2, it could not start or go on.
#[derive(Parser)]
#[command(name = "chat")]
struct Args {
    #[command(flatten)]
    serving: Serving,

    /// How long a new client may take to say its name
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,

    /// How many bytes may wait for a client, beyond what its connection holds, before it's
    /// disconnected
    #[arg(long, value_name = "BYTES", default_value = "65536", value_parser = at_least_one)]
    backlog: usize,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let make = |_: SocketAddr| Ok::<_, Failure>(room::Room::new(args.timeout, args.backlog));
    cli::exit("chat", server::serve(&args.serving, make))
}
