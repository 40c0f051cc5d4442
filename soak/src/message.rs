//! What goes over a connection, where every byte can be predicted by the one who receives it.
//!
//! A connection begins with a hello of the client: its number, and a check. Then the client asks
//! and the server answers, one at a time, each with a message of a header and a payload. The
//! payloads of a direction together are one pseudo-random stream, whose key comes from the run's
//! seed, the connection's number and the direction: a byte lost, doubled, changed, or delivered to
//! another connection shows. Lengths and numbers of messages are predicted too. What can't be is
//! the time at which a message was sent; the header's last word vouches for it.

use std::io::{self, ErrorKind, Write};

use crate::clock;

pub const HELLO: usize = 16;
const HEADER: usize = 24;

/// The finaliser of SplitMix64: every bit of the result depends on every bit of `x`.
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Up,
    Down,
}

fn key(seed: u64, id: u64, way: Way) -> u64 {
    let way = match way {
        Way::Up => 0x5550,
        Way::Down => 0x444f_574e,
    };
    mix(mix(seed).wrapping_add(mix(id)).wrapping_add(way))
}

pub fn hello(seed: u64, id: u64) -> [u8; HELLO] {
    let mut bytes = [0; HELLO];
    bytes[..8].copy_from_slice(&id.to_le_bytes());
    bytes[8..].copy_from_slice(&mix(seed ^ mix(id)).to_le_bytes());
    bytes
}

/// The number of the connection that begins with this.
pub fn parse_hello(seed: u64, bytes: &[u8; HELLO]) -> Option<u64> {
    let id = u64_at(bytes, 0);
    (*bytes == hello(seed, id)).then_some(id)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// What the server is to do once it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Stay,
    Close,
    Reset,
}

/// A pseudo-random stream, read from its beginning.
struct Stream {
    key: u64,
    position: u64,
}

impl Stream {
    fn next(&mut self) -> u8 {
        let word = mix(self.key.wrapping_add(self.position / 8)).to_le_bytes();
        let byte = word[(self.position % 8) as usize];
        self.position += 1;
        byte
    }
}

/// Most messages are short, a tenth fills a few packets, and one of four hundred does not fit into
/// what the kernel holds of a connection.
fn length(key: u64, number: u32) -> usize {
    let r = mix(key ^ mix(u64::from(number)));
    let spread = (r >> 32) as usize;
    match r % 400 {
        0 => (64 << 10) + spread % (192 << 10),
        1..=40 => 1024 + spread % 7168,
        _ => 16 + spread % 496,
    }
}

fn order_and_number(order: Order, number: u32) -> u64 {
    let order = match order {
        Order::Stay => 0,
        Order::Close => 1,
        Order::Reset => 2,
    };
    order << 32 | u64::from(number)
}

/// One direction, from the side that sends.
pub struct Writer {
    stream: Stream,
    number: u32,
    bytes: Vec<u8>,
    sent: usize,
}

