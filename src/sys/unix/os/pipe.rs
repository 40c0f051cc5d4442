//! pipe(2) and pipe2(2).

#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use super::Call;
use super::call;
use super::fd::{own_pair, set_birth_flags};

/// A new pipe, close-on-exec and non-blocking: the end to read from, the end to write to.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    if cfg!(has_pipe2) {
        pipe2()
    } else {
        pipe_then_flags()
    }
}

#[cfg(has_pipe2)]
fn pipe2() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    call(Call::Pipe2, || {
        // SAFETY: `fds` is room for the two descriptors that pipe2(2) writes.
        unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) }
    })?;
    // SAFETY: pipe2(2) succeeded, so it has just opened both.
    Ok(unsafe { own_pair(fds) })
}

#[cfg(not(has_pipe2))]
fn pipe2() -> io::Result<(OwnedFd, OwnedFd)> {
    Err(io::Error::from_raw_os_error(libc::ENOSYS))
}

/// The way of systems without pipe2(2): the flags follow at once, and an error on the way closes
/// both ends.
fn pipe_then_flags() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [-1; 2];
    call(Call::Pipe, || {
        // SAFETY: `fds` is room for the two descriptors that pipe(2) writes.
        unsafe { libc::pipe(fds.as_mut_ptr()) }
    })?;
    // SAFETY: pipe(2) succeeded, so it has just opened both.
    let (reader, writer) = unsafe { own_pair(fds) };
    set_birth_flags(reader.as_fd())?;
    set_birth_flags(writer.as_fd())?;
    Ok((reader, writer))
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use std::fs::File;
    use std::io::{ErrorKind, Read, Write};

    use super::super::fd::birth_flags;
    use super::*;

    fn is_a_working_pipe((reader, writer): (OwnedFd, OwnedFd)) {
        assert_eq!(birth_flags(reader.as_fd()), (true, true));
        assert_eq!(birth_flags(writer.as_fd()), (true, true));
        let (mut reader, mut writer) = (File::from(reader), File::from(writer));
        let mut buf = [0; 8];
        let error = reader.read(&mut buf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        writer.write_all(b"through").unwrap();
        assert_eq!(reader.read(&mut buf).unwrap(), 7);
        assert_eq!(&buf[..7], b"through");
        drop(writer);
        assert_eq!(reader.read(&mut buf).unwrap(), 0);
    }

    #[test]
    fn both_ways_to_make_a_pipe_give_the_same_pipe() {
        is_a_working_pipe(pipe().unwrap());
        is_a_working_pipe(pipe_then_flags().unwrap());
    }
}
