//! What is registered: one entry per descriptor, found by its number.

use std::io;
use std::mem;
use std::os::fd::RawFd;

use super::Trigger;
use crate::interest::Interest;
use crate::sys::os::error;
use crate::sys::os::poll::{
    Flags, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDHUP, has,
};
use crate::token::Token;

/// Entries that are allocated together. Systems hand out the lowest free numbers, so few pages are
/// needed, and a process that likes high ones pays for those only.
const PAGE: usize = 64;

/// What an operation that reads can come to the end of.
pub(super) const READ: Flags = POLLIN | POLLPRI | POLLRDHUP;
/// The same for one that writes.
pub(super) const WRITE: Flags = POLLOUT;

/// What is reported whether or not it was asked for, for as long as it lasts.
const UNASKED: Flags = POLLERR | POLLHUP;

#[derive(Default)]
pub(super) struct Table {
    pages: Vec<Option<Box<[Entry; PAGE]>>>,
    /// Descriptors whose entry differs from the array, each once.
    changes: Vec<RawFd>,
    /// The last id or version given out. No number comes twice: 64 bits are enough for centuries.
    last: u64,
}

/// One descriptor, registered or not.
#[derive(Copy, Clone)]
pub(super) struct Entry {
    /// The registration, 0 for none.
    id: u64,
    /// The same and the later changes of token and interest, 0 for none.
    version: u64,
    token: Token,
    interests: Flags,
    /// What is to be reported when it comes; level-triggered: `interests`.
    armed: Flags,
    trigger: Trigger,
    watch: Watch,
    /// It is on the list of changes.
    pub(super) changed: bool,
    /// Its place in the array.
    pub(super) place: Option<u32>,
}

/// Whether the kernel is asked about a registered descriptor.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Watch {
    Active,
    /// POLLERR or POLLHUP was reported, and would be again by every call.
    Paused,
    /// There is no such descriptor any more, and that was reported.
    Gone,
}

/// What an event says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) token: Token,
    /// The kernel's flags, and what they imply for the operations that the user waits for.
    pub(super) flags: Flags,
}

impl Entry {
    const EMPTY: Entry = Entry {
        id: 0,
        version: 0,
        token: Token(0),
        interests: 0,
        armed: 0,
        trigger: Trigger::Level,
        watch: Watch::Active,
        changed: false,
        place: None,
    };

    pub(super) fn is_registered(&self) -> bool {
        self.id != 0
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The flags to ask the kernel for; `None`: it is not asked about this descriptor.
    pub(super) fn question(&self) -> Option<Flags> {
        (self.watch == Watch::Active).then_some(self.armed)
    }

    /// Takes the kernel's answer, and disarms what is reported by it.
    pub(super) fn report(&mut self, answer: Flags) -> Report {
        let flags = match self.trigger {
            Trigger::Level => answer,
            Trigger::Edge => self.merge(answer),
        };
        if has(answer, POLLNVAL) {
            self.watch = Watch::Gone;
        } else if self.trigger == Trigger::Edge {
            // No more than that: what is not armed was reported, as far as `merge` knows.
            self.armed &= !flags;
            if answer & UNASKED != 0 {
                self.watch = Watch::Paused;
            }
        }
        Report {
            token: self.token,
            flags,
        }
    }

    /// Adds to the kernel's answer what it wasn't asked about.
    fn merge(&self, answer: Flags) -> Flags {
        // Reported earlier, and the user hasn't come to the end of it.
        let mut flags = answer | self.interests & !self.armed & (POLLIN | POLLRDHUP | POLLOUT);
        if has(flags, POLLRDHUP) {
            // Reading doesn't block any more.
            flags |= POLLIN;
        }
        if answer & POLLERR != 0 {
            // Neither does anything else, it gives the error. Whoever waits has to be told of it as
            // readiness, because this is the last that he hears of the source until he has tried.
            flags |= self.interests & (POLLIN | POLLOUT);
        }
        if has(answer, POLLHUP) {
            // On most systems never together with POLLOUT, as POSIX has it; writing gives an error.
            flags |= self.interests & POLLOUT;
        }
        flags
    }

    /// `false`: nothing has changed.
    fn rearm(&mut self, direction: Flags) -> bool {
        let wanted = self.interests & direction;
        // Urgent data comes by itself, so a hang-up isn't looked at again for it.
        let for_nothing = direction == POLLPRI && self.watch == Watch::Paused;
        if wanted == 0 || for_nothing {
            return false;
        }
        let is_armed = self.armed & wanted == wanted && self.watch == Watch::Active;
        // A level is always armed, and what is gone doesn't come back.
        if self.trigger == Trigger::Level || self.watch == Watch::Gone || is_armed {
            return false;
        }
        self.armed |= wanted;
        self.watch = Watch::Active;
        true
    }

    fn set(&mut self, version: u64, token: Token, interests: Interest, trigger: Trigger) {
        self.version = version;
        self.token = token;
        self.interests = flags(interests);
        self.armed = self.interests;
        self.trigger = trigger;
        self.watch = Watch::Active;
    }
}

impl Table {
    /// Returns the registration's id.
    pub(super) fn register(
        &mut self,
        fd: RawFd,
        token: Token,
        interests: Interest,
        trigger: Trigger,
    ) -> io::Result<u64> {
        let Ok(index) = usize::try_from(fd) else {
            return Err(error::bad_descriptor());
        };
        let id = self.last + 1;
        let entry = self.make(index);
        // What was found gone is an entry of an earlier descriptor with this number.
        if entry.is_registered() && entry.watch != Watch::Gone {
            return Err(error::already_exists());
        }
        entry.id = id;
        entry.set(id, token, interests, trigger);
        self.last = id;
        self.note_change(fd);
        Ok(id)
    }

