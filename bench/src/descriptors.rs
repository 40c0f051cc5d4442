//! The descriptors that the rows watch, and the limit on how many a process may have.

mod mixed;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub use mixed::{Mixed, Sort, idle};

/// Raises the soft limit of open descriptors as far as this run needs it.
pub fn raise_limit(needed: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    // `None` stands for "no limit".
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        return Err(io::Error::other(format!(
            "the benchmark needs {needed} open descriptors, but the hard limit (ulimit -Hn) is {}",
            limit.maximum.unwrap_or_default()
        )));
    }
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(needed),
            maximum: limit.maximum,
        },
    )?;
    Ok(())
}

/// A set of eventfds, none of them ever ready.
pub struct EventFds(Vec<OwnedFd>);

impl EventFds {
    pub fn new(count: usize) -> io::Result<EventFds> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let fds: Result<Vec<OwnedFd>, _> = (0..count).map(|_| eventfd(0, flags)).collect();
        Ok(EventFds(fds?))
    }

    pub fn raw(&self) -> Vec<RawFd> {
        self.0.iter().map(AsRawFd::as_raw_fd).collect()
    }
}

/// Unconnected sockets: one descriptor each, never ready for reading.
pub fn sockets(count: usize) -> io::Result<Vec<UnixDatagram>> {
    (0..count)
        .map(|_| {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })
        .collect()
}
