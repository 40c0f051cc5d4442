//! Scripts as bytes, for fuzzers that know nothing else. Every string of bytes is a script.
//!
//! Eight bytes say for how many threads it is and what there is to begin with; then each operation has
//! four: which one, on what, how much, and with what interest or on which thread. As all are of one
//! length, a byte that a fuzzer changes changes one operation, and a piece that it copies is a piece of
//! a script.

use super::case::Case;
use super::op::{How, Kind, Op, SLOTS, Timeout, WAKERS, Want};
#[cfg(unix)]
use super::rounds::WIDTH;

/// The first byte of a script whose operations overlap.
#[cfg(unix)]
pub const OVERLAPPING: u8 = 6;
const HEADER: usize = 8;
const RECORD: usize = 4;
/// A script has no more operations than this, whatever follows.
pub const MAX_OPERATIONS: usize = 160;
/// Longer strings say no more.
pub const MAX_BYTES: usize = HEADER + RECORD * MAX_OPERATIONS;

const TOKENS: u8 = 24;

/// The operations.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Name {
    Create,
    Connect,
    Accept,
    Dup,
    Drop,
    Abandon,
    Read,
    Write,
    Drain,
    Fill,
    Peek,
    TryRead,
    Shutdown,
    Register,
    Reregister,
    Deregister,
    NewWaker,
    Wake,
    DropWaker,
    Poll,
    Settle,
}

/// Which operation it is: one name for as many values of the byte as it shall come often.
const NAMES: &[(u8, Name)] = &[
    (2, Name::Create),
    (3, Name::Connect),
    (4, Name::Accept),
    (1, Name::Dup),
    (2, Name::Drop),
    (2, Name::Abandon),
    (22, Name::Read),
    (22, Name::Write),
    (14, Name::Drain),
    (5, Name::Fill),
    (3, Name::Peek),
    (3, Name::TryRead),
    (3, Name::Shutdown),
    (16, Name::Register),
    (5, Name::Reregister),
    (5, Name::Deregister),
    (7, Name::NewWaker),
    (12, Name::Wake),
    (2, Name::DropWaker),
    // From here on only where the script itself polls.
    (26, Name::Poll),
    (20, Name::Settle),
];
/// How many of them a script has that others poll for.
const WITHOUT_POLLS: usize = NAMES.len() - 2;

const WANTS: [Want; 16] = [
    Want::RW,
    Want::R,
    Want::W,
    Want::RWP,
    Want::RW,
    Want::P,
    Want::RP,
    Want::WP,
    Want::RW,
    Want::RW,
    Want::R,
    Want::RW,
    Want::W,
    Want::RW,
    Want::R,
    Want::RW,
];
const CAPACITIES: [u8; 8] = [64, 1, 64, 2, 64, 3, 64, 0];
const TIMEOUTS: [Timeout; 8] = [
    Timeout::Zero,
    Timeout::UntilDue,
    Timeout::Zero,
    Timeout::UntilDue,
    Timeout::Zero,
    Timeout::UntilDue,
    Timeout::Zero,
    Timeout::Brief,
];
const HOWS: [How; 3] = [How::Reading, How::Writing, How::Both];

/// As large as that of a poll nearly always: the other `Poll` has one value in this many.
const OF_POLL: u8 = 10;

/// A string of a length that most scripts have; the same ones for the same seed. SplitMix64.
pub fn random(state: &mut u64) -> Vec<u8> {
    let mut next = || {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let length = HEADER + RECORD * (10 + next() as usize % 120);
    (0..length).map(|_| next() as u8).collect()
}

fn pick<T: Copy>(all: &[T], byte: u8) -> T {
    all[usize::from(byte) % all.len()]
}

fn slot(byte: u8) -> u8 {
    byte % SLOTS as u8
}

fn second_slot(byte: u8) -> u8 {
    slot(byte / SLOTS as u8)
}

fn poll(byte: u8) -> u8 {
    u8::from((byte / SLOTS as u8) % OF_POLL == OF_POLL - 1)
}

fn len(byte: u8) -> u32 {
    match byte {
        0..100 => u32::from(byte) + 1,
        100..140 => 4096,
        140..160 => 65536,
        _ => 1,
    }
}

fn kinds() -> Vec<Kind> {
    [Kind::PAIRS, Kind::SINGLE, Kind::LISTENERS].concat()
}

/// Reads strings of bytes as scripts.
impl Case {
    pub fn from_bytes(bytes: &[u8]) -> Case {
        let mut header = [0; HEADER];
        let given = bytes.len().min(HEADER);
        header[..given].copy_from_slice(&bytes[..given]);
        let [mode, capacity, ..] = header;
        let records = bytes[given..].chunks_exact(RECORD).take(MAX_OPERATIONS);
        match mode % 8 {
            0..4 => {
                let mut script = furniture(&header, 0, 3);
                script.extend(records.map(|record| operation(NAMES, record)));
                Case::One(script)
            }
            #[cfg(unix)]
            OVERLAPPING.. => Case::Rounds {
                capacity: pick(&CAPACITIES, capacity).max(1),
                rounds: rounds(&header, records),
            },
            more => {
                let threads = (usize::from(more) - 2).min(3);
                let mut scripts: Vec<_> = (0..threads)
                    .map(|thread| furniture(&header, thread as u8, 2))
                    .collect();
                for record in records {
                    let thread = usize::from(record[3] >> 6) % threads;
                    scripts[thread].push(operation(&NAMES[..WITHOUT_POLLS], record));
                }
                let capacity = pick(&CAPACITIES, capacity).max(1);
                Case::Threads { capacity, scripts }
            }
        }
    }
}

/// What a script has in its slots to begin with, `pairs` times two, and what of that is registered.
/// Each thread has something else.
fn furniture(header: &[u8; HEADER], thread: u8, pairs: u8) -> Vec<Op> {
    let mut script = Vec::new();
    for pair in 0..pairs {
        let byte = header[2 + usize::from(pair)];
        if byte > 0 {
            let byte = byte.wrapping_add(thread.wrapping_mul(37));
            script.extend(two_slots(byte, 2 * pair));
        }
    }
    let (mask, wants) = (header[5], header[6].rotate_left(thread.into()));
    for slot in (0..2 * pairs).filter(|slot| mask >> slot & 1 == 1) {
        script.push(Op::Register {
            slot,
            poll: u8::from(mask >> 6 == slot + 1),
            token: slot,
            want: pick(&WANTS, wants.rotate_right(slot.into())),
        });
    }
    script
}

/// What there is to begin with is made one after the other. Two high bits of an operation are 0 where
/// a round begins.
#[cfg(unix)]
fn rounds<'a>(header: &[u8; HEADER], records: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<Op>> {
    let furniture = furniture(header, 0, 3).into_iter();
    let mut rounds: Vec<Vec<Op>> = furniture.map(|op| vec![op]).collect();
    for record in records {
        let op = operation(NAMES, record);
        match rounds.last_mut() {
            Some(round) if record[3] >> 6 != 0 && round.len() < WIDTH => round.push(op),
            _ => rounds.push(vec![op]),
        }
    }
    rounds
}

