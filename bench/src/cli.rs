//! The command line.

use std::path::PathBuf;

use clap::{Parser, builder::RangedU64ValueParser};

use crate::contender::Id;
use crate::measure::Plan;
use crate::pin::{self, Cpus};
use crate::rows;

const ROUNDS: usize = 200;
const QUICK_ROUNDS: usize = 12;

/// Compares ferrio with crates.io mio, polling, libuv, libevent and system calls without a library, in one run.
///
/// What is built for poll(2) is a program of its own, which is built and started when a row needs it. Every row runs its contenders in short rounds that alternate in shuffled order. A ratio is ferrio's cost divided by
/// mio's in the same round; the table gives the median of all rounds, the quartiles and the extremes. The control is a
/// second mio divided by the first: what it is off 1 is the error of the measurement. A missed target is reported, it
/// does not change the exit code.
#[derive(Debug, Parser)]
#[command(
    name = "ferrio-bench",
    version,
    after_help = "Exit codes: 0 measured, 1 something failed, 2 bad usage."
)]
pub struct Cli {
    /// Fewer rounds: under two minutes, with wider quartiles.
    #[arg(long)]
    quick: bool,

    /// Only the rows of these names, or whose name contains one of these, e.g. `wake,harvest-64-of-1000`.
    #[arg(long, value_name = "FILTER", value_delimiter = ',')]
    rows: Vec<String>,

    /// Also the rows that otherwise have to be named: `build`.
    #[arg(long, conflicts_with = "rows")]
    all: bool,

    /// Rounds per row, of those that take long a part of it [default: 200, with --quick 12].
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    rounds: Option<usize>,

    /// Who runs beside mio, which is the baseline and always runs [default: all that there are].
    #[arg(long, value_name = "WHO", value_delimiter = ',')]
    contenders: Vec<Id>,

