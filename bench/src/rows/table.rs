//! The rows of the epoll suite. Those with one thread are measured first, whatever the order here: once a process has had
//! a second thread, glibc's epoll_wait(2) and write(2) do more (a thread could cancel them), and while it has one, so does
//! the kernel (descriptors are shared). The rows in company repeat some under that condition, which is that of most
//! programs with wakers.

use super::echo::Setup as Echo;
use super::harvest::Harvest;
use super::memory::Of;
use super::registration::{Operation, Source};
use super::row::{Kind, Metric, Row};
use super::wake::Setup as Wake;
use crate::descriptors::Sort::{Eventfd, Tcp, Unix};

const fn harvest(name: &'static str, harvest: Harvest, what: &'static str) -> Row {
    let row = Row::new(name, "poll", Kind::Harvest(harvest), what);
    if harvest.ready >= 64 {
        return row.parity();
    }
    match harvest.timeout {
        None => row.at_most(1.03),
        Some(_) => row,
    }
}

const ONE: &str = "one source, ready: poll(None), read every event";
const ONE_OF_MANY: &str =
    "1000 sources, one ready (another one each time): poll(None), read every event";
const SOME: &str = "1000 sources, 64 ready: poll(None), read every event";
const SOME_OF_MORE: &str = "8000 sources, 64 ready: poll(None), read every event";
const ALL: &str = "1000 sources, all ready: poll(None), read every event";
const SECOND: &str = "the same on an eventfd with a timeout of a second, which does not pass: ferrio reads the clock, mio does not";
const ZERO: &str = "the same on eventfds with a timeout of zero";

#[rustfmt::skip]
pub const HARVEST: &[Row] = &[
    harvest("harvest-1-of-1", Harvest::new(1, 1, Eventfd), ONE),
    harvest("harvest-1-of-1-unix", Harvest::new(1, 1, Unix), ONE),
    harvest("harvest-1-of-1-tcp", Harvest::new(1, 1, Tcp), ONE),
    harvest("harvest-1-of-1-zero", Harvest::new(1, 1, Eventfd).zero_timeout(), ZERO).few(),
    harvest("harvest-1-of-1-second", Harvest::new(1, 1, Eventfd).with_timeout(), SECOND).few(),
    harvest("harvest-1-of-1000", Harvest::new(1, 1000, Eventfd), ONE_OF_MANY),
    harvest("harvest-1-of-1000-unix", Harvest::new(1, 1000, Unix), ONE_OF_MANY),
    harvest("harvest-1-of-1000-tcp", Harvest::new(1, 1000, Tcp), ONE_OF_MANY),
    harvest("harvest-1-of-1000-zero", Harvest::new(1, 1000, Eventfd).zero_timeout(), ZERO).few(),
    harvest("harvest-64-of-1000", Harvest::new(64, 1000, Eventfd), SOME),
    harvest("harvest-64-of-1000-unix", Harvest::new(64, 1000, Unix), SOME),
    harvest("harvest-64-of-1000-tcp", Harvest::new(64, 1000, Tcp), SOME),
    harvest("harvest-64-of-1000-zero", Harvest::new(64, 1000, Eventfd).zero_timeout(), ZERO).few(),
    harvest("harvest-1000-of-1000", Harvest::new(1000, 1000, Eventfd), ALL),
    harvest("harvest-1000-of-1000-unix", Harvest::new(1000, 1000, Unix), ALL),
    harvest("harvest-1000-of-1000-tcp", Harvest::new(1000, 1000, Tcp), ALL),
    harvest("harvest-1000-of-1000-light", Harvest::new(1000, 1000, Eventfd).light(), "the same on eventfds, asking each event for its token and whether it is readable, no more").few(),
    harvest("harvest-64-of-8000", Harvest::new(64, 8000, Eventfd), SOME_OF_MORE),
    harvest("harvest-64-of-8000-unix", Harvest::new(64, 8000, Unix), SOME_OF_MORE),
    harvest("harvest-64-of-8000-tcp", Harvest::new(64, 8000, Tcp), SOME_OF_MORE),
    Row::new("empty-poll", "poll", Kind::EmptyPoll, "nothing ready: poll with a timeout of zero").at_most(0.97),
];

const fn registration(
    name: &'static str,
    operation: Operation,
    source: Source,
    what: &'static str,
) -> Row {
    Row::new(name, "call", Kind::Registration(operation, source), what).parity()
}

const fn blocked(name: &'static str, operation: Operation, what: &'static str) -> Row {
    Row::new(name, "call", Kind::Blocked(operation), what)
        .by(Metric::CpuOfAll)
        .parity()
}

