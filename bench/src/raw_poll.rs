//! The floor of the poll(2) suite: a bare loop through libc, with no library between. It asks for what ferrio and mio
//! ask for (readable, peer shutdown), keeps its records in an array with the tokens beside it, and no book: a source is
//! found by walking over the array, so its rows are those that register once. It is level-triggered, as poll(2) is, and
//! its wake is the plain one, a write(2) to an eventfd.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use libc::{POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, c_int, pollfd};
use rustix::event::{EventfdFlags, eventfd};

use crate::contender::bare::Bare;

/// The contender without a library.
pub struct RawPoll;

/// One array, and whose its records are.
#[derive(Default)]
pub struct Array {
    records: Vec<pollfd>,
    tokens: Vec<usize>,
    /// The first record is its.
    waker: Option<Arc<OwnedFd>>,
}

/// What the last call answered.
pub struct Answers(Vec<(usize, i16)>);

impl Array {
    fn push(&mut self, fd: RawFd, token: usize) {
        self.records.push(pollfd {
            fd,
            events: POLLIN | POLLRDHUP,
            revents: 0,
        });
        self.tokens.push(token);
    }

    fn place(&self, fd: RawFd) -> io::Result<usize> {
        let place = self.records.iter().rposition(|record| record.fd == fd);
        place.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    #[inline(always)]
    fn collect(&self, mut left: usize, answers: &mut Vec<(usize, i16)>) -> io::Result<()> {
        answers.clear();
        for (record, &token) in self.records.iter().zip(&self.tokens) {
            if left == 0 {
                break;
            }
            if record.revents == 0 {
                continue;
            }
            left -= 1;
            answers.push((token, record.revents));
            if let Some(waker) = &self.waker {
                if waker.as_raw_fd() == record.fd {
                    rustix::io::read(waker, &mut [0; 8])?;
                }
            }
        }
        Ok(())
    }
}

/// poll(2) where whole milliseconds can express the timeout, else ppoll(2).
#[inline(always)]
fn poll(records: &mut [pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let length = records.len() as libc::nfds_t;
    let milliseconds = match timeout {
        None => -1,
        Some(timeout) if timeout.subsec_nanos() % 1_000_000 == 0 => timeout.as_millis() as c_int,
        Some(timeout) => return ppoll(records, timeout),
    };
    // SAFETY: the kernel reads and writes `length` records, which is how many there are.
    check(unsafe { libc::poll(records.as_mut_ptr(), length, milliseconds) })
}

fn ppoll(records: &mut [pollfd], timeout: Duration) -> io::Result<usize> {
    let length = records.len() as libc::nfds_t;
    let timeout = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: the same, and one timespec is read; there is no signal mask.
    check(unsafe {
        libc::ppoll(
            records.as_mut_ptr(),
            length,
            &raw const timeout,
            std::ptr::null(),
        )
    })
}

fn check(result: c_int) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

impl Bare for RawPoll {
    /// The trait registers through a shared reference; one thread does it.
    type Poll = RefCell<Array>;
    type Events = Answers;
    type Waker = Arc<OwnedFd>;

    fn poll() -> io::Result<RefCell<Array>> {
        Ok(RefCell::default())
    }

    fn events(capacity: usize) -> Answers {
        Answers(Vec::with_capacity(capacity))
    }

    fn waker(poll: &RefCell<Array>, token: usize) -> io::Result<Arc<OwnedFd>> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let waker = Arc::new(eventfd(0, flags)?);
        let mut array = poll.borrow_mut();
        array.push(waker.as_raw_fd(), token);
        array.waker = Some(Arc::clone(&waker));
        Ok(waker)
    }

    #[inline(always)]
    fn wake(waker: &Arc<OwnedFd>) -> io::Result<()> {
        rustix::io::write(waker, &1u64.to_ne_bytes())?;
        Ok(())
    }

    #[inline(always)]
    fn add(poll: &RefCell<Array>, fd: RawFd, token: usize) -> io::Result<()> {
        poll.borrow_mut().push(fd, token);
        Ok(())
    }

    fn modify(poll: &RefCell<Array>, fd: RawFd, token: usize) -> io::Result<()> {
        let mut array = poll.borrow_mut();
        let place = array.place(fd)?;
        array.tokens[place] = token;
        Ok(())
    }

    fn remove(poll: &RefCell<Array>, fd: RawFd) -> io::Result<()> {
        let mut array = poll.borrow_mut();
        let place = array.place(fd)?;
        array.records.swap_remove(place);
        array.tokens.swap_remove(place);
        Ok(())
    }

    #[inline(always)]
    fn wait(
        array: &mut RefCell<Array>,
        events: &mut Answers,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let array = array.get_mut();
        let count = poll(&mut array.records, timeout)?;
        array.collect(count, &mut events.0)
    }

    #[inline(always)]
    fn each(events: &Answers, mut visit: impl FnMut(usize, [bool; 6])) {
        for &(token, flags) in &events.0 {
            let has = |mask: i16| flags & mask != 0;
            visit(
                token,
                [
                    has(POLLIN | POLLPRI),
                    has(POLLOUT),
                    has(POLLHUP) || (has(POLLIN) && has(POLLRDHUP)),
                    has(POLLHUP) || (has(POLLOUT) && has(POLLERR)) || flags == POLLERR,
                    has(POLLPRI),
                    has(POLLERR),
                ],
            );
        }
    }
}
