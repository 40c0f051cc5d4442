//! The tables, on standard output and in report.md.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::lock::{self, Side};
use super::measure::{Quartiles, Rounds, Sample, Target};
use super::programs;
use crate::workspace::Workspace;

const LEGEND: &str = "\
CPU is user and system time of the whole process that is measured, for one operation: medians of \
the rounds. ferrio/mio is the ratio within a round: median (first to third quartile) of the rounds; \
below 1, ferrio is cheaper. control is the same for a second mio: how far that is off 1 is the \
error of the measurement. rate is operations per second of elapsed time, ferrio's divided by \
mio's within a round: above 1, ferrio is faster.";

const HEAD: [&str; 9] = [
    "row",
    "rounds",
    "CPU, mio",
    "CPU, ferrio",
    "CPU, ferrio/mio",
    "CPU, control",
    "rate, mio",
    "rate, ferrio/mio",
    "target",
];

/// What has been measured so far.
pub struct Report {
    facts: Vec<String>,
    sections: Vec<Section>,
    met: usize,
    missed: Vec<String>,
    results: Vec<Outcome>,
}

/// A row's numbers.
pub struct Outcome {
    pub name: String,
    pub what: String,
    pub target: Target,
    pub met: bool,
    pub rounds: usize,
    /// Medians, for an operation.
    pub cpu_ns_mio: f64,
    pub cpu_ns_ferrio: f64,
    /// Within the rounds, divided by mio.
    pub cpu: Quartiles,
    pub control: Quartiles,
    pub rate: Quartiles,
}

struct Section {
    title: &'static str,
    rows: Vec<Row>,
    /// What each row does.
    notes: Vec<String>,
}

type Row = [String; HEAD.len()];

impl Report {
    pub fn new(workspace: &Workspace) -> Self {
        Self {
            facts: facts(workspace),
            sections: Vec::new(),
            met: 0,
            missed: Vec::new(),
            results: Vec::new(),
        }
    }

    /// The rows that follow stand in a table of their own.
    pub fn section(&mut self, title: &'static str) {
        self.sections.push(Section {
            title,
            rows: Vec::new(),
            notes: Vec::new(),
        });
    }

    /// A row of the last section. A missed target is told, and no failure.
    pub fn row(&mut self, name: &str, what: &str, target: Target, rounds: &Rounds) {
        let cpu = |sample: &Sample| sample.cpu_ns;
        let rate = |sample: &Sample| sample.rate;
        let median = |samples: &[Sample], of: fn(&Sample) -> f64| {
            Quartiles::of(samples.iter().map(of)).median
        };
        let ratio = Quartiles::of_ratios(&rounds.ferrio, &rounds.mio, cpu);
        let outcome = Outcome {
            name: name.to_owned(),
            what: what.to_owned(),
            target,
            met: target.is_met(ratio),
            rounds: rounds.mio.len(),
            cpu_ns_mio: median(&rounds.mio, cpu),
            cpu_ns_ferrio: median(&rounds.ferrio, cpu),
            cpu: ratio,
            control: Quartiles::of_ratios(&rounds.control, &rounds.mio, cpu),
            rate: Quartiles::of_ratios(&rounds.ferrio, &rounds.mio, rate),
        };
        let cells = [
            name.to_owned(),
            outcome.rounds.to_string(),
            duration(outcome.cpu_ns_mio),
            duration(outcome.cpu_ns_ferrio),
            ratio.to_string(),
            outcome.control.to_string(),
            format!("{:.0}/s", median(&rounds.mio, rate)),
            outcome.rate.to_string(),
            self.judge(&outcome),
        ];
        self.results.push(outcome);
        if let Some(section) = self.sections.last_mut() {
            section.rows.push(cells);
            section.notes.push(format!("`{name}`: {what}"));
        }
    }

    fn judge(&mut self, outcome: &Outcome) -> String {
        let Outcome {
            name, target, cpu, ..
        } = outcome;
        if outcome.met {
            self.met += 1;
            return format!("{target}: met");
        }
        self.missed.push(format!("{name}: {cpu}, target {target}"));
        format!("{target}: missed")
    }

    /// The rows so far, and what they depend on.
    pub fn results(&self) -> (&[Outcome], &[String]) {
        (&self.results, &self.facts)
    }

