//! A stream that remembers what its events said.
//!
//! ferrio's events are edge-triggered: an event says that something has changed, and doesn't come
//! again while it stays so. If a program stops reading before `WouldBlock`, because it has no room
//! for more or because others want their turn, nothing will tell it that there is still something
//! to read. So it has to remember: a direction is open from an event until an operation says
//! `WouldBlock`, and only then is the next event certain to come.
//!
//! A [`Socket`] does the remembering. While a direction is shut it answers `WouldBlock` itself,
//! without a system call, so that code on top of it may simply try.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use ferrio::event::Event;
use ferrio::net::TcpStream;
use ferrio::{Interest, Registry, Token};

pub struct Socket {
    stream: TcpStream,
    can_read: bool,
    can_write: bool,
}

impl Socket {
    /// Registers a stream for both directions, at once and for good: with edges, an interest that
    /// isn't needed right now costs nothing.
    pub fn register(stream: TcpStream, registry: &Registry, token: Token) -> io::Result<Socket> {
        let mut stream = stream;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        // Small messages should leave at once. Where the option isn't to be had, they'll be late.
        let _ = stream.set_nodelay(true);
        Ok(Socket {
            stream,
            // Nothing is known yet, so both are worth a try.
            can_read: true,
            can_write: true,
        })
    }

    /// Takes note of an event. Errors are found by using the stream, so they open both directions.
    pub fn note(&mut self, event: &Event) {
        self.can_read |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.can_write |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// May reading be worth a try? False: an event will come.
    pub fn can_read(&self) -> bool {
        self.can_read
    }

    pub fn can_write(&self) -> bool {
        self.can_write
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Tells the peer that no more will be sent, after all that was; it may still send.
    pub fn finish(&self) -> io::Result<()> {
        match self.stream.shutdown(Shutdown::Write) {
            // The peer has reset the connection: it needn't be told any more.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        }
    }

    /// Closes with a reset instead of an orderly end: whatever was sent and not read yet is lost,
    /// and the peer sees an error rather than an end it could take for the end of the data.
    pub fn abort(self) {
        // socket(7): with SO_LINGER on and a time of zero, close(2) resets. Should the option fail,
        // the peer gets an ordinary close.
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

impl Read for Socket {
    /// Reads once. Short reads don't shut the direction: the end of the stream may have been
    /// announced in the same event as the last bytes, and no other would come for it.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Socket {
            stream, can_read, ..
        } = self;
        attempt(can_read, || stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Socket {
            stream, can_write, ..
        } = self;
        attempt(can_write, || stream.write(bytes))
    }

    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let Socket {
            stream, can_write, ..
        } = self;
        attempt(can_write, || stream.write_vectored(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Does `operation` unless its direction is shut, and shuts it on `WouldBlock`.
fn attempt(
    is_open: &mut bool,
    mut operation: impl FnMut() -> io::Result<usize>,
) -> io::Result<usize> {
    while *is_open {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => *is_open = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrio::{Events, Poll};

    #[test]
    fn a_direction_is_shut_by_would_block_and_opened_by_an_event() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(4);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("its address");
        let mut peer = std::net::TcpStream::connect(address).expect("a connection");
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nonblocking(true).expect("non-blocking");
        let stream = TcpStream::from_std(stream);
        let mut socket = Socket::register(stream, poll.registry(), Token(3)).expect("registered");

        let mut buffer = [0; 8];
        let error = socket.read(&mut buffer).expect_err("nothing to read");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(!socket.can_read() && socket.can_write());

        peer.write_all(b"abc").expect("sent");
        while !socket.can_read() {
            poll.poll(&mut events, None).expect("events");
            events.iter().for_each(|event| socket.note(event));
        }
        assert_eq!(socket.read(&mut buffer).expect("bytes"), 3);
        assert!(socket.can_read(), "a short read doesn't shut it");
    }

    #[test]
    fn interruptions_are_repeated() {
        let mut answers = vec![Ok(5), Err(io::ErrorKind::Interrupted.into())];
        let mut is_open = true;
        let done = attempt(&mut is_open, || answers.pop().expect("no third call"));
        assert_eq!(done.expect("bytes"), 5);
        assert!(is_open);
    }

    #[test]
    fn a_shut_direction_makes_no_call() {
        let error = attempt(&mut false, || panic!("called")).expect_err("shut");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
