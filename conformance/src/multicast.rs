//! Multicast groups that no other test uses, on the loopback interface.

#[cfg(unix)]
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::pairs::process_number;

/// Different for every call, and for processes that run at the same time.
fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    process_number().wrapping_mul(64).wrapping_add(next)
}

/// A group of the block for use within one site, 239.255.0.0/16 and its neighbours (RFC 2365).
pub fn group_v4() -> Ipv4Addr {
    let [_, b, c, d] = number().to_be_bytes();
    Ipv4Addr::new(239, b | 0xc0, c, d)
}

/// A group of the link's scope.
pub fn group_v6() -> Ipv6Addr {
    let number = number();
    let (high, low) = ((number >> 16) as u16, number as u16);
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0xfe11, high, low)
}

/// The number of the loopback interface.
#[cfg(unix)]
pub fn loopback_index() -> u32 {
    // SAFETY: the argument is a C string, which the call only reads.
    let index = unsafe { libc::if_nametoindex(c"lo".as_ptr()) };
    assert_ne!(index, 0, "no interface is called lo");
    index
}

/// Whether any socket is a member of the group on the loopback interface, as the kernel lists it.
#[cfg(unix)]
pub fn is_member_v6(group: &Ipv6Addr) -> bool {
    let hex: String = group
        .octets()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let list = fs::read_to_string("/proc/net/igmp6").expect("procfs");
    list.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next() == Some("lo") && fields.next() == Some(hex.as_str())
    })
}
