//! The README's tables, made from the reports' CSV files: each number there is one of a committed report.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use csv::StringRecord;

use crate::counts::Counts;
use crate::workspace::Workspace;

const BEGIN: &str = "<!-- `cargo xtask bench readme` writes what follows -->\n";
const END: &str = "<!-- until here -->";

/// Row, and what it is.
const EPOLL: [(&str, &str); 19] = [
    ("wake-1", "wake, then poll, on one thread"),
    ("wake-16", "16 wakes, then one poll"),
    ("wake-256", "256 wakes, then one poll"),
    (
        "wake-hammer",
        "wakes without a pause while another thread polls",
    ),
    (
        "timeout-100us",
        "a timeout of 100 µs: time until the poll returns",
    ),
    ("empty-poll", "poll with nothing ready"),
    ("harvest-1-of-1000", "poll with 1 of 1000 ready"),
    ("harvest-64-of-1000", "poll with 64 of 1000 ready"),
    ("harvest-1000-of-1000", "poll with 1000 of 1000 ready"),
    (
        "harvest-64-of-8000-tcp",
        "poll with 64 of 8000 TCP sockets ready",
    ),
    ("register", "register"),
    ("reregister", "reregister"),
    ("deregister", "deregister"),
    ("ping-pong", "two sleeping threads that wake each other"),
    ("echo-1", "64-byte echo on one TCP connection"),
    ("echo-64", "the same on 64 connections"),
    ("echo-1000", "the same on 1000 connections"),
    ("echo-1000-4k", "4 KiB on 1000 connections"),
    ("churn", "a TCP connection accepted, answered and closed"),
];

const POLL: [(&str, &str); 7] = [
    ("poll-pair", "register and deregister"),
    ("poll-reregister", "reregister"),
    (
        "poll-register-threads",
        "4 threads that register and deregister while one polls: time until they are done",
    ),
    ("poll-ready-of-5000", "one ready of 5000"),
    ("poll-wake-of-5000", "one wake beside 5000"),
    (
        "poll-echo-64",
        "64-byte echo on 64 TCP connections, read until `WouldBlock`",
    ),
    (
        "poll-echo-64-short",
        "the same, where ferrio may stop at a short read, which mio must not",
    ),
];

const TOKIO: [(&str, &str); 10] = [
    (
        "current-spawn-1",
        "a task spawned from another thread, onto a runtime that sleeps each time",
    ),
    (
        "current-spawn-1-one-cpu",
        "the same, both threads on one CPU",
    ),
    (
        "current-spawn-16",
        "16 tasks spawned from another thread, then a wait",
    ),
    (
        "current-spawn-16-one-cpu",
        "the same, both threads on one CPU",
    ),
    (
        "current-spawn-stream",
        "tasks spawned from another thread, one after the other",
    ),
    (
        "current-notify-64",
        "64 sleeping tasks notified from another thread",
    ),
    (
        "current-notify-64-one-cpu",
        "the same, both threads on one CPU",
    ),
    (
        "multi-spawn-nested",
        "tasks that spawn tasks on two workers",
    ),
    ("axum-current", "a request to an axum server under load"),
    (
        "raw-http-pipelined",
        "a request to a server on nothing but the library, pipelined",
    ),
];

/// Writes them.
pub fn write(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let path = workspace.root().join("README.md");
    let text = fs::read_to_string(&path)?;
    let tables = tables(workspace.root())?;
    fs::write(&path, replaced(&text, &tables)?)?;
    println!("{tables}");
    counts.add(true);
    Ok(())
}

/// `text` with the tables where they belong.
fn replaced(text: &str, tables: &str) -> Result<String> {
    let (before, rest) = text
        .split_once(BEGIN)
        .context("the README has no place for the tables")?;
    let (_, after) = rest
        .split_once(END)
        .context("the README's tables have no end")?;
    Ok(format!("{before}{BEGIN}{tables}{END}{after}"))
}

fn tables(root: &Path) -> Result<String> {
    let report = root.join("bench/report");
    let rows = File::read(&report.join("results.csv"))?;
    let mut text = format!(
        "\nMeasured on {} on {}, {}, against mio {}. Medians, with the quartiles of the ratio; a line again, with \
         everybody and all quartiles: `cargo run --release -p ferrio-bench -- --rows ROW`.\n\n",
        rows.first("date")?,
        rows.first("cpu")?,
        rows.first("kernel")?,
        rows.first("mio")?
    );
    text += &table(&rows, &EPOLL)?;
    text += "\nBoth on poll(2); *system calls alone* is a bare loop over the same array:\n\n";
    text += &table(&rows, &POLL)?;
    let tokio = report.join("tokio.csv");
    if tokio.exists() {
        text += &programs(&File::read(&tokio)?)?;
    }
    text.push('\n');
    Ok(text)
}

