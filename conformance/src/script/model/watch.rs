//! Registrations and wakers: what the user was promised, and what an event does to that.

use std::os::fd::RawFd;

use super::super::op::Want;
use super::object::{Level, World};
use super::{Complaint, DIRECTIONS, READ, Rules, WRITE};

/// An event, as far as it is compared.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) token: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) read_closed: bool,
    pub(crate) write_closed: bool,
    pub(crate) error: bool,
    pub(crate) priority: bool,
}

impl From<&ferrio::event::Event> for Seen {
    fn from(event: &ferrio::event::Event) -> Seen {
        Seen {
            token: event.token().0,
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            write_closed: event.is_write_closed(),
            error: event.is_error(),
            priority: event.is_priority(),
        }
    }
}

impl Seen {
    /// Whether the user is told to try an operation of this direction.
    pub(crate) fn tells(&self, direction: usize) -> bool {
        self.error
            || match direction {
                READ => self.readable || self.read_closed,
                _ => self.writable || self.write_closed,
            }
    }

    fn is_wake(&self) -> bool {
        let rest = self.writable || self.read_closed || self.write_closed || self.error;
        self.readable && !rest && !self.priority
    }

    fn hangs_up(&self) -> bool {
        self.error || self.read_closed && self.write_closed
    }
}

/// What is known about one direction of a registration.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Direction {
    /// When the user came to wait for it, unless that was answered by an event. Registration counts.
    pub(super) armed: Option<u64>,
    /// A selector that emulates edges asks about it.
    pub(super) loose: bool,
    /// It was armed since the last comparison.
    pub(super) was_armed: bool,
    /// An event of this comparison tells it.
    pub(super) told: bool,
}

/// One registration with one `Poll`.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(super) token: usize,
    pub(super) want: Want,
    pub(super) directions: [Direction; 2],
    /// Events come for as long as it is ready.
    pub(super) level: bool,
    /// An event may have been its own or another's with the same token: less is known from then on.
    vague: bool,
    /// No event has come since it was made or changed.
    fresh: bool,
    /// The end of what there is to read has not been reported; it is an event of its own.
    open: bool,
    /// A hang-up was reported, and the user has not tried since.
    paused: bool,
    /// The object's stirs that events have accounted for.
    pub(super) stirs: u64,
}

impl Registration {
    pub(super) fn new(token: usize, want: Want, level: bool, now: u64) -> Registration {
        let direction = Direction {
            armed: Some(now),
            loose: true,
            was_armed: true,
            told: false,
        };
        Registration {
            token,
            want,
            directions: [direction; 2],
            level,
            vague: false,
            fresh: true,
            open: true,
            paused: false,
            stirs: 0,
        }
    }

    pub(super) fn wants(&self, direction: usize) -> bool {
        let interest = self.want.interest();
        match direction {
            READ => interest.is_readable(),
            _ => interest.is_writable(),
        }
    }

    pub(super) fn arm(&mut self, direction: usize, now: u64) {
        let direction = &mut self.directions[direction];
        direction.armed = Some(now);
        direction.was_armed = true;
    }

    /// Nobody has waited for it for a while.
    pub(super) fn disarm(&mut self) {
        for direction in &mut self.directions {
            direction.armed = None;
            direction.was_armed = false;
        }
        self.fresh = true;
    }

    pub(super) fn loosen(&mut self, direction: usize) {
        self.directions[direction].loose = true;
        self.open |= direction == READ;
        self.paused = false;
    }

    /// Whether an event has to come: for each direction that is waited for and ready.
    pub(super) fn is_due(&self, world: &World, object: usize, direction: usize) -> bool {
        let waits = self.level || self.directions[direction].armed.is_some();
        waits && self.wants(direction) && world.level(object, direction) == Level::Yes
    }

    /// Compares an event with what is known. `Ok(true)`: nobody was waiting for it, and it had a
    /// cause all the same.
    pub(super) fn check(
        &self,
        seen: &Seen,
        world: &World,
        object: usize,
        rules: &Rules,
    ) -> Result<bool, Complaint> {
        self.check_interest(seen)?;
        check_closed(seen, world, object)?;
        if self.vague {
            return Ok(false);
        }
        self.check_truth(seen, world, object, rules)?;
        let awaited = DIRECTIONS.into_iter().any(|direction| {
            let waits = self.level || self.directions[direction].armed.is_some();
            let ready = world.level(object, direction) != Level::No;
            self.wants(direction) && waits && ready && seen.tells(direction)
        });
        if awaited {
            return Ok(false);
        }
        if self.has_cause(world, object, rules) {
            return Ok(true);
        }
        Err(format!(
            "{seen:?} has no cause: nothing has happened since the last event of {}",
            world.get(object).kind.name()
        ))
    }

