//! report.md.

use std::fmt::Write as _;

use super::table::{self, Style};
use super::tokio::Tokio;
use super::verdict::{Clock, Comparison, Verdict};
use super::{Report, counts, is_time, plots};
use crate::suite::Suite;

const LEGEND: &str = "\
ferrio/mio: the ratio of the two within one round, as the median of all rounds with quartiles and extremes; below 1, \
ferrio is cheaper. control: a second mio divided by the first, median and quartiles: how far it is off 1 is the error \
of the measurement. raw: the system calls without a library (a wake there is always a write). cpu: CPU time of the \
measuring thread; cpu all: of all that take part; wall: elapsed time. The columns mio, ferrio and raw are medians of one \
operation. A target of 1.00 is met if the quartile range includes 1.00 or lies below it, any other if the median is not \
above it; *of raw* is the median of ferrio/raw.";

const EPOLL: &str = "\
Only what is named here is inside the measured section; making sources ready, registering them again and the like \
happen outside. Every poll has a waker and room for 1024 events. Reading an event means asking for its token, \
readable, writable, read closed, write closed, priority and error. Rows with one thread run before the process has a \
second one, except those called company.";

const POLL: &str = "\
ferrio and mio are built with `--cfg mio_unsupported_force_poll_poll`, in a program of their own, which takes turns with \
the other one. raw is a bare loop over poll(2): an array of records, a walk over it that stops after the last answer, no \
table, no lock; its waker is an eventfd that each wake writes to. How many system calls a registration makes is counted \
in [calls.md](calls.md) by `cargo xtask bench calls`.";

const EVERYBODY: &str = "\
mio's median, and everybody's cost divided by mio's in the same round (medians; results.csv has the quartiles and \
extremes). polling and libevent are edge-triggered, libuv is level-triggered; libevent has the locks that wakes from \
other threads take. libuv registers when its loop runs next, so its registrations are in register-and-polls only, and \
its timers have whole milliseconds. ferrio-poll and mio-poll are the two on poll(2), in the other program. - is what \
one can't do, or what would say nothing new.";

/// The whole page.
pub fn markdown(report: &Report, judged: &[Comparison], tokio: Option<&Tokio>) -> String {
    let mut text = String::from("# The benchmark\n\n");
    text +=
        "Written by `cargo run --release -p ferrio-bench`; a row again, by `-- --rows NAME`.\n\n";
    for (name, value) in &report.facts {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let _ = writeln!(text, "\n{}\n\n{LEGEND}\n", counts(judged, tokio));
    let missed: Vec<&Comparison> = judged
        .iter()
        .filter(|row| row.verdict == Verdict::Missed)
        .collect();
    if !missed.is_empty() {
        text += "## Targets that were missed\n\n";
        let _ = writeln!(text, "{}\n", table::judged(&missed, Style::Markdown));
    }
    text += "What was tried to make rows cheaper, with the numbers of each trial, is in [trials.md](trials.md).\n";
    let times = |suite: Suite| -> Vec<&Comparison> {
        let rows = judged.iter().filter(|row| row.row.suite == suite);
        rows.filter(|row| is_time(row)).collect()
    };
    let plotted: Vec<&str> = plots(judged, tokio)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let image = |name: &str| match plotted.contains(&name) {
        true => format!("![{name}]({name})\n\n"),
        false => String::new(),
    };
    section(
        &mut text,
        "On epoll",
        &image("epoll.svg"),
        &times(Suite::Epoll),
        |rows| table::judged(rows, Style::Markdown),
    );
    let others: Vec<&Comparison> = judged.iter().filter(|row| is_time(row)).collect();
    let others: Vec<&Comparison> = others.into_iter().filter(|row| row.all.len() > 4).collect();
    let intro = format!("{EVERYBODY}\n\n{}", image("contenders.svg"));
    section(&mut text, "Everybody", &intro, &others, table::everybody);
    let intro = format!(
        "{POLL}\n\n{}{}",
        image("poll.svg"),
        image("poll-registrations.svg")
    );
    section(
        &mut text,
        "poll(2) against poll(2)",
        &intro,
        &times(Suite::Poll),
        |rows| table::judged(rows, Style::Markdown),
    );
    lateness(&mut text, judged);
    let sizes: Vec<&Comparison> = judged.iter().filter(|row| !is_time(row)).collect();
    section(&mut text, "Sizes", "", &sizes, table::sizes);
    text += "## Programs on tokio, and servers\n\n";
    match tokio {
        Some(tokio) => {
            let _ = writeln!(text, "{}{}", image("tokio.svg"), tokio.markdown());
        }
        None => text += "Not measured yet: `cargo xtask dependants servers runtimes` does it.\n\n",
    }
    wall(&mut text, report);
    rows(&mut text, report);
    text += "## Dependencies on this target\n\n";
    for line in report.dependencies.lines() {
        let _ = writeln!(text, "- {line}");
    }
    text
}

fn section(
    text: &mut String,
    title: &str,
    intro: &str,
    rows: &[&Comparison],
    table: impl Fn(&[&Comparison]) -> String,
) {
    if !rows.is_empty() {
        let _ = writeln!(text, "\n## {title}\n\n{intro}{}\n", table(rows));
    }
}

/// The timeouts, less what was asked for.
fn lateness(text: &mut String, judged: &[Comparison]) {
    let asked = |row: &Comparison| {
        let (_, after) = row.row.name.split_once("timeout-")?;
        let micros: f64 = after.strip_suffix("us")?.parse().ok()?;
        Some(micros * 1e3)
    };
    let rows: Vec<(&Comparison, f64)> = judged
        .iter()
        .filter_map(|row| Some((row, asked(row)?)))
        .collect();
    if !rows.is_empty() {
        text.push_str("## The error of a timeout\n\nHow much later than asked for a poll returns, medians.\n\n");
        let _ = writeln!(text, "{}\n", table::late(&rows));
    }
}

fn wall(text: &mut String, report: &Report) {
    let wall: Vec<Comparison> = report
        .results
        .iter()
        .filter(|result| result.row.metric.is_time())
        .filter_map(|result| Comparison::of(result, Clock::Wall))
        .collect();
    let wall: Vec<&Comparison> = wall.iter().collect();
    section(
        text,
        "The same rounds by wall time",
        "",
        &wall,
        table::plain,
    );
}

fn rows(text: &mut String, report: &Report) {
    let _ = writeln!(text, "## What a row does\n\n{EPOLL}\n");
    for result in &report.results {
        let row = result.row;
        let _ = writeln!(text, "- `{}`, one {}: {}", row.name, row.unit, row.what);
    }
    text.push('\n');
}
