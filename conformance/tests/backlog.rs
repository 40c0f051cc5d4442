//! Checklist row 112: listeners have the backlog of std's listeners.
//!
//! Needs IPv6 on the loopback interface.
#![cfg(unix)]

use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::AsRawFd;

use ferrio::net::TcpListener;

/// The backlog that the kernel keeps for a listening TCP socket: tcp_get_info() in net/ipv4/tcp.c
/// puts it into `tcpi_sacked`.
fn backlog(listener: &impl AsRawFd) -> u32 {
    // SAFETY: all zeroes is a valid tcp_info, which is made of numbers.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe `info`.
    let result = unsafe {
        libc::getsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut length,
        )
    };
    assert_eq!(result, 0, "TCP_INFO: {}", io::Error::last_os_error());
    info.tcpi_sacked
}

#[test]
fn tcp_listeners_have_stds_backlog() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let address: SocketAddr = address.parse().expect("an address");
        let stds = net::TcpListener::bind(address).expect("bind");
        let ours = TcpListener::bind(address).expect("bind");
        assert!(backlog(&stds) > 0);
        assert_eq!(backlog(&ours), backlog(&stds), "{address}");
    }
}
