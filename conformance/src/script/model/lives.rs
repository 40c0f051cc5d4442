//! What each token may say, and until when.

use super::object::{Level, World};
use super::watch::Asked;
use super::{DIRECTIONS, Model, Registration};

/// For how long a token was registered.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Life {
    pub(crate) token: usize,
    /// What events may say; a waker's are readable.
    asked: Asked,
    /// What its source was ready for at any time, see [`Model::note_levels`].
    ready: [bool; 2],
    /// The moment at which the call that ended it had returned.
    pub(crate) until: Option<u64>,
}

impl Life {
    pub(super) fn new(token: usize, asked: Asked) -> Life {
        Life {
            token,
            asked,
            ready: [false; 2],
            until: None,
        }
    }

    pub(super) fn of_waker(token: usize) -> Life {
        Life {
            ready: [true, false],
            ..Life::new(token, Asked::READ)
        }
    }

    /// For comparisons, in which it doesn't matter what was so.
    #[cfg(unix)]
    pub(super) fn forget(&mut self) {
        self.ready = [false; 2];
        self.until = self.until.map(|_| 0);
    }

    /// Takes over what was so in another run of events, and the later end.
    #[cfg(unix)]
    pub(super) fn absorb(&mut self, other: &Life) {
        for direction in DIRECTIONS {
            self.ready[direction] |= other.ready[direction];
        }
        self.until = self.until.max(other.until);
    }

    /// See [`Registration::inherit`].
    pub(super) fn inherit(&mut self, earlier: &Registration) {
        for direction in DIRECTIONS {
            self.ready[direction] |= earlier.was_ready(direction);
        }
    }

    /// Whether an event may say that it is ready for this direction.
    pub(crate) fn may_say(&self, direction: usize) -> bool {
        let priority = direction == super::READ && self.asked.priority;
        (self.asked.directions[direction] || priority) && self.ready[direction]
    }
}

impl Model {
    pub(super) fn end_life(&mut self, token: usize) {
        let now = self.ended.unwrap_or_else(|| super::tick(&self.clock));
        let alive = |life: &&mut Life| life.token == token && life.until.is_none();
        if let Some(life) = self.lives.iter_mut().find(alive) {
            life.until = Some(now);
        }
    }

    /// Takes down what every source is ready for. After each operation, that is all that it ever is:
    /// nobody else has the objects.
    pub(crate) fn note_levels(&mut self) {
        let slots = self.slots.iter().flatten().flat_map(|slot| {
            let registrations = slot.registrations.iter().flatten();
            let tokens = registrations.flat_map(Registration::tokens);
            tokens.map(|token| (slot.object, token))
        });
        let ghosts = self.ghosts.iter();
        let ghosts = ghosts.flat_map(|ghost| {
            let tokens = ghost.registration.tokens();
            tokens.map(|token| (ghost.object, token))
        });
        for (object, token) in slots.chain(ghosts) {
            let Some(life) = self.lives.iter_mut().rev().find(|life| life.token == token) else {
                continue;
            };
            for direction in DIRECTIONS {
                life.ready[direction] |= is_maybe_ready(&self.world, object, direction);
            }
        }
    }

    /// The life of a token, which is given to one registration only.
    pub(crate) fn life(&self, token: usize) -> Option<&Life> {
        self.lives.iter().find(|life| life.token == token)
    }
}

fn is_maybe_ready(world: &World, object: usize, direction: usize) -> bool {
    world.may_have_error(object) || world.level(object, direction) != Level::No
}
