//! UDP sockets. See udp(7) and ip(7).

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use super::net;
use super::os::address::RawAddress;
use super::os::socket;

/// A socket bound to `addr`.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = net::ip_socket(&addr, libc::SOCK_DGRAM)?;
    socket::bind(socket.as_fd(), &RawAddress::from_ip(&addr))?;
    Ok(UdpSocket::from(socket))
}

/// Whether an IPv6 socket is restricted to IPv6 (`IPV6_V6ONLY`, ipv6(7)).
pub(crate) fn only_v6(socket: &UdpSocket) -> io::Result<bool> {
    let on = socket::option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)?;
    Ok(on != 0)
}