    /// Pin the measuring thread to the first CPU in every row. Without it only the rows with two threads are pinned,
    /// one thread to each CPU [default: the first two that are allowed].
    #[arg(
        long,
        value_name = "CPU,CPU",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "auto",
        value_parser = parse_pin
    )]
    pin: Option<Pin>,

    /// Seed of the shuffled order [default: a new one each run].
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Where the report goes [default: bench/report, or its subdirectory partial when --quick, --rows, --rounds or
    /// --contenders make the run less than a full one].
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Print the rows with clock, target and description, and measure nothing.
    #[arg(long)]
    pub list: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pin {
    Auto,
    To(Cpus),
}

fn parse_pin(text: &str) -> Result<Pin, String> {
    if text == "auto" {
        return Ok(Pin::Auto);
    }
    text.parse().map(Pin::To)
}

impl Pin {
    fn resolve(self, allowed: &[usize]) -> Result<Cpus, String> {
        match (self, allowed) {
            (Pin::Auto, &[main, helper, ..]) => Ok(Cpus { main, helper }),
            (Pin::Auto, _) => Err("--pin needs two CPUs, but only one is allowed".to_owned()),
            (Pin::To(cpus), _) => [cpus.main, cpus.helper]
                .into_iter()
                .find(|cpu| !allowed.contains(cpu))
                .map_or(Ok(cpus), |cpu| {
                    Err(format!("--pin: CPU {cpu} can't be used here"))
                }),
        }
    }
}

impl Cli {
    /// What to measure.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong.
    pub fn plan(&self) -> Result<Plan, String> {
        let rows = if self.all {
            rows::all().collect()
        } else {
            rows::select(&self.rows)?
        };
        let allowed = pin::allowed().map_err(|error| format!("which CPUs are there: {error}"))?;
        let cpus = match self.pin {
            // Without two CPUs the rows with two threads have to share one.
            None => Pin::Auto.resolve(&allowed).ok(),
            Some(pin) => Some(pin.resolve(&allowed)?),
        };
        let default_rounds = if self.quick { QUICK_ROUNDS } else { ROUNDS };
        Ok(Plan {
            rows,
            contenders: self.contenders()?,
            rounds: self.rounds.unwrap_or(default_rounds),
            seed: self.seed.unwrap_or_else(|| fastrand::u64(..)),
            pin_all: self.pin.is_some(),
            cpus,
        })
    }

    /// Everybody, or those that were asked for, who have to be there.
    fn contenders(&self) -> Result<Vec<Id>, String> {
        for id in &self.contenders {
            if let Some(package) = id.missing() {
                return Err(format!(
                    "{} was not found when this was built; `apt-get install {package}`, and build it again",
                    id.name()
                ));
            }
        }
        let wanted = |id: &Id| match self.contenders.is_empty() {
            true => id.missing().is_none(),
            false => *id == Id::Mio || self.contenders.contains(id),
        };
        Ok(Id::ALL.into_iter().filter(wanted).collect())
    }

    /// A partial run must not overwrite the report of a full one.
    pub fn report_directory(&self) -> PathBuf {
        let full = !self.quick
            && self.rows.is_empty()
            && self.rounds.is_none_or(|rounds| rounds >= ROUNDS)
            && self.contenders.is_empty();
        self.output.clone().unwrap_or_else(|| {
            let report = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/report"));
            if full { report } else { report.join("partial") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["ferrio-bench"], arguments].concat())
    }

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        parse(arguments).unwrap().plan()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_arguments_everything_runs() {
        let plan = plan(&[]).unwrap();
        assert_eq!(plan.rows.len(), rows::all().count() - 1);
        assert_eq!(plan.rounds, ROUNDS);
        let here = Id::ALL.into_iter().filter(|id| id.missing().is_none());
        assert_eq!(plan.contenders, here.collect::<Vec<_>>());
        assert!(!plan.pin_all);
    }

    #[test]
    fn all_takes_in_what_has_to_be_named() {
        let plan = plan(&["--all"]).unwrap();
        assert_eq!(plan.rows.len(), rows::all().count());
        assert!(parse(&["--all", "--rows", "wake"]).is_err());
    }

    #[test]
    fn who_is_not_in_the_build_is_refused_with_what_to_install() {
        for id in [Id::Libuv, Id::Libevent] {
            let asked = plan(&["--contenders", id.name()]);
            match id.missing() {
                Some(package) => assert!(asked.unwrap_err().contains(package)),
                None => assert_eq!(asked.unwrap().contenders, [Id::Mio, id]),
            }
        }
    }

    #[test]
    fn quick_lowers_the_rounds_unless_they_are_given() {
        assert_eq!(plan(&["--quick"]).unwrap().rounds, QUICK_ROUNDS);
        assert_eq!(plan(&["--quick", "--rounds", "7"]).unwrap().rounds, 7);
    }

    #[test]
    fn the_baseline_always_runs_and_nobody_twice() {
        let plan = plan(&["--contenders", "raw,mio,raw"]).unwrap();
        assert_eq!(plan.contenders, [Id::Mio, Id::Raw]);
    }

    #[test]
    fn rows_are_filtered_and_an_unknown_one_is_one_line() {
        let names = |plan: Plan| plan.rows.iter().map(|row| row.name).collect::<Vec<_>>();
        let selected = plan(&["--rows", "wake-16,empty-poll"]).unwrap();
        assert_eq!(names(selected), ["empty-poll", "wake-16"]);
        let message = plan(&["--rows", "harvset"]).unwrap_err();
        assert_eq!(message.lines().count(), 1);
        assert!(message.contains("harvset"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            &["--rounds", "0"][..],
            &["--rounds", "many"],
            &["--contenders", "tokio"],
            &["--pin=3"],
            &["--pin=1,1"],
            &["--pin=a,b"],
            &["--unknown"],
            &["argument"],
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pinning_takes_what_is_allowed() {
        let cpus = |main, helper| Cpus { main, helper };
        assert_eq!(Pin::Auto.resolve(&[2, 5, 7]), Ok(cpus(2, 5)));
        assert!(Pin::Auto.resolve(&[2]).is_err());
        assert_eq!(parse_pin("5,2"), Ok(Pin::To(cpus(5, 2))));
        assert_eq!(Pin::To(cpus(5, 2)).resolve(&[2, 5]), Ok(cpus(5, 2)));
        assert!(
            Pin::To(cpus(5, 3))
                .resolve(&[2, 5])
                .unwrap_err()
                .contains("CPU 3")
        );
    }

    #[test]
    fn only_a_full_run_goes_where_the_full_report_is() {
        let directory = |arguments: &[&str]| {
            let cli = parse(arguments).unwrap();
            cli.report_directory()
        };
        assert!(directory(&[]).ends_with("report"));
        assert!(directory(&["--pin", "--rounds", "400"]).ends_with("report"));
        for partial in [
            &["--quick"][..],
            &["--rows", "wake"],
            &["--rounds", "20"],
            &["--contenders", "ferrio"],
        ] {
            assert!(
                directory(partial).ends_with("report/partial"),
                "{partial:?}"
            );
        }
        assert_eq!(
            directory(&["--quick", "--output", "/x"]),
            PathBuf::from("/x")
        );
    }
}
