//! The selector over poll(2): every Unix has it, and on some it is all there is.
//!
//! **The kernel's model.** None: each call brings the whole array of descriptors along and gets
//! their levels back. A descriptor that is readable is reported by every call until somebody reads
//! it. POLLERR, POLLHUP and POLLNVAL are reported whether or not anybody asked. While a call is
//! blocked it holds the files that it waits for, so that a `close` elsewhere does not close them, and
//! knows nothing of changes made since it began.
//!
//! **Our state.** A [`Table`] has one entry per registered descriptor, an [`Array`] the records for
//! the kernel. Registrations change the table, from any thread, and put the descriptor on a list of
//! changes; nothing else, unless the poller is blocked: then the first of them rings. The poller
//! applies the list to its array before it asks the kernel. Both are behind one lock, which the
//! poller doesn't hold while it is blocked: it takes the array out for that time.
//!
//! ```text
//!  register, reregister,                 poll
//!  deregister, re-arm, drop
//!      | lock                              | lock: apply the changes, take the array, "blocked"
//!      | entry, list of changes            | poll(2)
//!      | blocked? then "rung"              | lock: "awake", events, put the array back
//!      | unlock, ring the bell             | silence the bell first, if it has rung
//! ```
//!
//! **Edges** are made here. What was reported is no longer asked for, each flag by itself, until
//! the source's state ([`IoSourceState`]) learns that the user came to the end of it: an operation
//! hit `WouldBlock`, or a stream moved fewer bytes than it was asked to. So a source costs nothing
//! between its event and the user's reaction. POLLERR and POLLHUP cannot be left out; after they
//! were reported the record is inactive until the next re-arming. A source whose events were all
//! reported is watched for those two still, so the end of a connection comes through.
//!
//! A descriptor that was registered without such state, `SourceFd`, is level-triggered: nobody would
//! tell when to ask again.
//!
//! **Nothing stale.** An entry's version changes with each `register` and `reregister`, and an entry
//! without a registration has none. Records carry the version that they were made for; what the
//! kernel says about another is dropped. So numbers can be reused at any moment, in a poll too.
//!
//! **Drop.** A source that is dropped leaves the table before its descriptor is closed, and ends the
//! blocked call that holds the file. A descriptor that was closed without a word gives POLLNVAL: one
//! event, and silence until it is deregistered, or registered again.
//!
//! **fork.** A child has the state as the parent's threads had it, and the bell in common with the
//! parent. It drops what it inherited, and goes on with a `Poll` that the parent leaves to it, as a
//! daemon does; unless another thread was changing the state during the fork. Then the child's copy
//! is unusable: changes and polls are errors, and a drop leaves the table alone. See [`Lock`].

mod array;
mod io_source_state;
mod table;

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use self::array::{Array, decode};
use self::table::{Report, Table};
use crate::event::Event;
use crate::interest::Interest;
use crate::notify::Harvest;
use crate::sync::{Arc, MutexGuard};
#[cfg(not(all(test, ferrio_loom)))]
use crate::sys::ask;
use crate::sys::os::fd;
use crate::sys::os::poll::Flags;
use crate::sys::{Lock, WakeHub};
use crate::token::Token;

#[cfg(all(test, ferrio_loom))]
use self::exhaustive_tests::ask;

pub(crate) use self::array::FLAGS;
pub(crate) use self::io_source_state::{IoSourceState, Registration};

/// How a registration is reported.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Trigger {
    Edge,
    Level,
}

/// In place of a bell's descriptor, where nobody can ring.
#[cfg(sys_wasi)]
pub(crate) const NO_BELL: RawFd = array::NOBODY;

pub(crate) struct Poll {
    shared: Arc<Shared>,
}

/// What the sources need of their selector, to re-arm and to leave.
struct Shared {
    state: Lock<State>,
    hub: Arc<WakeHub>,
}

#[derive(Default)]
struct State {
    table: Table,
    /// The poller has it while it is in a call. It moves twice in every poll, hence the box.
    array: Option<Box<Array>>,
    poller: Poller,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum Poller {
    #[default]
    Awake,
    /// In the kernel, or about to be.
    Blocked,
    /// The same, and the bell rings already, or is about to.
    Rung,
}

impl Poll {
    /// `hub` has its bell.
    pub(crate) fn new(hub: Arc<WakeHub>, bell: RawFd) -> Poll {
        Poll {
            shared: Arc::new(Shared {
                state: Lock::new(State {
                    array: Some(Box::new(Array::new(bell))),
                    ..State::default()
                }),
                hub,
            }),
        }
    }

    /// Registers a descriptor without state of its own: level-triggered.
    #[cfg_attr(not(feature = "os-ext"), allow(dead_code))] // For SourceFd.
    pub(crate) fn register(&self, fd: RawFd, token: Token, interests: Interest) -> io::Result<()> {
        self.shared.register(fd, token, interests, Trigger::Level)?;
        Ok(())
    }

