//! The two benchmarks: one selector each.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::rows::{self, Row};

/// Which selector is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    Epoll,
    /// In a build with `--cfg mio_unsupported_force_poll_poll`, which reaches ferrio and mio alike.
    Poll,
}

const EPOLL_PREFACE: &str = "\
Only what is named here is inside the measured section; making sources ready, registering them again and the like \
happen outside. Every poll has a waker and room for 1024 events. Reading an event means asking for its token, \
readable, writable, read closed, write closed, priority and error. Rows with one thread run before the process has a \
second one, except those called company.";

const POLL_PREFACE: &str = "\
Only what is named here is inside the measured section; what brings the sources back to where they were happens \
outside. Every poll has a waker and room for 1024 events. Reading an event means asking for its token, readable, \
writable, read closed, write closed, priority and error. raw is a bare loop over poll(2): an array of records, a walk \
over it that stops after the last answer, no table, no lock; its waker is an eventfd that each wake writes to. Rows \
with one thread run before the process has a second one. How many system calls a registration makes is counted in \
calls.md, beside this file.";

impl Suite {
    pub fn rows(self) -> &'static [Row] {
        match self {
            Suite::Epoll => rows::EPOLL,
            Suite::Poll => rows::POLL,
        }
    }

    pub fn program(self) -> &'static str {
        match self {
            Suite::Epoll => "ferrio-bench",
            Suite::Poll => "ferrio-bench-poll",
        }
    }

    /// How one runs it.
    pub fn command(self) -> &'static str {
        match self {
            Suite::Epoll => "cargo run --release -p ferrio-bench",
            Suite::Poll => "cargo xtask bench poll",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Suite::Epoll => "ferrio beside mio",
            Suite::Poll => "ferrio beside mio, poll(2) against poll(2)",
        }
    }

    /// What is true of every row.
    pub fn preface(self) -> &'static str {
        match self {
            Suite::Epoll => EPOLL_PREFACE,
            Suite::Poll => POLL_PREFACE,
        }
    }

    /// Where the report of a full run goes.
    pub fn report_directory(self) -> PathBuf {
        let report = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/report"));
        match self {
            Suite::Epoll => report,
            Suite::Poll => report.join("poll"),
        }
    }

    /// The most descriptors that are open in any row, with room to spare.
    pub fn descriptors(self, contenders: usize) -> u64 {
        // 1000 sources, polls, wakers.
        let each = 1100 * contenders as u64 + 100;
        match self {
            Suite::Epoll => each,
            // 5000 that all contenders share, and less than the above of their own.
            Suite::Poll => each.max(5000 + 200 * contenders as u64 + 100),
        }
    }

    /// That the build is the one which the suite is about.
    ///
    /// # Errors
    ///
    /// A sentence that says how to build it.
    pub fn check(self) -> io::Result<()> {
        if self == Suite::Epoll {
            return Ok(());
        }
        if !cfg!(mio_unsupported_force_poll_poll) {
            return Err(io::Error::other(
                "this build compares epoll; `cargo xtask bench poll` builds it with RUSTFLAGS=\"--cfg \
                 mio_unsupported_force_poll_poll\"",
            ));
        }
        for (name, made) in [
            ("ferrio", epolls_of(ferrio::Poll::new)?),
            ("mio", epolls_of(mio::Poll::new)?),
        ] {
            if made != 0 {
                return Err(io::Error::other(format!(
                    "{name} uses epoll in spite of the cfg"
                )));
            }
        }
        Ok(())
    }
}

/// How many epoll descriptors `make` opens. Nobody else may open any meanwhile.
fn epolls_of<P>(make: impl FnOnce() -> io::Result<P>) -> io::Result<usize> {
    let before = epolls()?;
    let _poll = make()?;
    Ok(epolls()? - before)
}

fn epolls() -> io::Result<usize> {
    let links = fs::read_dir("/proc/self/fd")?
        .filter_map(Result::ok)
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    Ok(links
        .filter(|link| link.as_os_str() == "anon_inode:[eventpoll]")
        .count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_for_epoll_is_refused_by_the_other_suite() {
        assert!(Suite::Epoll.check().is_ok());
        // With the cfg it counts descriptors, and other tests have theirs.
        if !cfg!(mio_unsupported_force_poll_poll) {
            let error = Suite::Poll.check().unwrap_err();
            assert!(error.to_string().contains("xtask bench poll"), "{error}");
        }
    }

    #[test]
    fn the_reports_have_different_places() {
        let epoll = Suite::Epoll.report_directory();
        assert_ne!(epoll, Suite::Poll.report_directory());
        assert!(epoll.ends_with("bench/report"));
    }
}
