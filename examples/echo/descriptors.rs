//! How many descriptors are open, and how many may be.

use crate::Failure;

/// Room for what isn't a connection: stdio, the selectors, wakers and the listener, with some
/// to spare.
const RESERVE: usize = 32;

/// Sees to it that `connections` more descriptors can be opened, or says how many that would take.
pub fn provide(connections: usize) -> Result<(), Failure> {
    let needed = open()
        .unwrap_or(0)
        .saturating_add(connections)
        .saturating_add(RESERVE);
    let Some(soft) = soft_limit() else {
        return Ok(());
    };
    if soft >= needed {
        return Ok(());
    }
    let allowed = raise_limit().unwrap_or(soft);
    if allowed >= needed {
        return Ok(());
    }
    Err(Failure::new(format!(
        "this needs {needed} descriptors, but the limit is {allowed} (RLIMIT_NOFILE, see `ulimit -n`): \
         use fewer --connections or raise it"
    )))
}

/// Raises the soft limit to the hard limit, which takes no privilege. Returns what now holds.
#[cfg(unix)]
pub fn raise_limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok()?;
    soft_limit()
}

#[cfg(not(unix))]
pub fn raise_limit() -> Option<usize> {
    None
}

/// How many descriptors we may have now.
#[cfg(unix)]
fn soft_limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit};

    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    // "No limit" is the largest number there is.
    Some(usize::try_from(soft).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn soft_limit() -> Option<usize> {
    None
}

/// How many more descriptors are open than `before`, if that can be found out here.
pub fn left_open(before: Option<usize>) -> Option<isize> {
    Some(open()? as isize - before? as isize)
}

/// How many descriptors this process has open.
#[cfg(unix)]
pub fn open() -> Option<usize> {
    // The listing counts its own descriptor too: two counts still compare.
    match std::fs::read_dir("/proc/self/fd") {
        Ok(entries) => Some(entries.count()),
        Err(_) => try_each(),
    }
}

/// Elsewhere that is not known. Under Wine there is such a directory, of Wine's own descriptors.
#[cfg(not(unix))]
pub fn open() -> Option<usize> {
    None
}

/// Asks for each possible number whether it's open.
#[cfg(unix)]
fn try_each() -> Option<usize> {
    // A limit may be "none at all"; numbers are handed out from the lowest, so this is far enough.
    let end = soft_limit()?.min(1 << 20) as libc::c_int;
    let is_open = |fd: &libc::c_int| {
        // SAFETY: F_GETFD only reads the flags of a descriptor, and any number may be asked about.
        (unsafe { libc::fcntl(*fd, libc::F_GETFD) }) != -1
    };
    Some((0..end).filter(is_open).count())
}
