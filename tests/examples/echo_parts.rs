//! Two parts of `echo` that can be tested by themselves.

#[path = "../../examples/echo/sequence.rs"]
mod sequence;
#[path = "../../examples/echo/slots.rs"]
mod slots;

use std::collections::HashSet;
use std::io;

use ferrio::Token;

use sequence::{Sequence, random_seed};
use slots::Slots;

fn insert(slots: &mut Slots<&'static str>, value: &'static str) -> Token {
    let mut token = None;
    let inserted = slots.insert_with(|made| {
        token = Some(made);
        Ok::<_, io::Error>(value)
    });
    inserted.expect("there is room");
    token.expect("a token")
}

#[test]
fn a_token_finds_its_value_until_it_is_removed() {
    let mut slots = Slots::new();
    let tokens = ["a", "b", "c"].map(|value| (value, insert(&mut slots, value)));
    assert_eq!(slots.len(), 3);
    for (value, token) in tokens {
        assert_eq!(slots.get_mut(token), Some(&mut { value }));
    }
    assert_eq!(slots.remove(tokens[1].1), Some("b"));
    assert_eq!(slots.get_mut(tokens[1].1), None);
    assert_eq!(slots.remove(tokens[1].1), None);
    assert_eq!(slots.len(), 2);
    assert_eq!(slots.get_mut(tokens[2].1), Some(&mut "c"));
}

/// An event of the batch in which a connection was closed must not reach the next one in its
/// place.
#[test]
fn an_old_token_does_not_find_the_next_value_in_its_place() {
    let mut slots = Slots::new();
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        let token = insert(&mut slots, "one of many");
        assert!(seen.insert(token), "{token:?} was in use before");
        for &old in seen.iter().filter(|&&old| old != token) {
            assert_eq!(slots.get_mut(old), None);
            assert_eq!(slots.remove(old), None);
        }
        assert_eq!(slots.len(), 1);
        slots.remove(token);
    }
}

#[test]
fn a_value_that_cannot_be_made_takes_no_place() {
    let mut slots = Slots::new();
    let kept = insert(&mut slots, "kept");
    let failed = slots.insert_with(|_| Err(io::Error::other("no")));
    assert!(failed.is_err());
    assert_eq!(slots.len(), 1);
    assert_eq!(slots.get_mut(kept), Some(&mut "kept"));
}

#[test]
fn a_sequence_is_the_same_in_whatever_parts_it_is_taken() {
    let sequence = Sequence::new(random_seed(), 7);
    let mut whole = [0; 1000];
    sequence.fill(0, &mut whole);
    for start in 0..20 {
        for end in [start, start + 1, start + 7, start + 8, start + 9, 999] {
            let mut part = vec![0; end - start];
            sequence.fill(start as u64, &mut part);
            assert_eq!(part, whole[start..end]);
            assert_eq!(sequence.check(start as u64, &whole[start..end]), Ok(()));
        }
    }
}

#[test]
fn every_wrong_byte_is_found_where_it_is() {
    let sequence = Sequence::new(random_seed(), 7);
    let mut right = [0; 100];
    sequence.fill(3, &mut right);
    for index in 0..right.len() {
        let mut wrong = right;
        wrong[index] ^= 1;
        let found = sequence.check(3, &wrong);
        assert_eq!(found, Err((3 + index as u64, right[index])));
    }
}

#[test]
fn no_two_connections_send_the_same() {
    let seed = random_seed();
    let starts: HashSet<[u8; 16]> = (0..10_000)
        .map(|connection| {
            let mut start = [0; 16];
            Sequence::new(seed, connection).fill(0, &mut start);
            start
        })
        .collect();
    assert_eq!(starts.len(), 10_000);
}
