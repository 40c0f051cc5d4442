//! One direction of a proxied connection.
//!
//! *Back-pressure.* A pipe holds a bounded amount. While it's full its source isn't read, so the
//! kernel's receive buffer fills and the source's peer has to wait: the slowness of the one who
//! reads reaches the one who writes, as it would without a proxy between them.
//!
//! *Half-close.* The source's end is passed on, but only after the last byte of what it had sent;
//! the other direction isn't concerned.

use std::io::{self, Read, Write};

use ferrio_programs::outbox::Outbox;

/// What a pipe writes to.
pub trait Sink: Write {
    /// Sends the end.
    fn finish(&mut self) -> io::Result<()>;
}

pub struct Pipe {
    held: Outbox,
    end: End,
    moved: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The source may send more.
    NotYet,
    /// It has ended; the sink hasn't been told.
    Seen,
    PassedOn,
}

/// How a pipe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// One of its two sides said `WouldBlock`.
    Blocked,
    /// It could have gone on.
    WantsMore,
    Ended,
}

impl Pipe {
    /// A pipe that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Pipe {
        Pipe {
            held: Outbox::new(limit),
            end: End::NotYet,
            moved: 0,
        }
    }

    /// How many bytes have come out of it.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Moves what can be moved without waiting, reading into `buffer` at most `turns` times.
    pub fn advance(
        &mut self,
        source: &mut impl Read,
        sink: &mut impl Sink,
        buffer: &mut [u8],
        turns: usize,
    ) -> io::Result<Flow> {
        for _ in 0..turns {
            self.moved += self.held.flush(sink)? as u64;
            if self.end == End::NotYet && !self.held.is_full() {
                if !self.fill(source, buffer)? {
                    return Ok(Flow::Blocked);
                }
            } else if !self.held.is_empty() {
                return Ok(Flow::Blocked);
            } else {
                // Empty, and so not full: it's at its end.
                if self.end == End::Seen {
                    sink.finish()?;
                    self.end = End::PassedOn;
                }
                return Ok(Flow::Ended);
            }
        }
        self.moved += self.held.flush(sink)? as u64;
        Ok(Flow::WantsMore)
    }

    /// Reads what there is room for. False: there is nothing to read now.
    pub fn fill(&mut self, source: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
        if self.end != End::NotYet || self.held.is_full() {
            return Ok(false);
        }
        let room = self.held.room().min(buffer.len());
        match source.read(&mut buffer[..room]) {
            Ok(0) => self.end = End::Seen,
            Ok(count) => self.held.push(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Gives its pieces one by one; `None` is a `WouldBlock`, and after the last comes the end.
    struct Source(VecDeque<Option<Vec<u8>>>);

    impl Read for Source {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.pop_front() {
                Some(Some(mut piece)) => {
                    let count = piece.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&piece[..count]);
                    if count < piece.len() {
                        self.0.push_front(Some(piece.split_off(count)));
                    }
                    Ok(count)
                }
                Some(None) => Err(io::ErrorKind::WouldBlock.into()),
                None => Ok(0),
            }
        }
    }

    #[derive(Default)]
    struct Taken {
        bytes: Vec<u8>,
        room: usize,
        ends: usize,
    }

    impl Write for Taken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            assert_eq!(self.ends, 0, "bytes after the end");
            self.bytes.extend_from_slice(&bytes[..count]);
            self.room -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink for Taken {
        fn finish(&mut self) -> io::Result<()> {
            self.ends += 1;
            Ok(())
        }
    }

    fn source(pieces: &[&[u8]]) -> Source {
        Source(pieces.iter().map(|piece| Some(piece.to_vec())).collect())
    }

    #[test]
    fn bytes_come_out_as_they_went_in_and_the_end_after_the_last() {
        let mut source = source(&[b"one, ", b"two, ", b"three"]);
        let mut sink = Taken {
            room: 7,
            ..Taken::default()
        };
        let mut pipe = Pipe::new(8);
        let mut advance = |sink: &mut Taken| {
            pipe.advance(&mut source, sink, &mut [0; 4], 100)
                .expect("no error")
        };
        assert_eq!(advance(&mut sink), Flow::Blocked);
        assert_eq!((sink.bytes.as_slice(), sink.ends), (&b"one, tw"[..], 0));
        sink.room = 7;
        assert_eq!(advance(&mut sink), Flow::Blocked);
        assert_eq!(sink.ends, 0, "one byte is still held");
        sink.room = 100;
        assert_eq!(advance(&mut sink), Flow::Ended);
        assert_eq!(sink.bytes, b"one, two, three");
        assert_eq!(advance(&mut sink), Flow::Ended);
        assert_eq!(sink.ends, 1);
        assert_eq!(pipe.moved(), 15);
    }

    #[test]
    fn a_full_pipe_does_not_read() {
        let mut source = source(&[&[1; 100]]);
        let mut sink = Taken::default();
        let mut pipe = Pipe::new(10);
        for _ in 0..3 {
            let flow = pipe.advance(&mut source, &mut sink, &mut [0; 64], 100);
            assert_eq!(flow.expect("no error"), Flow::Blocked);
        }
        let Some(Some(rest)) = source.0.front() else {
            panic!("all was read");
        };
        assert_eq!(rest.len(), 90);
    }

    #[test]
    fn a_busy_pipe_gives_way_after_its_turns() {
        let mut source = source(&[&[1; 100]]);
        let mut sink = Taken {
            room: 1000,
            ..Taken::default()
        };
        let mut pipe = Pipe::new(10);
        let flow = pipe.advance(&mut source, &mut sink, &mut [0; 64], 3);
        assert_eq!(flow.expect("no error"), Flow::WantsMore);
        assert_eq!(sink.bytes.len(), 30, "what it has read has gone out");
    }

    #[test]
    fn nothing_to_read_is_no_end() {
        let mut source = Source(VecDeque::from([Some(b"x".to_vec()), None]));
        let mut sink = Taken {
            room: 10,
            ..Taken::default()
        };
        let mut pipe = Pipe::new(10);
        let flow = pipe.advance(&mut source, &mut sink, &mut [0; 4], 9);
        assert_eq!(flow.expect("no error"), Flow::Blocked);
        assert_eq!((sink.bytes.as_slice(), sink.ends), (&b"x"[..], 0));
    }
}
