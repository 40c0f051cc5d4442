//! A table whose keys fit into event tokens.
//!
//! A token is all that an event brings back, so it has to lead to the connection. The plain answer
//! is the connection's place in a table. It has a catch: within one batch of events a connection
//! may be closed and its place given to a new one, and then an event for the old one turns up,
//! which the new one would take for its own. So a key also holds the place's generation, which
//! changes whenever the place is vacated. A late event finds nothing.

use std::fmt;
use std::io;

use ferrio::Token;

/// How the bits of a token are used, from the lowest: one for the side, these for the place, and
/// the rest for the generation.
const PLACE_BITS: u32 = if usize::BITS == 64 { 32 } else { 20 };
const GENERATION_BITS: u32 = usize::BITS - 1 - PLACE_BITS;

/// One less than the bits could count. So no key's token is [`LISTENER`] or [`STOP`].
const PLACES: usize = (1 << PLACE_BITS) - 1;

/// The token of the listening socket.
pub const LISTENER: Token = Token(usize::MAX);
/// The token of the waker that ends the loop.
pub const STOP: Token = Token(usize::MAX - 1);

/// Which of its streams an event of a session is about. Most sessions have only one; a proxy's
/// have two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The connection that was accepted.
    Client,
    /// One that the session made itself.
    Upstream,
}

/// Leads to a value in a [`Slab`], as long as the value is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(usize);

impl Key {
    /// The token to register a stream of the session under.
    pub fn token(self, side: Side) -> Token {
        Token(self.0 << 1 | usize::from(side == Side::Upstream))
    }

    /// What [`token`](Key::token) was made of.
    pub fn of(token: Token) -> (Key, Side) {
        let side = if token.0 & 1 == 1 {
            Side::Upstream
        } else {
            Side::Client
        };
        (Key(token.0 >> 1), side)
    }

    fn new(generation: usize, place: usize) -> Key {
        Key(generation << PLACE_BITS | place)
    }

    fn place(self) -> usize {
        self.0 & ((1 << PLACE_BITS) - 1)
    }

    fn generation(self) -> usize {
        self.0 >> PLACE_BITS
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, {})", self.place(), self.generation())
    }
}

struct Place<T> {
    generation: usize,
    value: Option<T>,
}

/// Values by [`Key`].
pub struct Slab<T> {
    places: Vec<Place<T>>,
    vacant: Vec<usize>,
}

impl<T> Slab<T> {
    pub const fn new() -> Slab<T> {
        Slab {
            places: Vec::new(),
            vacant: Vec::new(),
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts in the value that `make` makes of its own key, unless it fails.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> io::Result<T>) -> io::Result<Key> {
        let place = self.vacant.last().copied().unwrap_or(self.places.len());
        if place >= PLACES {
            return Err(io::Error::other("the table of sessions is full"));
        }
        let generation = self.places.get(place).map_or(0, |place| place.generation);
        let key = Key::new(generation, place);
        let value = Some(make(key)?);
        match self.places.get_mut(place) {
            Some(vacant) => {
                vacant.value = value;
                self.vacant.pop();
            }
            None => self.places.push(Place { generation, value }),
        }
        Ok(key)
    }

    /// The value of this key, unless it's gone.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.place(key)?.value.as_mut()
    }

    pub fn remove(&mut self, key: Key) -> Option<T> {
        let place = self.place(key)?;
        let value = place.value.take()?;
        // Wraps round where its bits end. A token is that old only if its event was overtaken by
        // as many connections, all within one batch.
        place.generation = (place.generation + 1) & ((1 << GENERATION_BITS) - 1);
        self.vacant.push(key.place());
        Some(value)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut T)> {
        let occupied = |(index, place): (usize, _)| {
            let Place { generation, value }: &mut Place<T> = place;
            Some((Key::new(*generation, index), value.as_mut()?))
        };
        self.places.iter_mut().enumerate().filter_map(occupied)
    }

    fn place(&mut self, key: Key) -> Option<&mut Place<T>> {
        self.places
            .get_mut(key.place())
            .filter(|place| place.generation == key.generation())
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn insert<T>(slab: &mut Slab<T>, value: T) -> Key {
        slab.insert_with(|_| Ok(value)).expect("there is room")
    }

    #[test]
    fn a_key_leads_to_its_value_until_that_is_removed() {
        let mut slab = Slab::new();
        let one = insert(&mut slab, "one");
        let two = insert(&mut slab, "two");
        assert_eq!(slab.len(), 2);
        assert_eq!(slab.get_mut(one), Some(&mut "one"));
        assert_eq!(slab.remove(one), Some("one"));
        assert_eq!(slab.remove(one), None);
        assert_eq!(slab.get_mut(one), None);
        assert_eq!(slab.get_mut(two), Some(&mut "two"));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn a_place_is_used_again_but_its_old_key_does_not_fit() {
        let mut slab = Slab::new();
        let old = insert(&mut slab, "old");
        slab.remove(old);
        let new = insert(&mut slab, "new");
        assert_eq!(old.place(), new.place());
        assert_ne!(old.token(Side::Client), new.token(Side::Client));
        assert_eq!(slab.get_mut(old), None);
        assert_eq!(slab.remove(old), None);
        assert_eq!(slab.get_mut(new), Some(&mut "new"));
    }

    #[test]
    fn a_failed_insert_takes_no_place() {
        let mut slab = Slab::<u8>::new();
        let refused = slab.insert_with(|_| Err(io::ErrorKind::OutOfMemory.into()));
        assert!(refused.is_err());
        assert!(slab.is_empty());
        assert_eq!(insert(&mut slab, 1).place(), 0);

        slab.remove(Key::new(0, 0));
        assert!(
            slab.insert_with(|_| Err(io::ErrorKind::OutOfMemory.into()))
                .is_err()
        );
        assert_eq!(insert(&mut slab, 2), Key::new(1, 0));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn a_token_holds_key_and_side() {
        for key in [
            Key::new(0, 0),
            Key::new(7, 1),
            Key::new((1 << GENERATION_BITS) - 1, PLACES - 1),
        ] {
            for side in [Side::Client, Side::Upstream] {
                let token = key.token(side);
                assert_eq!(Key::of(token), (key, side));
                assert!(token != LISTENER && token != STOP, "{key:?}");
            }
        }
    }

    #[test]
    fn generations_wrap_without_touching_the_place() {
        let mut slab = Slab::new();
        let key = insert(&mut slab, 0);
        slab.places[0].generation = (1 << GENERATION_BITS) - 1;
        let last = Key::new((1 << GENERATION_BITS) - 1, 0);
        assert_eq!(slab.remove(key), None);
        assert_eq!(slab.remove(last), Some(0));
        assert_eq!(insert(&mut slab, 1), Key::new(0, 0));
    }

    #[test]
    fn iteration_skips_vacant_places_and_gives_keys_that_fit() {
        let mut slab = Slab::new();
        let keys: Vec<Key> = (0..4).map(|number| insert(&mut slab, number)).collect();
        slab.remove(keys[1]);
        slab.remove(keys[2]);
        let again = insert(&mut slab, 9);
        let all: Vec<(Key, i32)> = slab.iter_mut().map(|(key, value)| (key, *value)).collect();
        assert_eq!(all, [(keys[0], 0), (again, 9), (keys[3], 3)]);
    }
}
