//! The rows of programs that don't know what is under them, tokio's runtimes and servers, which
//! `cargo xtask dependants servers runtimes` has measured and written to tokio.csv.

use std::fs;
use std::io;
use std::path::Path;

use super::plot::{Bar, Series};
use super::table::{self, Style};
use crate::stats::Summary;

/// As `xtask/src/cmd/dependants/csv.rs` writes them.
const FILE: &str = "tokio.csv";

pub struct Tokio {
    rows: Vec<Row>,
    date: String,
    command: String,
    versions: String,
}

struct Row {
    name: String,
    what: String,
    target: String,
    verdict: String,
    cpu: [f64; 2],
    ratio: Summary,
    control: Summary,
    rate: f64,
}

/// `None` if nobody has measured them here.
pub fn read(directory: &Path) -> io::Result<Option<Tokio>> {
    let path = directory.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    parse(&fs::read(&path)?)
        .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
}

fn parse(bytes: &[u8]) -> io::Result<Option<Tokio>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let head = reader.headers()?.clone();
    let mut found: Option<Tokio> = None;
    for record in reader.records() {
        let record = record?;
        let text = |name: &str| {
            let place = head.iter().position(|column| column == name);
            let value = place.and_then(|place| record.get(place));
            let missing = || io::Error::other(format!("no column {name}"));
            value.map(str::to_owned).ok_or_else(missing)
        };
        let number = |name: &str| text(name)?.parse::<f64>().map_err(io::Error::other);
        let summary = |of: &str| {
            let number = |which: &str| number(&format!("{of}_{which}"));
            Ok::<_, io::Error>(Summary {
                min: number("min")?,
                q1: number("q1")?,
                median: number("median")?,
                q3: number("q3")?,
                max: number("max")?,
            })
        };
        let row = Row {
            name: text("row")?,
            what: text("what")?,
            target: text("target")?,
            verdict: text("verdict")?,
            cpu: [number("cpu_ns_mio")?, number("cpu_ns_ferrio")?],
            ratio: summary("cpu_ratio")?,
            control: summary("cpu_control")?,
            rate: number("rate_ratio_median")?,
        };
        let (date, command, versions) = (text("date")?, text("command")?, text("versions")?);
        let tokio = found.get_or_insert_with(|| Tokio {
            rows: Vec::new(),
            date,
            command,
            versions,
        });
        tokio.rows.push(row);
    }
    Ok(found)
}

impl Tokio {
    /// The verdicts, for the counts of all.
    pub fn verdicts(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.verdict.as_str())
    }

    pub fn markdown(&self) -> String {
        let head = [
            "row",
            "mio",
            "ferrio",
            "ferrio/mio",
            "quartiles",
            "min..max",
            "control",
            "quartiles",
            "operations/s",
            "target",
            "",
        ];
        let fixed = table::fixed;
        let quartiles = |of: &Summary| format!("{}-{}", fixed(of.q1), fixed(of.q3));
        let lines = self.rows.iter().map(|row| {
            vec![
                row.name.clone(),
                table::time(row.cpu[0]),
                table::time(row.cpu[1]),
                fixed(row.ratio.median),
                quartiles(&row.ratio),
                format!("{}..{}", fixed(row.ratio.min), fixed(row.ratio.max)),
                fixed(row.control.median),
                quartiles(&row.control),
                fixed(row.rate),
                row.target.clone(),
                row.verdict.clone(),
            ]
        });
        let table = table::render(&head, lines, Style::Markdown, 1..9);
        let notes: Vec<String> = self
            .rows
            .iter()
            .map(|row| format!("- `{}`: {}", row.name, row.what))
            .collect();
        format!(
            "Measured on {} by `{}`, with {}. CPU time of the whole process for one operation; operations/s is \
             ferrio's rate divided by mio's.\n\n{table}\n\n{}\n",
            self.date,
            self.command,
            self.versions,
            notes.join("\n")
        )
    }

    pub fn bars(&self) -> Vec<Bar> {
        self.rows
            .iter()
            .map(|row| Bar {
                label: row.name.clone(),
                target: None,
                marks: vec![(Series::Control, row.control), (Series::Ferrio, row.ratio)],
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "date,command,versions,row,what,target,verdict,cpu_ns_mio,cpu_ns_ferrio,\
        cpu_ratio_min,cpu_ratio_q1,cpu_ratio_median,cpu_ratio_q3,cpu_ratio_max,\
        cpu_control_min,cpu_control_q1,cpu_control_median,cpu_control_q3,cpu_control_max,rate_ratio_median\n\
        today,cargo xtask dependants,tokio 1,spawn,tasks,<= 0.9,met,2000,1000,0.4,0.45,0.5,0.55,0.6,0.9,0.98,1,1.02,1.1,1.9\n";

    #[test]
    fn what_the_other_command_writes_is_read() {
        let tokio = parse(TEXT.as_bytes()).unwrap().unwrap();
        let text = tokio.markdown();
        for needle in [
            "today",
            "`cargo xtask dependants`",
            "| spawn",
            "0.500",
            "<= 0.9",
            "met",
            "1.00 µs",
        ] {
            assert!(text.contains(needle), "{needle} is missing in {text}");
        }
        assert_eq!(tokio.bars().len(), 1);
        assert_eq!(tokio.verdicts().collect::<Vec<_>>(), ["met"]);
    }

    #[test]
    fn a_column_that_is_missing_is_named() {
        let text = TEXT.replace("verdict", "judgement");
        let error = parse(text.as_bytes()).err().unwrap().to_string();
        assert!(error.contains("verdict"), "{error}");
    }
}