    #[cfg_attr(not(feature = "os-ext"), allow(dead_code))] // For SourceFd.
    pub(crate) fn reregister(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.shared
            .reregister(fd, token, interests, Trigger::Level)?;
        Ok(())
    }

    pub(crate) fn deregister(&self, fd: RawFd) -> io::Result<()> {
        self.shared
            .change(|table| table.deregister(fd))
            .or_else(|error| open_first(fd, error))
    }

    /// Registers a source that will tell when to re-arm.
    pub(crate) fn register_source(
        &self,
        registration: &mut Option<Registration>,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let id = self.shared.register(fd, token, interests, Trigger::Edge)?;
        // An older one was ended behind the source's back, or this would have failed.
        *registration = Some(Registration::new(self.shared.clone(), fd, id));
        Ok(())
    }

    /// Changes a source's registration; whoever made it, from now on it is the source's.
    pub(crate) fn reregister_source(
        &self,
        registration: &mut Option<Registration>,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let id = self
            .shared
            .reregister(fd, token, interests, Trigger::Edge)?;
        match registration {
            Some(registration) => registration.take_over(id),
            None => *registration = Some(Registration::new(self.shared.clone(), fd, id)),
        }
        Ok(())
    }

    /// Appends at most `room` events to `list`, blocking for at most `timeout`.
    pub(crate) fn wait(
        &self,
        list: &mut Vec<Event>,
        room: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Harvest> {
        let mut array = self.shared.enter(timeout)?;
        let mut result = ask(array.records(), timeout);
        if is_invalid(&result) && array.shrink(&mut self.shared.state.lock_again().table) {
            result = ask(array.records(), timeout);
        }
        let rung = result.is_ok() && array.bell_rang();
        if rung {
            // Before the lock: what rings from now on is heard by the next call. A change that
            // finds the poller rung doesn't ring, and is on the list when the next call begins.
            if let Err(error) = self.shared.hub.silence() {
                result = Err(error);
            }
        }
        let mut state = self.shared.state.lock_again();
        state.poller = Poller::Awake;
        let harvest = result.map(|count| Harvest {
            events: array.harvest(
                &mut state.table,
                count - usize::from(rung),
                room,
                |report, answer| list.push(event(report, answer)),
            ),
            rung,
        });
        state.array = Some(array);
        harvest
    }
}

impl Shared {
    fn register(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
        trigger: Trigger,
    ) -> io::Result<u64> {
        // poll(2) itself would answer much later, with an event, and pass over negative numbers.
        fd::check_watchable(fd, table::flags(interests))?;
        self.change(|table| table.register(fd, token, interests, trigger))
    }

    fn reregister(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
        trigger: Trigger,
    ) -> io::Result<u64> {
        self.change(|table| table.reregister(fd, token, interests, trigger))
            .or_else(|error| open_first(fd, error))
    }

    /// Changes the table, so that a blocked poll learns of it.
    fn change<T>(&self, f: impl FnOnce(&mut Table) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock().ok_or_else(left_locked)?;
        let result = f(&mut state.table);
        if result.is_ok() {
            self.tell(state);
        }
        result
    }

    /// The same for a change that may turn out to be none.
    #[inline]
    fn change_if(&self, f: impl FnOnce(&mut Table) -> bool) {
        // What is abandoned is never polled again, so it need not be told.
        let Some(mut state) = self.state.lock() else {
            return;
        };
        if f(&mut state.table) {
            self.tell(state);
        }
    }

    #[inline]
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        if state.poller != Poller::Blocked {
            return;
        }
        state.poller = Poller::Rung;
        drop(state);
        if self.hub.ring().is_err() {
            // The next change tries again.
            let mut state = self.state.lock_again();
            if state.poller == Poller::Rung {
                state.poller = Poller::Blocked;
            }
        }
    }

    /// Takes the array for a call of poll(2).
    fn enter(&self, timeout: Option<Duration>) -> io::Result<Box<Array>> {
        let mut state = self.state.lock().ok_or_else(left_locked)?;
        // A poller that is not of this process may have taken it along.
        let mut array = state.array.take().ok_or_else(left_locked)?;
        array.update(&mut state.table);
        if timeout != Some(Duration::ZERO) {
            state.poller = Poller::Blocked;
        }
        Ok(array)
    }
}

/// Of a descriptor that is neither open nor registered, the kernel would say the former.
#[cold]
fn open_first<T>(fd: RawFd, error: io::Error) -> io::Result<T> {
    fd::check_open(fd)?;
    Err(error)
}

#[cold]
fn left_locked() -> io::Error {
    io::Error::new(
        io::ErrorKind::Deadlock,
        "another thread was using this `Poll` when the process was forked",
    )
}

fn event(report: Report, answer: Flags) -> Event {
    Event::new(report.token, decode(report.flags), array::raw(answer))
}

/// More records than RLIMIT_NOFILE, poll(2).
fn is_invalid(result: &io::Result<usize>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::InvalidInput)
}

#[cfg(all(test, ferrio_loom))]
mod exhaustive_tests;
