//! Socket addresses as the kernel reads and writes them.
//!
//! Everything is converted field by field: how std lays out its address types is nobody's business
//! but std's. A [`RawAddress`] starts as zeroes and its fields are plain numbers, so every view of
//! it is initialised memory, whatever the kernel has written there.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;
use std::iter;
use std::mem::{offset_of, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
#[cfg(all(has_abstract_uds, android_std))]
use std::os::android::net::SocketAddrExt;
#[cfg(all(has_abstract_uds, not(android_std)))]
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr as UnixAddr;

use libc::{c_int, sa_family_t, socklen_t};

/// The views of one address. The storage is the largest of them and aligned for all.
#[derive(Clone, Copy)]
#[repr(C)]
union Views {
    storage: libc::sockaddr_storage,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
    unix: libc::sockaddr_un,
}

/// One socket address and its length.
pub(crate) struct RawAddress {
    views: Views,
    len: socklen_t,
}

/// Where the name starts in a Unix socket's address.
const UNIX_NAME: usize = offset_of!(libc::sockaddr_un, sun_path);

impl RawAddress {
    /// Room for the kernel to write an address of any family into.
    pub(crate) fn blank() -> RawAddress {
        RawAddress {
            // SAFETY: `Views` holds numbers and arrays of numbers only; all of them may be zero.
            views: unsafe { std::mem::zeroed() },
            len: size_of::<Views>() as socklen_t,
        }
    }

    /// An Internet address.
    pub(crate) fn from_ip(addr: &SocketAddr) -> RawAddress {
        match addr {
            SocketAddr::V4(addr) => RawAddress::from_v4(addr),
            SocketAddr::V6(addr) => RawAddress::from_v6(addr),
        }
    }

    fn from_v4(addr: &SocketAddrV4) -> RawAddress {
        let mut raw = RawAddress::blank();
        raw.views.v4.sin_family = libc::AF_INET as sa_family_t;
        raw.views.v4.sin_port = addr.port().to_be();
        // `s_addr` is kept in network order, which is the order of the octets (ip(7)).
        raw.views.v4.sin_addr.s_addr = u32::from_ne_bytes(addr.ip().octets());
        raw.len = size_of::<libc::sockaddr_in>() as socklen_t;
        raw
    }

    fn from_v6(addr: &SocketAddrV6) -> RawAddress {
        let mut raw = RawAddress::blank();
        raw.views.v6.sin6_family = libc::AF_INET6 as sa_family_t;
        raw.views.v6.sin6_port = addr.port().to_be();
        raw.views.v6.sin6_addr.s6_addr = addr.ip().octets();
        // Handed on without a change of byte order, as std does in both directions.
        raw.views.v6.sin6_flowinfo = addr.flowinfo();
        raw.views.v6.sin6_scope_id = addr.scope_id();
        raw.len = size_of::<libc::sockaddr_in6>() as socklen_t;
        raw
    }

    /// A Unix socket's address: a path, an abstract name, or none.
    pub(crate) fn from_unix(addr: &UnixAddr) -> io::Result<RawAddress> {
        if let Some(path) = addr.as_pathname() {
            RawAddress::from_path(path.as_os_str().as_bytes())
        } else if let Some(name) = abstract_name(addr) {
            RawAddress::from_abstract(name)
        } else {
            Ok(RawAddress::from_unix_name([], UNIX_NAME))
        }
    }

    fn from_path(path: &[u8]) -> io::Result<RawAddress> {
        if path.contains(&0) {
            return Err(invalid(
                "the path of a Unix socket must not contain a NUL byte",
            ));
        }
        // unix(7): the name should end with a NUL, and the length counts it.
        if path.len() >= RawAddress::unix_capacity() {
            return Err(invalid(
                "the path is too long for the address of a Unix socket",
            ));
        }
        let name = path.iter().copied();
        Ok(RawAddress::from_unix_name(name, UNIX_NAME + path.len() + 1))
    }

    fn from_abstract(name: &[u8]) -> io::Result<RawAddress> {
        // unix(7): a leading NUL marks the name, every byte after it counts, and none ends it.
        if name.len() >= RawAddress::unix_capacity() {
            return Err(invalid(
                "the abstract name is too long for the address of a Unix socket",
            ));
        }
        let marked = iter::once(0).chain(name.iter().copied());
        Ok(RawAddress::from_unix_name(
            marked,
            UNIX_NAME + 1 + name.len(),
        ))
    }

    fn from_unix_name(name: impl IntoIterator<Item = u8>, len: usize) -> RawAddress {
        let mut raw = RawAddress::blank();
        let mut unix = raw.unix();
        unix.sun_family = libc::AF_UNIX as sa_family_t;
        for (to, from) in unix.sun_path.iter_mut().zip(name) {
            *to = libc::c_char::from_ne_bytes([from]);
        }
        raw.views.unix = unix;
        raw.len = len as socklen_t;
        raw
    }

    /// How many bytes of name the address of a Unix socket has room for.
    fn unix_capacity() -> usize {
        RawAddress::blank().unix().sun_path.len()
    }

    /// What bind(2) and connect(2) want.
    pub(super) fn as_raw(&self) -> (*const libc::sockaddr, socklen_t) {
        ((&raw const self.views).cast(), self.len)
    }

    /// What accept(2) and its kin fill in. The length says how much room there is, then how much
    /// the whole address would have taken.
    pub(super) fn as_raw_mut(&mut self) -> (*mut libc::sockaddr, *mut socklen_t) {
        ((&raw mut self.views).cast(), &raw mut self.len)
    }

    /// The Internet address of a peer that the kernel has written.
    ///
    /// XNU's accept(2) may succeed for a connection that was reset in the queue, with no address at all,
    /// where it should say ECONNABORTED (Go's package syscall does the same about it). getpeername(2)
    /// knows no address of it either.
    pub(crate) fn to_ip(&self) -> io::Result<SocketAddr> {
        let holds = |size: usize| self.len as usize >= size;
        match self.family() {
            _ if self.len == 0 => Err(io::Error::from_raw_os_error(libc::ECONNABORTED)),
            libc::AF_INET if holds(size_of::<libc::sockaddr_in>()) => {
                let raw = self.v4();
                let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
                Ok(SocketAddrV4::new(ip, u16::from_be(raw.sin_port)).into())
            }
            libc::AF_INET6 if holds(size_of::<libc::sockaddr_in6>()) => {
                let raw = self.v6();
                let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
                let port = u16::from_be(raw.sin6_port);
                Ok(SocketAddrV6::new(ip, port, raw.sin6_flowinfo, raw.sin6_scope_id).into())
            }
            _ => Err(invalid("the descriptor is not an Internet socket")),
        }
    }

    /// The Unix socket's address that the kernel has written. `None`: std has no way to make a
    /// value of it (on Linux a path of exactly 108 bytes, which leaves no room for a NUL).
    pub(crate) fn to_unix(&self) -> io::Result<Option<UnixAddr>> {
        // A peer without a name may be told by no address at all.
        if self.len != 0 && self.family() != libc::AF_UNIX {
            return Err(invalid("the descriptor is not a Unix socket"));
        }
        // The element is i8 or u8, depending on the target.
        let path = self.unix().sun_path.map(|byte| byte.to_ne_bytes()[0]);
        // The kernel counts what did not fit too, so its length may be beyond the array's.
        let len = (self.len as usize).saturating_sub(UNIX_NAME);
        let name = &path[..len.min(path.len())];

        // Zeroes where a path would be are an abstract name on systems that have such names, and
        // on the others the way to say "unnamed".
        if let Some((0, name)) = name.split_first() {
            if let Some(addr) = from_abstract_name(name) {
                return addr.map(Some);
            }
        }
        let end = name.iter().position(|byte| *byte == 0);
        let path = OsStr::from_bytes(&name[..end.unwrap_or(name.len())]);
        Ok(UnixAddr::from_pathname(path).ok())
    }

    fn family(&self) -> c_int {
        // SAFETY: all bytes were initialised by `blank`, and any value is a valid number.
        c_int::from(unsafe { self.views.storage }.ss_family)
    }

    fn v4(&self) -> libc::sockaddr_in {
        // SAFETY: as in `family`.
        unsafe { self.views.v4 }
    }

    fn v6(&self) -> libc::sockaddr_in6 {
        // SAFETY: as in `family`.
        unsafe { self.views.v6 }
    }

    fn unix(&self) -> libc::sockaddr_un {
        // SAFETY: as in `family`.
        unsafe { self.views.unix }
    }
}

fn invalid(sentence: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}

#[cfg(has_abstract_uds)]
fn abstract_name(addr: &UnixAddr) -> Option<&[u8]> {
    addr.as_abstract_name()
}

#[cfg(not(has_abstract_uds))]
fn abstract_name(_: &UnixAddr) -> Option<&[u8]> {
    None
}

/// `None`: this system has no abstract names.
#[cfg(has_abstract_uds)]
fn from_abstract_name(name: &[u8]) -> Option<io::Result<UnixAddr>> {
    Some(UnixAddr::from_abstract_name(name))
}

#[cfg(not(has_abstract_uds))]
fn from_abstract_name(_: &[u8]) -> Option<io::Result<UnixAddr>> {
    None
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "address_tests.rs"]
mod tests;