    /// Prints the tables, and writes them.
    pub fn finish(&self, directory: &Path) -> Result<()> {
        let mut tables = String::new();
        for Section { title, rows, notes } in &self.sections {
            if !rows.is_empty() {
                let _ = writeln!(tables, "## {title}\n\n{}", table(rows));
                notes.iter().for_each(|note| {
                    let _ = writeln!(tables, "- {note}");
                });
                tables.push('\n');
            }
        }
        let _ = writeln!(
            tables,
            "Speed targets: {} met, {} missed",
            self.met,
            self.missed.len()
        );
        for missed in &self.missed {
            let _ = writeln!(tables, "- missed: {missed}");
        }
        println!("\n{tables}");
        let facts: Vec<String> = self.facts.iter().map(|fact| format!("- {fact}")).collect();
        let facts = facts.join("\n");
        let path = directory.join("report.md");
        fs::write(
            &path,
            format!("# Programs on mio and on ferrio\n\n{facts}\n\n{LEGEND}\n\n{tables}"),
        )
        .with_context(|| format!("{} could not be written", path.display()))?;
        println!("{LEGEND}\nIn {} too.", path.display());
        Ok(())
    }
}

/// Aligned, and Markdown.
fn table(rows: &[Row]) -> String {
    let mut widths = HEAD.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; HEAD.len()]| {
        let mut line = "|".to_owned();
        for (cell, width) in cells.iter().zip(widths) {
            let _ = write!(line, " {cell:<width$} |");
        }
        line.push('\n');
        line
    };
    let rule = widths.map(|width| "-".repeat(width));
    let mut text = line(HEAD) + &line(rule.each_ref().map(String::as_str));
    for row in rows {
        text += &line(row.each_ref().map(String::as_str));
    }
    text
}

fn duration(nanoseconds: f64) -> String {
    match nanoseconds {
        short if short < 1e3 => format!("{short:.0} ns"),
        long => format!("{:.2} µs", long / 1e3),
    }
}

/// What the numbers depend on, as far as it can be read here.
fn facts(workspace: &Workspace) -> Vec<String> {
    let mut facts = Vec::new();
    for side in Side::BOTH {
        let lock = programs::package(workspace, side).join("Cargo.lock");
        let Ok(packages) = lock::read(&lock).and_then(|lock| lock::packages(&lock)) else {
            continue;
        };
        let version = |name: &str| {
            let named = |package: &&toml::Table| package["name"].as_str() == Some(name);
            let version = packages.iter().find(named)?.get("version")?.as_str()?;
            Some(format!("{name} {version}"))
        };
        let names: &[&str] = match side {
            Side::Mio => &["mio", "tokio", "axum"],
            Side::Ferrio => &["ferrio"],
        };
        facts.extend(names.iter().filter_map(|name| version(name)));
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    if !kernel.is_empty() {
        facts.push(format!("kernel {}", kernel.trim()));
    }
    let model = read("/proc/cpuinfo");
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    if let Some(model) = model {
        facts.push(model.trim_start_matches([' ', '\t', ':']).to_owned());
    }
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    facts.push(format!("{cpus} CPUs, load {load} at the beginning"));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(ferrio: f64) -> Rounds {
        let samples = |cpu_ns| {
            vec![
                Sample {
                    cpu_ns,
                    rate: 1e9 / cpu_ns
                };
                3
            ]
        };
        Rounds {
            mio: samples(2000.0),
            ferrio: samples(ferrio),
            control: samples(2000.0),
        }
    }

    #[test]
    fn a_row_is_judged_by_its_median() {
        let mut report = Report {
            facts: Vec::new(),
            sections: Vec::new(),
            met: 0,
            missed: Vec::new(),
            results: Vec::new(),
        };
        report.section("Rows");
        report.row("quick", "x", Target::AtMost(0.9), &rounds(1000.0));
        report.row("slow", "y", Target::AtMost(0.9), &rounds(1900.0));
        report.row("same", "z", Target::Parity, &rounds(2000.0));
        assert_eq!((report.met, report.missed.len()), (2, 1));
        let missed = "slow: 0.950 (0.950 to 0.950), target <= 0.9";
        assert_eq!(report.missed[0], missed);
        let text = table(&report.sections[0].rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + 3);
        let length = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == length));
        assert!(lines[2].contains("| 2.00 µs  | 1.00 µs"), "{text}");
        assert!(lines[2].contains("| 0.500 (0.500 to 0.500) |"), "{text}");
        assert!(lines[4].contains("| 1.00: met "), "{text}");
    }
}
