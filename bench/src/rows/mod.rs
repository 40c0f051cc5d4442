//! The rows: what is measured, in which unit, against which target.

mod churn;
mod crowd;
mod echo;
mod hammer;
mod harvest;
mod pair;
mod ping_pong;
mod poll_table;
mod registration;
mod table;
mod timeout;
mod wake;
mod workload;

use std::io;

pub use poll_table::POLL;
pub use table::EPOLL;
pub use workload::{Env, Workload};

use crate::contender::{Contender, Ferrio, Id, Mio};
use crate::raw::Raw;
use crate::raw_poll::RawPoll;
use crate::suite::Suite;
use crowd::Cycle;
use harvest::Harvest;
use registration::{Operation, Source};

/// One line of the benchmark.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    /// What one operation is.
    pub unit: &'static str,
    pub metric: Metric,
    pub target: Target,
    /// What happens inside the measured section, and what does not.
    pub what: &'static str,
    /// A second thread sleeps in the process meanwhile.
    pub company: bool,
    kind: Kind,
}

/// The clock a row is judged by. Both are always recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// CPU time of the measuring thread.
    Cpu,
    /// CPU time of all threads that take part.
    CpuOfBoth,
    Wall,
}

impl Metric {
    pub fn name(self) -> &'static str {
        match self {
            Metric::Cpu => "cpu",
            Metric::CpuOfBoth => "cpu x2",
            Metric::Wall => "wall",
        }
    }
}

/// What ferrio has promised for a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At most this many times mio's cost.
    Ratio(f64),
    /// At most this many times the cost of the system calls without a library.
    RatioToRaw(f64),
    /// Less than this many nanoseconds.
    Below(f64),
    /// Nothing: the row informs.
    None,
}

#[derive(Debug)]
enum Kind {
    Harvest(Harvest),
    EmptyPoll,
    Registration(Operation, Source),
    Wake { wakes: usize, block: bool },
    Hammer,
    PingPong { one_cpu: bool },
    Timeout { micros: u64 },
    Pair { source: Source, with_polls: bool },
    Crowd(Cycle),
    Echo(echo::Setup),
    Churn,
}

impl Row {
    /// Whether the contender can run here: without a library, poll(2) has no registration.
    pub fn has(&self, suite: Suite, contender: Id) -> bool {
        let registers = matches!(
            self.kind,
            Kind::Registration(..) | Kind::Pair { .. } | Kind::Churn
        );
        contender != Id::Raw || suite == Suite::Epoll || !registers
    }

    /// Of a row whose rounds take seconds, fewer than of the others.
    pub fn rounds(&self, planned: usize) -> usize {
        match self.kind {
            Kind::Churn => planned.div_ceil(churn::FEWER),
            _ => planned,
        }
    }

    /// How often it is set up in one run.
    pub fn setups(&self) -> usize {
        match self.kind {
            Kind::Churn => 2,
            _ => 6,
        }
    }

    /// Sets the row up for one contender.
    pub fn build(&self, contender: Id, env: &Env) -> io::Result<Box<dyn Workload>> {
        match (contender, &self.kind) {
            (Id::Ferrio, Kind::Churn) => Ok(Box::new(churn::Churn::<Ferrio>::new()?)),
            (_, Kind::Churn) => Ok(Box::new(churn::Churn::<Mio>::new()?)),
            (Id::Ferrio, _) => self.build_for::<Ferrio>(env),
            (Id::Mio | Id::Control, _) => self.build_for::<Mio>(env),
            (Id::Raw, _) => match env.suite {
                Suite::Epoll => self.build_for::<Raw>(env),
                Suite::Poll => self.build_for::<RawPoll>(env),
            },
        }
    }

