//! The side that sends datagrams and checks what comes back.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ferrio::net::UdpSocket;
use ferrio::{Interest, Poll, Token};

use crate::Args;

/// Datagrams on their way at once: so many, or fewer if they are long, since what the receiver's
/// socket has no room for is lost.
const WINDOW: usize = 16;
const WINDOW_BYTES: usize = 64 * 1024;
/// When to take one for lost and send it again, and how often to try.
const RESEND_AFTER: Duration = Duration::from_millis(200);
const TRIES: u32 = 25;

/// A datagram that hasn't come back yet.
struct Pending {
    resend_at: Instant,
    tries: u32,
}

pub struct Sender {
    socket: UdpSocket,
    address: SocketAddr,
    size: usize,
    count: u64,
    /// The next one to send for the first time.
    next: u64,
    pending: BTreeMap<u64, Pending>,
    can_write: bool,
    returned: u64,
    sent_again: u64,
    lost: u64,
    wrong: u64,
}

impl Sender {
    pub fn connect(
        poll: &Poll,
        token: Token,
        address: SocketAddr,
        args: &Args,
    ) -> Result<Sender, String> {
        let failed = |e: io::Error| format!("cannot send to {address}: {e}");
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0u16; 8], 0).into(),
        };
        let mut socket = UdpSocket::bind(any).map_err(failed)?;
        // Connecting a UDP socket sends nothing. It sets the peer, keeps datagrams of others out,
        // and lets us hear (as an error) when the peer's system has nobody listening there.
        socket.connect(address).map_err(failed)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut socket, token, interest)
            .map_err(failed)?;
        Ok(Sender {
            socket,
            address,
            size: args.size as usize,
            count: args.count,
            next: 0,
            pending: BTreeMap::new(),
            can_write: true,
            returned: 0,
            sent_again: 0,
            lost: 0,
            wrong: 0,
        })
    }

    pub fn is_done(&self) -> bool {
        self.next == self.count && self.pending.is_empty()
    }

    /// How long until a datagram has to be sent again.
    pub fn next_deadline(&self) -> Option<Duration> {
        let next = self
            .pending
            .values()
            .map(|pending| pending.resend_at)
            .min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Sends what is overdue, then as many new ones as the window has room for.
    pub fn send(&mut self) -> Result<(), String> {
        let now = Instant::now();
        let overdue: Vec<u64> = self
            .pending
            .iter()
            .filter(|(_, pending)| pending.resend_at <= now)
            .map(|(&number, _)| number)
            .collect();
        for number in overdue {
            let tries = self
                .pending
                .remove(&number)
                .map_or(0, |pending| pending.tries);
            if tries == TRIES {
                self.lost += 1;
            } else {
                self.sent_again += 1;
                self.send_one(number, tries + 1)?;
            }
        }
        while self.can_write && self.pending.len() < self.window() && self.next < self.count {
            self.send_one(self.next, 1)?;
            self.next += 1;
        }
        Ok(())
    }

    fn window(&self) -> usize {
        (WINDOW_BYTES / self.size).clamp(1, WINDOW)
    }

    fn send_one(&mut self, number: u64, tries: u32) -> Result<(), String> {
        match self.socket.send(&datagram(number, self.size)) {
            // A datagram that the kernel has no room for counts as one lost on its way, and will
            // be sent again like any other. Until there is room, no new ones.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.can_write = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(self.failure(&error)),
        }
        self.pending.insert(
            number,
            Pending {
                resend_at: Instant::now() + RESEND_AFTER,
                tries,
            },
        );
        Ok(())
    }

    pub fn receive(&mut self) -> Result<(), String> {
        self.can_write = true;
        let mut buffer = vec![0; self.size + 1];
        loop {
            match self.socket.recv(&mut buffer) {
                Ok(length) => self.check(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
    }

    fn check(&mut self, received: &[u8]) {
        let number = received
            .first_chunk()
            .map(|bytes| u64::from_le_bytes(*bytes));
        match number {
            Some(number) if number < self.next && received == datagram(number, self.size) => {
                // Not pending any more: it was sent twice, and both came back.
                if self.pending.remove(&number).is_some() {
                    self.returned += 1;
                }
            }
            _ => self.wrong += 1,
        }
    }

    fn failure(&self, error: &io::Error) -> String {
        format!("cannot reach {}: {error}", self.address)
    }

    pub fn report(&self) -> String {
        format!(
            "{} datagrams of {} bytes sent, {} returned and checked, {} wrong, {} lost, {} sent again",
            self.next, self.size, self.returned, self.wrong, self.lost, self.sent_again,
        )
    }

    pub fn is_clean(&self) -> bool {
        self.wrong == 0 && self.lost == 0
    }
}

/// A datagram: its number, then bytes that follow from it.
fn datagram(number: u64, size: usize) -> Vec<u8> {
    let mut bytes = number.to_le_bytes().to_vec();
    let mut state = number;
    while bytes.len() < size {
        // The generator of Knuth's MMIX; its high bits are the good ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.push((state >> 56) as u8);
    }
    bytes
}
