//! What Unix sockets and Linux's TCP tell and take that the library under test and std have no way to.

use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// How many connections a TCP listener's queue holds, and how many it may hold.
pub fn tcp_queue(listener: &impl AsRawFd) -> (u32, u32) {
    let mut info = [0_u32; 64];
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the pointer and the length describe `info`.
    let result = unsafe {
        libc::getsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    assert_eq!(result, 0, "TCP_INFO: {}", io::Error::last_os_error());
    // struct tcp_info of linux/tcp.h: 8 bytes, then numbers of 32 bits, of which the fifth and the
    // sixth, tcpi_unacked and tcpi_sacked, are these two for a listener (tcp_get_info, net/ipv4/tcp.c).
    (info[6], info[7])
}

/// The kernel's form of a Unix socket's address, made here and not by the library under test.
fn unix_name(name: &[u8], marked: bool) -> (libc::sockaddr_un, libc::socklen_t) {
    // SAFETY: a sockaddr_un is numbers only, which may be zero.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let skip = usize::from(marked);
    assert!(skip + name.len() <= address.sun_path.len());
    for (to, from) in address.sun_path[skip..].iter_mut().zip(name) {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    // A path counts the NUL after it where there is room for one, an abstract name the one before.
    let len = (name.len() + 1).min(address.sun_path.len());
    let len = mem::offset_of!(libc::sockaddr_un, sun_path) + len;
    (address, len as libc::socklen_t)
}

fn raw_unix(address: &SocketAddr) -> (libc::sockaddr_un, libc::socklen_t) {
    match (address.as_pathname(), address.as_abstract_name()) {
        (Some(path), _) => unix_name(path.as_os_str().as_bytes(), false),
        (None, Some(name)) => unix_name(name, true),
        (None, None) => panic!("{address:?} has no name"),
    }
}

/// bind(2) to a path or an abstract name.
pub fn bind_unix(socket: &impl AsRawFd, address: &SocketAddr) -> io::Result<()> {
    let (address, len) = raw_unix(address);
    // SAFETY: the pointer and the length describe `address`.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// connect(2) to a path or an abstract name.
pub fn connect_unix(socket: &impl AsRawFd, address: &SocketAddr) -> io::Result<()> {
    let (address, len) = raw_unix(address);
    // SAFETY: the pointer and the length describe `address`.
    match unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// bind(2) to a path that fills the whole address, so that no NUL ends it.
pub fn bind_full_path(socket: &impl AsRawFd, path: &Path) {
    let (address, len) = unix_name(path.as_os_str().as_bytes(), false);
    assert_eq!(len as usize, size_of::<libc::sockaddr_un>());
    // SAFETY: the pointer and the length describe `address`.
    let result = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    assert_eq!(result, 0, "bind: {}", io::Error::last_os_error());
}
