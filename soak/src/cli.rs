//! The command line.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ferrio::{Poll, SelectorKind};

/// Holds many connections for a long time while others come and go, and checks every byte, wake,
/// token and descriptor.
///
/// A server and its load run as two processes, both on ferrio. Threads of the server wake its polls;
/// connections end in every way there is, resets among them. Once a second both processes tell how
/// much memory and how many descriptors they hold.
///
/// Exit codes: 0, nothing was wrong; 1, something was; 2, it could not start.
#[derive(Parser)]
#[command(
    name = "soak",
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    pub part: Option<Part>,
    #[command(flatten)]
    pub run: Run,
}

#[derive(Subcommand)]
pub enum Part {
    #[command(hide = true)]
    Serve(Serve),
    #[command(hide = true)]
    Load(Load),
}

#[derive(Args, Clone, Debug)]
pub struct Run {
    /// How long, in minutes [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    minutes: Option<u64>,
    /// How long, in seconds
    #[arg(long, value_name = "N", conflicts_with = "minutes",
        value_parser = clap::value_parser!(u64).range(10..=1_000_000))]
    seconds: Option<u64>,
    /// How many connections to hold [default: 15000; with --selector poll 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    connections: Option<u64>,
    /// How many of them end in each second, to be replaced [default: 1000; with --selector poll 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=100_000))]
    churn: Option<u64>,
    /// How many requests to send in each second [default: 5000; with --selector poll 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    requests: Option<u64>,
    /// How many threads wake the server's polls
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub wakers: u64,
    /// Which selector: epoll or poll
    #[arg(long, value_name = "NAME", default_value = "epoll", value_parser = selector)]
    pub selector: Selector,
    /// Makes the same bytes and choices again [default: another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many seconds something may take before it counts as lost
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    /// Where the report goes [default: proof/soak.md or proof/soak-poll.md after ten minutes or more
    /// with these defaults, target/soak/ after any other run]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// For the tests of this program: go wrong in one way
    #[arg(long, hide = true)]
    pub sabotage: Option<Sabotage>,
}

/// Ways to go wrong, each of which a run must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sabotage {
    Wake,
    Deregister,
    Descriptor,
    Byte,
    Memory,
    Panic,
}

/// `SelectorKind`, with a name that can be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selector(pub SelectorKind);

