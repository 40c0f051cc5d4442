use std::io;
use std::os::fd::RawFd;

use crate::event::Source;
use crate::interest::Interest;
use crate::poll::Registry;
use crate::token::Token;

/// Any file descriptor as a source: a terminal, a `signalfd(2)`, a `timerfd(2)`, another library's
/// socket, another `Poll`.
///
/// It only borrows the number. Opening and closing, reading and writing, and making the descriptor
/// non-blocking stay with whoever owns it. **Deregister before the descriptor is closed.** Else the
/// registration may outlive it, if a duplicate of the descriptor exists anywhere, and then nothing
/// can end it any more; or a new descriptor gets the number, and events of one thing are taken for
/// those of another.
///
/// # Platform notes
///
/// What can be watched is the system's to say. Linux's epoll refuses regular files and directories
/// with [`PermissionDenied`](io::ErrorKind::PermissionDenied) (EPERM). A number that is no open
/// descriptor, a negative one for example, gives EBADF everywhere.
///
/// macOS answers EINVAL for `/dev/tty`, but takes the terminal under its own name (`ttyname(3)`), and never
/// tells of the end of a named pipe.
///
/// WASI's preview 1 as wasmtime has it itself (`-Spreview2=n`, up to version 36) ends the program when a
/// poll waits to read a standard input that is a device, such as `/dev/null`, or a directory: it asks the
/// system how much there is to be read (FIONREAD), and nothing tells beforehand that there is no answer.
/// Terminals, pipes and files are fine, and so is everything in preview 2, and in preview 1 on top of it.
///
/// Where the system has no edge-triggered events (poll(2), WASI) nothing tells ferrio when an
/// operation on the descriptor answered `WouldBlock`, so there the events are level-triggered: they
/// come for as long as the descriptor is ready.
///
/// # Examples
///
/// ```
/// # #[cfg(target_os = "linux")]
/// # fn main() -> std::io::Result<()> {
/// use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
/// use std::{io, time::Duration};
/// use ferrio::{Events, Interest, Poll, Token, unix::SourceFd};
///
/// // A timer as a file descriptor, timerfd_create(2).
/// // SAFETY: the call takes no pointer.
/// let timer = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK) };
/// if timer == -1 {
///     return Err(io::Error::last_os_error());
/// }
/// // SAFETY: it was just opened, for us alone.
/// let timer = unsafe { OwnedFd::from_raw_fd(timer) };
/// # let mut spec: libc::itimerspec = unsafe { std::mem::zeroed() };
/// # spec.it_value.tv_nsec = 1_000_000;
/// # unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &spec, std::ptr::null_mut()) };
///
/// let mut poll = Poll::new()?;
/// let fd = timer.as_raw_fd();
/// poll.registry().register(&mut SourceFd(&fd), Token(0), Interest::READABLE)?;
/// poll.poll(&mut Events::with_capacity(8), Some(Duration::from_secs(60)))?;
/// poll.registry().deregister(&mut SourceFd(&fd))?;
/// # Ok(())
/// # }
/// # #[cfg(not(target_os = "linux"))]
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct SourceFd<'a>(
    /// The descriptor's number.
    pub &'a RawFd,
);

// To the selector directly: there is no state to keep, and the number may be anything.
impl Source for SourceFd<'_> {
    #[inline]
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        registry.selector().register(*self.0, token, interests)
    }

    #[inline]
    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        registry.selector().reregister(*self.0, token, interests)
    }

    #[inline]
    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.selector().deregister(*self.0)
    }
}
