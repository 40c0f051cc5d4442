//! The report: the tables on stdout, report.md, results.csv and the plots.

mod csv_file;
mod page;
mod plot;
mod table;
mod tokio;
mod verdict;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::contender::Id;
use crate::dependencies::Dependencies;
use crate::machine::Machine;
use crate::measure::RowResult;
use crate::suite::Suite;
use plot::{Bar, Plot, Series};
use table::Style;
use tokio::Tokio;
use verdict::{Comparison, Verdict};

/// Everything a run found.
pub struct Report {
    facts: Vec<(&'static str, String)>,
    machine: Machine,
    dependencies: Dependencies,
    results: Vec<RowResult>,
}

impl Report {
    pub fn new(machine: Machine, dependencies: Dependencies, results: Vec<RowResult>) -> Report {
        let crates_io = |name| format!("{} from crates.io", dependencies.version(name));
        let mut facts = vec![
            ("ferrio", dependencies.version("ferrio").to_owned()),
            ("mio", crates_io("mio")),
            ("polling", crates_io("polling")),
            ("libuv", library(Id::Libuv)),
            ("libevent", library(Id::Libevent)),
        ];
        facts.extend(machine.facts());
        Report {
            facts,
            machine,
            dependencies,
            results,
        }
    }

    /// Every row by the clock that judges it.
    fn judged(&self) -> Vec<Comparison> {
        self.results.iter().filter_map(Comparison::judged).collect()
    }

    /// What goes to the terminal.
    pub fn text(&self) -> String {
        let judged = self.judged();
        let mut text = String::new();
        for (name, value) in &self.facts {
            let _ = writeln!(text, "{name}: {value}");
        }
        let times: Vec<&Comparison> = judged.iter().filter(|row| is_time(row)).collect();
        let _ = writeln!(text, "\n{}\n", table::judged(&times, Style::Terminal));
        let _ = writeln!(text, "{}", counts(&judged, None));
        let _ = writeln!(text, "dependencies on this target:");
        for line in self.dependencies.lines() {
            let _ = writeln!(text, "  {line}");
        }
        text
    }

    /// Writes report.md, results.csv and the plots.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let write = |name: &str, content: &[u8]| {
            let path = directory.join(name);
            fs::write(&path, content).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })
        };
        let tokio = tokio::read(directory)?;
        let judged = self.judged();
        for (name, plot) in plots(&judged, tokio.as_ref()) {
            plot.write(&directory.join(name))
                .map_err(|error| io::Error::other(format!("{name}: {error}")))?;
        }
        let page = page::markdown(self, &judged, tokio.as_ref());
        write("report.md", page.as_bytes())?;
        write("results.csv", &csv_file::bytes(self)?)
    }
}

/// The version of a library that is not of crates.io, or how to have it.
fn library(id: Id) -> String {
    if let Some(package) = id.missing() {
        return format!(
            "not found when this was built, and so not measured: apt-get install {package}"
        );
    }
    #[cfg(has_libuv)]
    if id == Id::Libuv {
        return crate::contender::libuv::version();
    }
    #[cfg(has_libevent)]
    if id == Id::Libevent {
        return crate::contender::libevent::version();
    }
    "unknown".to_owned()
}

fn is_time(row: &Comparison) -> bool {
    row.row.metric.is_time()
}

fn counts(judged: &[Comparison], tokio: Option<&Tokio>) -> String {
    let others: Vec<&str> = tokio.into_iter().flat_map(Tokio::verdicts).collect();
    let count = |verdict: Verdict| {
        let of_others = others.iter().filter(|name| **name == verdict.name());
        judged.iter().filter(|row| row.verdict == verdict).count() + of_others.count()
    };
    format!(
        "targets: {} met, {} missed; {} rows without a target",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::None)
    )
}

