//! Pipes as sources: unnamed ones made here, and those to and from a child process.
//!
//! A pipe carries bytes one way, from a [`Sender`] to a [`Receiver`]; see `pipe(7)`.
//!
//! # Examples
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use std::io::{Read, Write};
//! use ferrio::{Events, Interest, Poll, Token, unix::pipe};
//!
//! let (mut sender, mut receiver) = pipe::new()?;
//! let mut poll = Poll::new()?;
//! poll.registry().register(&mut receiver, Token(0), Interest::READABLE)?;
//!
//! sender.write_all(b"hello")?;
//! let mut events = Events::with_capacity(8);
//! poll.poll(&mut events, None)?;
//! let mut buf = [0; 16];
//! assert_eq!(receiver.read(&mut buf)?, 5);
//!
//! // Closing one end is an event for the other.
//! drop(sender);
//! poll.poll(&mut events, None)?;
//! assert!(events.iter().any(|event| event.is_read_closed()));
//! assert_eq!(receiver.read(&mut buf)?, 0);
//! # Ok(())
//! # }
//! ```

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{ChildStderr, ChildStdin, ChildStdout};

use crate::forward;
use crate::io_source::IoSource;
use crate::sys;

/// Makes a pipe. Both ends are non-blocking, and closed on exec.
///
/// # Errors
///
/// Those of `pipe2(2)`: too many open descriptors.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::io::{ErrorKind, Read};
///
/// let (_sender, mut receiver) = ferrio::unix::pipe::new()?;
/// let error = receiver.read(&mut [0; 16]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::WouldBlock);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "pipe2")]
pub fn new() -> io::Result<(Sender, Receiver)> {
    let (sender, receiver) = sys::pipe::new()?;
    Ok((
        Sender {
            inner: IoSource::new(sender),
        },
        Receiver {
            inner: IoSource::new(receiver),
        },
    ))
}

/// The end of a pipe to write to.
///
/// Writing works on `&Sender` as well. When nobody can read any more, writing answers
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe), and the events have
/// [`is_write_closed`](crate::event::Event::is_write_closed).
///
/// # Examples
///
/// Writing to a child's standard input:
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::io::{Read, Write};
/// use std::process::{Command, Stdio};
/// use ferrio::unix::pipe::Sender;
///
/// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// let mut input = Sender::from(child.stdin.take().unwrap());
/// input.set_nonblocking(true)?;
/// input.write_all(b"hello")?;
/// drop(input);
///
/// let mut output = String::new();
/// child.stdout.take().unwrap().read_to_string(&mut output)?;
/// assert_eq!(output, "hello");
/// # child.wait()?; Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sender {
    inner: IoSource<File>,
}

impl Sender {
    /// Switches between non-blocking, which a [`Poll`](crate::Poll) needs, and blocking.
    ///
    /// The mode belongs to the pipe's end and not to the descriptor: whoever shares the end, another
    /// process perhaps, is affected too.
    ///
    /// # Errors
    ///
    /// Those of `fcntl(2)`; none are expected.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (sender, _receiver) = ferrio::unix::pipe::new()?;
    /// sender.set_nonblocking(false)?; // from now on a write waits until there is room
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "O_NONBLOCK")]
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        sys::pipe::set_nonblocking(&self.inner, nonblocking)
    }

    /// Runs `f`, an operation on this end that ferrio has no method for, and hands its answer on.
    ///
    /// Going through here matters on backends that must be told when an operation answered
    /// [`WouldBlock`](io::ErrorKind::WouldBlock): they deliver no further event otherwise. So `f`
    /// must not perform its I/O by ferrio's own methods, and it must answer `WouldBlock` only when
    /// the pipe did.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io, os::fd::AsRawFd};
    ///
    /// let (sender, _receiver) = ferrio::unix::pipe::new()?;
    /// let written = sender.try_io(|| {
    ///     let buf = b"hello";
    ///     // SAFETY: the buffer is as long as the call says, and is only read.
    ///     let n = unsafe { libc::write(sender.as_raw_fd(), buf.as_ptr().cast(), buf.len()) };
    ///     usize::try_from(n).map_err(|_| io::Error::last_os_error())
    /// })?;
    /// assert_eq!(written, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<F, T>(&self, f: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(|_| f())
    }
}

