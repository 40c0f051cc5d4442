//! IP addresses, between std's form and Winsock's. Field by field: std promises no layout.

#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use windows_sys::Win32::Networking::WinSock::{
    ADDRESS_FAMILY, AF_INET, AF_INET6, IN_ADDR, IN_ADDR_0, IN6_ADDR, IN6_ADDR_0, SOCKADDR,
    SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_IN6_0,
};

/// An address as Winsock takes it, or room for one.
pub(crate) struct RawAddress {
    storage: Storage,
    len: i32,
}

/// Every variant begins with the family; all bytes are always initialised, for the largest is.
#[repr(C)]
union Storage {
    v6: SOCKADDR_IN6,
    v4: SOCKADDR_IN,
    family: ADDRESS_FAMILY,
}

const V4_LEN: i32 = size_of::<SOCKADDR_IN>() as i32;
const V6_LEN: i32 = size_of::<SOCKADDR_IN6>() as i32;

impl RawAddress {
    /// Room for an address that the system writes.
    pub(crate) fn blank() -> RawAddress {
        RawAddress {
            storage: Storage {
                v6: SOCKADDR_IN6::default(),
            },
            len: size_of::<Storage>() as i32,
        }
    }

    pub(crate) fn from_ip(addr: &SocketAddr) -> RawAddress {
        let mut raw = RawAddress::blank();
        match addr {
            SocketAddr::V4(addr) => {
                raw.storage.v4 = SOCKADDR_IN {
                    sin_family: AF_INET,
                    sin_port: addr.port().to_be(),
                    sin_addr: IN_ADDR {
                        S_un: IN_ADDR_0 {
                            S_addr: u32::from_ne_bytes(addr.ip().octets()),
                        },
                    },
                    sin_zero: [0; 8],
                };
                raw.len = V4_LEN;
            }
            SocketAddr::V6(addr) => {
                raw.storage.v6 = SOCKADDR_IN6 {
                    sin6_family: AF_INET6,
                    sin6_port: addr.port().to_be(),
                    sin6_flowinfo: addr.flowinfo(),
                    sin6_addr: IN6_ADDR {
                        u: IN6_ADDR_0 {
                            Byte: addr.ip().octets(),
                        },
                    },
                    Anonymous: SOCKADDR_IN6_0 {
                        sin6_scope_id: addr.scope_id(),
                    },
                };
                raw.len = V6_LEN;
            }
        }
        raw
    }

    pub(crate) fn to_ip(&self) -> io::Result<SocketAddr> {
        // SAFETY: every variant begins with it.
        let family = unsafe { self.storage.family };
        match family {
            AF_INET if self.len >= V4_LEN => {
                // SAFETY: all bytes are initialised, and every value of them is valid.
                let addr = unsafe { self.storage.v4 };
                // SAFETY: as above.
                let ip = unsafe { addr.sin_addr.S_un.S_addr };
                let ip = Ipv4Addr::from(ip.to_ne_bytes());
                let port = u16::from_be(addr.sin_port);
                Ok(SocketAddr::V4(SocketAddrV4::new(ip, port)))
            }
            AF_INET6 if self.len >= V6_LEN => {
                // SAFETY: all bytes are initialised, and every value of them is valid.
                let addr = unsafe { self.storage.v6 };
                // SAFETY: as above.
                let ip = Ipv6Addr::from(unsafe { addr.sin6_addr.u.Byte });
                // SAFETY: as above.
                let scope = unsafe { addr.Anonymous.sin6_scope_id };
                let port = u16::from_be(addr.sin6_port);
                let addr = SocketAddrV6::new(ip, port, addr.sin6_flowinfo, scope);
                Ok(SocketAddr::V6(addr))
            }
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the system has answered with an address that is none of IP",
            )),
        }
    }

    /// For calls that read an address.
    pub(super) fn as_raw(&self) -> (*const SOCKADDR, i32) {
        ((&raw const self.storage).cast(), self.len)
    }

    /// For calls that write one, and its length.
    pub(super) fn as_raw_mut(&mut self) -> (*mut SOCKADDR, *mut i32) {
        ((&raw mut self.storage).cast(), &raw mut self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_way_there_and_back() {
        let v6 = SocketAddrV6::new(Ipv6Addr::new(0xfe80, 1, 2, 3, 4, 5, 6, 7), 8, 9, 10);
        for addr in ["127.0.0.1:80".parse().unwrap(), SocketAddr::V6(v6)] {
            assert_eq!(RawAddress::from_ip(&addr).to_ip().unwrap(), addr);
        }
        assert!(RawAddress::blank().to_ip().is_err());
    }
}
