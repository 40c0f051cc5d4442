//! The command line.

use clap::Parser;

/// A TCP echo server and the load that tests it, both on ferrio.
///
/// Without --listen or --connect it runs both, one thread each, in this process: every
/// connection sends a message, waits until all of it came back, checks each byte, and sends the
/// next one.
///
/// Exit codes: 0, all went well; 1, a byte was wrong, a connection failed or a descriptor was
/// left open; 2, it could not start. WASI preview 2 tells its host only whether a program succeeded:
/// there every failure is 1.
#[derive(Parser)]
#[command(name = "echo")]
pub struct Args {
    /// Serve only, on this address, until Ctrl-C (port 0: any free port)
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["connect", "connections", "message", "seconds", "json"])]
    listen: Option<String>,

    /// Drive the load only, against an echo server at this address
    #[arg(long, value_name = "ADDR")]
    connect: Option<String>,

    /// How many connections to hold open at once
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one)]
    pub connections: usize,

    /// Length of a message
    #[arg(long, value_name = "BYTES", default_value = "64", value_parser = at_least_one)]
    pub message: usize,

    /// How long to send messages
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,

    /// Print the summary as one line of JSON
    #[arg(long)]
    pub json: bool,

    /// Log to stderr what the server accepts and closes
    #[arg(long, conflicts_with = "connect")]
    pub verbose: bool,
}

/// What the command line asks for.
pub enum Mode<'a> {
    Listen(&'a str),
    Connect(&'a str),
    Both,
}

impl Args {
    pub fn mode(&self) -> Mode<'_> {
        match (&self.listen, &self.connect) {
            (Some(address), _) => Mode::Listen(address),
            (None, Some(address)) => Mode::Connect(address),
            (None, None) => Mode::Both,
        }
    }
}

/// Ends the process with a message and exit code 2 when the command line makes no sense.
pub fn parse() -> Args {
    Args::parse()
}

fn at_least_one(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(0) => Err(String::from("it has to be 1 at least")),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}