#[rustfmt::skip]
pub const REGISTRATION: &[Row] = &[
    registration("register", Operation::Register, Source::Fd, "1000 descriptors (SourceFd) registered, one after the other"),
    registration("reregister", Operation::Reregister, Source::Fd, "1000 descriptors reregistered"),
    registration("deregister", Operation::Deregister, Source::Fd, "1000 descriptors deregistered"),
    registration("register-socket", Operation::Register, Source::Socket, "1000 net::UnixDatagram registered").few(),
    registration("reregister-socket", Operation::Reregister, Source::Socket, "1000 net::UnixDatagram reregistered").few(),
    registration("deregister-socket", Operation::Deregister, Source::Socket, "1000 net::UnixDatagram deregistered").few(),
    Row::new("register-and-polls", "pair", Kind::Pair { source: Source::Fd, with_polls: true }, "1000 descriptors registered, poll with a timeout of zero, all deregistered, the same poll; divided by 1000"),
    blocked("register-blocked", Operation::Register, "register while another thread is blocked in the poll; CPU time of both"),
    blocked("reregister-blocked", Operation::Reregister, "reregister likewise"),
    blocked("deregister-blocked", Operation::Deregister, "deregister likewise"),
];

const fn wake(name: &'static str, setup: Wake, limit: f64, what: &'static str) -> Row {
    Row::new(name, "cycle", Kind::Wake(setup), what).at_most(limit)
}

#[rustfmt::skip]
pub const WAKE: &[Row] = &[
    wake("wake-1", Wake::new(1), 0.22, "on one thread: wake, poll(None), read the one event"),
    wake("wake-1-zero", Wake::new(1).zero_timeout(), 0.22, "the same with a timeout of zero").few(),
    wake("wake-1-beside-1000", Wake::new(1).beside(1000), 0.22, "wake-1 beside 1000 idle descriptors"),
    wake("wake-1-beside-8000", Wake::new(1).beside(8000), 0.22, "wake-1 beside 8000 idle descriptors"),
    wake("wake-16", Wake::new(16), 0.05, "on one thread: 16 wakes, poll(None), read the one event"),
    wake("wake-256", Wake::new(256), 0.025, "on one thread: 256 wakes, poll(None), read the one event"),
    Row::new("wake-hammer", "wake", Kind::Hammer, "this thread wakes without a pause while another one, on another CPU, polls; CPU time of this thread").at_most(0.04),
    Row::new("ping-pong", "round trip", Kind::PingPong { one_cpu: false }, "two threads on two CPUs, each asleep in poll(None) until the other one wakes it; CPU time of both").by(Metric::CpuOfAll).parity(),
    Row::new("ping-pong-one-cpu", "round trip", Kind::PingPong { one_cpu: true }, "the same with both threads on one CPU").by(Metric::CpuOfAll).few(),
];

#[rustfmt::skip]
pub const TIME: &[Row] = &[
    Row::new("timeout-100us", "poll", Kind::Timeout { micros: 100 }, "nothing ready: poll(100 µs); the time until it returns, never less than asked for").by(Metric::Wall).at_most(0.20),
    Row::new("timeout-500us", "poll", Kind::Timeout { micros: 500 }, "the same with 500 µs").by(Metric::Wall),
];

const fn echo(name: &'static str, connections: usize, size: usize, what: &'static str) -> Row {
    let setup = Echo::new(connections, size);
    Row::new(name, "message", Kind::Echo(setup), what).parity()
}

#[rustfmt::skip]
pub const TCP: &[Row] = &[
    echo("echo-1", 1, 64, "one TCP connection, a message of 64 bytes waiting: poll(None), read until it would block, write"),
    echo("echo-1-4k", 1, 4096, "the same with 4 KiB"),
    echo("echo-64", 64, 64, "64 TCP connections, each with a message of 64 bytes waiting"),
    echo("echo-64-4k", 64, 4096, "the same with 4 KiB"),
    echo("echo-1000", 1000, 64, "1000 TCP connections, each with a message of 64 bytes waiting"),
    echo("echo-1000-4k", 1000, 4096, "the same with 4 KiB"),
    Row::new("churn", "connection", Kind::AcceptEchoClose, "32 TCP connections wait with 64 bytes each: accept, register, read, echo, read the end, deregister, close").parity(),
];

#[rustfmt::skip]
pub const SIZE: &[Row] = &[
    Row::new("startup", "poll", Kind::Startup, "a poll with a waker made, and dropped"),
    Row::new("memory-per-poll", "poll", Kind::Memory(Of::Poll), "heap that a poll with a waker takes, without the buffer for events").by(Metric::Bytes),
    Row::new("memory-per-descriptor", "descriptor", Kind::Memory(Of::Descriptor), "heap that each of 1000 registered descriptors takes, of libuv and libevent with the table that finds their handles; the kernel's memory is not in it").by(Metric::Bytes),
    Row::new("descriptors-per-poll", "poll", Kind::Memory(Of::OpenFiles), "descriptors that a poll with a waker opens").by(Metric::Descriptors),
    Row::new("build", "build", Kind::ColdBuild, "a package that depends on it alone, built for release from nothing but the sources; CPU time of all compilers").by(Metric::CpuOfAll),
];

#[rustfmt::skip]
pub const COMPANY: &[Row] = &[
    Row::new("harvest-1-of-1000-company", "poll", Kind::Harvest(Harvest::new(1, 1000, Eventfd)), "harvest-1-of-1000 in a process with a second, sleeping thread").in_company(),
    Row::new("empty-poll-company", "poll", Kind::EmptyPoll, "empty-poll in a process with a second, sleeping thread").in_company(),
    Row::new("wake-1-company", "cycle", Kind::Wake(Wake::new(1)), "wake-1 in a process with a second, sleeping thread").in_company(),
];
