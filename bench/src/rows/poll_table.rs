//! The rows of the poll(2) suite, which a program of its own measures.

use super::crowd::Cycle;
use super::echo::Setup;
use super::registration::{Operation, Source};
use super::row::{Kind, Metric, Row};
use super::wake;

const fn row(name: &'static str, unit: &'static str, kind: Kind, what: &'static str) -> Row {
    Row::new(name, unit, kind, what).on_poll()
}

const fn registration(
    name: &'static str,
    operation: Operation,
    source: Source,
    what: &'static str,
) -> Row {
    row(name, "call", Kind::Registration(operation, source), what)
}

const FD: Kind = Kind::Pair {
    source: Source::Fd,
    with_polls: false,
};
const SOCKET: Kind = Kind::Pair {
    source: Source::Socket,
    with_polls: false,
};
const WITH_POLLS: Kind = Kind::Pair {
    source: Source::Fd,
    with_polls: true,
};

#[rustfmt::skip]
pub const POLL: &[Row] = &[
    row("poll-empty", "poll", Kind::EmptyPoll, "nothing ready: poll with a timeout of zero"),
    row("poll-pair", "pair", FD, "1000 descriptors (SourceFd), each registered and deregistered at once, while nobody polls").at_most(0.3),
    row("poll-pair-socket", "pair", SOCKET, "the same with 1000 net::UnixDatagram").at_most(0.3),
    row("poll-pair-and-polls", "pair", WITH_POLLS, "1000 descriptors registered, poll with a timeout of zero, all deregistered, the same poll; divided by 1000"),
    registration("poll-register", Operation::Register, Source::Fd, "1000 descriptors registered, one after the other, while nobody polls"),
    registration("poll-reregister", Operation::Reregister, Source::Fd, "1000 descriptors reregistered").at_most(0.1),
    registration("poll-deregister", Operation::Deregister, Source::Fd, "1000 descriptors deregistered"),
    registration("poll-register-socket", Operation::Register, Source::Socket, "1000 net::UnixDatagram registered"),
    registration("poll-reregister-socket", Operation::Reregister, Source::Socket, "1000 net::UnixDatagram reregistered").at_most(0.1),
    registration("poll-deregister-socket", Operation::Deregister, Source::Socket, "1000 net::UnixDatagram deregistered"),
    row("poll-ready-of-5000", "cycle", Kind::Crowd(Cycle::Ready), "5000 sources; one of 50 sockets among them gets a datagram: poll(None), read the event, receive until it would block").at_most_of_raw(1.05),
    row("poll-wake-of-5000", "cycle", Kind::Crowd(Cycle::Wake), "5000 idle sources; on one thread: wake, poll(None), read the event").at_most_of_raw(1.05),
    row("poll-wake-1", "cycle", Kind::Wake(wake::Setup::new(1)), "no source; on one thread: wake, poll(None), read the event"),
    row("poll-timeout-100us", "poll", Kind::Timeout { micros: 100 }, "nothing ready: poll(100 µs); the time until it returns, never less than asked for").by(Metric::Wall),
    row("poll-echo-64", "message", Kind::Echo(Setup::new(64, 64).writable()), "64 TCP connections, registered for reading and writing, each with a message of 64 bytes waiting: poll(None), read until it would block, write").at_most(0.8),
    row("poll-echo-64-readable", "message", Kind::Echo(Setup::new(64, 64)), "the same, registered for reading only"),
    row("poll-echo-64-short", "message", Kind::Echo(Setup::new(64, 64).writable().short()), "poll-echo-64, but who may stops at a read that got less than it asked for: not mio").at_most(0.8),
    row("poll-wake-asleep-of-5000", "cycle", Kind::Crowd(Cycle::WakeAsleep), "5000 idle sources; asleep in poll(None) until another thread wakes it; CPU time of the thread that polls").at_most_of_raw(1.05),
    row("poll-echo-64-threads", "message", Kind::Echo(Setup::new(64, 64).writable().threads()), "poll-echo-64 with clients on two other threads, which send the next message as soon as they have the answer; CPU time of the server's thread"),
    row("poll-echo-64-threads-short", "message", Kind::Echo(Setup::new(64, 64).writable().short().threads()), "the same, but who may stops at a read that got less than it asked for: not mio"),
    row("poll-register-threads", "pair", Kind::Threads, "4 threads register and deregister 50,000 times each while a fifth one is in a poll of an hour; the time until all are done, divided by the number of pairs. cpu: of all five").by(Metric::Wall).at_most(0.3),
];
