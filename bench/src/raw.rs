//! The floor: epoll(7) and eventfd(2) through libc, with no library between. It registers what ferrio and mio register
//! (readable, edge-triggered, peer shutdown) and keeps no book. Its wake is the plain one, a write(2) to an eventfd,
//! so ferrio's coalesced wakes can be cheaper.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use libc::{
    EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLLERR, EPOLLET, EPOLLHUP,
    EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, c_int, epoll_event,
};
use rustix::event::{EventfdFlags, eventfd};

use crate::contender::ManyThreaded;
use crate::contender::bare::Bare;

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

#[inline(always)]
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
#[inline(always)]
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

impl Bare for Raw {
    /// Shared with the threads that register.
    type Poll = Arc<OwnedFd>;
    type Events = RawEvents;
    type Waker = OwnedFd;

    fn poll() -> io::Result<Arc<OwnedFd>> {
        // SAFETY: takes flags only.
        let fd = check(unsafe { libc::epoll_create1(EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor is new and nobody else's.
        Ok(Arc::new(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn events(capacity: usize) -> RawEvents {
        RawEvents {
            buffer: vec![epoll_event { events: 0, u64: 0 }; capacity].into_boxed_slice(),
            filled: 0,
        }
    }

    fn waker(poll: &Arc<OwnedFd>, token: usize) -> io::Result<OwnedFd> {
        let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        control(poll, EPOLL_CTL_ADD, waker.as_raw_fd(), token)?;
        Ok(waker)
    }

    #[inline(always)]
    fn wake(waker: &OwnedFd) -> io::Result<()> {
        let one = 1u64.to_ne_bytes();
        // SAFETY: write(2) reads the eight bytes, which outlive the call.
        let written = unsafe { libc::write(waker.as_raw_fd(), one.as_ptr().cast(), one.len()) };
        check(written as c_int)?;
        Ok(())
    }

    #[inline(always)]
    fn add(poll: &Arc<OwnedFd>, fd: RawFd, token: usize) -> io::Result<()> {
        control(poll, EPOLL_CTL_ADD, fd, token)
    }

    #[inline(always)]
    fn modify(poll: &Arc<OwnedFd>, fd: RawFd, token: usize) -> io::Result<()> {
        control(poll, EPOLL_CTL_MOD, fd, token)
    }

    #[inline(always)]
    fn remove(poll: &Arc<OwnedFd>, fd: RawFd) -> io::Result<()> {
        control(poll, EPOLL_CTL_DEL, fd, 0)
    }

    #[inline(always)]
    fn wait(
        poll: &mut Arc<OwnedFd>,
        events: &mut RawEvents,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        events.filled = epoll_wait(poll, &mut events.buffer, timeout)? as usize;
        Ok(())
    }

    #[inline(always)]
    fn each(events: &RawEvents, mut visit: impl FnMut(usize, [bool; 6])) {
        for event in &events.buffer[..events.filled] {
            let bits = event.events as c_int;
            let has = |mask: c_int| bits & mask != 0;
            visit(
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
    }
}

impl ManyThreaded for Raw {
    type Registry = Arc<OwnedFd>;

    fn registry(poll: &Arc<OwnedFd>) -> io::Result<Arc<OwnedFd>> {
        Ok(Arc::clone(poll))
    }

    #[inline(always)]
    fn register_through(epoll: &Arc<OwnedFd>, fd: RawFd, token: usize) -> io::Result<()> {
        control(epoll, EPOLL_CTL_ADD, fd, token)
    }

    #[inline(always)]
    fn reregister_through(epoll: &Arc<OwnedFd>, fd: RawFd, token: usize) -> io::Result<()> {
        control(epoll, EPOLL_CTL_MOD, fd, token)
    }

    #[inline(always)]
    fn deregister_through(epoll: &Arc<OwnedFd>, fd: RawFd) -> io::Result<()> {
        control(epoll, EPOLL_CTL_DEL, fd, 0)
    }
}