    /// Returns the registration's id, which stays the same.
    pub(super) fn reregister(
        &mut self,
        fd: RawFd,
        token: Token,
        interests: Interest,
        trigger: Trigger,
    ) -> io::Result<u64> {
        let version = self.last + 1;
        let entry = self.registered(fd)?;
        // The number is another descriptor's by now, or nobody's, and was never registered as that.
        if entry.watch == Watch::Gone {
            return Err(error::not_found());
        }
        entry.set(version, token, interests, trigger);
        let id = entry.id;
        self.last = version;
        self.note_change(fd);
        Ok(id)
    }

    pub(super) fn deregister(&mut self, fd: RawFd) -> io::Result<()> {
        let entry = self.registered(fd)?;
        entry.id = 0;
        entry.version = 0;
        self.note_change(fd);
        Ok(())
    }

    /// Ends the registration `id`, if it has not been ended yet. `false`: nothing has changed.
    pub(super) fn leave(&mut self, fd: RawFd, id: u64) -> bool {
        self.get(fd).is_some_and(|entry| entry.id == id) && self.deregister(fd).is_ok()
    }

    /// Asks for what `direction` waits for again, if the registration `id` has not been ended yet.
    /// `false`: nothing has changed.
    #[inline]
    pub(super) fn rearm(&mut self, fd: RawFd, id: u64, direction: Flags) -> bool {
        let changed = self
            .get(fd)
            .is_some_and(|entry| entry.id == id && entry.rearm(direction));
        if changed {
            self.note_change(fd);
        }
        changed
    }

    /// The descriptors that have changed since the last call, each once, in exchange for an empty
    /// list. Their entries are the caller's to mark as unchanged.
    pub(super) fn take_changes(&mut self, list: Vec<RawFd>) -> Vec<RawFd> {
        mem::replace(&mut self.changes, list)
    }

    #[inline]
    pub(super) fn get(&mut self, fd: RawFd) -> Option<&mut Entry> {
        let index = usize::try_from(fd).ok()?;
        let page = self.pages.get_mut(index / PAGE)?.as_mut()?;
        Some(&mut page[index % PAGE])
    }

    fn registered(&mut self, fd: RawFd) -> io::Result<&mut Entry> {
        match self.get(fd) {
            Some(entry) if entry.is_registered() => Ok(entry),
            _ => Err(error::not_found()),
        }
    }

    fn make(&mut self, index: usize) -> &mut Entry {
        let (page, index) = (index / PAGE, index % PAGE);
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        let page = self.pages[page].get_or_insert_with(|| Box::new([Entry::EMPTY; PAGE]));
        &mut page[index]
    }

    fn note_change(&mut self, fd: RawFd) {
        if let Some(entry) = self.get(fd) {
            if !entry.changed {
                entry.changed = true;
                self.changes.push(fd);
            }
        }
    }
}

/// What to ask for. The peer's shutdown is part of what readers want to know.
pub(super) fn flags(interests: Interest) -> Flags {
    let mut flags = 0;
    if interests.is_readable() {
        flags |= POLLIN | POLLRDHUP;
    }
    if interests.is_writable() {
        flags |= POLLOUT;
    }
    if interests.is_priority() {
        flags |= POLLPRI;
    }
    flags
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "table_tests.rs"]
mod tests;
