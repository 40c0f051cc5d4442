//! Slots with generations, and the judge of every token that an event brings.
//!
//! A token holds a slot's number and its generation. A registration that ends takes its generation
//! along, so an event says by its token which registration it is about. Contract: once
//! `deregister` has returned, or the source was dropped, no poll that begins later returns the old
//! token. An event that was in the same batch already is no fault; the table knows in which poll a
//! generation ended, and tells the two apart.

use ferrio::Token;

const SLOT_BITS: u32 = 20;
const GENERATION_BITS: u32 = 40;

/// A number for the current registration of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub slot: usize,
    pub generation: u64,
}

impl Key {
    /// The uppermost bits are left for tokens of another kind.
    pub fn token(self) -> Token {
        Token((self.generation as usize) << SLOT_BITS | self.slot)
    }

    pub fn of(token: Token) -> Key {
        Key {
            slot: token.0 & ((1 << SLOT_BITS) - 1),
            generation: (token.0 >> SLOT_BITS) as u64,
        }
    }
}

struct Slot<T> {
    generation: u64,
    /// The poll during whose batch the generation before ended.
    ended_in: u64,
    value: Option<T>,
}

pub struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
}

/// What an event's token is.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Live,
    /// Its registration has ended while this batch was worked on.
    Overtaken,
    /// Its registration ended before this poll began: the fault this is all about.
    Stale(String),
}

impl<T> Table<T> {
    pub fn new() -> Table<T> {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many slots there are, vacant ones too.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The key that the next value will have.
    pub fn vacant(&mut self) -> Key {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                ended_in: 0,
                value: None,
            });
            self.slots.len() - 1
        });
        assert!(slot < 1 << SLOT_BITS, "more connections than slots");
        self.key(slot)
    }

    /// Nothing came of it. The key may have been in use with the selector for a moment.
    pub fn give_back(&mut self, key: Key) {
        self.free.push(key.slot);
    }

    pub fn fill(&mut self, key: Key, value: T) {
        self.slots[key.slot].value = Some(value);
    }

    fn key(&self, slot: usize) -> Key {
        let generation = self.slots[slot].generation;
        Key { slot, generation }
    }

    /// The value in a slot, and the key of its registration.
    pub fn at(&mut self, slot: usize) -> Option<(Key, &mut T)> {
        let entry = self.slots.get_mut(slot)?;
        let generation = entry.generation;
        let value = entry.value.as_mut()?;
        Some((Key { slot, generation }, value))
    }

    pub fn get(&mut self, key: Key) -> Option<&mut T> {
        let entry = self.slots.get_mut(key.slot)?;
        if entry.generation != key.generation {
            return None;
        }
        entry.value.as_mut()
    }

    pub fn values(&mut self) -> impl Iterator<Item = (Key, &mut T)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, entry)| {
                let generation = entry.generation;
                Some((Key { slot, generation }, entry.value.as_mut()?))
            })
    }

    /// The registration of a slot has ended, in the batch of that poll. Returns the next one's key.
    pub fn renew(&mut self, slot: usize, poll: u64) -> Key {
        let entry = &mut self.slots[slot];
        entry.generation = (entry.generation + 1) & ((1 << GENERATION_BITS) - 1);
        entry.ended_in = poll;
        self.key(slot)
    }

    pub fn remove(&mut self, slot: usize, poll: u64) -> Option<T> {
        let value = self.slots[slot].value.take()?;
        self.renew(slot, poll);
        self.free.push(slot);
        Some(value)
    }

    /// Judges a token that came with the batch of that poll.
    pub fn judge(&self, token: Token, poll: u64) -> Found {
        let key = Key::of(token);
        let Some(slot) = self.slots.get(key.slot) else {
            return Found::Stale(format!("there has never been a slot {}", key.slot));
        };
        let is_live = slot.value.is_some() && slot.generation == key.generation;
        let has_just_ended = slot.generation == key.generation + 1 && slot.ended_in == poll;
        if is_live {
            Found::Live
        } else if has_just_ended {
            Found::Overtaken
        } else {
            Found::Stale(format!(
                "slot {} generation {} was reported by poll {poll}, but the slot has generation {} since poll {} ({})",
                key.slot,
                key.generation,
                slot.generation,
                slot.ended_in,
                if slot.value.is_some() {
                    "in use"
                } else {
                    "vacant"
                },
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_dead_generation_is_stale_unless_it_died_in_this_batch() {
        let mut table = Table::new();
        let key = table.vacant();
        table.fill(key, 'a');
        assert_eq!(table.judge(key.token(), 7), Found::Live);
        table.remove(key.slot, 7);
        assert_eq!(table.judge(key.token(), 7), Found::Overtaken);
        assert!(matches!(table.judge(key.token(), 8), Found::Stale(_)));

        let next = table.vacant();
        table.fill(next, 'b');
        assert_eq!(next.slot, key.slot);
        assert_eq!(table.judge(next.token(), 8), Found::Live);
        assert!(matches!(table.judge(key.token(), 8), Found::Stale(_)));
        let renewed = table.renew(next.slot, 9);
        assert_eq!(table.judge(next.token(), 9), Found::Overtaken);
        assert!(matches!(table.judge(next.token(), 10), Found::Stale(_)));
        assert_eq!(table.judge(renewed.token(), 10), Found::Live);
        assert!(matches!(table.judge(Token(500), 10), Found::Stale(_)));
    }

    #[test]
    fn a_key_leads_to_its_value_only() {
        let mut table = Table::new();
        let one = table.vacant();
        table.fill(one, 1);
        let two = table.vacant();
        table.fill(two, 2);
        assert_eq!(table.get(one), Some(&mut 1));
        assert_eq!(table.len(), 2);
        assert_eq!(table.remove(one.slot, 1), Some(1));
        assert_eq!(table.get(one), None);
        assert_eq!(table.len(), 1);
        assert_eq!(Key::of(two.token()), two);
    }
}