fn selector(name: &str) -> Result<Selector, String> {
    let kind = SelectorKind::from_str(name).map_err(|error| error.to_string())?;
    let available = SelectorKind::available();
    if available.contains(&kind) {
        return Ok(Selector(kind));
    }
    let names: Vec<String> = available.iter().map(SelectorKind::to_string).collect();
    Err(format!(
        "this build has {}; --features runtime-selector builds it with the others",
        names.join(" and ")
    ))
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What both processes are told.
#[derive(Args, Clone, Debug)]
pub struct Common {
    #[arg(long)]
    pub seed: u64,
    #[arg(long)]
    pub connections: u64,
    #[arg(long, value_parser = selector)]
    pub selector: Selector,
    #[arg(long, value_parser = seconds)]
    pub patience: Duration,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}

impl Common {
    pub fn poll(&self) -> Result<Poll> {
        let Selector(kind) = self.selector;
        let poll = Poll::builder().selector(kind).build();
        poll.with_context(|| format!("no poll with {kind}"))
    }

    pub fn arguments(&self) -> Vec<String> {
        let Common {
            seed,
            connections,
            selector,
            patience,
        } = self;
        vec![
            format!("--seed={seed}"),
            format!("--connections={connections}"),
            format!("--selector={selector}"),
            format!("--patience={}", patience.as_secs()),
        ]
    }
}

#[derive(Args, Clone, Debug)]
pub struct Serve {
    #[command(flatten)]
    pub common: Common,
    #[arg(long)]
    pub wakers: usize,
    #[arg(long, value_delimiter = ',')]
    pub addresses: Vec<Ipv4Addr>,
    #[arg(long)]
    pub sabotage: Option<Sabotage>,
}

#[derive(Args, Clone, Debug)]
pub struct Load {
    #[command(flatten)]
    pub common: Common,
    #[arg(long)]
    pub churn: u64,
    #[arg(long)]
    pub requests: u64,
    #[arg(long, value_delimiter = ',')]
    pub servers: Vec<SocketAddr>,
}

/// The options of a run, with the defaults filled in.
#[derive(Clone, Debug)]
pub struct Plan {
    pub common: Common,
    pub seconds: u64,
    pub churn: u64,
    pub requests: u64,
    pub wakers: u64,
    pub sabotage: Option<Sabotage>,
    pub output: PathBuf,
}

const MINUTES: u64 = 10;

impl Run {
    pub fn plan(&self) -> Result<Plan> {
        let is_epoll = self.selector.0.to_string() == "epoll";
        let [connections, churn, requests] = if is_epoll {
            [15_000, 1000, 5000]
        } else {
            [2000, 200, 2000]
        };
        let seconds = self.seconds.unwrap_or(self.minutes.unwrap_or(MINUTES) * 60);
        let plan = Plan {
            common: Common {
                seed: self.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000)),
                connections: self.connections.unwrap_or(connections),
                selector: self.selector,
                patience: Duration::from_secs(self.patience),
            },
            seconds,
            churn: self.churn.unwrap_or(churn),
            requests: self.requests.unwrap_or(requests),
            wakers: self.wakers,
            sabotage: self.sabotage,
            output: PathBuf::new(),
        };
        let (held, churn) = (plan.common.connections, plan.churn);
        ensure!(
            churn <= held,
            "--churn {churn} a second is more than the {held} connections that are held"
        );
        let is_full = seconds >= MINUTES * 60
            && [held, churn, plan.requests, plan.wakers]
                == [connections, self.churn.unwrap_or(churn), requests, 8]
            && self.churn.is_none()
            && self.sabotage.is_none();
        let output = match &self.output {
            Some(file) => file.clone(),
            None => default_output(is_full, self.selector)?,
        };
        Ok(Plan { output, ..plan })
    }
}

fn default_output(is_full: bool, selector: Selector) -> Result<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = root
        .parent()
        .ok_or_else(|| anyhow!("the package has no parent directory"))?;
    let name = match selector.to_string().as_str() {
        "epoll" => String::from("soak.md"),
        other => format!("soak-{other}.md"),
    };
    Ok(match is_full {
        true => root.join("proof").join(name),
        false => root.join("target/soak").join(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn plan(arguments: &[&str]) -> Result<Plan> {
        Cli::try_parse_from([&["soak"], arguments].concat())?
            .run
            .plan()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_options_it_is_ten_minutes_of_fifteen_thousand() {
        let plan = plan(&[]).unwrap();
        assert_eq!((plan.seconds, plan.common.connections), (600, 15_000));
        assert_eq!((plan.churn, plan.wakers), (1000, 8));
        assert!(plan.output.ends_with("proof/soak.md"));
    }

    #[test]
    fn less_than_a_full_run_does_not_overwrite_its_report() {
        for arguments in [
            &["--minutes", "1"][..],
            &["--seconds", "60"],
            &["--connections", "2000"],
            &["--churn", "10"],
            &["--requests", "10"],
            &["--wakers", "1"],
            &["--sabotage", "wake"],
        ] {
            let output = plan(arguments).unwrap().output;
            assert!(output.ends_with("target/soak/soak.md"), "{arguments:?}");
        }
        assert!(
            plan(&["--minutes", "20"])
                .unwrap()
                .output
                .ends_with("proof/soak.md")
        );
        let own = plan(&["--output", "/x/y"]).unwrap().output;
        assert_eq!(own, PathBuf::from("/x/y"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            &["--minutes", "0"][..],
            &["--seconds", "9"],
            &["--seconds", "10", "--minutes", "1"],
            &["--selector", "fastest"],
            &["--connections", "-1"],
            &["--connections", "10", "--churn", "11"],
            &["--patience", "0"],
            &["nonsense"],
        ] {
            assert!(plan(bad).is_err(), "{bad:?}");
        }
    }
}
