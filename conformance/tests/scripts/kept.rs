//! Scripts that have failed, as the fuzzer printed them: on a selector, on the model, or on a
//! selector that was broken to see whether that is noticed. Add to the end, and let `cargo fmt` lay it out.

use ferrio_conformance::script::How::*;
use ferrio_conformance::script::Kind::*;
use ferrio_conformance::script::Op::{self, *};
use ferrio_conformance::script::Timeout::*;
use ferrio_conformance::script::Want::*;

/// For one thread.
pub const KEPT: &[(&str, &[Op])] = &[
    (
        "a blocked write waits for room",
        &[
            Create {
                kind: Tcp,
                a: 4,
                b: 5,
            },
            Register {
                slot: 5,
                poll: 0,
                token: 5,
                want: RW,
            },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Fill { slot: 5 },
            Drain { slot: 4 },
        ],
    ),
    (
        "a blocked read asks for nothing else",
        &[
            Create {
                kind: Tcp,
                a: 4,
                b: 5,
            },
            Register {
                slot: 5,
                poll: 0,
                token: 5,
                want: W,
            },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Drain { slot: 5 },
        ],
    ),
    (
        "a short read waits for more",
        &[
            Create {
                kind: Tcp,
                a: 0,
                b: 1,
            },
            Register {
                slot: 1,
                poll: 0,
                token: 1,
                want: RW,
            },
            Write { slot: 0, len: 1 },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Read { slot: 1, len: 2 },
            Write { slot: 0, len: 1 },
        ],
    ),
    (
        "a short read at the end of a stream",
        &[
            Create {
                kind: Tcp,
                a: 0,
                b: 1,
            },
            Create {
                kind: Pipe,
                a: 2,
                b: 3,
            },
            Write { slot: 2, len: 1 },
            Dup { from: 0, into: 2 },
            Register {
                slot: 3,
                poll: 0,
                token: 0,
                want: RW,
            },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Read { slot: 3, len: 2 },
        ],
    ),
    (
        "the end after data that nobody has read",
        &[
            Create {
                kind: Tcp,
                a: 2,
                b: 3,
            },
            Register {
                slot: 2,
                poll: 0,
                token: 2,
                want: RW,
            },
            Write { slot: 3, len: 1 },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Shutdown {
                slot: 3,
                how: Writing,
            },
        ],
    ),
    (
        "a blocked write to a pipe that is full",
        &[
            Create {
                kind: Pipe,
                a: 2,
                b: 3,
            },
            Register {
                slot: 3,
                poll: 0,
                token: 3,
                want: RW,
            },
            Fill { slot: 2 },
            Settle { capacity: 64 },
            Write { slot: 2, len: 1 },
        ],
    ),
    (
        "data for a TCP end that reads no more",
        &[
            Create {
                kind: Tcp,
                a: 0,
                b: 1,
            },
            Shutdown {
                slot: 0,
                how: Reading,
            },
            Fill { slot: 1 },
            Drain { slot: 0 },
        ],
    ),
    (
        "data for a TCP end that is shut",
        &[
            Create {
                kind: Tcp,
                a: 0,
                b: 1,
            },
            Fill { slot: 0 },
            Shutdown { slot: 1, how: Both },
            Drain { slot: 1 },
        ],
    ),
    (
        "one token for a SourceFd and a stream",
        &[
            Create {
                kind: Raw,
                a: 0,
                b: 1,
            },
            Create {
                kind: Tcp,
                a: 2,
                b: 3,
            },
            Register {
                slot: 0,
                poll: 0,
                token: 0,
                want: RW,
            },
            Drop { slot: 1 },
            Register {
                slot: 3,
                poll: 0,
                token: 0,
                want: RW,
            },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Fill { slot: 2 },
            Create {
                kind: Tcp,
                a: 0,
                b: 0,
            },
        ],
    ),
    (
        "a SourceFd closed without a word",
        &[
            Create {
                kind: Raw,
                a: 4,
                b: 5,
            },
            Register {
                slot: 5,
                poll: 0,
                token: 0,
                want: RW,
            },
            Abandon { slot: 5 },
        ],
    ),
    (
        "a hang-up is one event",
        &[
            Create {
                kind: Tcp,
                a: 4,
                b: 5,
            },
            Register {
                slot: 4,
                poll: 0,
                token: 0,
                want: RW,
            },
            Shutdown { slot: 4, how: Both },
        ],
    ),
    (
        "a second registration changes nothing",
        &[
            Create {
                kind: Raw,
                a: 4,
                b: 5,
            },
            Register {
                slot: 5,
                poll: 0,
                token: 5,
                want: RW,
            },
            Register {
                slot: 5,
                poll: 0,
                token: 0,
                want: RW,
            },
        ],
    ),
    (
        "room for one event of two",
        &[
            Create {
                kind: Raw,
                a: 4,
                b: 5,
            },
            Register {
                slot: 5,
                poll: 0,
                token: 0,
                want: RW,
            },
            Register {
                slot: 4,
                poll: 0,
                token: 1,
                want: RW,
            },
            Settle { capacity: 1 },
        ],
    ),
    (
        "a waker is dropped with its wake",
        &[
            NewWaker {
                waker: 1,
                poll: 0,
                token: 0,
            },
            Wake { waker: 1 },
            DropWaker { waker: 1 },
        ],
    ),
    (
        "deregistered before the first poll",
        &[
            Create {
                kind: Tcp,
                a: 0,
                b: 1,
            },
            Register {
                slot: 1,
                poll: 0,
                token: 0,
                want: RW,
            },
            Deregister { slot: 1, poll: 0 },
        ],
    ),
    (
        "more data after an event",
        &[
            Create {
                kind: Tcp,
                a: 4,
                b: 5,
            },
            Register {
                slot: 5,
                poll: 0,
                token: 5,
                want: RW,
            },
            Poll {
                poll: 0,
                capacity: 64,
                timeout: Zero,
            },
            Write { slot: 4, len: 1 },
        ],
    ),
    (
        "the number of a SourceFd that was closed is not registered",
        &[
            Create {
                kind: Raw,
                a: 2,
                b: 3,
            },
            Register {
                slot: 2,
                poll: 0,
                token: 0,
                want: RW,
            },
            Abandon { slot: 2 },
            Dup { from: 3, into: 1 },
            Reregister {
                slot: 1,
                poll: 0,
                token: 0,
                want: RW,
            },
        ],
    ),
    (
        "two wakers with one token",
        &[
            NewWaker {
                waker: 2,
                poll: 0,
                token: 21,
            },
            NewWaker {
                waker: 1,
                poll: 0,
                token: 21,
            },
            Wake { waker: 2 },
            Create {
                kind: Tcp,
                a: 0,
                b: 0,
            },
            Register {
                slot: 0,
                poll: 0,
                token: 0,
                want: W,
            },
            Wake { waker: 1 },
            Poll {
                poll: 0,
                capacity: 2,
                timeout: Zero,
            },
            NewWaker {
                waker: 2,
                poll: 0,
                token: 0,
            },
        ],
    ),
    (
        "a TCP connection that is over for the kernel",
        &[
            Create {
                kind: TcpListener,
                a: 0,
                b: 1,
            },
            Connect {
                listener: 0,
                into: 1,
            },
            Shutdown {
                slot: 1,
                how: Writing,
            },
            Accept {
                listener: 0,
                into: 4,
            },
            Shutdown {
                slot: 4,
                how: Writing,
            },
            Shutdown {
                slot: 1,
                how: Reading,
            },
        ],
    ),
    (
        "the number of a listener whose registration a duplicate has kept",
        &[
            Create {
                kind: UnixListener,
                a: 2,
                b: 3,
            },
            Connect {
                listener: 2,
                into: 3,
            },
            Dup { from: 2, into: 0 },
            Register {
                slot: 0,
                poll: 0,
                token: 7,
                want: RW,
            },
            Dup { from: 2, into: 0 },
            Dup { from: 2, into: 0 },
            Register {
                slot: 0,
                poll: 0,
                token: 7,
                want: RW,
            },
        ],
    ),
];