forward::source!(Sender, File);
forward::write!(Sender);

/// A child's standard input. It stays in the blocking mode it is in, which is blocking: call
/// [`set_nonblocking`](Sender::set_nonblocking) to use it with a [`Poll`](crate::Poll).
impl From<ChildStdin> for Sender {
    fn from(stdin: ChildStdin) -> Sender {
        Sender::from(OwnedFd::from(stdin))
    }
}

/// The end of a pipe to read from.
///
/// Reading works on `&Receiver` as well. When nobody can write any more, reading gives what is left
/// and then `Ok(0)`, and the events have
/// [`is_read_closed`](crate::event::Event::is_read_closed).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use std::io::{Read, Write};
///
/// let (mut sender, mut receiver) = ferrio::unix::pipe::new()?;
/// sender.write_all(b"hello")?;
/// let mut buf = [0; 16];
/// assert_eq!(receiver.read(&mut buf)?, 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Receiver {
    inner: IoSource<File>,
}

impl Receiver {
    /// Switches between non-blocking, which a [`Poll`](crate::Poll) needs, and blocking.
    ///
    /// The mode belongs to the pipe's end and not to the descriptor: whoever shares the end, another
    /// process perhaps, is affected too.
    ///
    /// # Errors
    ///
    /// Those of `fcntl(2)`; none are expected.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let (_sender, receiver) = ferrio::unix::pipe::new()?;
    /// receiver.set_nonblocking(false)?; // from now on a read waits until there is data
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "O_NONBLOCK")]
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        sys::pipe::set_nonblocking(&self.inner, nonblocking)
    }

    /// Runs `f`, an operation on this end that ferrio has no method for, and hands its answer on.
    ///
    /// Going through here matters on backends that must be told when an operation answered
    /// [`WouldBlock`](io::ErrorKind::WouldBlock): they deliver no further event otherwise. So `f`
    /// must not perform its I/O by ferrio's own methods, and it must answer `WouldBlock` only when
    /// the pipe did.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use std::{io::{self, Write}, os::fd::AsRawFd};
    ///
    /// let (mut sender, receiver) = ferrio::unix::pipe::new()?;
    /// sender.write_all(b"hello")?;
    /// let mut buf = [0_u8; 16];
    /// let len = receiver.try_io(|| {
    ///     // SAFETY: the buffer is as long as the call says, and nobody else uses it meanwhile.
    ///     let n = unsafe { libc::read(receiver.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len()) };
    ///     usize::try_from(n).map_err(|_| io::Error::last_os_error())
    /// })?;
    /// assert_eq!(&buf[..len], b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<F, T>(&self, f: F) -> io::Result<T>
    where
        F: FnOnce() -> io::Result<T>,
    {
        self.inner.do_io(|_| f())
    }
}

forward::source!(Receiver, File);
forward::read!(Receiver);

/// A child's standard output. It stays in the blocking mode it is in, which is blocking: call
/// [`set_nonblocking`](Receiver::set_nonblocking) to use it with a [`Poll`](crate::Poll).
impl From<ChildStdout> for Receiver {
    fn from(stdout: ChildStdout) -> Receiver {
        Receiver::from(OwnedFd::from(stdout))
    }
}

/// A child's standard error. It stays in the blocking mode it is in, which is blocking: call
/// [`set_nonblocking`](Receiver::set_nonblocking) to use it with a [`Poll`](crate::Poll).
impl From<ChildStderr> for Receiver {
    fn from(stderr: ChildStderr) -> Receiver {
        Receiver::from(OwnedFd::from(stderr))
    }
}
