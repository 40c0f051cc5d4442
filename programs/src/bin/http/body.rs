//! Finding the end of a request's body, whose content this server has no use for.
//!
//! The next request begins where the body ends, and a mistake here is a security hole: a proxy in
//! front of us and we must agree on where that is (request smuggling, RFC 9112, section 11.2). So
//! whatever isn't exactly as it should be is an error, and ends the connection.

use crate::response::Status;

/// A request's body, or what is still to come of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// So many bytes.
    Length(u64),
    Chunked(Chunked),
}

/// Where in a chunked body (RFC 9112, section 7.1) the next byte is.
#[derive(Debug, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    /// Of the data, so far.
    length: u64,
    limit: u64,
    /// Of size lines and trailers, which carry nothing and so mustn't be long.
    overhead: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the digits of a chunk's size; how many there were, and the number so far.
    Size {
        digits: u8,
        size: u64,
    },
    /// After the digits: extensions, which nobody uses, up to the end of the line.
    Extension {
        size: u64,
    },
    /// After the CR that ends the size line.
    SizeLf {
        size: u64,
    },
    /// So many bytes of data.
    Data {
        left: u64,
    },
    /// The CR after the data, and the LF.
    DataCr,
    DataLf,
    /// After the chunk of size 0: at the start of a line of the trailers, which is the last if it's
    /// empty; in a line of them; after its CR.
    TrailerStart,
    Trailer,
    TrailerLf,
    /// After the CR of the empty line.
    LastLf,
    Done,
}

/// A size of more digits than this could not be counted.
const MAX_DIGITS: u8 = 15;
/// For all size lines and trailers of a body together: a fixed allowance, and as much as the data.
const MAX_OVERHEAD: u64 = 8 * 1024;

impl Body {
    /// A chunked body of at most `limit` bytes of data.
    pub fn chunked(limit: u64) -> Body {
        Body::Chunked(Chunked {
            state: State::Size { digits: 0, size: 0 },
            length: 0,
            limit,
            overhead: 0,
        })
    }

    /// Takes its part of `bytes`, and returns how long that was. Less than all: it's over.
    pub fn skip(&mut self, bytes: &[u8]) -> Result<usize, Status> {
        match self {
            Body::Length(left) => {
                let count = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                Ok(count)
            }
            Body::Chunked(chunked) => chunked.skip(bytes),
        }
    }

    pub fn is_over(&self) -> bool {
        match self {
            Body::Length(left) => *left == 0,
            Body::Chunked(chunked) => chunked.state == State::Done,
        }
    }
}

