//! Registrations and wakers: what the user was promised, and what an event does to that.

use super::super::op::Want;
use super::object::{Level, World};
use super::{Complaint, DIRECTIONS, READ, Rules, WRITE};
use crate::kernel::Number;

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
    ///
    /// Where the directions are two registrations, an error is told with each of them.
    pub(crate) fn tells(&self, direction: usize, rules: &Rules) -> bool {
        self.error && !rules.two_filters
            || match direction {
                READ => self.readable || self.read_closed,
                _ => self.writable || self.write_closed,
            }
    }

    /// With two filters, who only writes is told to read as well after such an error.
    pub(crate) fn is_failed_write(&self) -> bool {
        self.error && self.write_closed
    }

    fn is_wake(&self) -> bool {
        let rest = self.writable || self.read_closed || self.write_closed || self.error;
        self.readable && !rest && !self.priority
    }

    fn hangs_up(&self) -> bool {
        self.error || self.read_closed && self.write_closed
    }
}

/// What a registration asks for, as far as the selector knows of it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(super) directions: [bool; 2],
    pub(super) priority: bool,
}

impl Asked {
    pub(super) const READ: Asked = Asked {
        directions: [true, false],
        priority: false,
    };

    pub(super) fn new(want: Want, rules: &Rules) -> Asked {
        let interest = want.interest();
        Asked {
            directions: [interest.is_readable(), interest.is_writable()],
            priority: interest.is_priority() && rules.priority,
        }
    }

    fn is_nothing(self) -> bool {
        !self.priority && self.directions == [false; 2]
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
    /// It was ready at some time since an event last told it.
    was_ready: bool,
    /// No event has come since the registration was made or changed.
    fresh: bool,
    /// The object's stirs that events have accounted for.
    stirs: u64,
}

/// One registration with one `Poll`.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    token: usize,
    asked: Asked,
    /// A direction that an earlier registration has asked for, and has still: its token, too.
    earlier: Option<(usize, usize)>,
    pub(super) directions: [Direction; 2],
    /// Events come for as long as it is ready.
    pub(super) level: bool,
    /// An event may have been its own or another's with the same token: less is known from then on.
    vague: bool,
    /// The end of what there is to read has not been reported; it is an event of its own.
    open: bool,
    /// A hang-up was reported, and the user has not tried since.
    paused: bool,
}

impl Registration {
    pub(super) fn new(token: usize, asked: Asked, level: bool, now: u64) -> Registration {
        let direction = Direction {
            armed: Some(now),
            loose: true,
            was_armed: true,
            told: false,
            was_ready: false,
            fresh: true,
            stirs: 0,
        };
        Registration {
            token,
            asked,
            earlier: None,
            directions: [direction; 2],
            level,
            vague: false,
            open: true,
            paused: false,
        }
    }

    /// What is left of an earlier registration that nobody has ended.
    pub(super) fn replace(mut self, earlier: Registration) -> Registration {
        if self.is_hollow() {
            return earlier;
        }
        for direction in DIRECTIONS {
            if earlier.wants(direction) && !self.wants(direction) {
                self.asked.directions[direction] = true;
                self.directions[direction] = earlier.directions[direction];
                self.earlier = Some((earlier.token_of(direction), direction));
            }
        }
        self
    }

    /// It asks for nothing that there is: to the kernel it isn't one.
    pub(super) fn is_hollow(&self) -> bool {
        self.asked.is_nothing()
    }

    /// Those that its events may have.
    pub(super) fn tokens(&self) -> impl Iterator<Item = usize> + use<> {
        let token = (!self.is_hollow()).then_some(self.token);
        let earlier = self.earlier.map(|(token, _)| token);
        token
            .into_iter()
            .chain(earlier.filter(|&e| Some(e) != token))
    }

    pub(super) fn bears(&self, token: usize) -> bool {
        self.tokens().any(|own| own == token)
    }

    pub(super) fn token_of(&self, direction: usize) -> usize {
        match self.earlier {
            Some((token, of)) if of == direction => token,
            _ => self.token,
        }
    }

