//! What TCP and UDP have in common.

use std::io;
use std::net::SocketAddr;
use std::os::windows::io::OwnedSocket;

use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};

use super::os::socket;

/// A new TCP or UDP socket of the family that `addr` belongs to. One of IPv6 is restricted to it, as
/// Windows does unless asked otherwise.
pub(super) fn ip_socket(addr: &SocketAddr, kind: i32) -> io::Result<OwnedSocket> {
    let family = match addr {
        SocketAddr::V4(_) => AF_INET,
        SocketAddr::V6(_) => AF_INET6,
    };
    socket::socket(i32::from(family), kind)
}
