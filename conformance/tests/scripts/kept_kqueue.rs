//! Scripts about what a kqueue does in its own way, kept as those in `kept.rs` are.

use ferrio_conformance::script::How::*;
use ferrio_conformance::script::Kind::*;
use ferrio_conformance::script::Op::{self, *};
use ferrio_conformance::script::Timeout::*;
use ferrio_conformance::script::Want::*;

/// For one thread.
pub const KEPT: &[(&str, &[Op])] = &[
    (
        "room is told whatever the peer did beside making it",
        &[
            Create {
                kind: Unix,
                a: 2,
                b: 3,
            },
            Register {
                slot: 3,
                poll: 0,
                token: 3,
                want: WP,
            },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Fill { slot: 3 },
            Shutdown {
                slot: 2,
                how: Writing,
            },
            Drain { slot: 2 },
        ],
    ),
    (
        "a SourceFd that is registered twice",
        &[
            Create {
                kind: Raw,
                a: 0,
                b: 1,
            },
            Register {
                slot: 0,
                poll: 0,
                token: 1,
                want: R,
            },
            Register {
                slot: 0,
                poll: 0,
                token: 2,
                want: W,
            },
            Settle { capacity: 64 },
            Write { slot: 1, len: 1 },
            Settle { capacity: 64 },
            Register {
                slot: 0,
                poll: 0,
                token: 3,
                want: R,
            },
            Settle { capacity: 64 },
            Reregister {
                slot: 0,
                poll: 0,
                token: 4,
                want: RW,
            },
            Settle { capacity: 1 },
            Register {
                slot: 0,
                poll: 0,
                token: 5,
                want: P,
            },
            Deregister { slot: 0, poll: 0 },
            Settle { capacity: 64 },
        ],
    ),
    (
        "nothing but urgent data",
        &[
            Create {
                kind: Unix,
                a: 0,
                b: 1,
            },
            Register {
                slot: 0,
                poll: 0,
                token: 1,
                want: P,
            },
            Reregister {
                slot: 0,
                poll: 0,
                token: 2,
                want: RW,
            },
            Settle { capacity: 64 },
            Reregister {
                slot: 0,
                poll: 0,
                token: 3,
                want: P,
            },
            Write { slot: 1, len: 1 },
            Settle { capacity: 64 },
            Deregister { slot: 0, poll: 0 },
            Register {
                slot: 0,
                poll: 0,
                token: 4,
                want: RW,
            },
            Reregister {
                slot: 0,
                poll: 0,
                token: 5,
                want: P,
            },
            Deregister { slot: 0, poll: 0 },
        ],
    ),
    (
        "a pipe without a reader is registered, changed and closed",
        &[
            Create {
                kind: Pipe,
                a: 0,
                b: 1,
            },
            Drop { slot: 1 },
            Register {
                slot: 0,
                poll: 0,
                token: 1,
                want: W,
            },
            Reregister {
                slot: 0,
                poll: 0,
                token: 2,
                want: RW,
            },
            Settle { capacity: 1 },
            Reregister {
                slot: 0,
                poll: 0,
                token: 3,
                want: W,
            },
            Reregister {
                slot: 0,
                poll: 0,
                token: 4,
                want: R,
            },
            Settle { capacity: 64 },
            Reregister {
                slot: 0,
                poll: 0,
                token: 5,
                want: W,
            },
            Deregister { slot: 0, poll: 0 },
            Settle { capacity: 64 },
            Register {
                slot: 0,
                poll: 0,
                token: 6,
                want: W,
            },
            Deregister { slot: 0, poll: 0 },
            Register {
                slot: 0,
                poll: 0,
                token: 7,
                want: R,
            },
            Settle { capacity: 64 },
            Reregister {
                slot: 0,
                poll: 0,
                token: 8,
                want: W,
            },
            Drop { slot: 0 },
            Settle { capacity: 64 },
        ],
    ),
    (
        "the number of a pipe without a reader is another source's",
        &[
            Create {
                kind: Pipe,
                a: 0,
                b: 1,
            },
            Drop { slot: 1 },
            Register {
                slot: 0,
                poll: 0,
                token: 1,
                want: W,
            },
            Create {
                kind: Pipe,
                a: 0,
                b: 1,
            },
            Register {
                slot: 0,
                poll: 0,
                token: 2,
                want: R,
            },
            Register {
                slot: 1,
                poll: 0,
                token: 3,
                want: R,
            },
            Settle { capacity: 64 },
        ],
    ),
    (
        "a wake beside a pipe without a reader",
        &[
            Create {
                kind: Pipe,
                a: 0,
                b: 1,
            },
            Create {
                kind: Raw,
                a: 2,
                b: 3,
            },
            NewWaker {
                waker: 0,
                poll: 0,
                token: 9,
            },
            Register {
                slot: 2,
                poll: 0,
                token: 2,
                want: RW,
            },
            Drop { slot: 1 },
            Register {
                slot: 0,
                poll: 0,
                token: 1,
                want: W,
            },
            Wake { waker: 0 },
            Poll {
                poll: 0,
                capacity: 1,
                timeout: UntilDue,
            },
            Poll {
                poll: 0,
                capacity: 3,
                timeout: UntilDue,
            },
            Reregister {
                slot: 0,
                poll: 0,
                token: 3,
                want: RW,
            },
            Wake { waker: 0 },
            Write { slot: 3, len: 1 },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: UntilDue,
            },
            Settle { capacity: 64 },
        ],
    ),
];

/// For several, beside a polling thread whose buffer has that capacity.
pub const KEPT_THREADS: &[(&str, u8, &[&[Op]])] = &[
    (
        "a reregistration of what is not registered, beside a poll",
        1,
        &[&[
            Create {
                kind: Eventfd,
                a: 2,
                b: 3,
            },
            Write { slot: 2, len: 8 },
            Reregister {
                slot: 2,
                poll: 0,
                token: 7,
                want: R,
            },
            Reregister {
                slot: 2,
                poll: 0,
                token: 7,
                want: RW,
            },
            Reregister {
                slot: 2,
                poll: 0,
                token: 7,
                want: W,
            },
        ]],
    ),
    (
        "who only writes is told of a reset",
        64,
        &[&[
            Create {
                kind: Tcp,
                a: 2,
                b: 3,
            },
            Register {
                slot: 3,
                poll: 0,
                token: 17,
                want: WP,
            },
            Write { slot: 3, len: 1 },
            Create {
                kind: Pipe,
                a: 2,
                b: 4,
            },
        ]],
    ),
    (
        "a pipe without a reader is registered beside a blocked poll",
        64,
        &[&[
            Create {
                kind: Pipe,
                a: 0,
                b: 1,
            },
            Drop { slot: 1 },
            Register {
                slot: 0,
                poll: 0,
                token: 1,
                want: W,
            },
        ]],
    ),
];
