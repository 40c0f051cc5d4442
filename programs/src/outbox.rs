//! Bytes on their way out.
//!
//! A non-blocking socket takes what fits into the kernel's buffer and no more. What it doesn't take
//! has to wait somewhere, and that somewhere must not grow without end: a peer that sends requests
//! and never reads the answers would fill the server's memory. So an outbox has a limit. It never
//! refuses bytes, since one can't always stop in the middle of a message, but says when it is full;
//! whoever fills it then stops, and above all stops *reading*. The kernel's receive buffer fills,
//! the peer's window closes, and it is the peer who waits. That is back-pressure.

use std::io::{self, Write};

/// A vector that has grown beyond this is given back once it's empty: most connections never need
/// it again.
const KEEP: usize = 16 * 1024;

/// A queue of bytes with a limit to go by.
pub struct Outbox {
    bytes: Vec<u8>,
    /// How many of them are gone already.
    sent: usize,
    limit: usize,
}

impl Outbox {
    /// An empty one that is full from `limit` bytes on.
    pub fn new(limit: usize) -> Outbox {
        Outbox {
            bytes: Vec::new(),
            sent: 0,
            limit,
        }
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many more until it's full.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.len())
    }

    pub fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Appends bytes, beyond the limit if need be.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_way();
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends what `fill` writes into the vector, which it mustn't change otherwise.
    pub fn push_with(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.make_way();
        fill(&mut self.bytes);
    }

    /// Sends what `stream` takes, and returns how much that was. Less than all: the stream said
    /// `WouldBlock`.
    pub fn flush(&mut self, stream: &mut impl Write) -> io::Result<usize> {
        let before = self.sent;
        while self.sent < self.bytes.len() {
            match stream.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let gone = self.sent - before;
        if self.is_empty() {
            self.sent = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEEP);
        }
        Ok(gone)
    }

    /// Moves what waits to the front once more than half of the vector is gone, so that each byte
    /// is moved once on average and the vector doesn't grow with every flush.
    fn make_way(&mut self) {
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes at most `chunk` bytes at a time and `room` in all, then says `WouldBlock`.
    struct Narrow {
        taken: Vec<u8>,
        chunk: usize,
        room: usize,
    }

    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = bytes.len().min(self.chunk).min(self.room);
            self.taken.extend_from_slice(&bytes[..count]);
            self.room -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn narrow(chunk: usize, room: usize) -> Narrow {
        Narrow {
            taken: Vec::new(),
            chunk,
            room,
        }
    }

    #[test]
    fn what_is_not_taken_waits_and_keeps_its_order() {
        let mut outbox = Outbox::new(100);
        let mut stream = narrow(3, 8);
        outbox.push(b"hello, ");
        outbox.push(b"world");
        assert_eq!(outbox.flush(&mut stream).expect("no error"), 8);
        assert_eq!(outbox.len(), 4);
        stream.room = 2;
        assert_eq!(outbox.flush(&mut stream).expect("no error"), 2);
        outbox.push(b"!");
        stream.room = 100;
        assert_eq!(outbox.flush(&mut stream).expect("no error"), 3);
        assert!(outbox.is_empty());
        assert_eq!(stream.taken, b"hello, world!");
    }

    #[test]
    fn it_is_full_at_its_limit_and_again_has_room_below() {
        let mut outbox = Outbox::new(10);
        outbox.push(b"123456789");
        assert!(!outbox.is_full());
        assert_eq!(outbox.room(), 1);
        outbox.push(b"0abc");
        assert!(outbox.is_full());
        assert_eq!((outbox.len(), outbox.room()), (13, 0));
        outbox.flush(&mut narrow(100, 4)).expect("no error");
        assert!(!outbox.is_full());
    }

    #[test]
    fn interruptions_are_repeated_and_other_errors_passed_on() {
        struct Scripted(Vec<io::Result<usize>>);
        impl Write for Scripted {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0.remove(0)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut outbox = Outbox::new(10);
        outbox.push(b"abcd");
        let interrupted = Err(io::ErrorKind::Interrupted.into());
        let reset = Err(io::ErrorKind::ConnectionReset.into());
        let mut stream = Scripted(vec![interrupted, Ok(1), reset, Ok(0)]);
        let error = outbox.flush(&mut stream).expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let error = outbox.flush(&mut stream).expect_err("nothing was taken");
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
        assert_eq!(outbox.len(), 3);
    }

    #[test]
    fn it_does_not_grow_while_as_much_goes_as_comes() {
        let mut outbox = Outbox::new(1000);
        let mut stream = narrow(usize::MAX, 0);
        outbox.push(&[7; 500]);
        for _ in 0..10_000 {
            outbox.push(&[7; 100]);
            stream.room = 100;
            outbox.flush(&mut stream).expect("no error");
            stream.taken.clear();
        }
        assert_eq!(outbox.len(), 500);
        assert!(
            outbox.bytes.capacity() < 8000,
            "{}",
            outbox.bytes.capacity()
        );
    }

    #[test]
    fn memory_of_a_burst_is_given_back() {
        let mut outbox = Outbox::new(1000);
        outbox.push_with(|bytes| bytes.resize(1 << 20, 1));
        outbox
            .flush(&mut narrow(4096, usize::MAX))
            .expect("no error");
        assert!(outbox.bytes.capacity() <= KEEP);
    }
}
