//! What a contender must be able to do, and its implementation for ferrio and mio by one macro: identical code, only
//! the crate's name differs.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::RawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use clap::ValueEnum;

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
}

impl Id {
    pub fn name(self) -> &'static str {
        match self {
            Id::Ferrio => "ferrio",
            Id::Mio => "mio",
            Id::Control => "control",
            Id::Raw => "raw",
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
    #[inline]
    pub fn add(&mut self, token: usize, answers: [bool; 6]) {
        let mut bits = 0;
        for answer in answers {
            bits = bits << 1 | usize::from(answer);
        }
        self.events += 1;
        self.mix = self.mix.wrapping_mul(31).wrapping_add(token ^ bits);
    }

    #[inline]
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
    fn deregister_through(registry: &Self::Registry, fd: RawFd) -> io::Result<()>;
}

macro_rules! contender {
    ($name:ident, $krate:ident, $short_read_suffices:expr) => {
        pub struct $name;

        impl Contender for $name {
            type Poll = $krate::Poll;
            type Events = $krate::Events;
            type Waker = $krate::Waker;
            type Socket = $krate::net::UnixDatagram;
            type Stream = $krate::net::TcpStream;

            const SHORT_READ_SUFFICES: bool = $short_read_suffices;

            fn poll() -> io::Result<Self::Poll> {
                $krate::Poll::new()
            }

            fn events(capacity: usize) -> Self::Events {
                $krate::Events::with_capacity(capacity)
            }

            fn waker(poll: &Self::Poll, token: usize) -> io::Result<Self::Waker> {
                $krate::Waker::new(poll.registry(), $krate::Token(token))
            }

            #[inline]
            fn wake(waker: &Self::Waker) -> io::Result<()> {
                waker.wake()
            }

            fn socket(socket: UnixDatagram) -> Self::Socket {
                $krate::net::UnixDatagram::from_std(socket)
            }

            #[inline]
            fn recv(socket: &Self::Socket, buffer: &mut [u8]) -> io::Result<usize> {
                socket.recv(buffer)
            }

            fn stream(stream: TcpStream) -> Self::Stream {
                $krate::net::TcpStream::from_std(stream)
            }

            #[inline]
            fn register_fd(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()> {
                poll.registry().register(
                    &mut $krate::unix::SourceFd(&fd),
                    $krate::Token(token),
                    $krate::Interest::READABLE,
                )
            }

            #[inline]
            fn reregister_fd(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()> {
                poll.registry().reregister(
                    &mut $krate::unix::SourceFd(&fd),
                    $krate::Token(token),
                    $krate::Interest::READABLE,
                )
            }

            #[inline]
            fn deregister_fd(poll: &Self::Poll, fd: RawFd) -> io::Result<()> {
                poll.registry().deregister(&mut $krate::unix::SourceFd(&fd))
            }

            #[inline]
            fn register_socket(
                poll: &Self::Poll,
                socket: &mut Self::Socket,
                token: usize,
            ) -> io::Result<()> {
                poll.registry()
                    .register(socket, $krate::Token(token), $krate::Interest::READABLE)
            }

            #[inline]
            fn reregister_socket(
                poll: &Self::Poll,
                socket: &mut Self::Socket,
                token: usize,
            ) -> io::Result<()> {
                poll.registry()
                    .reregister(socket, $krate::Token(token), $krate::Interest::READABLE)
            }

            #[inline]
            fn deregister_socket(poll: &Self::Poll, socket: &mut Self::Socket) -> io::Result<()> {
                poll.registry().deregister(socket)
            }

            fn register_stream(
                poll: &Self::Poll,
                stream: &mut Self::Stream,
                token: usize,
                writable: bool,
            ) -> io::Result<()> {
                let mut interest = $krate::Interest::READABLE;
                if writable {
                    interest |= $krate::Interest::WRITABLE;
                }
                poll.registry()
                    .register(stream, $krate::Token(token), interest)
            }

            #[inline]
            fn wait(
                poll: &mut Self::Poll,
                events: &mut Self::Events,
                timeout: Option<Duration>,
            ) -> io::Result<()> {
                loop {
                    match poll.poll(events, timeout) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        result => return result,
                    }
                }
            }

            #[inline]
            fn read(events: &Self::Events) -> Tally {
                let mut tally = Tally::default();
                for event in events.iter() {
                    tally.add(
                        event.token().0,
                        [
                            event.is_readable(),
                            event.is_writable(),
                            event.is_read_closed(),
                            event.is_write_closed(),
                            event.is_priority(),
                            event.is_error(),
                        ],
                    );
                }
                tally
            }

            #[inline]
            fn read_light(events: &Self::Events) -> Tally {
                let mut tally = Tally::default();
                for event in events.iter() {
                    tally.add_light(event.token().0, event.is_readable());
                }
                tally
            }

            #[inline]
            fn readable(events: &Self::Events, tokens: &mut Vec<usize>) {
                let readable = events.iter().filter(|event| event.is_readable());
                tokens.extend(readable.map(|event| event.token().0));
            }
        }

        impl ManyThreaded for $name {
            type Registry = $krate::Registry;

            fn registry(poll: &Self::Poll) -> io::Result<Self::Registry> {
                poll.registry().try_clone()
            }

            #[inline]
            fn register_through(
                registry: &Self::Registry,
                fd: RawFd,
                token: usize,
            ) -> io::Result<()> {
                registry.register(
                    &mut $krate::unix::SourceFd(&fd),
                    $krate::Token(token),
                    $krate::Interest::READABLE,
                )
            }

            #[inline]
            fn deregister_through(registry: &Self::Registry, fd: RawFd) -> io::Result<()> {
                registry.deregister(&mut $krate::unix::SourceFd(&fd))
            }
        }
    };
}

contender!(Ferrio, ferrio, true);
contender!(Mio, mio, false);
