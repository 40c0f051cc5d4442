//! wrk(1), the load.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::run;

/// What load.lua prints at the end.
#[derive(Debug, Deserialize)]
pub struct Summary {
    pub requests: u64,
    pub seconds: f64,
    errors: Errors,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
struct Errors {
    connect: u64,
    read: u64,
    write: u64,
    /// Answers that tell of an error.
    status: u64,
    timeout: u64,
}

/// Installs it, if it is not there.
pub fn install() -> Result<()> {
    let found = Command::new("wrk")
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match found {
        // It ends with 1 whatever it is asked for.
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("wrk could not be run"),
    }
    let install = || run::step(Command::new("apt-get").args(["install", "--yes", "wrk"]));
    install()
        .or_else(|_| {
            run::step(Command::new("apt-get").args(["update", "-qq"]))?;
            install()
        })
        .context("wrk is needed: https://github.com/wg/wrk")
}

/// Loads a server for some seconds: 64 connections, each with `depth` requests at a time.
pub fn run(load: &Path, address: SocketAddr, seconds: u32, depth: u32) -> Result<Summary> {
    let mut command = Command::new("wrk");
    command
        .args(["--threads", "2", "--connections", "64", "--timeout", "10s"])
        .args(["--duration", &format!("{seconds}s"), "--script"])
        .arg(load)
        .arg(format!("http://{address}/"))
        .args(["--", &depth.to_string()]);
    let summary = read(&run::stdout(&mut command)?)?;
    ensure!(
        summary.requests > 0 && summary.errors == Errors::default(),
        "wrk tells of errors: {summary:?}"
    );
    Ok(summary)
}

fn read(printed: &str) -> Result<Summary> {
    let summary = printed
        .lines()
        .find_map(|line| line.strip_prefix("summary "));
    let summary = summary.with_context(|| format!("wrk has no summary: {printed}"))?;
    Ok(serde_json::from_str(summary)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_found_among_what_wrk_prints() {
        let printed = "Running 1s test @ http://127.0.0.1:1/\n  2 threads and 64 connections\n\
            Requests/sec: 751925.25\n\
            summary {\"requests\":811680,\"seconds\":1.079469,\"p50_us\":9,\"p99_us\":99,\"errors\":\
            {\"connect\":0,\"read\":3,\"write\":0,\"status\":1,\"timeout\":0}}\n";
        let summary = read(printed).unwrap();
        assert_eq!((summary.requests, summary.seconds), (811_680, 1.079_469));
        assert_eq!((summary.errors.read, summary.errors.status), (3, 1));
        assert_ne!(summary.errors, Errors::default());
        assert!(read("unable to connect to 127.0.0.1:1 Connection refused\n").is_err());
    }
}