/// The plots, each with its file's name; none without rows.
fn plots<'a>(judged: &[Comparison], tokio: Option<&Tokio>) -> Vec<(&'static str, Plot<'a>)> {
    let of = |suite: Suite| {
        let rows = judged.iter().filter(move |row| row.row.suite == suite);
        rows.filter(|row| is_time(row))
    };
    let with_target = |row: &&Comparison| row.verdict != Verdict::None;
    // On one axis, nobody would see the differences of those near 1.
    let cheap = |row: &&Comparison| row.ferrio_ratio.is_some_and(|ratio| ratio.median < 0.5);
    let near = of(Suite::Epoll).filter(with_target);
    let far = of(Suite::Epoll).filter(with_target);
    let near_on_poll = of(Suite::Poll);
    let far_on_poll = of(Suite::Poll);
    let everybody = of(Suite::Epoll).filter(|row| row.all.len() > 4);
    let axis = "cost relative to mio's in the same round (median, quartiles); left of 1 is cheaper";
    let all = [
        (
            "epoll.svg",
            "ferrio beside mio on epoll: targets near 1",
            near.filter(|row| !cheap(row)).map(against_mio).collect(),
        ),
        (
            "wakes.svg",
            "ferrio beside mio on epoll: targets far below 1",
            far.filter(cheap).map(against_mio).collect(),
        ),
        (
            "contenders.svg",
            "Everybody beside mio",
            everybody.map(beside_mio).collect(),
        ),
        (
            "poll.svg",
            "ferrio beside mio, both on poll(2)",
            near_on_poll
                .filter(|row| !cheap(row))
                .map(against_mio)
                .collect(),
        ),
        (
            "poll-registrations.svg",
            "ferrio beside mio, both on poll(2): far below 1",
            far_on_poll.filter(cheap).map(against_mio).collect(),
        ),
        (
            "tokio.svg",
            "Programs on tokio, and servers: CPU time on ferrio beside mio",
            tokio.map_or_else(Vec::new, Tokio::bars),
        ),
    ];
    let plot = |(name, title, bars): (_, _, Vec<Bar>)| (name, Plot { title, axis, bars });
    all.into_iter()
        .map(plot)
        .filter(|(_, plot)| !plot.bars.is_empty())
        .collect()
}

fn against_mio(row: &Comparison) -> Bar {
    let marks = [
        (Series::Control, row.control_ratio),
        (Series::Raw, row.raw_ratio),
        (Series::Ferrio, row.ferrio_ratio),
    ];
    Bar {
        label: row.row.name.to_owned(),
        target: row.row.target.mio.map(|limit| limit.ratio()),
        marks: marks
            .into_iter()
            .filter_map(|(series, ratio)| Some((series, ratio?)))
            .collect(),
    }
}

fn beside_mio(row: &Comparison) -> Bar {
    let series = |id: Id| match id {
        Id::Mio | Id::Control => None,
        Id::Raw => Some(Series::Raw),
        Id::Ferrio => Some(Series::Ferrio),
        other => Some(Series::Of(other)),
    };
    let mut marks: Vec<(Series, _)> = row
        .all
        .iter()
        .filter_map(|&(id, _, ratio)| Some((series(id)?, ratio)))
        .collect();
    // On top.
    marks.sort_by_key(|(series, _)| *series == Series::Ferrio);
    Bar {
        label: row.row.name.to_owned(),
        target: None,
        marks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Plan;
    use crate::{dependencies, machine, measure, rows};

    #[test]
    fn a_run_ends_in_a_table_a_markdown_page_and_a_csv_file() {
        let plan = Plan {
            rows: ["empty-poll", "timeout-100us", "memory-per-poll"]
                .map(|name| rows::named(name).unwrap())
                .to_vec(),
            contenders: vec![Id::Mio, Id::Ferrio, Id::Control, Id::Raw],
            rounds: 6,
            seed: 3,
            pin_all: false,
            cpus: None,
        };
        let machine = machine::describe(&plan);
        let results = measure::run(&plan, None).unwrap();
        let report = Report::new(machine, dependencies::read(), results);
        let page = page::markdown(&report, &report.judged(), None);
        assert!(page.contains("memory-per-poll"), "{page}");
        for text in [report.text(), page] {
            for needle in ["empty-poll", "timeout-100us", "libc", "6 rounds", "<= 0.2"] {
                assert!(text.contains(needle), "{needle} is missing in {text}");
            }
        }
        let csv = String::from_utf8(csv_file::bytes(&report).unwrap()).unwrap();
        // A head, then three rows with four contenders each.
        assert_eq!(csv.lines().count(), 1 + 3 * 4, "{csv}");
    }
}
