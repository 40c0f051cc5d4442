//! ferrio and mio: one macro writes both.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::RawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::{Contender, ManyThreaded, Tally};

macro_rules! contender {
    ($name:ident, $krate:ident, $short_read_suffices:expr) => {
        pub struct $name;

        impl Contender for $name {
            type Poll = $krate::Poll;
            type Events = $krate::Events;
            type Waker = $krate::Waker;
            type Socket = $krate::net::UnixDatagram;
            type Stream = $krate::net::TcpStream;
            type Listener = $krate::net::TcpListener;

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

            #[inline(always)]
            fn wake(waker: &Self::Waker) -> io::Result<()> {
                waker.wake()
            }

            fn socket(socket: UnixDatagram) -> Self::Socket {
                $krate::net::UnixDatagram::from_std(socket)
            }

            #[inline(always)]
            fn recv(socket: &Self::Socket, buffer: &mut [u8]) -> io::Result<usize> {
                socket.recv(buffer)
            }

            fn stream(stream: TcpStream) -> Self::Stream {
                $krate::net::TcpStream::from_std(stream)
            }

            fn listener(listener: TcpListener) -> Self::Listener {
                $krate::net::TcpListener::from_std(listener)
            }

            #[inline(always)]
            fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
                Ok(listener.accept()?.0)
            }

            #[inline(always)]
            fn register_fd(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()> {
                poll.registry().register(
                    &mut $krate::unix::SourceFd(&fd),
                    $krate::Token(token),
                    $krate::Interest::READABLE,
                )
            }

            #[inline(always)]
            fn reregister_fd(poll: &Self::Poll, fd: RawFd, token: usize) -> io::Result<()> {
                poll.registry().reregister(
                    &mut $krate::unix::SourceFd(&fd),
                    $krate::Token(token),
                    $krate::Interest::READABLE,
                )
            }

            #[inline(always)]
            fn deregister_fd(poll: &Self::Poll, fd: RawFd) -> io::Result<()> {
                poll.registry().deregister(&mut $krate::unix::SourceFd(&fd))
            }

            #[inline(always)]
            fn register_socket(
                poll: &Self::Poll,
                socket: &mut Self::Socket,
                token: usize,
            ) -> io::Result<()> {
                poll.registry()
                    .register(socket, $krate::Token(token), $krate::Interest::READABLE)
            }

            #[inline(always)]
            fn reregister_socket(
                poll: &Self::Poll,
                socket: &mut Self::Socket,
                token: usize,
            ) -> io::Result<()> {
                poll.registry()
                    .reregister(socket, $krate::Token(token), $krate::Interest::READABLE)
            }

            #[inline(always)]
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

            #[inline(always)]
            fn deregister_stream(poll: &Self::Poll, stream: &mut Self::Stream) -> io::Result<()> {
                poll.registry().deregister(stream)
            }

            fn register_listener(
                poll: &Self::Poll,
                listener: &mut Self::Listener,
                token: usize,
            ) -> io::Result<()> {
                poll.registry()
                    .register(listener, $krate::Token(token), $krate::Interest::READABLE)
            }

            #[inline(always)]
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

            #[inline(always)]
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

            #[inline(always)]
            fn read_light(events: &Self::Events) -> Tally {
                let mut tally = Tally::default();
                for event in events.iter() {
                    tally.add_light(event.token().0, event.is_readable());
                }
                tally
            }

            #[inline(always)]
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

            #[inline(always)]
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

            #[inline(always)]
            fn reregister_through(
                registry: &Self::Registry,
                fd: RawFd,
                token: usize,
            ) -> io::Result<()> {
                registry.reregister(
                    &mut $krate::unix::SourceFd(&fd),
                    $krate::Token(token),
                    $krate::Interest::READABLE,
                )
            }

            #[inline(always)]
            fn deregister_through(registry: &Self::Registry, fd: RawFd) -> io::Result<()> {
                registry.deregister(&mut $krate::unix::SourceFd(&fd))
            }
        }
    };
}

contender!(Ferrio, ferrio, true);
contender!(Mio, mio, false);
