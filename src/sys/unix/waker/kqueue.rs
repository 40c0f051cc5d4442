//! The waker over `EVFILT_USER`, an event of kqueue(2) that nothing but a thread triggers.
//!
//! The kernel's model: a knote in a queue. A change with `NOTE_TRIGGER` makes it ready, also if it
//! is; with `EV_CLEAR` the call that fetches the event ends that. So a ring is one system call and
//! nothing is ever read.
//!
//! The queue is the selector's own, so the wait that is to be ended is the one that the event comes
//! out of. poll(2) has none; there the bell makes one, which is readable while the event is in it.
//!
//! Available on Apple's systems, FreeBSD and DragonFly, and since version 10 on NetBSD (kern_event.c
//! 1.108); an older one answers `EINVAL`, and a pipe is taken. OpenBSD's was written in 2025, and the
//! oldest libc that ferrio takes (0.2.178) does not declare it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::sync::Arc;
use crate::sys::unix::os::error;
use crate::sys::unix::os::kqueue::{EV_ADD, EV_CLEAR, EVFILT_USER, Kevent, NOTE_TRIGGER, Queue};

/// Tells our event from those of `EVFILT_USER` that someone else may have in the same queue. The
/// filter has a name space of its own, so no descriptor can be meant.
const IDENT: usize = 0xFE11_10C0_57A7_E5ED_u64 as usize;

/// Whether a record of a queue is a ring.
#[inline]
pub(crate) fn is_ring(record: &Kevent) -> bool {
    record.filter() == EVFILT_USER && record.ident() == IDENT
}

#[derive(Debug)]
pub(crate) struct User(Arc<Queue>);

impl User {
    /// In a queue of its own.
    #[cfg(sel_poll)]
    pub(crate) fn new() -> io::Result<User> {
        User::within(&Arc::new(Queue::new()?))
    }

    pub(crate) fn within(queue: &Arc<Queue>) -> io::Result<User> {
        match queue.change_one(event(EV_ADD | EV_CLEAR)) {
            Ok(()) => Ok(User(queue.clone())),
            // So a kernel answers that doesn't know the filter.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(error::no_such_call()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn is_in(&self, queue: &Arc<Queue>) -> bool {
        Arc::ptr_eq(&self.0, queue)
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        // Without EV_CLEAR: the knote has it from the beginning, and on FreeBSD a change with it takes
        // the trigger back (`filt_usertouch` in kern_event.c).
        match self.0.change_one(event(0).with_fflags(NOTE_TRIGGER)) {
            // A forked child has no queue. Its wakes have nobody to reach.
            Err(_) if !self.0.is_ours() => Ok(()),
            result => result,
        }
    }

    /// Takes the ring out of a queue of its own.
    pub(crate) fn silence(&self) -> io::Result<()> {
        let mut record = Vec::with_capacity(1);
        self.0.wait(&mut record, 1, Some(std::time::Duration::ZERO))
    }
}

impl AsFd for User {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn event(flags: u32) -> Kevent {
    Kevent::new(IDENT, EVFILT_USER, flags, 0)
}
