//! Which scripts are tried.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::op::{How, Kind, Op, POLLS, SLOTS, Timeout, WAKERS, Want};

/// More than there are slots, so that most scripts have a token for each source, and some don't.
const TOKENS: u8 = 24;

fn slot() -> impl Strategy<Value = u8> + Clone {
    0..SLOTS as u8
}

/// Nearly always the first.
fn poll() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![9 => Just(0_u8), 1 => 1..POLLS as u8]
}

fn want() -> impl Strategy<Value = Want> {
    prop_oneof![4 => Just(Want::RW), 2 => Just(Want::R), 3 => select(&Want::ALL[..])]
}

fn len() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => Just(1_u32),
        3 => 2..100_u32,
        2 => Just(4096_u32),
        1 => Just(65536_u32),
    ]
}

fn capacity() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(64_u8), 3 => 1..4_u8, 1 => Just(0_u8)]
}

fn timeout() -> impl Strategy<Value = Timeout> {
    prop_oneof![
        5 => Just(Timeout::Zero),
        5 => Just(Timeout::UntilDue),
        1 => Just(Timeout::Brief),
    ]
}

fn create() -> impl Strategy<Value = Op> {
    let all = [Kind::PAIRS, Kind::SINGLE, Kind::LISTENERS].concat();
    (select(all), slot(), slot()).prop_map(|(kind, a, b)| Op::Create { kind, a, b })
}

/// What a script has in two of its slots to begin with.
fn furniture(a: u8, b: u8) -> impl Strategy<Value = Vec<Op>> {
    let create = move |kind| Op::Create { kind, a, b };
    let single = match Kind::SINGLE {
        [] => Kind::PAIRS,
        kinds => kinds,
    };
    prop_oneof![
        8 => select(Kind::PAIRS).prop_map(move |kind| vec![create(kind)]),
        2 => select(Kind::LISTENERS).prop_map(move |kind| vec![
            create(kind),
            Op::Connect { listener: a, into: b },
        ]),
        1 => select(single).prop_map(move |kind| vec![create(kind)]),
        1 => select(Kind::PAIRS).prop_map(move |kind| vec![create(kind), Op::Drop { slot: b }]),
    ]
}

/// Mostly every source is registered.
fn registered() -> impl Strategy<Value = Vec<Op>> {
    let maybe = proptest::option::weighted(0.8, (poll(), want()));
    vec(maybe, SLOTS).prop_map(|all| {
        let all = (0_u8..).zip(all);
        all.filter_map(|(slot, maybe)| {
            let (poll, want) = maybe?;
            let token = slot;
            Some(Op::Register {
                slot,
                poll,
                token,
                want,
            })
        })
        .collect()
    })
}

fn making() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => create(),
        6 => (slot(), slot()).prop_map(|(listener, into)| Op::Connect { listener, into }),
        8 => (slot(), slot()).prop_map(|(listener, into)| Op::Accept { listener, into }),
        2 => (slot(), slot()).prop_map(|(from, into)| Op::Dup { from, into }),
        2 => slot().prop_map(|slot| Op::Drop { slot }),
        3 => slot().prop_map(|slot| Op::Abandon { slot }),
    ]
}

fn moving() -> impl Strategy<Value = Op> {
    let how = select(&[How::Reading, How::Writing, How::Both][..]);
    prop_oneof![
        8 => (slot(), len()).prop_map(|(slot, len)| Op::Read { slot, len }),
        8 => (slot(), len()).prop_map(|(slot, len)| Op::Write { slot, len }),
        5 => slot().prop_map(|slot| Op::Drain { slot }),
        2 => slot().prop_map(|slot| Op::Fill { slot }),
        1 => slot().prop_map(|slot| Op::Peek { slot }),
        1 => slot().prop_map(|slot| Op::TryRead { slot }),
        1 => (slot(), how).prop_map(|(slot, how)| Op::Shutdown { slot, how }),
    ]
}

fn registering() -> impl Strategy<Value = Op> {
    let all = (slot(), poll(), 0..TOKENS, want());
    let again = (slot(), poll(), 0..TOKENS, want());
    prop_oneof![
        6 => all.prop_map(|(slot, poll, token, want)| Op::Register { slot, poll, token, want }),
        2 => again.prop_map(|(slot, poll, token, want)| Op::Reregister { slot, poll, token, want }),
        2 => (slot(), poll()).prop_map(|(slot, poll)| Op::Deregister { slot, poll }),
    ]
}

fn waking() -> impl Strategy<Value = Op> {
    let waker = 0..WAKERS as u8;
    prop_oneof![
        3 => (waker.clone(), poll(), 0..TOKENS)
            .prop_map(|(waker, poll, token)| Op::NewWaker { waker, poll, token }),
        5 => waker.clone().prop_map(|waker| Op::Wake { waker }),
        1 => waker.prop_map(|waker| Op::DropWaker { waker }),
    ]
}

fn polling() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (poll(), capacity(), timeout())
            .prop_map(|(poll, capacity, timeout)| Op::Poll { poll, capacity, timeout }),
        4 => prop_oneof![3 => Just(64_u8), 1 => 1..4_u8].prop_map(|capacity| Op::Settle { capacity }),
    ]
}

/// Scripts for one thread: some objects, mostly registered, and then anything.
pub fn script() -> impl Strategy<Value = Vec<Op>> {
    let any = prop_oneof![
        2 => making(),
        14 => moving(),
        5 => registering(),
        4 => waking(),
        9 => polling(),
    ];
    let begin = (furniture(0, 1), furniture(2, 3), furniture(4, 5));
    (begin, registered(), vec(any, 10..100))
        .prop_map(|((one, two, three), register, rest)| [one, two, three, register, rest].concat())
}

/// The capacity of the poller's buffer, and scripts for two or three threads beside it.
pub fn threads() -> impl Strategy<Value = (u8, Vec<Vec<Op>>)> {
    let any = prop_oneof![
        2 => making(),
        12 => moving(),
        9 => registering(),
        4 => waking(),
    ];
    let begin = (furniture(0, 1), furniture(2, 3));
    let one = (begin, registered(), vec(any, 10..60))
        .prop_map(|((one, two), register, rest)| [one, two, register, rest].concat());
    (prop_oneof![Just(64_u8), 1..4_u8], vec(one, 2..4))
}
