//! The floor: epoll(7) and eventfd(2) through libc, with no library between. It registers what ferrio and mio register
//! (readable, edge-triggered, peer shutdown) and keeps no book. Its wake is the plain one, a write(2) to an eventfd,
//! so ferrio's coalesced wakes can be cheaper.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use libc::{
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLET, EPOLLHUP,
    EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, c_int, epoll_event,
};
use rustix::event::{EventfdFlags, eventfd};

use crate::contender::{Contender, Tally};

const READABLE: u32 = (EPOLLIN | EPOLLRDHUP | EPOLLET) as u32;

/// The contender without a library.
pub struct Raw;

/// The buffer epoll_wait(2) fills, and how much of it is filled.
pub struct RawEvents {
    buffer: Box<[epoll_event]>,
    filled: usize,
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

#[inline]
fn control(epoll: &OwnedFd, operation: c_int, fd: RawFd, token: usize) -> io::Result<()> {
    let mut event = epoll_event {
        events: READABLE,
        u64: token as u64,
    };
    // SAFETY: epoll_ctl(2) only reads the event, which outlives the call; a bad descriptor is an error, not UB.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) })?;
    Ok(())
}

/// epoll_wait(2) where whole milliseconds can express the timeout, else epoll_pwait2(2).
#[inline]
fn epoll_wait(
    epoll: &OwnedFd,
    buffer: &mut [epoll_event],
    timeout: Option<Duration>,
) -> io::Result<c_int> {
    let capacity = buffer.len() as c_int;
    let milliseconds = match timeout {
        None => -1,
        Some(timeout) if timeout.subsec_nanos() % 1_000_000 == 0 => timeout.as_millis() as c_int,
        Some(timeout) => return epoll_pwait2(epoll, buffer, timeout),
    };
    // SAFETY: the kernel writes at most `capacity` events into the buffer, which is that long.
    check(unsafe {
        libc::epoll_wait(
            epoll.as_raw_fd(),
            buffer.as_mut_ptr(),
            capacity,
            milliseconds,
        )
    })
}

fn epoll_pwait2(
    epoll: &OwnedFd,
    buffer: &mut [epoll_event],
    timeout: Duration,
) -> io::Result<c_int> {
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: the kernel writes at most `buffer.len()` events, reads one timespec, and takes no signal mask. A raw
    // system call because not every libc has the wrapper.
    let count = unsafe {
        libc::syscall(
            libc::SYS_epoll_pwait2,
            epoll.as_raw_fd(),
            buffer.as_mut_ptr(),
            buffer.len() as c_int,
            &raw const timeout,
            std::ptr::null::<libc::sigset_t>(),
            0usize,
        )
    };
    check(count as c_int)
}

impl Contender for Raw {
    type Poll = OwnedFd;
    type Events = RawEvents;
    type Waker = OwnedFd;
    type Socket = UnixDatagram;
    type Stream = TcpStream;

    const SHORT_READ_SUFFICES: bool = true;

    fn poll() -> io::Result<OwnedFd> {
        // SAFETY: takes flags only.
        let fd = check(unsafe { libc::epoll_create1(EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor is new and nobody else's.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    fn events(capacity: usize) -> RawEvents {
        RawEvents {
            buffer: vec![epoll_event { events: 0, u64: 0 }; capacity].into_boxed_slice(),
            filled: 0,
        }
    }

    fn waker(poll: &OwnedFd, token: usize) -> io::Result<OwnedFd> {
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        control(poll, EPOLL_CTL_ADD, waker.as_raw_fd(), token)?;
        Ok(waker)
    }

    #[inline]
    fn wake(waker: &OwnedFd) -> io::Result<()> {
        let one = 1u64.to_ne_bytes();
        // SAFETY: write(2) reads the eight bytes, which outlive the call.
        let written = unsafe { libc::write(waker.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        check(written as c_int)?;
        Ok(())
    }

    fn socket(socket: UnixDatagram) -> UnixDatagram {
        socket
    }

    #[inline]
    fn recv(socket: &UnixDatagram, buffer: &mut [u8]) -> io::Result<usize> {
        socket.recv(buffer)
    }

    fn stream(stream: TcpStream) -> TcpStream {
        stream
    }

    #[inline]
    fn register_fd(poll: &OwnedFd, fd: RawFd, token: usize) -> io::Result<()> {
        control(poll, EPOLL_CTL_ADD, fd, token)
    }

    #[inline]
    fn reregister_fd(poll: &OwnedFd, fd: RawFd, token: usize) -> io::Result<()> {
        control(poll, EPOLL_CTL_MOD, fd, token)
    }

    #[inline]
    fn deregister_fd(poll: &OwnedFd, fd: RawFd) -> io::Result<()> {
        control(poll, EPOLL_CTL_DEL, fd, 0)
    }

    #[inline]
    fn register_socket(poll: &OwnedFd, socket: &mut UnixDatagram, token: usize) -> io::Result<()> {
        control(poll, EPOLL_CTL_ADD, socket.as_raw_fd(), token)
    }

    #[inline]
    fn reregister_socket(
        poll: &OwnedFd,
        socket: &mut UnixDatagram,
        token: usize,
    ) -> io::Result<()> {
        control(poll, EPOLL_CTL_MOD, socket.as_raw_fd(), token)
    }

    #[inline]
    fn deregister_socket(poll: &OwnedFd, socket: &mut UnixDatagram) -> io::Result<()> {
        control(poll, EPOLL_CTL_DEL, socket.as_raw_fd(), 0)
    }

    /// Without interest in writing: a bare loop asks when it has something to write.
    fn register_stream(
        poll: &OwnedFd,
        stream: &mut TcpStream,
        token: usize,
        _writable: bool,
    ) -> io::Result<()> {
        control(poll, EPOLL_CTL_ADD, stream.as_raw_fd(), token)
    }

    #[inline]
    fn wait(
        poll: &mut OwnedFd,
        events: &mut RawEvents,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        loop {
            match epoll_wait(poll, &mut events.buffer, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    events.filled = result? as usize;
                    return Ok(());
                }
            }
        }
    }

    #[inline]
    fn read(events: &RawEvents) -> Tally {
        let mut tally = Tally::default();
        for event in &events.buffer[..events.filled] {
            let bits = event.events as c_int;
            let has = |mask: c_int| bits & mask != 0;
            tally.add(
                event.u64 as usize,
                [
                    has(EPOLLIN | EPOLLPRI),
                    has(EPOLLOUT),
                    has(EPOLLHUP) || (has(EPOLLIN) && has(EPOLLRDHUP)),
                    has(EPOLLHUP) || (has(EPOLLOUT) && has(EPOLLERR)) || bits == EPOLLERR,
                    has(EPOLLPRI),
                    has(EPOLLERR),
                ],
            );
        }
        tally
    }

    #[inline]
    fn read_light(events: &RawEvents) -> Tally {
        let mut tally = Tally::default();
        for event in &events.buffer[..events.filled] {
            let readable = event.events as c_int & (EPOLLIN | EPOLLPRI) != 0;
            tally.add_light(event.u64 as usize, readable);
        }
        tally
    }

    #[inline]
    fn readable(events: &RawEvents, tokens: &mut Vec<usize>) {
        for event in &events.buffer[..events.filled] {
            if event.events as c_int & (EPOLLIN | EPOLLPRI) != 0 {
                tokens.push(event.u64 as usize);
            }
        }
    }
}