    fn check_interest(&self, seen: &Seen) -> Result<(), Complaint> {
        let interest = self.want.interest();
        let readable = seen.readable && !interest.is_readable() && !interest.is_priority();
        let writable = seen.writable && !interest.is_writable();
        if readable || writable || seen.priority && !interest.is_priority() {
            return Err(format!("{seen:?} was not asked for: {:?}", self.want));
        }
        Ok(())
    }

    fn check_truth(
        &self,
        seen: &Seen,
        world: &World,
        object: usize,
        rules: &Rules,
    ) -> Result<(), Complaint> {
        for (direction, says) in [(READ, seen.readable), (WRITE, seen.writable)] {
            // What was reported and not used up is repeated beside something new where edges are
            // emulated, and an error there makes everything ready; a hang-up, writing.
            let repeated = rules.emulated && !self.level && !self.directions[direction].loose;
            let hung_up = direction == WRITE && seen.read_closed && seen.write_closed;
            let failed = rules.errors_as_readiness && (world.may_have_error(object) || hung_up);
            let untrue = world.level(object, direction) == Level::No;
            if says && untrue && !repeated && !failed {
                let kind = world.get(object).kind.name();
                return Err(format!("{seen:?} is not true of this {kind}"));
            }
        }
        Ok(())
    }

    fn has_cause(&self, world: &World, object: usize, rules: &Rules) -> bool {
        let stirred = world.get(object).stirs > self.stirs;
        if !rules.emulated {
            return self.fresh || stirred || world.is_restless(object);
        }
        let asked = DIRECTIONS.into_iter().any(|direction| {
            self.wants(direction)
                && self.directions[direction].loose
                && world.level(object, direction) != Level::No
        });
        let ended = self.open && self.wants(READ) && world.may_be_read_closed(object);
        asked || ended || world.may_hang_up(object) && (self.level || !self.paused)
    }

    /// Takes note of an event; `sure`: it is nobody else's.
    pub(super) fn note(&mut self, seen: &Seen, sure: bool, stirs: Option<u64>) {
        self.vague |= !sure;
        for direction in DIRECTIONS {
            if seen.tells(direction) {
                self.directions[direction].armed = None;
                self.directions[direction].loose = false;
                self.directions[direction].told = true;
            }
        }
        self.fresh = false;
        self.open &= !seen.read_closed;
        self.paused |= seen.hangs_up();
        if let Some(stirs) = stirs {
            self.stirs = stirs;
        }
    }
}

/// The closed bits are never wrong.
fn check_closed(seen: &Seen, world: &World, object: usize) -> Result<(), Complaint> {
    let wrong = seen.read_closed && !world.may_be_read_closed(object)
        || seen.write_closed && !world.may_be_write_closed(object)
        || seen.error && !world.may_have_error(object);
    if wrong {
        let kind = world.get(object).kind.name();
        return Err(format!("{seen:?} says too much of this {kind}"));
    }
    Ok(())
}

/// A waker.
#[derive(Copy, Clone, Debug)]
pub(super) struct Bell {
    pub(super) poll: usize,
    pub(super) token: usize,
    /// When it was woken, unless that was answered.
    pub(super) pending: Option<u64>,
    /// An event was its own or another's with the same token: one more may come.
    pub(super) vague: bool,
}

impl Bell {
    /// Takes note of an event; `sure`: it is nobody else's.
    pub(super) fn note(&mut self, seen: &Seen, sure: bool) -> Result<(), Complaint> {
        if sure && self.pending.is_none() && !self.vague {
            return Err(format!("{seen:?} without a wake"));
        }
        if sure && !seen.is_wake() {
            return Err(format!("{seen:?} of a waker"));
        }
        self.pending = None;
        self.vague = !sure;
        Ok(())
    }
}

/// A registration whose source is gone.
#[derive(Clone, Debug)]
pub(super) struct Ghost {
    pub(super) poll: usize,
    pub(super) registration: Registration,
    pub(super) fd: RawFd,
    pub(super) object: usize,
    /// Events that may still come; `None`: a duplicate of the descriptor keeps it alive.
    pub(super) budget: Option<u32>,
}
