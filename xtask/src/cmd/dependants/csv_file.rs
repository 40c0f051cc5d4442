//! tokio.csv, for the benchmark's report, which `bench/src/report/tokio.rs` reads.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::measure::Quartiles;
use super::report::{Outcome, Report};
use crate::run;

const HEAD: [&str; 10] = [
    "date",
    "command",
    "versions",
    "row",
    "what",
    "rounds",
    "target",
    "verdict",
    "cpu_ns_mio",
    "cpu_ns_ferrio",
];
const FIVE: [&str; 5] = ["min", "q1", "median", "q3", "max"];
const GROUPS: [&str; 3] = ["cpu_ratio", "cpu_control", "rate_ratio"];

pub fn write(path: &Path, command: &str, report: &Report) -> Result<()> {
    let date = run::stdout(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
    let (outcomes, facts) = report.results();
    let bytes = bytes(date.trim(), command, &facts.join(", "), outcomes)?;
    std::fs::write(path, bytes)
        .with_context(|| format!("{} could not be written", path.display()))?;
    println!("In {} for the benchmark's report.", path.display());
    Ok(())
}

fn bytes(date: &str, command: &str, versions: &str, outcomes: &[Outcome]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let groups = GROUPS
        .iter()
        .flat_map(|group| FIVE.iter().map(move |five| format!("{group}_{five}")));
    writer.write_record(HEAD.iter().map(|&name| name.to_owned()).chain(groups))?;
    for outcome in outcomes {
        let mut record = vec![
            date.to_owned(),
            command.to_owned(),
            versions.to_owned(),
            outcome.name.clone(),
            outcome.what.clone(),
            outcome.rounds.to_string(),
            outcome.target.to_string(),
            if outcome.met { "met" } else { "missed" }.to_owned(),
            format!("{:.1}", outcome.cpu_ns_mio),
            format!("{:.1}", outcome.cpu_ns_ferrio),
        ];
        for ratio in [outcome.cpu, outcome.control, outcome.rate] {
            let Quartiles {
                min,
                q1,
                median,
                q3,
                max,
            } = ratio;
            record.extend([min, q1, median, q3, max].map(|number| format!("{number:.5}")));
        }
        writer.write_record(record)?;
    }
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::super::measure::Target;
    use super::*;

    #[test]
    fn a_record_has_a_value_for_each_column() {
        let ratio = Quartiles::of([0.5, 1.5]);
        let outcome = Outcome {
            name: "spawn".to_owned(),
            what: "tasks, many".to_owned(),
            target: Target::AtMost(0.9),
            met: false,
            rounds: 2,
            cpu_ns_mio: 10.0,
            cpu_ns_ferrio: 10.0,
            cpu: ratio,
            control: ratio,
            rate: ratio,
        };
        let bytes = bytes("today", "a command", "tokio 1", &[outcome]).unwrap();
        // It refuses records of unequal length.
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let head = reader.headers().unwrap().clone();
        let record = reader.records().next().unwrap().unwrap();
        let of = |name: &str| {
            let place = head.iter().position(|column| column == name).unwrap();
            record[place].to_owned()
        };
        assert_eq!(of("what"), "tasks, many");
        assert_eq!(of("verdict"), "missed");
        assert_eq!(of("cpu_control_q1"), "0.75000");
        assert_eq!(of("rate_ratio_median"), "1.00000");
    }
}
