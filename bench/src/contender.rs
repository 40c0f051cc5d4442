//! What a contender must be able to do. ferrio and mio do it by one macro, identical code in which only the crate's name
//! differs (`likes_of_mio`); all others watch bare descriptors (`bare`).

pub mod bare;
#[cfg(has_libevent)]
pub mod libevent;
#[cfg(has_libuv)]
pub mod libuv;
mod likes_of_mio;
mod of_polling;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::RawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use clap::ValueEnum;

pub use likes_of_mio::{Ferrio, Mio};
pub use of_polling::Polling;

/// Who runs in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Id {
    /// This workspace's ferrio.
    Ferrio,
    /// mio from crates.io: the baseline of every ratio.
    Mio,
    /// A second, independent mio: its ratio to the first is the error of the measurement.
    Control,
    /// epoll(7) or poll(2), and eventfd(2), called directly, without a library: the floor (except for coalesced wakes).
    Raw,
    /// polling from crates.io, edge-triggered.
    Polling,
    /// libuv's `uv_poll_t` and `uv_async_t`, level-triggered.
    Libuv,
    /// libevent, edge-triggered, with the locks that wakes from other threads take.
    Libevent,
    /// ferrio built for poll(2), beside those on epoll.
    FerrioPoll,
    /// mio built for poll(2), likewise.
    MioPoll,
}

impl Id {
    pub const ALL: [Id; 9] = [
        Id::Mio,
        Id::Ferrio,
        Id::Control,
        Id::Raw,
        Id::Polling,
        Id::Libuv,
        Id::Libevent,
        Id::FerrioPoll,
        Id::MioPoll,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Id::Ferrio => "ferrio",
            Id::Mio => "mio",
            Id::Control => "control",
            Id::Raw => "raw",
            Id::Polling => "polling",
            Id::Libuv => "libuv",
            Id::Libevent => "libevent",
            Id::FerrioPoll => "ferrio-poll",
            Id::MioPoll => "mio-poll",
        }
    }

    /// The package that this build lacks for it.
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Id::Libuv if !cfg!(has_libuv) => Some("libuv1-dev"),
            Id::Libevent if !cfg!(has_libevent) => Some("libevent-dev"),
            _ => None,
        }
    }

    /// Measured in the program that is built for poll(2), as whom there.
    pub fn on_poll(self) -> Option<Id> {
        match self {
            Id::FerrioPoll => Some(Id::Ferrio),
            Id::MioPoll => Some(Id::Mio),
            _ => None,
        }
    }
}

/// What reading the events of one poll found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub events: usize,
    /// Depends on every answer, so that no question can be optimised away.
    pub mix: usize,
}

impl Tally {
    #[inline(always)]
    pub fn add(&mut self, token: usize, answers: [bool; 6]) {
        let mut bits = 0;
        for answer in answers {
            bits = bits << 1 | usize::from(answer);
        }
        self.events += 1;
        self.mix = self.mix.wrapping_mul(31).wrapping_add(token ^ bits);
    }

    #[inline(always)]
    pub fn add_light(&mut self, token: usize, readable: bool) {
        self.events += 1;
        self.mix = self.mix.wrapping_add(token ^ usize::from(readable));
    }
}

/// The operations the rows are written in.
pub trait Contender: 'static {
    type Poll: Send + 'static;
    type Events: Send + 'static;
    type Waker: Send + Sync + 'static;
    /// A socket of the contender's own type, registered as a program would do it.
    type Socket;
    type Stream: Read + Write;
    type Listener;

    /// A read of a stream that got less than it asked for is enough for the next data to be reported; without this
    /// promise one has to read until it would block. (mio makes it on some selectors, not on poll(2).)
    const SHORT_READ_SUFFICES: bool;

    fn poll() -> io::Result<Self::Poll>;
    fn events(capacity: usize) -> Self::Events;
    fn waker(poll: &Self::Poll, token: usize) -> io::Result<Self::Waker>;
    fn wake(waker: &Self::Waker) -> io::Result<()>;
    fn socket(socket: UnixDatagram) -> Self::Socket;
    fn recv(socket: &Self::Socket, buffer: &mut [u8]) -> io::Result<usize>;
    fn stream(stream: TcpStream) -> Self::Stream;
    fn listener(listener: TcpListener) -> Self::Listener;
    /// The next connection, ready to be registered.
    fn accept(listener: &Self::Listener) -> io::Result<Self::Stream>;

    /// Watches a bare descriptor for reading.
    fn register_fd(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()>;
    fn reregister_fd(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()>;
    fn deregister_fd(poll: &Self::Poll, fd: RawFd) -> io::Result<()>;
    fn register_socket(
        poll: &Self::Poll,
        socket: &mut Self::Socket,
        token: usize,
    ) -> io::Result<()>;
    fn reregister_socket(
        poll: &Self::Poll,
        socket: &mut Self::Socket,
        token: usize,
    ) -> io::Result<()>;
    fn deregister_socket(poll: &Self::Poll, socket: &mut Self::Socket) -> io::Result<()>;
    /// Watches a stream for reading, and if `writable` for writing too, as async runtimes always do.
    fn register_stream(
        poll: &Self::Poll,
        stream: &mut Self::Stream,
        token: usize,
        writable: bool,
    ) -> io::Result<()>;
    fn deregister_stream(poll: &Self::Poll, stream: &mut Self::Stream) -> io::Result<()>;
    fn register_listener(
        poll: &Self::Poll,
        listener: &mut Self::Listener,
        token: usize,
    ) -> io::Result<()>;

    /// One poll; repeated if a signal (a debugger, a stop) interrupts it.
    fn wait(
        poll: &mut Self::Poll,
        events: &mut Self::Events,
        timeout: Option<Duration>,
    ) -> io::Result<()>;
    /// Walks over the events and asks each what an async runtime asks: its token and six kinds of readiness.
    fn read(events: &Self::Events) -> Tally;
    /// Walks over the events and asks each for its token and whether it is readable.
    fn read_light(events: &Self::Events) -> Tally;
    /// Appends the tokens of the events that are readable.
    fn readable(events: &Self::Events, tokens: &mut Vec<usize>);
}

/// Registration from other threads than the one that polls.
pub trait ManyThreaded: Contender {
    type Registry: Send + Sync + 'static;

    fn registry(poll: &Self::Poll) -> io::Result<Self::Registry>;
    fn register_through(registry: &Self::Registry, fd: RawFd, token: usize) -> io::Result<()>;
    fn reregister_through(registry: &Self::Registry, fd: RawFd, token: usize) -> io::Result<()>;
    fn deregister_through(registry: &Self::Registry, fd: RawFd) -> io::Result<()>;
}
