//! The selector over kqueue(2), with `EV_CLEAR`, which makes edges.
//!
//! **The kernel's model.** A queue holds *knotes*, at most one per pair of filter and descriptor:
//! reading and writing are two registrations and two events. A knote hands its user data back, which
//! is the token here. With `EV_CLEAR` it is reported when it becomes ready and again at every later
//! event of its object, so neither we nor the user re-arm anything. The filter is run once more when
//! an event is fetched: what is no longer true by then is not reported. A knote belongs to the number
//! of a descriptor and goes when that number is closed, duplicates or not.
//!
//! **Our state.** None per source. The queue's descriptor is shared with the wakers (`EVFILT_USER`);
//! it needs no duplicate for that. The one thing remembered is a pipe whose reader was gone when its
//! writing end was registered, see [`DeadPipes`].
//!
//! **Changes** are made with `EV_RECEIPT`: every change is answered, and no event is taken out of the
//! queue by a call that isn't a poll. A set of changes is not atomic, so threads make theirs one after
//! the other. If one fails, those before it are taken back. Nothing tells whether a knote was there
//! before `EV_ADD`, so a descriptor that is registered twice silently has the second registration's
//! token, for the directions that it names; `EV_ENABLE` does tell, which is how
//! [`reregister`](Kqueue::reregister) finds out. Of a `register` for both directions that fails half
//! way, a poll in another thread may see the half that was there for a moment.
//!
//! **Events** of the two filters are merged, so that a source has one event in a batch. What a kqueue
//! adds by itself stays: an edge for writing at each acknowledgement of TCP and each read of a pipe or
//! Unix socket, though nothing was full. What cannot be recognised as ours, someone else has
//! registered by way of the descriptor; it is passed on under its user data.
//!
//! **Drop.** The last of the selector and its wakers closes the queue, and that is all.
//!
//! **fork.** A child does not inherit the queue. It may drop what it has of it, which leaves the number
//! alone, and wake, which reaches nobody. Anything else is an error, or meets what the child has opened
//! under that number.

mod dead_pipes;
mod merge;
mod record;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::AtomicI32;
use std::time::Duration;

use self::dead_pipes::{DeadPipes, Held};
use self::merge::Merge;
use crate::event::Event;
use crate::interest::Interest;
use crate::kind::WakerKind;
use crate::notify::Harvest;
use crate::sync::{Arc, Mutex, Ordering, lock};
use crate::sys::unix::os::error;
use crate::sys::unix::os::kqueue::{
    EV_ADD, EV_CLEAR, EV_DELETE, EV_ENABLE, EVFILT_READ, EVFILT_WRITE, Kevent, Queue,
};
use crate::sys::unix::waker::Bell;
use crate::token::Token;

pub(crate) use self::record::FLAGS;

pub(crate) struct Kqueue {
    queue: Arc<Queue>,
    /// The wakers' descriptor, if they have one of their own and it is watched; else -1.
    bell: AtomicI32,
    dead_pipes: DeadPipes,
    /// The poller has it while it is in a call.
    buffer: Mutex<Option<Box<Buffer>>>,
}

/// Where the kernel writes its records, and what it takes to merge them.
#[derive(Default)]
struct Buffer {
    records: Vec<Kevent>,
    merge: Merge,
}

/// What a successful registration leads to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Registered {
    /// The kernel sees to its events.
    Watched,
    /// It has an event that the next [`wait`](Kqueue::wait) adds to the kernel's: a blocked one has
    /// to be woken.
    Ready,
}

impl Kqueue {
    pub(crate) fn new() -> io::Result<Kqueue> {
        Ok(Kqueue {
            queue: Arc::new(Queue::new()?),
            bell: AtomicI32::new(-1),
            dead_pipes: DeadPipes::new(),
            buffer: Mutex::new(None),
        })
    }

