//! Contenders that watch bare descriptors and leave sockets to std: whoever can do this can do all of [`Contender`].

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rustix::net::SocketFlags;

use super::{Contender, Tally};

/// What there is beside sockets.
pub trait Bare: 'static {
    type Poll: Send + 'static;
    type Events: Send + 'static;
    type Waker: Send + Sync + 'static;

    fn poll() -> io::Result<Self::Poll>;
    fn events(capacity: usize) -> Self::Events;
    fn waker(poll: &Self::Poll, token: usize) -> io::Result<Self::Waker>;
    fn wake(waker: &Self::Waker) -> io::Result<()>;
    /// For reading.
    fn add(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()>;
    fn modify(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()>;
    fn remove(poll: &Self::Poll, fd: RawFd) -> io::Result<()>;
    fn wait(
        poll: &mut Self::Poll,
        events: &mut Self::Events,
        timeout: Option<Duration>,
    ) -> io::Result<()>;
    /// The token of each event, with what an async runtime wants to know: readable, writable, read closed, write
    /// closed, priority, error.
    fn each(events: &Self::Events, visit: impl FnMut(usize, [bool; 6]));
}

impl<B: Bare> Contender for B {
    type Poll = B::Poll;
    type Events = B::Events;
    type Waker = B::Waker;
    type Socket = UnixDatagram;
    type Stream = TcpStream;
    type Listener = TcpListener;

    const SHORT_READ_SUFFICES: bool = true;

    fn poll() -> io::Result<B::Poll> {
        B::poll()
    }

    fn events(capacity: usize) -> B::Events {
        B::events(capacity)
    }

    fn waker(poll: &B::Poll, token: usize) -> io::Result<B::Waker> {
        B::waker(poll, token)
    }

    #[inline(always)]
    fn wake(waker: &B::Waker) -> io::Result<()> {
        B::wake(waker)
    }

    fn socket(socket: UnixDatagram) -> UnixDatagram {
        socket
    }

    #[inline(always)]
    fn recv(socket: &UnixDatagram, buffer: &mut [u8]) -> io::Result<usize> {
        socket.recv(buffer)
    }

    fn stream(stream: TcpStream) -> TcpStream {
        stream
    }

    fn listener(listener: TcpListener) -> TcpListener {
        listener
    }

    /// Non-blocking in one call, which std has no way to ask for.
    #[inline(always)]
    fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(rustix::net::accept_with(listener, flags)?.into())
    }

    #[inline(always)]
    fn register_fd(poll: &B::Poll, fd: RawFd, token: usize) -> io::Result<()> {
        B::add(poll, fd, token)
    }

    #[inline(always)]
    fn reregister_fd(poll: &B::Poll, fd: RawFd, token: usize) -> io::Result<()> {
        B::modify(poll, fd, token)
    }

    #[inline(always)]
    fn deregister_fd(poll: &B::Poll, fd: RawFd) -> io::Result<()> {
        B::remove(poll, fd)
    }

    #[inline(always)]
    fn register_socket(poll: &B::Poll, socket: &mut UnixDatagram, token: usize) -> io::Result<()> {
        B::add(poll, socket.as_raw_fd(), token)
    }

    #[inline(always)]
    fn reregister_socket(
        poll: &B::Poll,
        socket: &mut UnixDatagram,
        token: usize,
    ) -> io::Result<()> {
        B::modify(poll, socket.as_raw_fd(), token)
    }

    #[inline(always)]
    fn deregister_socket(poll: &B::Poll, socket: &mut UnixDatagram) -> io::Result<()> {
        B::remove(poll, socket.as_raw_fd())
    }

    /// Without interest in writing: a bare loop asks when it has something to write.
    #[inline(always)]
    fn register_stream(
        poll: &B::Poll,
        stream: &mut TcpStream,
        token: usize,
        _writable: bool,
    ) -> io::Result<()> {
        B::add(poll, stream.as_raw_fd(), token)
    }

    #[inline(always)]
    fn deregister_stream(poll: &B::Poll, stream: &mut TcpStream) -> io::Result<()> {
        B::remove(poll, stream.as_raw_fd())
    }

    fn register_listener(
        poll: &B::Poll,
        listener: &mut TcpListener,
        token: usize,
    ) -> io::Result<()> {
        B::add(poll, listener.as_raw_fd(), token)
    }

    #[inline(always)]
    fn wait(
        poll: &mut B::Poll,
        events: &mut B::Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        loop {
            match B::wait(poll, events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    #[inline(always)]
    fn read(events: &B::Events) -> Tally {
        let mut tally = Tally::default();
        B::each(events, |token, answers| tally.add(token, answers));
        tally
    }

    #[inline(always)]
    fn read_light(events: &B::Events) -> Tally {
        let mut tally = Tally::default();
        B::each(events, |token, [readable, ..]| {
            tally.add_light(token, readable);
        });
        tally
    }

    #[inline(always)]
    fn readable(events: &B::Events, tokens: &mut Vec<usize>) {
        B::each(events, |token, [readable, ..]| {
            if readable {
                tokens.push(token);
            }
        });
    }
}
