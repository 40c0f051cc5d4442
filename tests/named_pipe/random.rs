//! Random conversations: two programs that do nothing but what events ask for, and still hear every byte.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use ferrio::event::Event;
use ferrio::windows::NamedPipe;
use ferrio::{Events, Interest, Poll, Token};

use crate::fixture::{BOTH, client_of, name, would_block};

/// The same for the same seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

/// The byte at a place of a stream.
fn byte(stream: usize, place: usize) -> u8 {
    (stream * 89 + place * 7 + place / 256) as u8
}

struct End {
    pipe: NamedPipe,
    stream: usize,
    token: Token,
    /// What it says and hears in all, and has so far.
    says: usize,
    said: usize,
    hears: usize,
    heard: usize,
    /// A server before its client has come.
    listening: bool,
    stops_short: bool,
}

impl End {
    fn new(mut pipe: NamedPipe, stream: usize, poll: &Poll, dice: &mut Dice) -> End {
        if dice.below(2) == 0 {
            pipe.set_read_buffer_size(1 + dice.below(5000));
        }
        if dice.below(2) == 0 {
            pipe.set_write_buffer_size(1 + dice.below(20_000));
        }
        let token = Token(stream);
        poll.registry().register(&mut pipe, token, BOTH).unwrap();
        let most = [10, 10_000, 300_000][dice.below(3)];
        End {
            pipe,
            stream,
            token,
            says: dice.below(most),
            said: 0,
            hears: 0,
            heard: 0,
            listening: false,
            stops_short: dice.below(2) == 0,
        }
    }

    fn handle(&mut self, event: &Event, dice: &mut Dice) {
        if self.listening && event.is_writable() {
            self.pipe.connect().unwrap();
            self.listening = false;
        }
        if event.is_readable() {
            self.hear(dice);
        }
        if event.is_writable() {
            self.say(dice);
        }
    }

    fn hear(&mut self, dice: &mut Dice) {
        let mut room = vec![0; 1 + dice.below(9000)];
        // The last byte ends the conversation: the other end may go.
        while self.heard < self.hears {
            match self.pipe.read(&mut room) {
                Ok(0) => panic!("the end after {} of {}", self.heard, self.hears),
                Ok(count) => {
                    for got in &room[..count] {
                        assert_eq!(*got, byte(1 - self.stream, self.heard));
                        self.heard += 1;
                    }
                    if self.stops_short && count < room.len() {
                        return;
                    }
                }
                Err(error) => return assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }

    fn say(&mut self, dice: &mut Dice) {
        while self.said < self.says {
            let len = 1 + dice.below(self.says - self.said);
            let bytes: Vec<u8> = (self.said..self.said + len)
                .map(|place| byte(self.stream, place))
                .collect();
            match self.pipe.write(&bytes) {
                Ok(count) => {
                    self.said += count;
                    if self.stops_short && count < len {
                        return;
                    }
                }
                Err(error) => return assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
    }

    /// What loses nothing, at any time.
    fn disturb(&mut self, poll: &Poll, dice: &mut Dice) {
        let registry = poll.registry();
        match dice.below(6) {
            0 => registry
                .reregister(&mut self.pipe, self.token, BOTH)
                .unwrap(),
            1 => {
                registry.deregister(&mut self.pipe).unwrap();
                registry.register(&mut self.pipe, self.token, BOTH).unwrap();
            }
            2 => {
                let reading = Interest::READABLE;
                registry
                    .reregister(&mut self.pipe, self.token, reading)
                    .unwrap();
                registry
                    .reregister(&mut self.pipe, self.token, BOTH)
                    .unwrap();
            }
            3 => self.pipe.set_read_buffer_size(1 + dice.below(100_000)),
            _ => {}
        }
    }

    fn is_through(&self) -> bool {
        self.said == self.says && self.heard == self.hears
    }
}

fn conversation(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut polls = [Poll::new().unwrap(), Poll::new().unwrap()];
    let apart = dice.below(2);
    let name = name();
    let server = NamedPipe::new(&name).unwrap();
    let mut server = End::new(server, 0, &polls[0], &mut dice);
    would_block(server.pipe.connect());
    server.listening = true;
    let mut client = End::new(client_of(&name), 1, &polls[apart], &mut dice);
    (server.hears, client.hears) = (client.says, server.says);

    // A registration reports again what is ready, so it might hide a lost edge.
    let disturbed = dice.below(2) == 0;
    let mut events = Events::with_capacity(1 + dice.below(4));
    let end = Instant::now() + Duration::from_secs(60);
    while !(server.is_through() && client.is_through()) {
        assert!(Instant::now() < end, "seed {seed}: stuck");
        for poll in &mut polls[..=apart] {
            // With one `Poll` it may block: something is to come.
            let timeout = Duration::from_millis(if apart == 0 { 10_000 } else { 1 });
            poll.poll(&mut events, Some(timeout)).unwrap();
            assert!(
                apart > 0 || !events.is_empty(),
                "seed {seed}: an edge is lost"
            );
            for event in &events {
                match event.token() {
                    Token(0) => server.handle(event, &mut dice),
                    _ => client.handle(event, &mut dice),
                }
            }
        }
        if disturbed {
            server.disturb(&polls[0], &mut dice);
            client.disturb(&polls[apart], &mut dice);
        }
    }
}

#[test]
fn random_conversations_lose_no_byte_and_no_edge() {
    for seed in 0..150 {
        conversation(seed);
    }
}
