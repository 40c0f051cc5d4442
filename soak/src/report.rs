//! What a run has shown, for the terminal and as Markdown.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use indicatif::{BinaryBytes, HumanCount};

use crate::cli::Plan;
use crate::clock::milliseconds;
use crate::judge::{Fault, Growth, steady, unseen};
use crate::link::{Ending, Kind, Waits};
use crate::memory::Sample;

/// What was tested.
pub struct Subject {
    pub selector: String,
    pub waker: String,
}

impl Subject {
    pub fn line(&self, plan: &Plan) -> String {
        format!(
            "{} connections held, {} replaced and {} requests a second, {} threads that wake, {} s, on \
             {} and {}; seed {}",
            HumanCount(plan.common.connections),
            HumanCount(plan.churn),
            HumanCount(plan.requests),
            plan.wakers,
            plan.seconds,
            self.selector,
            self.waker,
            plan.common.seed,
        )
    }
}

pub struct Report {
    pub plan: Plan,
    pub subject: Subject,
    pub faults: Vec<Fault>,
    /// Failures that were only counted.
    pub untold: Vec<Kind>,
    pub notes: Vec<String>,
    pub growths: Vec<Growth>,
    pub besides: Vec<(&'static str, (u64, u64))>,
    /// The server's and the load's.
    pub endings: [Option<Ending>; 2],
    pub samples: [Vec<Sample>; 2],
}

/// Better to know before ten minutes are over than after.
pub fn check_writable(file: &Path) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .map(drop)
}

/// A table: its title, and rows of a name and a value.
struct Table(&'static str, Vec<(String, String)>);

impl Report {
    pub fn failures(&self) -> usize {
        self.faults.len() + self.untold.len()
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for Table(title, rows) in self.tables() {
            let _ = writeln!(text, "\n{title}");
            for (name, value) in rows {
                let _ = writeln!(text, "  {name:<58} {value}");
            }
        }
        if !self.faults.is_empty() {
            text.push_str("\nWhat was wrong\n");
        }
        for (kind, what) in &self.faults {
            let _ = writeln!(text, "  {}: {what}", kind.name());
        }
        let _ = writeln!(text, "\n{}", self.verdict());
        text
    }

    pub fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, self.markdown())
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "# Soak\n\n{}.\n\nMade by `cargo xtask soak`; what is checked, and how, stands in \
             [`soak/README.md`](../soak/README.md).\n\n**{}**\n",
            self.subject.line(&self.plan),
            self.verdict()
        );
        for Table(title, rows) in self.tables() {
            let _ = writeln!(text, "\n## {title}\n\n| | |\n|---|---:|");
            for (name, value) in rows {
                let _ = writeln!(text, "| {name} | {value} |");
            }
        }
        if !self.faults.is_empty() {
            text.push_str("\n## What was wrong\n\n");
            for (kind, what) in &self.faults {
                let _ = writeln!(text, "- {}: {what}", kind.name());
            }
            for note in &self.notes {
                let _ = writeln!(text, "- more: {note}");
            }
        }
        text
    }

    fn verdict(&self) -> String {
        match self.failures() {
            0 => String::from("Nothing was wrong."),
            1 => String::from("1 failure."),
            count => format!("{count} failures."),
        }
    }

    fn tables(&self) -> Vec<Table> {
        let mut tables = vec![
            self.failures_table(),
            self.connections(),
            self.waits(),
            self.held(),
        ];
        let names = ["The server", "The load"];
        for (name, ending) in names.into_iter().zip(&self.endings) {
            if let Some(ending) = ending {
                let row = |(name, count): &(String, u64)| (name.clone(), number(*count));
                tables.push(Table(name, ending.counts.iter().map(row).collect()));
            }
        }
        tables.push(Table("The machine", machine()));
        tables
    }

    fn failures_table(&self) -> Table {
        let count = |kind: Kind| {
            let told = self
                .faults
                .iter()
                .filter(|(found, _)| *found == kind)
                .count();
            told + self.untold.iter().filter(|found| **found == kind).count()
        };
        let row = |kind: Kind| (kind.name().to_owned(), number(count(kind) as u64));
        Table("Failures", Kind::ALL.map(row).into())
    }

    fn connections(&self) -> Table {
        let mut rows = Vec::new();
        if let [Some(server), Some(load)] = &self.endings {
            for (name, count) in load.connections.rows() {
                rows.push((name.to_owned(), number(count)));
            }
            if let Some(unseen) = unseen(server, load) {
                let name = "of those reset, before the kernel had them ready for accept";
                rows.push((name.to_owned(), number(unseen)));
            }
        }
        let held = || {
            steady(&self.samples[1])
                .iter()
                .map(|sample| sample.connections)
        };
        let range = format!(
            "{} to {}",
            number(held().min().unwrap_or(0)),
            number(held().max().unwrap_or(0))
        );
        rows.push((String::from("open at once, after the warm-up"), range));
        Table("Connections", rows)
    }

    fn waits(&self) -> Table {
        let all = self
            .endings
            .iter()
            .flatten()
            .flat_map(|ending| &ending.waits);
        let row = |(name, waits): &(String, Waits)| {
            let ms = |time| format!("{:.2}", milliseconds(time));
            let Waits {
                count,
                p50,
                p99,
                p999,
                longest,
            } = *waits;
            let value = format!(
                "p50 {}, p99 {}, p99.9 {}, longest {} ms, of {}",
                ms(p50),
                ms(p99),
                ms(p999),
                ms(longest),
                number(count)
            );
            (name.clone(), value)
        };
        Table("Waits", all.map(row).collect())
    }

    fn held(&self) -> Table {
        let mut rows = Vec::new();
        for Growth {
            what,
            before,
            after,
            allowed,
        } in &self.growths
        {
            let value = format!(
                "{}, then {} (allowed: {} more)",
                BinaryBytes(*before),
                BinaryBytes(*after),
                BinaryBytes(*allowed)
            );
            rows.push((what.clone(), value));
        }
        for (name, (least, most)) in &self.besides {
            let name = format!("descriptors of the {name}, besides connections");
            rows.push((name, format!("{least} to {most}")));
        }
        Table(
            "Memory and descriptors, after the warm-up and at the end",
            rows,
        )
    }
}

fn number(count: u64) -> String {
    HumanCount(count).to_string()
}

fn machine() -> Vec<(String, String)> {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    [
        (
            "kernel",
            format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        ),
        ("processors", cpus.to_string()),
        ("load averages at the end", load),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
