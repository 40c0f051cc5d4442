//! Descriptor flags, through fcntl(2).

#![allow(unsafe_code)]

use std::io;
#[cfg(sel_poll)]
use std::os::fd::RawFd;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::c_int;

use super::Call;
use super::call;

/// One fcntl(2) whose argument is an int (or is ignored).
fn fcntl(fd: BorrowedFd<'_>, command: c_int, argument: c_int) -> io::Result<c_int> {
    call(Call::Fcntl, || {
        // SAFETY: the commands of this file read and write no memory of ours, and the kernel checks
        // the numbers.
        unsafe { libc::fcntl(fd.as_raw_fd(), command, argument) }
    })
}

/// What can be asked of any open descriptor. Where there are no descriptor flags, fcntl(2) may not
/// know the question.
#[cfg(sel_poll)]
const QUESTION: c_int = if cfg!(has_cloexec) {
    libc::F_GETFD
} else {
    libc::F_GETFL
};

/// EBADF unless `fd` is an open descriptor; it may be any number.
#[cfg(sel_poll)]
pub(crate) fn check_open(fd: RawFd) -> io::Result<()> {
    call(Call::Fcntl, || {
        // SAFETY: the question ignores its argument, and the kernel checks the number.
        unsafe { libc::fcntl(fd, QUESTION, 0) }
    })?;
    Ok(())
}

/// The same before `fd` is registered with poll(2), which can watch everything that is open.
#[cfg(sel_poll)]
pub(crate) fn check_watchable(fd: RawFd, _: super::poll::Flags) -> io::Result<()> {
    check_open(fd)
}

/// `read(2)`, at most what `buffer` holds.
#[cfg(has_pipe)]
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let count = call(Call::Read, || {
        // SAFETY: `buffer` is that many writable bytes, which nobody else uses during the call.
        unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) }
    })?;
    Ok(count as usize)
}

/// `write(2)`.
#[cfg(has_pipe)]
pub(crate) fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let count = call(Call::Write, || {
        // SAFETY: `bytes` is that many readable bytes.
        unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) }
    })?;
    Ok(count as usize)
}

/// Switches `O_NONBLOCK` on or off, and leaves the other status flags alone.
///
/// fcntl(2) and not `ioctl(FIONBIO)`: illumos and AIX know the latter for sockets only, not for pipes.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let old = fcntl(fd, libc::F_GETFL, 0)?;
    let new = if nonblocking {
        old | libc::O_NONBLOCK
    } else {
        old & !libc::O_NONBLOCK
    };
    if new != old {
        fcntl(fd, libc::F_SETFL, new)?;
    }
    Ok(())
}

/// Gives a descriptor that was created without flags what the flags would have given it:
/// close-on-exec first, since a fork in another thread is what the gap exposes it to.
pub(crate) fn set_birth_flags(fd: BorrowedFd<'_>) -> io::Result<()> {
    if cfg!(has_cloexec) {
        set_cloexec(fd)?;
    }
    set_nonblocking(fd, true)
}

/// Sets `FD_CLOEXEC`, the only descriptor flag there is (fcntl(2)), so nothing is lost by not reading
/// the old ones.
pub(crate) fn set_cloexec(fd: BorrowedFd<'_>) -> io::Result<()> {
    fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC)?;
    Ok(())
}

/// Takes both descriptors of a fresh pair into ownership.
///
/// # Safety
///
/// Both are open and belong to nobody else.
#[cfg_attr(not(os_unix), allow(dead_code))] // For pipes and pairs of Unix sockets.
pub(super) unsafe fn own_pair(fds: [c_int; 2]) -> (OwnedFd, OwnedFd) {
    // SAFETY: the caller's promise, first descriptor.
    let first = unsafe { OwnedFd::from_raw_fd(fds[0]) };
    // SAFETY: the caller's promise, second descriptor.
    let second = unsafe { OwnedFd::from_raw_fd(fds[1]) };
    (first, second)
}

/// Whether a descriptor is close-on-exec, and whether it is non-blocking.
#[cfg(all(test, not(ferrio_loom)))]
pub(super) fn birth_flags(fd: BorrowedFd<'_>) -> (bool, bool) {
    let of_descriptor = fcntl(fd, libc::F_GETFD, 0).unwrap();
    let of_status = fcntl(fd, libc::F_GETFL, 0).unwrap();
    (
        of_descriptor & libc::FD_CLOEXEC != 0,
        of_status & libc::O_NONBLOCK != 0,
    )
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn the_flags_of_birth_can_be_given_afterwards() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        fcntl(socket.as_fd(), libc::F_SETFD, 0).unwrap();
        assert_eq!(birth_flags(socket.as_fd()), (false, false));
        set_birth_flags(socket.as_fd()).unwrap();
        assert_eq!(birth_flags(socket.as_fd()), (true, true));
    }

    #[test]
    fn the_blocking_mode_changes_no_other_flag() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = socket.as_fd();
        fcntl(fd, libc::F_SETFL, libc::O_APPEND).unwrap();
        let before = fcntl(fd, libc::F_GETFL, 0).unwrap();
        for on in [true, true, false, false] {
            set_nonblocking(fd, on).unwrap();
            let after = fcntl(fd, libc::F_GETFL, 0).unwrap();
            assert_eq!(after & libc::O_NONBLOCK != 0, on);
            assert_eq!(after & !libc::O_NONBLOCK, before);
        }
    }
    #[cfg(all(has_pipe, not(miri)))] // Pipes there are never full.
    #[test]
    fn reading_and_writing_count_bytes_and_pass_errors_on() {
        let (reader, writer) = super::super::pipe::pipe().unwrap();
        let mut buffer = [0; 8];
        let kind = |result: io::Result<usize>| result.unwrap_err().kind();
        let empty = read(reader.as_fd(), &mut buffer);
        assert_eq!(kind(empty), io::ErrorKind::WouldBlock);
        assert_eq!(write(writer.as_fd(), b"three").unwrap(), 5);
        assert_eq!(read(reader.as_fd(), &mut buffer[..2]).unwrap(), 2);
        assert_eq!(read(reader.as_fd(), &mut buffer[2..]).unwrap(), 3);
        assert_eq!(&buffer[..5], b"three");
        let full = loop {
            if let Err(error) = write(writer.as_fd(), &[0; 4096]) {
                break error.kind();
            }
        };
        assert_eq!(full, io::ErrorKind::WouldBlock);
    }

    #[cfg(all(sel_poll, not(miri)))] // Its fcntl(2) has no such question.
    #[test]
    fn a_number_is_a_descriptor_if_it_is_open() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        check_open(socket.as_raw_fd()).unwrap();
        check_watchable(socket.as_raw_fd(), 0).unwrap();
        for fd in [-1, i32::MAX] {
            let errors = [check_open(fd), check_watchable(fd, 0)];
            for error in errors {
                assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EBADF));
            }
        }
    }
}