impl Chunked {
    fn skip(&mut self, bytes: &[u8]) -> Result<usize, Status> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            if let State::Data { left } = self.state {
                let count = (bytes.len() - at).min(usize::try_from(left).unwrap_or(usize::MAX));
                at += count;
                self.state = match left - count as u64 {
                    0 => State::DataCr,
                    left => State::Data { left },
                };
            } else {
                self.state = self.next(bytes[at])?;
                at += 1;
                self.overhead += 1;
                if self.overhead > MAX_OVERHEAD.saturating_add(self.length) {
                    return Err(Status::ContentTooLarge);
                }
            }
        }
        Ok(at)
    }

    /// The state after one byte that isn't data.
    fn next(&mut self, byte: u8) -> Result<State, Status> {
        Ok(match (self.state, byte) {
            (State::Size { digits, size }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
                if digits < MAX_DIGITS =>
            {
                let digit = char::from(byte).to_digit(16).ok_or(Status::BadRequest)?;
                State::Size {
                    digits: digits + 1,
                    size: size << 4 | u64::from(digit),
                }
            }
            (State::Size { digits: 1.., size }, b'\r') => State::SizeLf { size },
            (State::Size { digits: 1.., size }, b';' | b' ' | b'\t') => State::Extension { size },
            (State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::Extension { size }, b'\t' | b' '..=0x7e | 0x80..) => State::Extension { size },
            (State::SizeLf { size: 0 }, b'\n') => State::TrailerStart,
            (State::SizeLf { size }, b'\n') => {
                self.length = self.length.saturating_add(size);
                if self.length > self.limit {
                    return Err(Status::ContentTooLarge);
                }
                State::Data { left: size }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { digits: 0, size: 0 },
            (State::TrailerStart, b'\r') => State::LastLf,
            (State::TrailerStart | State::Trailer, b'\t' | b' '..=0x7e | 0x80..) => State::Trailer,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::LastLf, b'\n') => State::Done,
            _ => return Err(Status::BadRequest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `piece` and returns how much was taken, and whether it's over.
    fn feed(mut body: Body, bytes: &[u8], piece: usize) -> Result<(usize, bool), Status> {
        let mut taken = 0;
        while taken < bytes.len() && !body.is_over() {
            let end = bytes.len().min(taken + piece);
            taken += body.skip(&bytes[taken..end])?;
        }
        Ok((taken, body.is_over()))
    }

    #[test]
    fn a_body_with_a_length_ends_there() {
        for piece in 1..9 {
            assert_eq!(feed(Body::Length(5), b"abcdeGET /", piece), Ok((5, true)));
            assert_eq!(feed(Body::Length(5), b"abc", piece), Ok((3, false)));
        }
        assert!(Body::Length(0).is_over());
    }

    #[test]
    fn a_chunked_body_ends_after_its_last_line_however_it_is_cut() {
        let bodies: [&[u8]; 5] = [
            b"0\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            b"a;name=\"value\"\r\n0123456789\r\n1\r\n\r\r\n000\r\n\r\n",
            b"2\r\n\r\n\r\n0\r\nTrailer: yes\r\nAnother:\r\n\r\n",
            b"1 \r\nx\r\nF\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n\r\n0 ;x\r\n\r\n",
        ];
        for body in bodies {
            let with_next = [body, b"GET / HTTP/1.1\r\n\r\n"].concat();
            for piece in 1..=with_next.len() {
                let fed = feed(Body::chunked(100), &with_next, piece);
                assert_eq!(fed, Ok((body.len(), true)), "{body:?} by {piece}");
            }
            for end in 0..body.len() {
                let fed = feed(Body::chunked(100), &body[..end], 3);
                assert_eq!(fed, Ok((end, false)), "{body:?} to {end}");
            }
        }
    }

    #[test]
    fn what_is_not_quite_chunked_is_an_error() {
        let bodies: [&[u8]; 14] = [
            b"\r\n",
            b"x\r\n",
            b";\r\n",
            b"-1\r\n",
            b"0x1\r\n",
            b"+1\r\n",
            b" 1\r\n",
            b"1\nx\r\n",
            b"1\rx",
            b"1\r\nxy",
            b"1\r\nx\ry",
            b"1\r\nx\n",
            b"0\r\n\n",
            b"0000000000000000\r\n",
        ];
        for body in bodies {
            for piece in [1, 2, 100] {
                let fed = feed(Body::chunked(100), body, piece);
                assert_eq!(fed, Err(Status::BadRequest), "{body:?}");
            }
        }
    }

    #[test]
    fn a_chunked_body_has_a_limit_and_so_has_its_overhead() {
        let too_large = Err(Status::ContentTooLarge);
        assert_eq!(feed(Body::chunked(9), b"a\r\n", 1), too_large);
        assert_eq!(feed(Body::chunked(9), b"5\r\nhello\r\n5\r\n", 1), too_large);
        assert_eq!(feed(Body::chunked(9), b"fffffffffffffff\r\n", 1), too_large);
        let extension = [&b"1;"[..], &[b'x'; 10_000]].concat();
        assert_eq!(feed(Body::chunked(9), &extension, 64), too_large);
        let trailers = [&b"0\r\n"[..], &b"a: b\r\n".repeat(2000)].concat();
        assert_eq!(feed(Body::chunked(9), &trailers, 64), too_large);
        // Chunks of one byte have five of overhead each; an honest sender doesn't do that for long.
        let crumbs = b"1\r\nx\r\n".repeat(3000);
        assert_eq!(feed(Body::chunked(1 << 20), &crumbs, 64), too_large);
    }
}