    pub(crate) fn register(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<Registered> {
        let mut dead_pipes = self.dead_pipes.hold()?;
        dead_pipes.forget(fd);
        let mut changes = Changes::new(fd, token);
        changes.add(interests);
        changes.apply(&self.queue)?;
        self.settle(&changes, interests, &mut dead_pipes)
    }

    pub(crate) fn reregister(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<Registered> {
        let mut dead_pipes = self.dead_pipes.hold()?;
        let mut questions = Changes::new(fd, token);
        // Answered with ENOENT where there was nothing. The user data go along, for they may replace
        // the old ones whatever the change is.
        for (filter, wanted) in filters(interests) {
            questions.push(filter, if wanted { EV_ENABLE } else { EV_DELETE });
        }
        questions.apply(&self.queue)?;
        let mut answers = questions.made().iter().map(Kevent::errno);
        if answers.clone().all(is_not_found) {
            return Err(error::not_found());
        }
        // What else may be wrong the changes will tell.
        if answers.any(|errno| errno == error::BAD_DESCRIPTOR) {
            return Err(error::bad_descriptor());
        }
        // In a call of its own: what is added where there was nothing could be reported to another
        // thread's poll before it is taken back, and another thread's `register` go with it.
        let mut changes = Changes::new(fd, token);
        changes.add(interests);
        changes
            .apply(&self.queue)
            .inspect_err(|_| self.take_back(fd))?;
        dead_pipes.forget(fd);
        self.settle(&changes, interests, &mut dead_pipes)
    }

    pub(crate) fn deregister(&self, fd: RawFd) -> io::Result<()> {
        let mut dead_pipes = self.dead_pipes.hold()?;
        let mut changes = Changes::deletions(fd);
        changes.apply(&self.queue)?;
        let errors = changes.made().iter().map(Kevent::errno);
        // Which of the two it had isn't known, so one of them may be missing.
        let mut found = false;
        let mut failure = None;
        for errno in errors {
            found |= errno == 0;
            if errno != 0 && !is_not_found(errno) {
                failure = Some(io::Error::from_raw_os_error(errno));
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None if found => {
                dead_pipes.forget(fd);
                Ok(())
            }
            None => Err(error::not_found()),
        }
    }

    /// Looks at the receipts of `changes`, which [`Changes::add`] has made.
    fn settle(
        &self,
        changes: &Changes,
        interests: Interest,
        dead_pipes: &mut Held<'_>,
    ) -> io::Result<Registered> {
        let failure = |filter| {
            let receipt = changes.made().iter().find(|c| c.filter() == filter)?;
            Some(receipt.errno()).filter(|&errno| errno != 0)
        };
        let (reading, writing) = (failure(EVFILT_READ), failure(EVFILT_WRITE));
        let failed = match (reading, writing) {
            (None, None) => return Ok(Registered::Watched),
            (None, Some(errno)) if dead_pipes::may_be_one(errno) => {
                let watched = interests.is_readable();
                match dead_pipes.add(&self.queue, changes.fd, changes.token, watched) {
                    Ok(()) => return Ok(Registered::Ready),
                    // The descriptor is not open at all, or something worse.
                    Err(error) => error,
                }
            }
            (Some(errno), _) | (None, Some(errno)) => io::Error::from_raw_os_error(errno),
        };
        self.take_back(changes.fd);
        Err(failed)
    }

    /// Removes what a call that fails has added. After a `reregister` that also ends the registration
    /// that was there: its old token is lost, and the new one must not be reported.
    #[cold]
    fn take_back(&self, fd: RawFd) {
        // What is not there need not be removed.
        let _ = Changes::deletions(fd).apply(&self.queue);
    }

    /// Makes the wakers' kernel object, and watches it.
    pub(crate) fn bell(&self, kind: WakerKind) -> io::Result<Bell> {
        let bell = Bell::of_queue(kind, &self.queue)?;
        if !bell.is_in(&self.queue) {
            let fd = bell.as_fd().as_raw_fd();
            // The number may have been that of a dead pipe.
            self.dead_pipes.hold()?.forget(fd);
            // Before there can be a record of it.
            self.bell.store(fd, Ordering::Release);
            let change = Kevent::new(fd as usize, EVFILT_READ, EV_ADD | EV_CLEAR, 0);
            if let Err(error) = self.queue.change_one(change) {
                self.bell.store(-1, Ordering::Release);
                return Err(error);
            }
        }
        Ok(bell)
    }

    /// Appends at most `room` events to `list`, blocking for at most `timeout`.
    pub(crate) fn wait(
        &self,
        list: &mut Vec<Event>,
        room: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Harvest> {
        let late = self.dead_pipes.report(&self.queue, list, room)?;
        let mut harvest = match room - late {
            0 => Harvest::default(),
            room if late == 0 => self.ask(list, room, timeout)?,
            // An error would lose the events that are in the list already. It comes again.
            room => self
                .ask(list, room, Some(Duration::ZERO))
                .unwrap_or_default(),
        };
        harvest.events += late;
        if harvest.rung {
            // Perhaps for one that came meanwhile. The ring has left room.
            self.add_late(list, room, &mut harvest);
        }
        Ok(harvest)
    }

    /// Adds what there is room for besides `harvest`.
    fn add_late(&self, list: &mut Vec<Event>, room: usize, harvest: &mut Harvest) {
        let room = room - harvest.events;
        let late = self.dead_pipes.report(&self.queue, list, room);
        // The next poll begins with those that an error has left.
        harvest.events += late.unwrap_or_default();
    }

    /// Whether there are events that only the next [`wait`](Kqueue::wait) adds. Their ring may have
    /// been consumed.
    pub(crate) fn has_more(&self) -> bool {
        self.dead_pipes.has_more()
    }

    #[inline]
    fn ask(
        &self,
        list: &mut Vec<Event>,
        room: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Harvest> {
        let buffer = lock(&self.buffer).take();
        let mut buffer = buffer.unwrap_or_default();
        buffer.records.clear();
        let result = self.queue.wait(&mut buffer.records, room, timeout);
        let harvest = result.map(|()| {
            let bell = self.bell.load(Ordering::Acquire);
            buffer.merge.events(&buffer.records, bell, list)
        });
        *lock(&self.buffer) = Some(buffer);
        harvest
    }
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// Changes for one descriptor, and afterwards their receipts.
struct Changes {
    fd: RawFd,
    token: Token,
    list: [Kevent; 2],
    len: usize,
}

impl Changes {
    fn new(fd: RawFd, token: Token) -> Changes {
        Changes {
            fd,
            token,
            list: [Kevent::new(0, 0, 0, 0); 2],
            len: 0,
        }
    }

    /// Removes whatever there is.
    fn deletions(fd: RawFd) -> Changes {
        let mut changes = Changes::new(fd, Token(0));
        changes.push(EVFILT_READ, EV_DELETE);
        changes.push(EVFILT_WRITE, EV_DELETE);
        changes
    }

    fn push(&mut self, filter: i32, flags: u32) {
        // A negative number becomes one that no descriptor has: the kernel says EBADF.
        self.list[self.len] = Kevent::new(self.fd as usize, filter, flags, self.token.0);
        self.len += 1;
    }

    /// Adds a knote for each of `interests`. Requests of asynchronous I/O bring their own.
    fn add(&mut self, interests: Interest) {
        for (filter, wanted) in filters(interests) {
            if wanted {
                // Enabled: the knote of a dead pipe may be there, and is not.
                self.push(filter, EV_ADD | EV_ENABLE | EV_CLEAR);
            }
        }
    }

    fn apply(&mut self, queue: &Queue) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        queue.change(&mut self.list[..self.len])
    }

    fn made(&self) -> &[Kevent] {
        &self.list[..self.len]
    }
}

/// The two filters, and whether `interests` asks for them.
fn filters(interests: Interest) -> [(i32, bool); 2] {
    [
        (EVFILT_READ, interests.is_readable()),
        (EVFILT_WRITE, interests.is_writable()),
    ]
}

fn is_not_found(errno: i32) -> bool {
    errno == error::NOT_FOUND
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests;
#[cfg(all(test, not(ferrio_loom)))]
mod wait_tests;