fn table(file: &File, rows: &[(&str, &str)]) -> Result<String> {
    let mut text = String::from(
        "| operation | row | mio | ferrio | ferrio / mio | ferrio / system calls alone | target | |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (row, what) in rows {
        let ferrio = file.find(&[("row", row), ("contender", "ferrio")])?;
        let mio = file.find(&[("row", row), ("contender", "mio")])?;
        let clock = match file.text(ferrio, "clock")? {
            "wall" => "wall",
            _ => "cpu",
        };
        let number = |record, column: &str| file.number(record, &format!("{clock}_{column}"));
        let over_raw = number(ferrio, "over_raw_median").map_or_else(|_| "-".to_owned(), ratio);
        let _ = writeln!(
            text,
            "| {what} | `{row}` | {} | {} | {} ({} to {}) | {over_raw} | {} | {} |",
            time(number(mio, "ns_median")?),
            time(number(ferrio, "ns_median")?),
            ratio(number(ferrio, "ratio_median")?),
            ratio(number(ferrio, "ratio_q1")?),
            ratio(number(ferrio, "ratio_q3")?),
            file.text(ferrio, "target")?,
            file.text(ferrio, "verdict")?,
        );
    }
    Ok(text)
}

fn programs(file: &File) -> Result<String> {
    let mut text = format!(
        "\nPrograms on tokio, and servers, which don't know what is under them (`{}`, {}):\n\n\
         | operation | row | mio | ferrio | ferrio / mio | target | |\n|---|---|---|---|---|---|---|\n",
        file.first("command")?,
        file.first("date")?
    );
    for (row, what) in TOKIO {
        let record = file.find(&[("row", row)])?;
        let _ = writeln!(
            text,
            "| {what} | `{row}` | {} | {} | {} ({} to {}) | {} | {} |",
            time(file.number(record, "cpu_ns_mio")?),
            time(file.number(record, "cpu_ns_ferrio")?),
            ratio(file.number(record, "cpu_ratio_median")?),
            ratio(file.number(record, "cpu_ratio_q1")?),
            ratio(file.number(record, "cpu_ratio_q3")?),
            file.text(record, "target")?,
            file.text(record, "verdict")?,
        );
    }
    Ok(text)
}

/// A CSV file with a head.
struct File {
    head: StringRecord,
    records: Vec<StringRecord>,
}

impl File {
    fn read(path: &Path) -> Result<File> {
        let mut reader =
            csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
        let head = reader.headers()?.clone();
        let records: csv::Result<Vec<StringRecord>> = reader.records().collect();
        let records = records?;
        ensure!(!records.is_empty(), "{} has no rows", path.display());
        Ok(File { head, records })
    }

    fn first(&self, column: &str) -> Result<&str> {
        self.text(&self.records[0], column)
    }

    fn find(&self, values: &[(&str, &str)]) -> Result<&StringRecord> {
        let fits = |record: &&StringRecord| {
            let fits = |&(column, value): &(&str, &str)| {
                self.text(record, column).is_ok_and(|found| found == value)
            };
            values.iter().all(fits)
        };
        let found = self.records.iter().find(fits);
        found.with_context(|| format!("no row has {values:?}"))
    }

    fn text<'r>(&self, record: &'r StringRecord, column: &str) -> Result<&'r str> {
        let place = self.head.iter().position(|name| name == column);
        let value = place.and_then(|place| record.get(place));
        value.with_context(|| format!("no column {column}"))
    }

    fn number(&self, record: &StringRecord, column: &str) -> Result<f64> {
        let text = self.text(record, column)?;
        text.parse().with_context(|| format!("{column}: {text:?}"))
    }
}

fn ratio(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.3}")
    } else {
        format!("{ratio:.2}")
    }
}

fn time(nanos: f64) -> String {
    match nanos {
        short if short < 1e3 => format!("{short:.0} ns"),
        middle if middle < 1e6 => format!("{:.2} µs", middle / 1e3),
        long => format!("{:.2} ms", long / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_tables_of_the_reports() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = fs::read_to_string(root.join("README.md")).unwrap();
        let fresh = replaced(&text, &tables(&root).unwrap()).unwrap();
        assert!(
            text == fresh,
            "the README's tables are not those of bench/report: `cargo xtask bench readme` writes them"
        );
    }

    #[test]
    fn the_tables_go_between_the_marks() {
        let text = format!("a\n{BEGIN}old\n{END}\nb\n");
        assert_eq!(
            replaced(&text, "new\n").unwrap(),
            format!("a\n{BEGIN}new\n{END}\nb\n")
        );
        assert!(replaced("a", "new").is_err());
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        assert_eq!(
            (ratio(0.0217).as_str(), ratio(0.996).as_str()),
            ("0.022", "1.00")
        );
        assert_eq!(
            (time(98.6), time(1_234.0), time(1.08e6)),
            ("99 ns".into(), "1.23 µs".into(), "1.08 ms".into())
        );
    }
}
