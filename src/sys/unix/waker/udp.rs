//! The waker over a UDP socket, for systems that can poll sockets only.
//!
//! The socket is bound to a port of the loopback interface and connected to itself, so that the
//! kernel drops what anybody else sends there. A ring is a datagram of one byte. Until it is read the
//! socket is readable, level-triggered, so the selector empties it when it has been rung, before it
//! looks at what the ring was for.
//!
//! A datagram that finds the buffer full is refused or dropped. Nothing is lost by it: the socket is
//! readable, and whoever empties it looks for wakes afterwards.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

#[derive(Debug)]
pub(crate) struct Udp(UdpSocket);

impl Udp {
    pub(crate) fn new() -> io::Result<Udp> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        Ok(Udp(socket))
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        loop {
            match self.0.send(&[1]) {
                Ok(_) => return Ok(()),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// Takes all rings out.
    pub(crate) fn silence(&self) -> io::Result<()> {
        loop {
            match self.0.recv(&mut [0; 8]) {
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }
}

impl AsFd for Udp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(all(test, not(ferrio_loom)))]
mod tests {
    use super::*;

    fn is_rung(udp: &Udp) -> bool {
        match udp.0.peek(&mut [0; 8]) {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                false
            }
        }
    }

    #[test]
    fn a_ring_lasts_until_it_is_silenced() {
        let udp = Udp::new().unwrap();
        assert!(!is_rung(&udp));
        for _ in 0..3 {
            udp.ring().unwrap();
        }
        assert!(is_rung(&udp));
        udp.silence().unwrap();
        assert!(!is_rung(&udp));
        udp.ring().unwrap();
        assert!(is_rung(&udp));
    }

    #[test]
    fn a_full_buffer_loses_no_ring() {
        let udp = Udp::new().unwrap();
        for _ in 0..100_000 {
            udp.ring().unwrap();
        }
        assert!(is_rung(&udp));
        udp.silence().unwrap();
        assert!(!is_rung(&udp));
    }

    #[test]
    fn strangers_cannot_ring() {
        let udp = Udp::new().unwrap();
        let address = udp.0.local_addr().unwrap();
        let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        // Refused or dropped: what is sent before a ring would have come before it.
        let _ = stranger.send_to(b"strange", address);
        udp.ring().unwrap();
        let mut bytes = [0; 8];
        assert_eq!(udp.0.recv(&mut bytes).unwrap(), 1);
        assert!(!is_rung(&udp));
    }
}
