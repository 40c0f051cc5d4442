//! Socket addresses as the kernel reads and writes them.
//!
//! Everything is converted field by field: how std lays out its address types is nobody's business
//! but std's. A [`RawAddress`] starts as zeroes and its fields are plain numbers, so every view of
//! it is initialised memory, whatever the kernel has written there.

#![allow(unsafe_code)]

#[cfg(os_unix)]
mod unix;

use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use libc::{c_int, sa_family_t, socklen_t};

/// The views of one address. The storage is the largest of them and aligned for all.
#[derive(Clone, Copy)]
#[repr(C)]
union Views {
    storage: libc::sockaddr_storage,
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
    #[cfg(os_unix)]
    unix: libc::sockaddr_un,
}

/// One socket address and its length.
pub(crate) struct RawAddress {
    views: Views,
    len: socklen_t,
}

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
}

fn invalid(sentence: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "address_tests.rs"]
mod tests;