/// For several threads: the capacity of the poller's buffer, and a script for each.
pub const KEPT_THREADS: &[(&str, u8, &[&[Op]])] = &[
    (
        "a pipe closes while it is polled",
        1,
        &[
            &[
                Create {
                    kind: Pipe,
                    a: 0,
                    b: 1,
                },
                Register {
                    slot: 0,
                    poll: 0,
                    token: 0,
                    want: RW,
                },
                Register {
                    slot: 1,
                    poll: 0,
                    token: 1,
                    want: R,
                },
                Create {
                    kind: Pipe,
                    a: 5,
                    b: 0,
                },
                Deregister { slot: 1, poll: 0 },
            ],
            &[
                NewWaker {
                    waker: 1,
                    poll: 0,
                    token: 20,
                },
                Wake { waker: 1 },
            ],
        ],
    ),
    (
        "a SourceFd is deregistered while it is polled",
        3,
        &[&[
            Create {
                kind: Raw,
                a: 2,
                b: 3,
            },
            Register {
                slot: 2,
                poll: 0,
                token: 11,
                want: RWP,
            },
        ]],
    ),
    (
        "an answer about a registration that was changed meanwhile",
        1,
        &[
            &[
                Create {
                    kind: UnixListener,
                    a: 0,
                    b: 1,
                },
                Connect {
                    listener: 0,
                    into: 1,
                },
                Create {
                    kind: Udp,
                    a: 2,
                    b: 3,
                },
                Register {
                    slot: 1,
                    poll: 0,
                    token: 1,
                    want: R,
                },
                Register {
                    slot: 3,
                    poll: 0,
                    token: 3,
                    want: RW,
                },
                Write { slot: 3, len: 21 },
                Deregister { slot: 1, poll: 0 },
                Register {
                    slot: 1,
                    poll: 0,
                    token: 11,
                    want: W,
                },
                NewWaker {
                    waker: 0,
                    poll: 0,
                    token: 8,
                },
                Deregister { slot: 1, poll: 0 },
            ],
            &[
                Create {
                    kind: Eventfd,
                    a: 0,
                    b: 1,
                },
                Create {
                    kind: Datagram,
                    a: 2,
                    b: 3,
                },
                Register {
                    slot: 2,
                    poll: 0,
                    token: 2,
                    want: WP,
                },
                Fill { slot: 0 },
                TryRead { slot: 3 },
                Reregister {
                    slot: 2,
                    poll: 0,
                    token: 5,
                    want: RP,
                },
            ],
        ],
    ),
    (
        "a wake beside registrations",
        3,
        &[
            &[
                Create {
                    kind: UnixListener,
                    a: 0,
                    b: 1,
                },
                Connect {
                    listener: 0,
                    into: 1,
                },
                Create {
                    kind: Raw,
                    a: 2,
                    b: 3,
                },
                Register {
                    slot: 0,
                    poll: 0,
                    token: 0,
                    want: RWP,
                },
                Register {
                    slot: 1,
                    poll: 0,
                    token: 1,
                    want: RW,
                },
                Register {
                    slot: 2,
                    poll: 0,
                    token: 2,
                    want: WP,
                },
                Register {
                    slot: 3,
                    poll: 0,
                    token: 3,
                    want: R,
                },
            ],
            &[
                NewWaker {
                    waker: 2,
                    poll: 0,
                    token: 11,
                },
                NewWaker {
                    waker: 1,
                    poll: 0,
                    token: 9,
                },
                Wake { waker: 2 },
                NewWaker {
                    waker: 1,
                    poll: 0,
                    token: 9,
                },
            ],
        ],
    ),
    (
        "a registration that ends while it is changed",
        64,
        &[
            &[Create {
                kind: Raw,
                a: 0,
                b: 1,
            }],
            &[Register {
                slot: 1,
                poll: 0,
                token: 1,
                want: RW,
            }],
            &[
                Deregister { slot: 1, poll: 0 },
                Reregister {
                    slot: 1,
                    poll: 0,
                    token: 21,
                    want: RW,
                },
            ],
            &[Write { slot: 0, len: 1 }],
        ],
    ),
];
