//! The two selectors that are compared, each in a program of its own: what chooses poll(2) is a cfg that reaches every
//! crate of a build.

use std::fs;
use std::io;

/// Which selector a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    Epoll,
    /// In a build with `--cfg mio_unsupported_force_poll_poll`, which reaches ferrio and mio alike.
    Poll,
}

impl Suite {
    /// The most descriptors that are open in any row, with room to spare.
    pub fn descriptors(self, contenders: usize) -> u64 {
        let contenders = contenders as u64;
        match self {
            // Either 1000 connections, both ends; or 8000 sources, most of them shared.
            Suite::Epoll => (2150 * contenders + 200).max(8000 + 700 * contenders),
            // Of the crowd 5000 are shared.
            Suite::Poll => (2150 * contenders + 200).max(8200 + 200 * contenders),
        }
    }
}

/// That this build is the one for poll(2).
///
/// # Errors
///
/// A sentence that says how it is built.
pub fn check_forced() -> io::Result<()> {
    if !cfg!(mio_unsupported_force_poll_poll) {
        return Err(io::Error::other(
            "this build compares epoll; ferrio-bench builds the one for poll(2) with RUSTFLAGS=\"--cfg \
             mio_unsupported_force_poll_poll\" and starts it",
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
    fn a_build_for_epoll_is_refused_where_poll_is_wanted() {
        // With the cfg it counts descriptors, and other tests have theirs.
        if !cfg!(mio_unsupported_force_poll_poll) {
            let error = check_forced().unwrap_err();
            assert!(error.to_string().contains("ferrio-bench builds"), "{error}");
        }
    }
}
