//! What the servers' command lines have in common, and how they talk to their user.

use std::fmt;
use std::io::{self, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

/// Something that keeps the program from doing its job at all: one line for the user, exit code 2.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(what: impl fmt::Display) -> Failure {
        Failure(what.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The options that every server has.
#[derive(Args)]
pub struct Serving {
    /// Listen on this address (port 0: any free port, see the first line of the output)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: String,

    /// How many connections may be open at once; more are refused
    #[arg(long, value_name = "N", default_value = "100000", value_parser = at_least_one)]
    pub max_connections: usize,

    /// Log every connection to stderr, not just what is refused or goes wrong
    #[arg(long)]
    pub verbose: bool,
}

/// The program's exit: after a failure its reason is on stderr.
pub fn exit(name: &str, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log(format_args!("{name}: {failure}"));
            ExitCode::from(2)
        }
    }
}

/// The first address that `address` stands for.
pub fn resolve(address: &str) -> Result<SocketAddr, Failure> {
    let bad = |why: &dyn fmt::Display| {
        Failure::new(format!(
            "'{address}' is no address such as 127.0.0.1:7777 or localhost:7777: {why}"
        ))
    };
    let mut found = address.to_socket_addrs().map_err(|e| bad(&e))?;
    found.next().ok_or_else(|| bad(&"the name has no address"))
}

/// A time in seconds, such as 30 or 0.5, for clap.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| String::from("it has to be a number"))?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(Duration::ZERO) => Err(String::from("it has to be more than 0")),
        // A century and more; a deadline beyond what the clock can count would be no better.
        Ok(time) if time > Duration::from_secs(1 << 32) => Err(String::from("it is too long")),
        Ok(time) => Ok(time),
        // Negative, no number, or beyond what a `Duration` holds.
        Err(_) if seconds >= 0.0 => Err(String::from("it is too long")),
        Err(_) => Err(String::from("it has to be more than 0")),
    }
}

/// A number above 0, for clap.
pub fn at_least_one(number: &str) -> Result<usize, String> {
    match number.parse() {
        Ok(0) => Err(String::from("it has to be 1 at least")),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// Prints a line to stdout; unlike `println!` it doesn't panic when nobody reads any more.
pub fn say(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Prints a line to stderr, in one piece. Note that it blocks, and the server with it, when stderr
/// is a pipe whose reader has stopped reading; a server that must not depend on that would hand
/// its log to another thread.
pub fn log(line: impl fmt::Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Raises the number of descriptors that we may have to what the system allows us, which takes no
/// privilege: each connection costs one, and the soft limit is often as low as 1024.
pub fn raise_descriptor_limit() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_positive_numbers() {
        assert_eq!(seconds("2"), Ok(Duration::from_secs(2)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for bad in ["0", "-1", "x", "", "nan", "inf", "1e30", "5000000000"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_resolved_or_explained() {
        assert_eq!(
            resolve("127.0.0.1:80").expect("an address"),
            SocketAddr::from(([127, 0, 0, 1], 80))
        );
        let failure = resolve("nonsense").expect_err("no port");
        assert!(failure.to_string().contains("'nonsense'"), "{failure}");
    }
}
