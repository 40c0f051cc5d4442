//! The records for poll(2), and what its answers mean.

use std::mem;
use std::os::fd::RawFd;

use super::table::{Report, Table};
use crate::readiness::Readiness;
use crate::sys::answer::Answer;
use crate::sys::os::poll::{
    Flags, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDHUP, PollFd, has,
};

/// The kernel passes over a record with a negative descriptor.
pub(super) const NOBODY: RawFd = -1;

/// Fewer unused places than this are not worth moving the others.
const SPARSE: usize = 64;

/// The records that the kernel is given, and beside them whose they are.
///
/// An entry keeps its place for as long as it is registered, so that events can go round fairly.
/// Places that become free are taken by the next, and are closed up when they are the majority.
#[derive(Default)]
pub(super) struct Array {
    /// The first is the bell's.
    records: Vec<PollFd>,
    /// One for each record; the bell's means nothing.
    owners: Vec<Owner>,
    free: Vec<u32>,
    /// Where to begin looking for events: behind the last one that the buffer had room for.
    start: usize,
    /// Empty: memory for the list of changes, which goes back and forth.
    changes: Vec<RawFd>,
}

#[derive(Copy, Clone, Debug)]
struct Owner {
    fd: RawFd,
    /// The version of the entry that the record was made for, 0 for none.
    version: u64,
}

const NO_OWNER: Owner = Owner {
    fd: NOBODY,
    version: 0,
};

impl Array {
    pub(super) fn new(bell: RawFd) -> Array {
        Array {
            records: vec![PollFd {
                fd: bell,
                events: POLLIN,
                revents: 0,
            }],
            owners: vec![NO_OWNER],
            ..Array::default()
        }
    }

    pub(super) fn records(&mut self) -> &mut [PollFd] {
        &mut self.records
    }

    /// Whether the last call found that somebody has rung.
    pub(super) fn bell_rang(&self) -> bool {
        self.records[0].revents != 0
    }

    /// Brings the records up to date with the table.
    pub(super) fn update(&mut self, table: &mut Table) {
        let mut changes = table.take_changes(mem::take(&mut self.changes));
        for fd in changes.drain(..) {
            let Some(entry) = table.get(fd) else { continue };
            entry.changed = false;
            if entry.is_registered() {
                let place = *entry.place.get_or_insert_with(|| self.occupy()) as usize;
                self.owners[place] = Owner {
                    fd,
                    version: entry.version(),
                };
                self.ask(place, fd, entry.question());
            } else if let Some(place) = entry.place.take() {
                self.owners[place as usize] = NO_OWNER;
                self.ask(place as usize, NOBODY, None);
                self.free.push(place);
            }
        }
        self.changes = changes;
        if self.free.len() > SPARSE && self.free.len() > self.records.len() / 2 {
            self.close_up(table);
        }
    }

    fn occupy(&mut self) -> u32 {
        if let Some(place) = self.free.pop() {
            return place;
        }
        self.records.push(PollFd {
            fd: NOBODY,
            events: 0,
            revents: 0,
        });
        self.owners.push(NO_OWNER);
        // Every place is a descriptor's, and those are ints.
        (self.records.len() - 1) as u32
    }

    fn ask(&mut self, place: usize, fd: RawFd, question: Option<Flags>) {
        let record = &mut self.records[place];
        match question {
            Some(events) => {
                record.fd = fd;
                record.events = events;
            }
            None => record.fd = NOBODY,
        }
    }

    /// Closes up the free places, in order.
    fn close_up(&mut self, table: &mut Table) {
        let mut to = 1;
        let mut start = 0;
        for from in 1..self.records.len() {
            if from == self.start {
                start = to;
            }
            let owner = self.owners[from];
            if owner.fd == NOBODY {
                continue;
            }
            self.records[to] = self.records[from];
            self.owners[to] = owner;
            if let Some(entry) = table.get(owner.fd) {
                entry.place = Some(to as u32);
            }
            to += 1;
        }
        self.records.truncate(to);
        self.owners.truncate(to);
        self.free.clear();
        self.start = start;
    }

    /// Closes up the free places however few: poll(2) refuses more records than the process may have
    /// descriptors. `false`: there are none.
    pub(super) fn shrink(&mut self, table: &mut Table) -> bool {
        let sparse = !self.free.is_empty();
        if sparse {
            self.close_up(table);
        }
        sparse
    }

    /// Takes at most `room` events out of the answers of the last call, of which there are `count`,
    /// the bell's not counted; returns how many.
    pub(super) fn harvest(
        &mut self,
        table: &mut Table,
        count: usize,
        room: usize,
        mut emit: impl FnMut(Report, Flags),
    ) -> usize {
        let (mut left, mut events) = (count, 0);
        let len = self.records.len();
        let start = self.start.clamp(1, len);
        for range in [start..len, 1..start] {
            let mut from = range.start;
            while left > 0 {
                let answered = |record: &PollFd| record.revents != 0;
                let Some(found) = self.records[from..range.end].iter().position(answered) else {
                    break;
                };
                let place = from + found;
                if events == room {
                    self.start = place;
                    return events;
                }
                from = place + 1;
                left -= 1;
                events += usize::from(self.take(table, place, &mut emit));
            }
        }
        events
    }

    /// Takes one event. `false`: the answer is about a registration that was changed since.
    fn take(
        &mut self,
        table: &mut Table,
        place: usize,
        emit: &mut impl FnMut(Report, Flags),
    ) -> bool {
        let Owner { fd, version } = self.owners[place];
        let answer = self.records[place].revents;
        let Some(entry) = table.get(fd) else {
            return false;
        };
        if entry.version() != version {
            return false;
        }
        let report = entry.report(answer);
        let question = entry.question();
        self.ask(place, fd, question);
        emit(report, answer);
        true
    }
}

/// The names of a record's flags, as [`raw`] has them.
pub(crate) const FLAGS: &[(&str, u32)] = &[
    ("POLLIN", raw(POLLIN)),
    ("POLLPRI", raw(POLLPRI)),
    ("POLLOUT", raw(POLLOUT)),
    ("POLLERR", raw(POLLERR)),
    ("POLLHUP", raw(POLLHUP)),
    ("POLLNVAL", raw(POLLNVAL)),
    // WASI has one that ferrio makes.
    #[cfg(any(has_pollrdhup, sys_wasi))]
    ("POLLRDHUP", raw(POLLRDHUP)),
];

/// Flags as an event carries them: in the upper half, where they are not taken for epoll's.
pub(super) const fn raw(flags: Flags) -> u32 {
    (flags as u16 as u32) << 16
}

/// What flags mean. Before POLLNVAL there was a descriptor, which is closed now.
pub(super) fn decode(flags: Flags) -> Readiness {
    Answer {
        input: has(flags, POLLIN),
        priority: has(flags, POLLPRI),
        output: has(flags, POLLOUT),
        error: has(flags, POLLERR | POLLNVAL),
        error_alone: flags == POLLERR,
        hang_up: has(flags, POLLHUP | POLLNVAL),
        peer_shut: has(flags, POLLRDHUP),
    }
    .readiness()
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "array_tests.rs"]
mod tests;
