//! A table whose keys are event tokens.
//!
//! A token is what `poll` gives back for a source, so it has to lead to the connection. The plain
//! answer, the connection's place in a table, has a catch: within one batch of events a connection
//! may be closed, its place given to a new one, and then an event for the old one turns up, which
//! the new one would take for its own. So a token also holds the place's generation, which
//! changes whenever the place is vacated: a late event finds nothing.

use ferrio::Token;

/// Bits of a token that hold the place; the rest hold its generation.
const PLACE_BITS: u32 = if usize::BITS == 64 { 32 } else { 20 };
/// One less than the bits could count: tokens from here up are for the listener and the waker.
const PLACES: usize = (1 << PLACE_BITS) - 2;

struct Place<T> {
    generation: usize,
    value: Option<T>,
}

/// Values of type `T` by token.
pub struct Slots<T> {
    places: Vec<Place<T>>,
    vacant: Vec<usize>,
}

impl<T> Slots<T> {
    pub fn new() -> Slots<T> {
        Slots {
            places: Vec::new(),
            vacant: Vec::new(),
        }
    }

    /// How many values the table holds.
    pub fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// Puts in the value that `make` makes of its own token, unless it fails or the table is full.
    pub fn insert_with<E>(&mut self, make: impl FnOnce(Token) -> Result<T, E>) -> Result<(), E>
    where
        E: From<std::io::Error>,
    {
        let index = match self.vacant.last() {
            Some(&index) => index,
            None if self.places.len() < PLACES => self.places.len(),
            None => return Err(std::io::Error::other("the table of connections is full").into()),
        };
        let generation = self.places.get(index).map_or(0, |place| place.generation);
        let value = make(Token(generation << PLACE_BITS | index))?;
        if index == self.places.len() {
            self.places.push(Place {
                generation,
                value: Some(value),
            });
        } else {
            self.vacant.pop();
            self.places[index].value = Some(value);
        }
        Ok(())
    }

    /// The value with this token, unless it's gone.
    pub fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let place = self.places.get_mut(token.0 & ((1 << PLACE_BITS) - 1))?;
        if place.generation != token.0 >> PLACE_BITS {
            return None;
        }
        place.value.as_mut()
    }

    pub fn remove(&mut self, token: Token) -> Option<T> {
        let index = token.0 & ((1 << PLACE_BITS) - 1);
        let place = self.places.get_mut(index)?;
        if place.generation != token.0 >> PLACE_BITS {
            return None;
        }
        let value = place.value.take()?;
        // The generation wraps round where its bits end, after billions of connections.
        place.generation = (place.generation + 1) & (usize::MAX >> PLACE_BITS);
        self.vacant.push(index);
        Some(value)
    }
}