    fn build_for<C: Contender>(&self, env: &Env) -> io::Result<Box<dyn Workload>> {
        Ok(match self.kind {
            Kind::Harvest(harvest) => Box::new(harvest.build::<C>()?),
            Kind::EmptyPoll => Box::new(harvest::EmptyPoll::<C>::new()?),
            Kind::Registration(operation, source) => registration::build::<C>(operation, source)?,
            Kind::Wake { wakes, block } => Box::new(wake::Wake::<C>::new(wakes, block)?),
            Kind::Hammer => Box::new(hammer::Hammer::<C>::new(env)?),
            Kind::PingPong { one_cpu } => Box::new(ping_pong::PingPong::<C>::new(env, one_cpu)?),
            Kind::Timeout { micros } => Box::new(timeout::Timeout::<C>::new(micros)?),
            Kind::Pair { source, with_polls } => pair::build::<C>(source, with_polls)?,
            Kind::Crowd(cycle) => Box::new(crowd::Crowd::<C>::new(env, cycle)?),
            Kind::Echo(setup) => Box::new(echo::Echo::<C>::new(env, setup)?),
            Kind::Churn => unreachable!("built above"),
        })
    }
}

/// Of `all`, the rows that one of the filters names, or, if it is no row's name, whose name contains it; all if there
/// is none.
///
/// # Errors
///
/// A sentence naming the first filter that matches no row.
pub fn select(all: &'static [Row], filters: &[String]) -> Result<Vec<&'static Row>, String> {
    let matches = |row: &Row, filter: &String| {
        let exact = all.iter().any(|row| row.name == filter);
        row.name == filter || !exact && row.name.contains(filter.as_str())
    };
    for filter in filters {
        if filter.is_empty() || !all.iter().any(|row| matches(row, filter)) {
            return Err(format!("no row matches '{filter}'; --list prints the rows"));
        }
    }
    Ok(all
        .iter()
        .filter(|row| filters.is_empty() || filters.iter().any(|filter| matches(row, filter)))
        .collect())
}

/// One line per row: name, clock, target, what it does.
pub fn listing(rows: &[Row]) -> String {
    rows.iter()
        .map(|row| {
            format!(
                "{:27} {:7} {:10} {}\n",
                row.name,
                row.metric.name(),
                row.target.to_string(),
                row.what
            )
        })
        .collect()
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Ratio(limit) => write!(f, "<= {limit}x"),
            Target::RatioToRaw(limit) => write!(f, "<= {limit}x raw"),
            Target::Below(nanos) => write!(f, "< {} µs", nanos / 1000.0),
            Target::None => f.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Id;

    fn names(filters: &[&str]) -> Result<Vec<&'static str>, String> {
        let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
        Ok(select(EPOLL, &filters)?
            .iter()
            .map(|row| row.name)
            .collect())
    }

    #[test]
    fn names_are_unique() {
        for rows in [EPOLL, POLL] {
            let mut names: Vec<_> = rows.iter().map(|row| row.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), rows.len());
        }
    }

    #[test]
    fn filters_select_in_report_order() {
        assert_eq!(
            names(&["timeout-1", "empty-poll"]).unwrap(),
            ["empty-poll", "timeout-100us"]
        );
        assert_eq!(names(&[]).unwrap().len(), EPOLL.len());
        assert!(names(&["wake-1"]).unwrap() == ["wake-1"] && names(&["wake"]).unwrap().len() > 4);
    }

    #[test]
    fn a_filter_without_a_match_is_named() {
        let message = names(&["wake", "nonsense"]).unwrap_err();
        assert!(message.contains("'nonsense'"), "{message}");
        assert!(names(&[""]).is_err());
    }

    #[test]
    fn every_row_runs_one_round_for_every_contender() {
        for suite in [Suite::Epoll, Suite::Poll] {
            every_row_runs(suite);
        }
    }

    /// In a build without the cfg, the rows for poll(2) run on epoll.
    fn every_row_runs(suite: Suite) {
        crate::descriptors::raise_limit(suite.descriptors(1)).unwrap();
        let env = Env { suite, cpus: None };
        for row in suite.rows() {
            let contenders = [Id::Ferrio, Id::Mio, Id::Raw].into_iter();
            for contender in contenders.filter(|&id| row.has(suite, id)) {
                let span = row
                    .build(contender, &env)
                    .and_then(|mut workload| workload.round())
                    .unwrap_or_else(|error| panic!("{} {contender:?}: {error}", row.name));
                assert!(span.wall_ns > 0.0, "{} {contender:?}: {span:?}", row.name);
            }
        }
    }
}
