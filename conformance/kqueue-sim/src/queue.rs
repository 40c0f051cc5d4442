//! One queue: its knotes, and those of them that have something to tell.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::abi::*;
use crate::knote::{Epolls, Filter, Knote};
use crate::os::{self, Errno};
use crate::table;

/// Tokens in the outer epoll; knotes have smaller numbers.
pub const BELL: u64 = u64::MAX;
const WRITES: u64 = u64::MAX - 1;

const BATCH: usize = 128;

pub struct Queue {
    /// Readable while something is queued in user space, so that the queue's own descriptor is.
    pub bell: OwnedFd,
    /// The descriptor under which it was last seen.
    pub number: table::Number,
    writes: OwnedFd,
    state: Mutex<State>,
}

impl Queue {
    /// `outer` becomes the epoll that the caller holds.
    pub fn new(outer: RawFd) -> Result<Self, Errno> {
        let bell = os::out_of_the_way(os::eventfd()?);
        let writes = os::out_of_the_way(os::epoll_create(libc::EPOLL_CLOEXEC)?);
        let add = libc::EPOLL_CTL_ADD;
        os::epoll_ctl(outer, add, bell.as_raw_fd(), libc::EPOLLIN, BELL)?;
        // As an edge: its place among the others then is that of the first edge inside.
        let edges = libc::EPOLLIN | libc::EPOLLET;
        os::epoll_ctl(outer, add, writes.as_raw_fd(), edges, WRITES)?;
        Ok(Self {
            bell,
            number: table::Number::new(outer),
            writes,
            state: Mutex::new(State::default()),
        })
    }

    fn epolls(&self, outer: RawFd) -> Epolls {
        Epolls {
            outer,
            write: self.writes.as_raw_fd(),
        }
    }

    /// The queue at work, for a caller that holds it as `outer`.
    pub fn lock(&self, outer: RawFd) -> Work<'_> {
        Work {
            state: self.state.lock().unwrap_or_else(PoisonError::into_inner),
            epolls: self.epolls(outer),
            bell: self.bell.as_raw_fd(),
        }
    }

    fn try_lock(&self, outer: RawFd) -> Option<Work<'_>> {
        let state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Work {
            state,
            epolls: self.epolls(outer),
            bell: self.bell.as_raw_fd(),
        })
    }
}

pub fn is_queue(fd: RawFd) -> bool {
    table::find(fd).is_ok()
}

/// How many events wait in the queue behind a descriptor, and how many it ever had; none if it is
/// locked: a queue may watch one that is at work in another thread.
pub fn peek(fd: RawFd) -> Option<(usize, u64)> {
    let queue = table::find(fd).ok()?;
    let mut work = queue.try_lock(fd)?;
    work.harvest();
    Some((work.waiting(), work.state.queued_ever))
}

#[derive(Default)]
pub struct State {
    pub knotes: HashMap<u64, Knote>,
    pub names: HashMap<(Filter, usize), u64>,
    /// Those that epoll doesn't tell everything about.
    looked_after: BTreeSet<u64>,
    /// In the order in which they became active.
    ready: VecDeque<u64>,
    queued_ever: u64,
    last_id: u64,
    bell_rings: bool,
}

impl State {
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// A locked queue. The bell is set right when it is unlocked.
pub struct Work<'a> {
    pub state: MutexGuard<'a, State>,
    pub epolls: Epolls,
    bell: RawFd,
}