    pub(super) fn wants(&self, direction: usize) -> bool {
        self.asked.directions[direction]
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
            direction.fresh = true;
        }
    }

    /// For comparisons, in which it doesn't matter what was so, nor since when somebody waits.
    #[cfg(unix)]
    pub(super) fn forget(&mut self) {
        for direction in &mut self.directions {
            direction.armed = direction.armed.map(|_| 0);
            direction.was_ready = false;
        }
    }

    /// Takes over what was so in another run of events; `earlier` of two moments counts.
    #[cfg(unix)]
    pub(super) fn absorb(
        &mut self,
        other: &Registration,
        earlier: impl Fn(Option<u64>, Option<u64>) -> Option<u64>,
    ) {
        for (direction, other) in self.directions.iter_mut().zip(&other.directions) {
            direction.armed = earlier(direction.armed, other.armed);
            direction.was_ready |= other.was_ready;
        }
    }

    pub(super) fn loosen(&mut self, direction: usize) {
        self.directions[direction].loose = true;
        self.open |= direction == READ;
        self.paused = false;
    }

    pub(super) fn note_ready(&mut self, world: &World, object: usize) {
        for direction in DIRECTIONS {
            let ready = world.level(object, direction) != Level::No;
            self.directions[direction].was_ready |= ready;
        }
    }

    pub(super) fn was_ready(&self, direction: usize) -> bool {
        self.directions[direction].was_ready
    }

    /// What was ready before the registration was changed may be told of it.
    pub(super) fn inherit(&mut self, earlier: &Registration) {
        for direction in DIRECTIONS {
            self.directions[direction].was_ready |= earlier.was_ready(direction);
        }
    }

    /// Whether an event may say that it is ready: it is, or was since the last event.
    fn is_or_was_ready(
        &self,
        world: &World,
        object: usize,
        direction: usize,
        rules: &Rules,
    ) -> bool {
        let was = rules.stale && self.directions[direction].was_ready;
        was || world.level(object, direction) != Level::No
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
        self.check_interest(seen, rules)?;
        check_closed(seen, world, object)?;
        if self.vague {
            return Ok(false);
        }
        self.check_truth(seen, world, object, rules)?;
        check_ends(seen, world, object, rules)?;
        let awaits = |&direction: &usize| {
            let waits = self.level || self.directions[direction].armed.is_some();
            let ready = self.is_or_was_ready(world, object, direction, rules);
            self.wants(direction) && waits && ready && seen.tells(direction, rules)
        };
        let awaited = DIRECTIONS.iter().any(awaits);
        let caused = if rules.two_filters {
            // Each half of the event by itself.
            let mut told = DIRECTIONS.iter().filter(|&&d| seen.tells(d, rules));
            told.all(|d| awaits(d) || self.is_news(*d, world, object, rules))
        } else {
            awaited || self.has_cause(world, object, rules)
        };
        if caused {
            return Ok(!awaited);
        }
        Err(format!(
            "{seen:?} has no cause: nothing has happened since the last event of {}",
            world.get(object).kind.name()
        ))
    }

    fn check_interest(&self, seen: &Seen, rules: &Rules) -> Result<(), Complaint> {
        let asked = &self.asked;
        let failed = rules.two_filters && seen.is_failed_write();
        let readable = seen.readable && !asked.directions[READ] && !asked.priority && !failed;
        let writable = seen.writable && !asked.directions[WRITE];
        if readable || writable || seen.priority && !asked.priority {
            return Err(format!("{seen:?} was not asked for: {asked:?}"));
        }
        let own = |direction| !self.wants(direction) || self.token_of(direction) == seen.token;
        let foreign = |&d: &usize| seen.tells(d, rules) && !own(d) && !failed;
        if self.earlier.is_some() && DIRECTIONS.iter().any(foreign) {
            return Err(format!("{seen:?} has another direction's token: {self:?}"));
        }
        if rules.two_filters && !DIRECTIONS.iter().any(|&d| seen.tells(d, rules)) {
            return Err(format!("{seen:?} tells nothing"));
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
            let untrue = !self.is_or_was_ready(world, object, direction, rules);
            if says && untrue && !repeated && !failed {
                let kind = world.get(object).kind.name();
                return Err(format!("{seen:?} is not true of this {kind}"));
            }
        }
        Ok(())
    }

    fn has_cause(&self, world: &World, object: usize, rules: &Rules) -> bool {
        if !rules.emulated {
            return DIRECTIONS
                .into_iter()
                .any(|direction| self.is_news(direction, world, object, rules));
        }
        let asked = DIRECTIONS.into_iter().any(|direction| {
            self.wants(direction)
                && self.directions[direction].loose
                && self.is_or_was_ready(world, object, direction, rules)
        });
        let ended = self.open && self.wants(READ) && world.may_be_read_closed(object);
        asked || ended || world.may_hang_up(object) && (self.level || !self.paused)
    }

    /// Whether something has happened that may be told by an edge.
    fn is_news(&self, direction: usize, world: &World, object: usize, rules: &Rules) -> bool {
        let known = &self.directions[direction];
        let of_object = world.get(object);
        // TCP's acknowledgements come when they like.
        let room = rules.room_again && direction == WRITE && of_object.is_acknowledged();
        known.fresh || of_object.stirs > known.stirs || world.is_restless(object) || room
    }

    /// Everything that has happened so far was told, or never will be.
    pub(super) fn settle(&mut self, stirs: u64) {
        for direction in &mut self.directions {
            direction.stirs = stirs;
        }
    }

    /// Takes note of an event; `sure`: it is nobody else's.
    pub(super) fn note(&mut self, seen: &Seen, sure: bool, stirs: Option<u64>, rules: &Rules) {
        self.vague |= !sure;
        for direction in DIRECTIONS {
            let known = &mut self.directions[direction];
            let told = seen.tells(direction, rules);
            if told {
                known.armed = None;
                known.loose = false;
                known.told = true;
                known.was_ready = false;
            }
            if told || !rules.two_filters {
                known.fresh = false;
                known.stirs = stirs.unwrap_or(known.stirs);
            }
        }
        self.open &= !seen.read_closed;
        self.paused |= seen.hangs_up();
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

/// What an event tells of a direction that has ended says so. Of one's own shutdown of writing only
/// kqueue does.
fn check_ends(seen: &Seen, world: &World, object: usize, rules: &Rules) -> Result<(), Complaint> {
    let read = seen.readable && !seen.read_closed && world.has_ended(object, READ);
    let write = seen.writable && !seen.write_closed && world.has_ended(object, WRITE);
    // An error of the writing side says readable by itself.
    let failed = rules.two_filters && seen.is_failed_write();
    if read && !failed || write && rules.two_filters {
        let kind = world.get(object).kind.name();
        return Err(format!("{seen:?} doesn't tell the end of this {kind}"));
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
    pub(super) fd: Number,
    pub(super) object: usize,
    /// Events that may still come; `None`: a duplicate of the descriptor keeps it alive.
    pub(super) budget: Option<u32>,
}
