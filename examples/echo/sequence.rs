//! What the load sends: for each connection a stream of pseudo-random bytes of its own.
//!
//! The byte at a position depends on the connection and on the position, so whatever a server
//! gets wrong shows: a byte lost or sent twice shifts all that follow, swapped ones are in the
//! wrong place, and those of another connection belong to another stream. No byte needs to be
//! remembered until it returns, it can be computed again.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

/// The endless stream of one connection.
pub struct Sequence {
    key: u64,
}

/// Draws the number that makes this run's streams differ from those of any other process.
pub fn random_seed() -> u64 {
    RandomState::new().hash_one("ferrio echo")
}

impl Sequence {
    pub fn new(seed: u64, connection: u64) -> Sequence {
        Sequence {
            key: mix(seed ^ mix(connection)),
        }
    }

    /// Fills `buffer` with the stream's bytes from `position` on.
    pub fn fill(&self, position: u64, buffer: &mut [u8]) {
        let mut at = position;
        let mut rest = buffer;
        while !rest.is_empty() {
            let (word, skip) = self.word(at);
            let count = rest.len().min(word.len() - skip);
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(&word[skip..skip + count]);
            at += count as u64;
            rest = later;
        }
    }

    /// Compares `bytes` with the stream from `position` on: the position of the first one that
    /// is wrong, and what it should have been.
    pub fn check(&self, position: u64, bytes: &[u8]) -> Result<(), (u64, u8)> {
        let mut at = position;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (word, skip) = self.word(at);
            let count = rest.len().min(word.len() - skip);
            let (now, later) = rest.split_at(count);
            let expected = &word[skip..skip + count];
            if now != expected {
                let wrong = (0..count).find(|&i| now[i] != expected[i]).unwrap_or(0);
                return Err((at + wrong as u64, expected[wrong]));
            }
            at += count as u64;
            rest = later;
        }
        Ok(())
    }

    /// The eight bytes around `position` and how many of them lie before it.
    fn word(&self, position: u64) -> ([u8; 8], usize) {
        let number = self.key.wrapping_add((position / 8).wrapping_mul(GOLDEN));
        (mix(number).to_le_bytes(), (position % 8) as usize)
    }
}

/// 2^64 divided by the golden ratio, and odd: its multiples are spread evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Sebastiano Vigna's SplitMix64: every bit of `number` reaches every bit of the result.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
