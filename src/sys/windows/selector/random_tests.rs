//! A random user of real sockets, and what the kernel makes of that.

use std::io::{Read, Write};
use std::net::{self, Shutdown};
use std::time::{Duration, Instant};

use crate::net::TcpStream;
use crate::{Events, Interest, Poll, Token};

const STEPS: usize = 4_000;
const CONNECTIONS: usize = 40;
const LIMIT: Duration = Duration::from_secs(30);

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

struct Connection {
    stream: TcpStream,
    peer: net::TcpStream,
    registration: Option<(Token, Interest)>,
    /// Sent by the peer, and not read.
    unread: usize,
    ended: bool,
    /// What the next event may tell: it was registered, or come to the end of.
    armed_read: bool,
    armed_write: bool,
    armed_end: bool,
}

impl Connection {
    fn new() -> Connection {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_nonblocking(true).unwrap();
        let (peer, _) = listener.accept().unwrap();
        peer.set_nodelay(true).unwrap();
        Connection {
            stream: TcpStream::from_std(stream),
            peer,
            registration: None,
            unread: 0,
            ended: false,
            armed_read: false,
            armed_write: false,
            armed_end: false,
        }
    }

    /// Something that has to be reported was not.
    fn is_owed(&self) -> bool {
        let Some((_, interests)) = self.registration else {
            return false;
        };
        let read = interests.is_readable()
            && (self.armed_read && self.unread > 0 || self.armed_end && self.ended);
        read || interests.is_writable() && self.armed_write
    }

    fn read(&mut self, len: usize) {
        match self.stream.read(&mut vec![0; len]) {
            Ok(0) => assert!(self.ended && self.unread == 0),
            Ok(count) => {
                self.unread -= count;
                // After the end that is no edge any more.
                self.armed_read |= count < len && (!self.ended || self.armed_end);
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                self.armed_read = true;
            }
        }
    }
}

struct Run {
    random: Random,
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    next_token: usize,
    seen: usize,
}

impl Run {
    fn step(&mut self) {
        let index = self.random.below(CONNECTIONS);
        let choice = self.random.below(20);
        let small = 1 + self.random.below(100);
        let connection = &mut self.connections[index];
        match choice {
            0..=4 if !connection.ended => {
                connection.peer.write_all(&vec![1; small]).unwrap();
                connection.unread += small;
            }
            5..=8 => connection.read(small),
            9..=10 => connection.read(4096),
            11..=13 => self.register(index),
            14 => self.deregister(index),
            15 if small < 20 && !connection.ended => {
                connection.peer.shutdown(Shutdown::Write).unwrap();
                connection.ended = true;
            }
            16 if small < 30 => *connection = Connection::new(),
            17 => self.poll(Duration::ZERO),
            18 => self.settle(),
            _ => {}
        }
    }

    fn register(&mut self, index: usize) {
        let interests = match self.random.below(3) {
            0 => Interest::READABLE,
            1 => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        };
        let token = Token(self.next_token);
        self.next_token += 1;
        let connection = &mut self.connections[index];
        let registry = self.poll.registry();
        if connection.registration.is_some() {
            registry.reregister(&mut connection.stream, token, interests)
        } else {
            registry.register(&mut connection.stream, token, interests)
        }
        .unwrap();
        connection.registration = Some((token, interests));
        connection.armed_read = true;
        connection.armed_write = true;
        connection.armed_end = true;
    }

    fn deregister(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        let registry = self.poll.registry();
        let result = registry.deregister(&mut connection.stream);
        assert_eq!(result.is_ok(), connection.registration.take().is_some());
    }

    fn poll(&mut self, timeout: Duration) {
        self.poll.poll(&mut self.events, Some(timeout)).unwrap();
        for event in &self.events {
            self.seen += 1;
            let token = event.token();
            let connection = self
                .connections
                .iter_mut()
                .find(|c| c.registration.is_some_and(|(t, _)| t == token))
                .expect("an event of a registration that there is");
            let readable = connection.unread > 0 || connection.ended;
            assert!(!event.is_readable() || readable, "{event:?}");
            assert!(!event.is_read_closed() || connection.ended, "{event:?}");
            assert!(!event.is_error() && !event.is_write_closed(), "{event:?}");
            let news = event.is_readable() && connection.armed_read
                || event.is_writable() && connection.armed_write
                || event.is_read_closed() && connection.armed_end;
            assert!(news, "{event:?}");
            connection.armed_read &= !event.is_readable();
            connection.armed_write &= !event.is_writable();
            connection.armed_end &= !event.is_read_closed();
        }
    }

    /// Polls until everybody has got what he is owed.
    fn settle(&mut self) {
        let start = Instant::now();
        while self.connections.iter().any(Connection::is_owed) {
            // Wine tells of the end when everything before it was read, and not before.
            if self.drain_before_ends() {
                continue;
            }
            assert!(start.elapsed() < LIMIT, "an event is missing");
            self.poll(Duration::from_millis(100));
        }
    }

    /// Reads what stands before an end that was not reported.
    fn drain_before_ends(&mut self) -> bool {
        let waiting = |c: &&mut Connection| {
            c.registration.is_some() && c.ended && c.armed_end && !c.armed_read && c.unread > 0
        };
        let mut any = false;
        for connection in self.connections.iter_mut().filter(waiting) {
            let unread = connection.unread;
            connection.read(unread);
            any = true;
        }
        any
    }
}

#[test]
fn random_users_get_what_they_are_owed_and_nothing_else() {
    let mut run = Run {
        random: Random(0x0DD5_0C4E_7500_0001),
        poll: Poll::new().unwrap(),
        events: Events::with_capacity(16),
        connections: (0..CONNECTIONS).map(|_| Connection::new()).collect(),
        next_token: 0,
        seen: 0,
    };
    for _ in 0..STEPS {
        run.step();
    }
    run.settle();
    assert!(run.seen > STEPS / 10, "{} events", run.seen);
}
