//! The report: the table on stdout, report.md and results.csv.

mod csv_file;
mod table;
mod verdict;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::dependencies::Dependencies;
use crate::machine::Machine;
use crate::measure::{Plan, RowResult};
use crate::rows::{Metric, Row};
use crate::suite::Suite;
use table::Style;
use verdict::{Clock, Comparison, Verdict};

/// Everything a run found.
pub struct Report {
    suite: Suite,
    facts: Vec<(&'static str, String)>,
    machine: Machine,
    dependencies: Dependencies,
    results: Vec<RowResult>,
}

const LEGEND: &str = "\
ferrio/mio: the ratio of the two within one round, as the median of all rounds with quartiles and extremes; below 1, \
ferrio is cheaper. control: a second mio divided by the first, median and quartiles: how far it is off 1 is the error \
of the measurement. raw: the system calls without a library (a wake there is always a write). cpu: CPU time of the \
measuring thread; cpu x2: of both threads; wall: elapsed time. The columns mio, ferrio and raw are medians of one \
operation.";

impl Report {
    pub fn new(
        plan: &Plan,
        machine: Machine,
        dependencies: Dependencies,
        results: Vec<RowResult>,
    ) -> Report {
        debug_assert_eq!(plan.rows.len(), results.len());
        let (ferrio, mio) = dependencies.versions();
        let mut facts = vec![
            ("ferrio", ferrio.to_owned()),
            ("mio", format!("{mio} from crates.io")),
        ];
        facts.extend(machine.facts());
        Report {
            suite: plan.suite,
            facts,
            machine,
            dependencies,
            results,
        }
    }

    fn comparisons(&self, clock: impl Fn(&Row) -> Clock) -> Vec<Comparison> {
        self.results
            .iter()
            .filter_map(|result| Comparison::of(result, clock(result.row)))
            .collect()
    }

    /// By the clock each row is judged by.
    fn judged(&self) -> Vec<Comparison> {
        self.comparisons(|row| match row.metric {
            Metric::Cpu | Metric::CpuOfBoth => Clock::Cpu,
            Metric::Wall => Clock::Wall,
        })
    }

    /// What goes to the terminal.
    pub fn text(&self) -> String {
        let judged = self.judged();
        let mut text = String::new();
        for (name, value) in &self.facts {
            let _ = writeln!(text, "{name}: {value}");
        }
        let _ = writeln!(text, "\n{}\n", table::judged(&judged, Style::Terminal));
        let _ = writeln!(text, "{}", counts(&judged));
        let _ = writeln!(text, "dependencies on this target:");
        for line in self.dependencies.lines() {
            let _ = writeln!(text, "  {line}");
        }
        text
    }

    fn markdown(&self) -> String {
        let judged = self.judged();
        let mut text = format!("# {}\n\n", self.suite.title());
        let _ = writeln!(text, "Written by `{}`.\n", self.suite.command());
        for (name, value) in &self.facts {
            let _ = writeln!(text, "- {name}: {value}");
        }
        let _ = writeln!(text, "\n{LEGEND}\n");
        let _ = writeln!(text, "{}\n", table::judged(&judged, Style::Markdown));
        let _ = writeln!(text, "{}\n", counts(&judged));
        let _ = writeln!(text, "## What a row does\n\n{}\n", self.suite.preface());
        for result in &self.results {
            let row = result.row;
            let _ = writeln!(text, "- `{}`, one {}: {}", row.name, row.unit, row.what);
        }
        let wall = self.comparisons(|_| Clock::Wall);
        let _ = writeln!(text, "\n## The same rounds by wall time\n");
        let _ = writeln!(text, "{}\n", table::plain(&wall));
        text += "## Dependencies on this target\n\n";
        for line in self.dependencies.lines() {
            let _ = writeln!(text, "- {line}");
        }
        text
    }

    /// Writes report.md and results.csv.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let write = |name: &str, content: &[u8]| {
            let path = directory.join(name);
            fs::write(&path, content).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })
        };
        write("report.md", self.markdown().as_bytes())?;
        write("results.csv", &csv_file::bytes(self)?)
    }
}

fn counts(judged: &[Comparison]) -> String {
    let count = |verdict| judged.iter().filter(|row| row.verdict == verdict).count();
    format!(
        "targets: {} met, {} missed; {} rows without a target",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::None)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Id;
    use crate::{dependencies, machine, measure, rows};

    #[test]
    fn a_run_ends_in_a_table_a_markdown_page_and_a_csv_file() {
        let plan = Plan {
            suite: Suite::Epoll,
            rows: rows::select(rows::EPOLL, &["timeout-100us".into(), "empty-poll".into()])
                .unwrap(),
            contenders: vec![Id::Mio, Id::Ferrio, Id::Control, Id::Raw],
            rounds: 6,
            seed: 3,
            pin_all: false,
            cpus: None,
        };
        let machine = machine::describe(&plan);
        let results = measure::run(&plan).unwrap();
        let report = Report::new(&plan, machine, dependencies::read(), results);
        for text in [report.text(), report.markdown()] {
            for needle in [
                "empty-poll",
                "timeout-100us",
                "libc",
                "6 rounds",
                "< 250 µs",
            ] {
                assert!(text.contains(needle), "{needle} is missing in {text}");
            }
        }
        let csv = String::from_utf8(csv_file::bytes(&report).unwrap()).unwrap();
        // A head, then two rows with four contenders each.
        assert_eq!(csv.lines().count(), 1 + 2 * 4, "{csv}");
    }
}
