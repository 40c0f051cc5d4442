//! When two states of the model are one, for scripts whose operations overlap.

use super::Model;

fn earlier(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Model {
    /// An operation that took its place between these moments is applied.
    pub(crate) fn between(&mut self, begun: u64, ended: u64) {
        self.now = begun;
        self.ended = Some(ended);
    }

    /// All that answers depend on: not how it came about, nor since when somebody waits.
    pub(crate) fn key(&self) -> String {
        let mut bare = self.clone();
        bare.now = 0;
        bare.ended = None;
        bare.extras.clear();
        bare.lives.sort_by_key(|life| life.token);
        bare.lives.iter_mut().for_each(|life| life.forget());
        for slot in bare.slots.iter_mut().flatten() {
            for registration in slot.registrations.iter_mut().flatten() {
                registration.forget();
            }
        }
        for bell in bare.bells.iter_mut().flatten() {
            bell.pending = bell.pending.map(|_| 0);
        }
        format!("{bare:?}")
    }

    /// Takes over what was possible in a state with the same key.
    pub(crate) fn absorb(&mut self, other: &Model) {
        for life in &mut self.lives {
            if let Some(same) = other.lives.iter().find(|o| o.token == life.token) {
                life.absorb(same);
            }
        }
        for (slot, same) in self.slots.iter_mut().zip(&other.slots) {
            let (Some(slot), Some(same)) = (slot, same) else {
                continue;
            };
            let pairs = slot.registrations.iter_mut().zip(&same.registrations);
            for (registration, same) in pairs {
                if let (Some(registration), Some(same)) = (registration, same) {
                    registration.absorb(same, earlier);
                }
            }
        }
        for (bell, same) in self.bells.iter_mut().zip(&other.bells) {
            if let (Some(bell), Some(same)) = (bell, same) {
                bell.pending = earlier(bell.pending, same.pending);
            }
        }
    }
}