impl Writer {
    pub fn new(seed: u64, id: u64, way: Way) -> Writer {
        Writer {
            stream: Stream {
                key: key(seed, id, way),
                position: 0,
            },
            number: 0,
            bytes: Vec::new(),
            sent: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// How much waits for the socket.
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Something in front of the first message.
    pub fn push_raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message. Its time is now, so that it's to be sent at once.
    pub fn push(&mut self, order: Order) {
        let key = self.stream.key;
        let (stamp, word) = (clock::now(), order_and_number(order, self.number));
        for part in [stamp, word, mix(key ^ mix(stamp) ^ word)] {
            self.bytes.extend_from_slice(&part.to_le_bytes());
        }
        let length = length(key, self.number);
        self.number += 1;
        self.bytes.reserve(length);
        for _ in 0..length {
            let byte = self.stream.next();
            self.bytes.push(byte);
        }
    }

    /// Changes the last byte, for the test that this is found.
    pub fn spoil(&mut self) {
        if let Some(byte) = self.bytes.last_mut() {
            *byte ^= 1;
        }
    }

    /// Sends what fits. True: all is gone.
    pub fn flush(&mut self, stream: &mut impl Write) -> io::Result<bool> {
        while !self.is_empty() {
            match stream.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // Given back, so that memory that grows is a leak and not a reserve.
        self.bytes = Vec::new();
        self.sent = 0;
        Ok(true)
    }
}

/// What the receiving side finds in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// The header of a message that was sent at that time.
    Begun(u64),
    /// The last byte of it.
    Whole(Order),
}

/// One direction, from the side that receives.
pub struct Reader {
    stream: Stream,
    number: u32,
    header: [u8; HEADER],
    filled: usize,
    /// Of the payload, once the header is complete.
    left: Option<usize>,
    order: Order,
    newest: u64,
}

impl Reader {
    pub fn new(seed: u64, id: u64, way: Way) -> Reader {
        Reader {
            stream: Stream {
                key: key(seed, id, way),
                position: 0,
            },
            number: 0,
            header: [0; HEADER],
            filled: 0,
            left: None,
            order: Order::Stay,
            newest: 0,
        }
    }

    /// Is no message under way?
    pub fn is_between(&self) -> bool {
        self.filled == 0 && self.left.is_none()
    }

    /// Has a message come, or a part of one?
    pub fn has_begun(&self) -> bool {
        self.number > 0 || !self.is_between()
    }

    /// How far it has come.
    pub fn place(&self) -> String {
        let Reader { number, filled, .. } = self;
        match self.left {
            Some(left) => format!("message {number}, {left} bytes of its payload missing"),
            None => format!("message {number}, {filled} bytes of its header there"),
        }
    }

    /// Takes bytes from the front. None: all are taken. An error is what is wrong with them.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Item>, String> {
        match self.left {
            None => {
                let count = bytes.len().min(HEADER - self.filled);
                self.header[self.filled..self.filled + count].copy_from_slice(&bytes[..count]);
                self.filled += count;
                *bytes = &bytes[count..];
                if self.filled < HEADER {
                    return Ok(None);
                }
                self.filled = 0;
                self.parse_header().map(Some)
            }
            Some(0) => {
                self.left = None;
                self.number += 1;
                Ok(Some(Item::Whole(self.order)))
            }
            Some(_) if bytes.is_empty() => Ok(None),
            Some(left) => {
                let (now, later) = bytes.split_at(bytes.len().min(left));
                for &byte in now {
                    let position = self.stream.position;
                    if byte != self.stream.next() {
                        let number = self.number;
                        return Err(format!("byte {position} differs, in message {number}"));
                    }
                }
                *bytes = later;
                self.left = Some(left - now.len());
                self.next(bytes)
            }
        }
    }

    fn parse_header(&mut self) -> Result<Item, String> {
        let key = self.stream.key;
        let [stamp, word, check] = [0, 8, 16].map(|at| u64_at(&self.header, at));
        let orders = [Order::Stay, Order::Close, Order::Reset];
        let order = orders
            .into_iter()
            .find(|&order| order_and_number(order, self.number) == word);
        let order = order.filter(|_| check == mix(key ^ mix(stamp) ^ word));
        self.order = order.ok_or_else(|| format!("message {} has another header", self.number))?;
        if stamp < self.newest || stamp > clock::now() {
            return Err(format!("message {} has an impossible time", self.number));
        }
        self.newest = stamp;
        self.left = Some(length(key, self.number));
        Ok(Item::Begun(stamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(count: usize) -> Vec<u8> {
        let mut writer = Writer::new(1, 2, Way::Up);
        for _ in 0..count {
            writer.push(Order::Close);
        }
        let mut bytes = Vec::new();
        assert!(writer.flush(&mut bytes).unwrap() && writer.is_empty());
        bytes
    }

    fn read(bytes: &[u8], piece: usize, reader: &mut Reader) -> Result<usize, String> {
        let mut whole = 0;
        for mut piece in bytes.chunks(piece) {
            while let Some(item) = reader.next(&mut piece)? {
                whole += usize::from(item == Item::Whole(Order::Close));
            }
            assert!(piece.is_empty());
        }
        Ok(whole)
    }

    #[test]
    fn messages_are_understood_however_they_are_cut() {
        let bytes = messages(30);
        for piece in [1, 7, 24, 100, bytes.len()] {
            let mut reader = Reader::new(1, 2, Way::Up);
            assert_eq!(read(&bytes, piece, &mut reader), Ok(30));
            assert!(reader.is_between());
        }
    }

    #[test]
    fn any_changed_byte_is_found_at_once() {
        let good = messages(3);
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 4;
            let read = read(&bytes, 1000, &mut Reader::new(1, 2, Way::Up));
            assert!(read.is_err(), "byte {at}");
        }
    }

    #[test]
    fn bytes_of_another_connection_direction_or_seed_are_found() {
        let bytes = messages(1);
        for (seed, id, way) in [(1, 2, Way::Down), (1, 3, Way::Up), (2, 2, Way::Up)] {
            assert!(read(&bytes, 1000, &mut Reader::new(seed, id, way)).is_err());
        }
    }

    #[test]
    fn a_lost_and_a_doubled_byte_are_found() {
        let bytes = messages(2);
        for at in [30, bytes.len() - 2] {
            let lost = [&bytes[..at], &bytes[at + 1..]].concat();
            let mut reader = Reader::new(1, 2, Way::Up);
            assert!(read(&lost, 64, &mut reader).is_err() || !reader.is_between());
            let doubled = [&bytes[..at], &bytes[at - 1..]].concat();
            let mut reader = Reader::new(1, 2, Way::Up);
            assert!(read(&doubled, 64, &mut reader).is_err() || !reader.is_between());
        }
    }

    #[test]
    fn a_hello_names_its_connection_and_no_other() {
        let bytes = hello(5, 77);
        assert_eq!(parse_hello(5, &bytes), Some(77));
        assert_eq!(parse_hello(6, &bytes), None);
        for at in 0..HELLO {
            let mut bytes = bytes;
            bytes[at] ^= 1;
            assert_eq!(parse_hello(5, &bytes), None);
        }
    }

    #[test]
    fn some_messages_are_long() {
        let long = (0..4000).filter(|&number| length(9, number) > 64 << 10);
        assert!((2..40).contains(&long.count()));
    }
}
