//! Unnamed pipes. See pipe(7).

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use super::os;

/// A new pipe: the end to write to, the end to read from.
#[cfg(has_pipe)]
pub(crate) fn new() -> io::Result<(File, File)> {
    let (reader, writer) = os::pipe::pipe()?;
    Ok((File::from(writer), File::from(reader)))
}

/// The same where there are none, or none that a selector can watch.
#[cfg(not(has_pipe))]
pub(crate) fn new() -> io::Result<(File, File)> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this target has no pipes that can be polled",
    ))
}

/// Switches `O_NONBLOCK` on or off.
pub(crate) fn set_nonblocking(end: &File, nonblocking: bool) -> io::Result<()> {
    os::fd::set_nonblocking(end.as_fd(), nonblocking)
}
