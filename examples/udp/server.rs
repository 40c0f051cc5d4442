//! The side that returns what it gets.

use std::io;
use std::net::SocketAddr;

use ferrio::net::UdpSocket;
use ferrio::{Interest, Poll, Token};

use crate::LONGEST;

/// Datagrams echoed in a row before the loop looks up.
const TURN: usize = 256;

pub struct Server {
    socket: UdpSocket,
    address: SocketAddr,
    buffer: Vec<u8>,
    /// A datagram that didn't fit into the socket's buffer: its length, and where it has to go.
    unsent: Option<(usize, SocketAddr)>,
    /// Neither receiving nor sending has said `WouldBlock` since the last event.
    pub has_more: bool,
    echoed: u64,
    failed: u64,
}

impl Server {
    pub fn bind(poll: &Poll, token: Token, address: SocketAddr) -> Result<Server, String> {
        let failed = |e: io::Error| format!("cannot listen on {address}: {e}");
        let mut socket = UdpSocket::bind(address).map_err(failed)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut socket, token, interest)
            .map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        // Room for one byte more than any datagram has, so that none is cut off unnoticed.
        let buffer = vec![0; LONGEST + 1];
        Ok(Server {
            socket,
            address,
            buffer,
            unsent: None,
            has_more: false,
            echoed: 0,
            failed: 0,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn report(&self) -> String {
        format!("{} datagrams echoed, {} failed", self.echoed, self.failed)
    }

    /// Echoes until a direction says `WouldBlock`, or it's somebody else's turn.
    pub fn echo(&mut self) {
        for _ in 0..TURN {
            // Nothing is received while something is to be sent: what comes meanwhile waits in
            // the kernel, and when there is no room left, gets lost, as UDP has it.
            let Some((length, peer)) = self.unsent.take().or_else(|| self.receive()) else {
                return;
            };
            match self.socket.send_to(&self.buffer[..length], peer) {
                Ok(_) => self.echoed += 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.unsent = Some((length, peer));
                    self.has_more = false;
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    self.unsent = Some((length, peer));
                }
                // This peer can't be reached; the others can.
                Err(_) => self.failed += 1,
            }
        }
    }

    fn receive(&mut self) -> Option<(usize, SocketAddr)> {
        while self.has_more {
            match self.socket.recv_from(&mut self.buffer) {
                Ok(received) => return Some(received),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.has_more = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Some systems report here that an earlier datagram could not be delivered.
                Err(_) => self.failed += 1,
            }
        }
        None
    }
}
