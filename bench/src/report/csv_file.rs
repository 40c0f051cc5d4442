//! results.csv: one line per row and contender, both clocks, with the run's circumstances in every line so that files
//! of several machines can be put together.

use std::io;

use super::Report;
use super::verdict::{Clock, Comparison};
use crate::contender::Id;
use crate::measure::{RowResult, Series};
use crate::stats::Summary;

const FIVE: [&str; 5] = ["min", "q1", "median", "q3", "max"];

/// The file's content. Of rows that count bytes or descriptors, the columns of both times have the number, and there
/// are no ratios.
pub fn bytes(report: &Report) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head())?;
    let version = |name| report.dependencies.version(name);
    let machine = &report.machine;
    let run = [
        &machine.date,
        &machine.cpu,
        &machine.kernel,
        version("ferrio"),
        version("mio"),
    ];
    for result in &report.results {
        let judged = Comparison::judged(result);
        for series in &result.series {
            writer.write_record(record(&run, result, series, judged.as_ref()))?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

fn head() -> Vec<String> {
    let mut head: Vec<String> = ["date", "cpu", "kernel", "ferrio", "mio"]
        .iter()
        .chain(&["suite", "row", "unit", "clock", "contender", "rounds"])
        .chain(&["target", "verdict"])
        .map(|&name| name.to_owned())
        .collect();
    for group in [
        "cpu_ns",
        "wall_ns",
        "cpu_ratio",
        "wall_ratio",
        "cpu_over_raw",
        "wall_over_raw",
    ] {
        head.extend(FIVE.iter().map(|five| format!("{group}_{five}")));
    }
    head
}

fn record(
    run: &[&str; 5],
    result: &RowResult,
    series: &Series,
    judged: Option<&Comparison>,
) -> Vec<String> {
    let row = result.row;
    let verdict = match judged {
        Some(judged) if series.contender == Id::Ferrio => judged.verdict.name(),
        _ => "-",
    };
    let mut record: Vec<String> = run.iter().map(|&value| value.to_owned()).collect();
    record.extend([
        format!("{:?}", row.suite).to_lowercase(),
        row.name.to_owned(),
        row.unit.to_owned(),
        row.metric.name().to_owned(),
        series.contender.name().to_owned(),
        series.cpu_ns.len().to_string(),
        row.target.to_string(),
        verdict.to_owned(),
    ]);
    for clock in [Clock::Cpu, Clock::Wall] {
        push(
            &mut record,
            Summary::of(clock.of(series).iter().copied()),
            1,
        );
    }
    push_ratios(&mut record, result, series, Id::Mio);
    push_ratios(&mut record, result, series, Id::Raw);
    record
}

/// This contender's rounds, divided by those of another.
fn push_ratios(record: &mut Vec<String>, result: &RowResult, series: &Series, other: Id) {
    for clock in [Clock::Cpu, Clock::Wall] {
        let ratio = result
            .series(other)
            .filter(|_| result.row.metric.is_time())
            .and_then(|other| Summary::of_ratios(clock.of(series), clock.of(other)));
        push(record, ratio, 5);
    }
}

fn push(record: &mut Vec<String>, summary: Option<Summary>, decimals: usize) {
    let five = summary.map(|s| [s.min, s.q1, s.median, s.q3, s.max]);
    record.extend(
        (0..FIVE.len()).map(|index| {
            five.map_or_else(String::new, |five| format!("{:.decimals$}", five[index]))
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;

    #[test]
    fn every_record_fits_the_head() {
        let series = |contender| Series {
            contender,
            cpu_ns: vec![10.0, 20.0],
            wall_ns: vec![30.0, 40.0],
        };
        let result = RowResult {
            row: rows::named("empty-poll").unwrap(),
            series: vec![series(Id::Mio), series(Id::Ferrio)],
        };
        let record = record(&["d", "c", "k", "f", "m"], &result, &result.series[1], None);
        assert_eq!(record.len(), head().len());
        let names = head();
        let median = names.iter().position(|name| name == "cpu_ratio_median");
        assert_eq!(record[median.unwrap()], "1.00000");
    }
}
