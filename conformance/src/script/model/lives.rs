//! What each token may say, and until when.

use super::super::op::Want;
use super::object::Level;
use super::{DIRECTIONS, Model};

/// For how long a token was registered.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Life {
    pub(crate) token: usize,
    /// What events may say; a waker's are readable.
    want: Want,
    /// What its source was ready for at any time, see [`Model::note_levels`].
    ready: [bool; 2],
    /// The moment at which the call that ended it had returned.
    pub(crate) until: Option<u64>,
}

impl Life {
    pub(super) fn new(token: usize, want: Want) -> Life {
        Life {
            token,
            want,
            ready: [false; 2],
            until: None,
        }
    }

    pub(super) fn of_waker(token: usize) -> Life {
        Life {
            ready: [true, false],
            ..Life::new(token, Want::R)
        }
    }

    /// Whether an event may say that it is ready for this direction.
    pub(crate) fn may_say(&self, direction: usize) -> bool {
        let interest = self.want.interest();
        let wanted = match direction {
            super::READ => interest.is_readable() || interest.is_priority(),
            _ => interest.is_writable(),
        };
        wanted && self.ready[direction]
    }
}

impl Model {
    pub(super) fn end_life(&mut self, token: usize) {
        let now = super::tick(&self.clock);
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
            registrations.map(|registration| (slot.object, registration.token))
        });
        let ghosts = self.ghosts.iter();
        let ghosts = ghosts.map(|ghost| (ghost.object, ghost.registration.token));
        for (object, token) in slots.chain(ghosts) {
            let Some(life) = self.lives.iter_mut().rev().find(|life| life.token == token) else {
                continue;
            };
            let failed = self.world.may_have_error(object);
            for direction in DIRECTIONS {
                let level = self.world.level(object, direction);
                life.ready[direction] |= failed || level != Level::No;
            }
        }
    }

    /// The life of a token, which is given to one registration only.
    pub(crate) fn life(&self, token: usize) -> Option<&Life> {
        self.lives.iter().find(|life| life.token == token)
    }
}