impl Work<'_> {
    /// Adds a knote, with room for everything that it may ask for later: a trigger may come from a
    /// signal handler, which must not allocate.
    pub fn insert(&mut self, knote: Knote) {
        let state = &mut *self.state;
        if knote.needs_looking_after() {
            state.looked_after.insert(knote.id);
        }
        state.names.insert((knote.filter, knote.ident), knote.id);
        state.knotes.insert(knote.id, knote);
        let missing = state.knotes.len().saturating_sub(state.ready.len());
        state.ready.reserve(missing);
    }

    /// Removes a knote. `watched`: its descriptor is still there.
    pub fn remove(&mut self, id: u64, watched: bool) {
        let state = &mut *self.state;
        let Some(knote) = state.knotes.remove(&id) else {
            return;
        };
        let name = (knote.filter, knote.ident);
        if state.names.get(&name) == Some(&id) {
            state.names.remove(&name);
        }
        state.looked_after.remove(&id);
        if knote.queued {
            state.ready.retain(|&queued| queued != id);
        }
        if watched {
            knote.unwatch(self.epolls);
        }
    }

    /// Removes a knote whose descriptor was closed. Says whether it lives.
    pub fn is_alive(&mut self, id: u64) -> bool {
        let alive = self
            .state
            .knotes
            .get(&id)
            .map(|knote| knote.is_alive(self.epolls));
        if alive == Some(false) {
            self.remove(id, false);
        }
        alive == Some(true)
    }

    /// Something has happened to it. Nothing is queued while it is disabled, but it is remembered.
    pub fn activate(&mut self, id: u64) {
        let state = &mut *self.state;
        let Some(knote) = state.knotes.get_mut(&id) else {
            return;
        };
        knote.active = true;
        if knote.enabled && !knote.queued {
            knote.queued = true;
            state.ready.push_back(id);
            state.queued_ever += 1;
        }
    }

    /// Looks at a knote, and activates it if there is news. `told`: epoll has seen an edge.
    fn observe(&mut self, id: u64, told: bool) {
        if !self.is_alive(id) {
            return;
        }
        let Some(knote) = self.state.knotes.get_mut(&id) else {
            return;
        };
        let look = knote.probe();
        let news = knote.is_news(&look, told);
        knote.look = look;
        let sibling = (Filter::Write, knote.ident);
        // After a reset a BSD wakes the writing side first.
        if knote.filter == Filter::Read && look.fflags != 0 {
            if let Some(&write) = self.state.names.get(&sibling) {
                self.observe(write, false);
            }
        }
        if news {
            self.activate(id);
        }
    }

    /// Takes in what epoll has seen, and what it hasn't.
    pub fn harvest(&mut self) {
        let mut batch = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        loop {
            let count = os::epoll_harvest(self.epolls.outer, &mut batch);
            for event in &batch[..count] {
                match event.u64 {
                    BELL => {}
                    WRITES => self.harvest_writes(),
                    id => self.observe(id, true),
                }
            }
            if count < BATCH {
                break;
            }
        }
        self.harvest_writes();
        let state = &*self.state;
        let looked_after = state.looked_after.iter().copied();
        let changed = looked_after.filter(|id| state.knotes[id].may_have_changed());
        for id in changed.collect::<Vec<u64>>() {
            self.observe(id, false);
        }
    }

    fn harvest_writes(&mut self) {
        let mut batch = [libc::epoll_event { events: 0, u64: 0 }; BATCH];
        loop {
            let count = os::epoll_harvest(self.epolls.write, &mut batch);
            for event in &batch[..count] {
                self.observe(event.u64, true);
            }
            if count < BATCH {
                return;
            }
        }
    }

    /// Whether something may happen that epoll will not wake anybody for.
    pub fn may_change_unseen(&self) -> bool {
        let state = &*self.state;
        let mut knotes = state
            .looked_after
            .iter()
            .filter_map(|id| state.knotes.get(id));
        knotes.any(Knote::may_change_unseen)
    }

    /// Delivers what is queued: each knote once at most, in the order in which they became active.
    pub fn collect(&mut self, answers: &mut Answers) {
        for _ in 0..self.state.ready.len() {
            if answers.is_full() {
                return;
            }
            let Some(id) = self.state.ready.pop_front() else {
                return;
            };
            if let Some(knote) = self.state.knotes.get_mut(&id) {
                knote.queued = false;
            }
            if self.is_due(id) {
                self.deliver(id, answers);
            }
        }
    }

    /// Runs the filter once more; not for one-shot knotes.
    fn is_due(&mut self, id: u64) -> bool {
        if !self.is_alive(id) {
            return false;
        }
        let Some(knote) = self.state.knotes.get_mut(&id) else {
            return false;
        };
        if !knote.enabled {
            return false;
        }
        if knote.flags & EV_ONESHOT == 0 {
            knote.look = knote.probe();
            knote.active = knote.look.active;
        }
        knote.active
    }

    fn deliver(&mut self, id: u64, answers: &mut Answers) {
        let state = &mut *self.state;
        let Some(knote) = state.knotes.get_mut(&id) else {
            return;
        };
        answers.push(knote.event());
        if knote.flags & EV_ONESHOT != 0 {
            self.remove(id, true);
        } else if knote.flags & EV_DISPATCH != 0 {
            knote.enabled = false;
            knote.active = false;
        } else if knote.flags & EV_CLEAR != 0 {
            knote.active = false;
            if knote.filter == Filter::User {
                knote.look.active = false;
            }
        } else {
            knote.queued = true;
            state.ready.push_back(id);
        }
    }

    /// How many are queued.
    fn waiting(&self) -> usize {
        self.state.ready.len()
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let rings = !self.state.ready.is_empty();
        if rings == self.state.bell_rings {
            return;
        }
        self.state.bell_rings = rings;
        if rings {
            os::eventfd_set(self.bell);
        } else {
            os::eventfd_clear(self.bell);
        }
    }
}