fn two_slots(byte: u8, a: u8) -> Vec<Op> {
    let b = a + 1;
    let make = |kinds, byte| Op::Create {
        kind: pick(kinds, byte),
        a,
        b,
    };
    match byte % 12 {
        0..7 => vec![make(Kind::PAIRS, byte / 12)],
        7 => vec![make(Kind::PAIRS, byte / 12), Op::Drop { slot: b }],
        8 => vec![make(&kinds(), byte / 12)],
        _ => {
            let client = Op::Connect {
                listener: a,
                into: b,
            };
            vec![make(Kind::LISTENERS, byte / 12), client]
        }
    }
}

fn operation(names: &[(u8, Name)], record: &[u8]) -> Op {
    let [name, p, q, r] = *record else {
        unreachable!("records have one length")
    };
    let total: u8 = names.iter().map(|(weight, _)| weight).sum();
    let mut left = name % total;
    let found = names.iter().find(|(weight, _)| {
        let here = left < *weight;
        left = left.saturating_sub(*weight);
        here
    });
    let name = found.expect("the weights add up").1;
    of_source(name, p, q).unwrap_or_else(|| of_poll(name, p, q, r))
}

fn of_source(name: Name, p: u8, q: u8) -> Option<Op> {
    let (slot, other) = (slot(p), second_slot(p));
    Some(match name {
        Name::Create => Op::Create {
            kind: pick(&kinds(), q),
            a: slot,
            b: other,
        },
        Name::Connect => Op::Connect {
            listener: slot,
            into: other,
        },
        Name::Accept => Op::Accept {
            listener: slot,
            into: other,
        },
        Name::Dup => Op::Dup {
            from: slot,
            into: other,
        },
        Name::Drop => Op::Drop { slot },
        Name::Abandon => Op::Abandon { slot },
        Name::Read => Op::Read { slot, len: len(q) },
        Name::Write => Op::Write { slot, len: len(q) },
        Name::Drain => Op::Drain { slot },
        Name::Fill => Op::Fill { slot },
        Name::Peek => Op::Peek { slot },
        Name::TryRead => Op::TryRead { slot },
        Name::Shutdown => Op::Shutdown {
            slot,
            how: pick(&HOWS, q),
        },
        _ => return None,
    })
}

fn of_poll(name: Name, p: u8, q: u8, r: u8) -> Op {
    let (slot, poll, token) = (slot(p), poll(p), q % TOKENS);
    let want = pick(&WANTS, r);
    let waker = p % WAKERS as u8;
    match name {
        Name::Register => Op::Register {
            slot,
            poll,
            token,
            want,
        },
        Name::Reregister => Op::Reregister {
            slot,
            poll,
            token,
            want,
        },
        Name::Deregister => Op::Deregister { slot, poll },
        Name::NewWaker => Op::NewWaker { waker, poll, token },
        Name::Wake => Op::Wake { waker },
        Name::DropWaker => Op::DropWaker { waker },
        Name::Poll => Op::Poll {
            poll,
            capacity: pick(&CAPACITIES, q),
            timeout: pick(&TIMEOUTS, r),
        },
        Name::Settle => Op::Settle {
            capacity: pick(&CAPACITIES, q).max(1),
        },
        _ => unreachable!("{name:?} is about sources"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operation_can_be_spelt() {
        let total: u8 = NAMES.iter().map(|(weight, _)| weight).sum();
        let names: BTreeSet<_> = (0..total)
            .map(|name| operation(NAMES, &[name, 0, 0, 0]).name())
            .collect();
        assert_eq!(names.len(), NAMES.len());
    }

    #[test]
    fn every_string_is_a_script() {
        for length in 0..=HEADER + 3 * RECORD {
            for byte in 0..=255 {
                let bytes = vec![byte; length];
                let operations = Case::from_bytes(&bytes).operations();
                let said = length.saturating_sub(HEADER) / RECORD;
                assert!(operations >= said, "{length} times {byte}");
            }
        }
        let long = Case::from_bytes(&[0; MAX_BYTES + RECORD]).operations();
        assert_eq!(long, MAX_OPERATIONS);
    }
}
