//! polling, edge-triggered, so that it does what ferrio and mio do. Its wake (`notify`) makes `wait` return without an
//! event; here that counts as the waker's event, so it can't be told from a timeout: rows that wake and then poll with a
//! timeout of zero leave it out.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use ::polling::{Event, Events, PollMode, Poller};

use super::ManyThreaded;
use super::bare::Bare;

pub struct Polling;

pub struct Answers {
    events: Events,
    woken: bool,
}

/// What the waker's event says: readable.
const WOKEN: [bool; 6] = [true, false, false, false, false, false];

#[inline(always)]
fn borrowed<'a>(fd: RawFd) -> BorrowedFd<'a> {
    // SAFETY: the rows keep every descriptor open until its poll is gone or it is deregistered; the borrow does not
    // outlive the call it is made for.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

impl Bare for Polling {
    type Poll = Arc<Poller>;
    type Events = Answers;
    type Waker = Arc<Poller>;

    fn poll() -> io::Result<Arc<Poller>> {
        Ok(Arc::new(Poller::new()?))
    }

    fn events(capacity: usize) -> Answers {
        Answers {
            events: NonZeroUsize::new(capacity).map_or_else(Events::new, Events::with_capacity),
            woken: false,
        }
    }

    fn waker(poll: &Arc<Poller>, _token: usize) -> io::Result<Arc<Poller>> {
        Ok(Arc::clone(poll))
    }

    #[inline(always)]
    fn wake(waker: &Arc<Poller>) -> io::Result<()> {
        waker.notify()
    }

    #[inline(always)]
    fn add(poll: &Arc<Poller>, fd: RawFd, token: usize) -> io::Result<()> {
        // SAFETY: the rows deregister a descriptor before they close it, or drop the poll first.
        unsafe { poll.add_with_mode(fd, Event::readable(token), PollMode::Edge) }
    }

    #[inline(always)]
    fn modify(poll: &Arc<Poller>, fd: RawFd, token: usize) -> io::Result<()> {
        poll.modify_with_mode(borrowed(fd), Event::readable(token), PollMode::Edge)
    }

    #[inline(always)]
    fn remove(poll: &Arc<Poller>, fd: RawFd) -> io::Result<()> {
        poll.delete(borrowed(fd))
    }

    #[inline(always)]
    fn wait(
        poll: &mut Arc<Poller>,
        answers: &mut Answers,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        answers.events.clear();
        let count = poll.wait(&mut answers.events, timeout)?;
        answers.woken = count == 0 && timeout.is_none();
        Ok(())
    }

    #[inline(always)]
    fn each(answers: &Answers, mut visit: impl FnMut(usize, [bool; 6])) {
        if answers.woken {
            visit(usize::MAX, WOKEN);
        }
        for event in answers.events.iter() {
            visit(
                event.key,
                [
                    event.readable,
                    event.writable,
                    event.is_interrupt(),
                    false,
                    event.is_priority(),
                    event.is_err() == Some(true),
                ],
            );
        }
    }
}

impl ManyThreaded for Polling {
    type Registry = Arc<Poller>;

    fn registry(poll: &Arc<Poller>) -> io::Result<Arc<Poller>> {
        Ok(Arc::clone(poll))
    }

    #[inline(always)]
    fn register_through(poll: &Arc<Poller>, fd: RawFd, token: usize) -> io::Result<()> {
        Polling::add(poll, fd, token)
    }

    #[inline(always)]
    fn reregister_through(poll: &Arc<Poller>, fd: RawFd, token: usize) -> io::Result<()> {
        Polling::modify(poll, fd, token)
    }

    #[inline(always)]
    fn deregister_through(poll: &Arc<Poller>, fd: RawFd) -> io::Result<()> {
        Polling::remove(poll, fd)
    }
}
