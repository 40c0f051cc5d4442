//! UDP sockets.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::windows::io::AsSocket;

use windows_sys::Win32::Networking::WinSock::{IPPROTO_IPV6, IPV6_V6ONLY, SOCK_DGRAM};

use super::net;
use super::os::address::RawAddress;
use super::os::socket;

/// A socket bound to `addr`.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = net::ip_socket(&addr, SOCK_DGRAM)?;
    socket::bind(&socket, &RawAddress::from_ip(&addr))?;
    Ok(UdpSocket::from(socket))
}

/// Whether an IPv6 socket is restricted to IPv6 (`IPV6_V6ONLY`).
pub(crate) fn only_v6(socket: &UdpSocket) -> io::Result<bool> {
    let on = socket::option(socket.as_socket(), IPPROTO_IPV6, IPV6_V6ONLY)?;
    Ok(on != 0)
}
