//! Reads what Rust's test harness prints.

use std::collections::BTreeSet;

use crate::counts::Counts;

/// The tests of one run, of one or several test programs.
#[derive(Debug, Default)]
pub struct Report {
    pub counts: Counts,
    /// Names of the tests that passed, failed, and were ignored.
    pub passed: Vec<String>,
    pub failed: Vec<String>,
    pub ignored: Vec<String>,
    /// Test programs that printed a summary.
    pub summaries: usize,
}

impl Report {
    /// Reads a whole output.
    pub fn of(output: &str) -> Self {
        let mut report = Self::default();
        output.lines().for_each(|line| report.line(line));
        report
    }

    /// The tests of one program, each counted once: one that fails in a process of its own shows that
    /// process's output too, with its name and a summary.
    pub fn distinct(&self) -> Counts {
        let count = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len();
        Counts {
            passed: count(&self.passed),
            failed: count(&self.failed),
            skipped: count(&self.ignored),
        }
    }

    /// Reads one line; those that are not the harness's are passed over.
    pub fn line(&mut self, line: &str) {
        if let Some(summary) = line.strip_prefix("test result: ") {
            self.summary(summary);
        } else if let Some(test) = line.strip_prefix("test ") {
            self.test(test);
        }
    }

    /// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s`
    fn summary(&mut self, summary: &str) {
        let number = |what: &str| {
            let part = summary.split(['.', ';']).map(str::trim);
            part.filter_map(|part| part.strip_suffix(what)?.trim().parse::<usize>().ok())
                .next()
                .unwrap_or(0)
        };
        self.counts += Counts {
            passed: number("passed"),
            failed: number("failed"),
            skipped: number("ignored"),
        };
        self.summaries += 1;
    }

    /// `name ... ok`, `name - should panic ... FAILED`, `name ... ignored, reason`
    fn test(&mut self, line: &str) {
        let Some((name, outcome)) = line.rsplit_once(" ... ") else {
            return;
        };
        let name = name.strip_suffix(" - should panic").unwrap_or(name);
        let list = match outcome.split([',', ' ']).next() {
            Some("ok") => &mut self.passed,
            Some("FAILED") => &mut self.failed,
            Some("ignored") => &mut self.ignored,
            _ => return,
        };
        list.push(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 4 tests
test waker::epoll_eventfd::wake_before_poll_is_kept ... ok
test time::overflow - should panic ... ok
test tcp::rows ... FAILED
test udp::multicast ... ignored, needs a multicast route

failures:
    tcp::rows

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 9 filtered out; finished in 0.25s

   Doc-tests ferrio
test src/lib.rs - (line 3) ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
";

    #[test]
    fn summaries_are_added_up() {
        let report = Report::of(OUTPUT);
        assert_eq!(report.counts.to_string(), "3 passed, 1 failed, 1 skipped");
        assert_eq!(report.summaries, 2);
    }

    #[test]
    fn a_test_that_shows_its_childs_output_counts_once() {
        let child = "test a ... FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored\n";
        let report = Report::of(&format!("test b ... ok\ntest a ... FAILED\n{child}"));
        assert_eq!(
            report.distinct().to_string(),
            "1 passed, 1 failed, 0 skipped"
        );
    }

    #[test]
    fn tests_are_named() {
        let report = Report::of(OUTPUT);
        assert_eq!(
            report.passed,
            [
                "waker::epoll_eventfd::wake_before_poll_is_kept",
                "time::overflow",
                "src/lib.rs - (line 3)"
            ]
        );
        assert_eq!(report.failed, ["tcp::rows"]);
        assert_eq!(report.ignored, ["udp::multicast"]);
    }

    #[test]
    fn other_lines_mean_nothing() {
        let report = Report::of("test\ntest result\ntesting ... ok\nwarning: test a ... b\n");
        assert_eq!(report.counts, Counts::default());
        assert!(report.passed.is_empty());
    }
}
