//! What a command closes with.

use std::fmt;
use std::ops::AddAssign;

/// How many checks passed, failed, and could not apply here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Counts {
    /// Counts one check.
    pub fn add(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_has_its_form() {
        let mut counts = Counts::default();
        counts.add(true);
        counts.add(true);
        counts.add(false);
        counts += Counts {
            skipped: 4,
            ..Counts::default()
        };
        assert_eq!(counts.to_string(), "2 passed, 1 failed, 4 skipped");
    }
}
