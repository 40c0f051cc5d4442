//! Tables for the terminal and for Markdown.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::verdict::Comparison;
use crate::contender::Id;
use crate::rows::Metric;
use crate::stats::Summary;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Terminal,
    Markdown,
}

/// ferrio, mio, the control and raw, with target and verdict.
pub fn judged(rows: &[&Comparison], style: Style) -> String {
    let head = [
        "row",
        "clock",
        "mio",
        "ferrio",
        "raw",
        "ferrio/mio",
        "quartiles",
        "min..max",
        "control",
        "quartiles",
        "ferrio/raw",
        "target",
        "",
    ];
    let right = 2..head.len() - 2;
    let lines = rows.iter().map(|row| {
        let mut cells = vec![row.row.name.to_owned(), row.row.metric.name().to_owned()];
        cells.extend(numbers(row));
        cells.push(row.row.target.to_string());
        cells.push(row.verdict.name().to_owned());
        cells
    });
    render(&head, lines, style, right)
}

/// The numbers alone, in Markdown.
pub fn plain(rows: &[&Comparison]) -> String {
    let head = [
        "row",
        "mio",
        "ferrio",
        "raw",
        "ferrio/mio",
        "quartiles",
        "min..max",
        "control",
        "quartiles",
        "ferrio/raw",
    ];
    let right = 1..head.len();
    let lines = rows.iter().map(|row| {
        let mut cells = vec![row.row.name.to_owned()];
        cells.extend(numbers(row));
        cells
    });
    render(&head, lines, Style::Markdown, right)
}

/// Everybody's median time and, but for mio, ratio to mio.
pub fn everybody(rows: &[&Comparison]) -> String {
    let ran = ran(rows);
    let mut head = vec!["row"];
    head.extend(ran.iter().map(|id| id.name()));
    let lines = rows.iter().map(|row| {
        let mut cells = vec![row.row.name.to_owned()];
        cells.extend(ran.iter().map(|id| {
            let found = row.all.iter().find(|(of, ..)| of == id);
            optional(found, |&(id, median, ratio)| match id {
                Id::Mio => time(median),
                _ => fixed(ratio.median),
            })
        }));
        cells
    });
    let right = 1..head.len();
    render(&head, lines, Style::Markdown, right)
}

/// Bytes and descriptors.
pub fn sizes(rows: &[&Comparison]) -> String {
    let ran = ran(rows);
    let mut head = vec!["row", "unit"];
    head.extend(ran.iter().map(|id| id.name()));
    let lines = rows.iter().map(|row| {
        let decimals = usize::from(row.row.metric == Metric::Bytes);
        let mut cells = vec![row.row.name.to_owned(), row.row.metric.name().to_owned()];
        cells.extend(ran.iter().map(|id| {
            let found = row.all.iter().find(|(of, ..)| of == id);
            optional(found, |(_, median, _)| format!("{median:.decimals$}"))
        }));
        cells
    });
    let right = 2..head.len();
    render(&head, lines, Style::Markdown, right)
}

/// How much later than asked for a poll ends.
pub fn late(rows: &[(&Comparison, f64)]) -> String {
    let all: Vec<&Comparison> = rows.iter().map(|(row, _)| *row).collect();
    let ran = ran(&all);
    let mut head = vec!["row"];
    head.extend(ran.iter().map(|id| id.name()));
    let lines = rows.iter().map(|(row, asked)| {
        let mut cells = vec![row.row.name.to_owned()];
        cells.extend(ran.iter().map(|id| {
            let found = row.all.iter().find(|(of, ..)| of == id);
            optional(found, |(_, median, _)| time(median - asked))
        }));
        cells
    });
    let right = 1..head.len();
    render(&head, lines, Style::Markdown, right)
}

fn ran(rows: &[&Comparison]) -> Vec<Id> {
    let in_some = |id: &Id| {
        rows.iter()
            .any(|row| row.all.iter().any(|(of, ..)| of == id))
    };
    Id::ALL.into_iter().filter(in_some).collect()
}

fn numbers(row: &Comparison) -> Vec<String> {
    let ratio = |summary: Option<Summary>| optional(summary, |s| fixed(s.median));
    let quartiles = |summary: Option<Summary>| {
        optional(summary, |s| format!("{}-{}", fixed(s.q1), fixed(s.q3)))
    };
    vec![
        time(row.mio),
        optional(row.ferrio, time),
        optional(row.raw, time),
        ratio(row.ferrio_ratio),
        quartiles(row.ferrio_ratio),
        optional(row.ferrio_ratio, |s| {
            format!("{}..{}", fixed(s.min), fixed(s.max))
        }),
        ratio(row.control_ratio),
        quartiles(row.control_ratio),
        ratio(row.over_raw),
    ]
}

fn optional<T>(value: Option<T>, format: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), format)
}

/// Ratios near one with three decimals, tiny ones with four: the targets go down to 0.025.
pub fn fixed(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.4}")
    } else {
        format!("{ratio:.3}")
    }
}

/// Nanoseconds with the unit that leaves one to four digits before the point.
pub fn time(nanos: f64) -> String {
    if nanos < 1e3 {
        format!("{nanos:.1} ns")
    } else if nanos < 1e6 {
        format!("{:.2} µs", nanos / 1e3)
    } else if nanos < 1e9 {
        format!("{:.2} ms", nanos / 1e6)
    } else {
        format!("{:.2} s", nanos / 1e9)
    }
}

pub fn render(
    head: &[&str],
    lines: impl Iterator<Item = Vec<String>>,
    style: Style,
    right: std::ops::Range<usize>,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(match style {
            Style::Terminal => presets::NOTHING,
            Style::Markdown => presets::ASCII_MARKDOWN,
        })
        // As wide as its content: a wrapped number can't be read.
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head)
        .add_rows(lines);
    for column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_choose_their_unit() {
        assert_eq!(time(312.44), "312.4 ns");
        assert_eq!(time(54_321.0), "54.32 µs");
        assert_eq!(time(1_070_000.0), "1.07 ms");
        assert_eq!(time(2_500_000_000.0), "2.50 s");
    }

    #[test]
    fn small_ratios_keep_four_decimals() {
        assert_eq!(fixed(0.02512), "0.0251");
        assert_eq!(fixed(1.0304), "1.030");
    }

    #[test]
    fn markdown_rows_have_as_many_cells_as_the_head() {
        let line = vec!["a".to_owned(), "1".to_owned()];
        let text = render(&["x", "y"], std::iter::once(line), Style::Markdown, 1..2);
        let bars: Vec<usize> = text.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(bars, [3, 3, 3], "{text}");
    }
}
