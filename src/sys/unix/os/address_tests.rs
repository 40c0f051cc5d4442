#[cfg(all(has_abstract_uds, android_std))]
use std::os::android::net::SocketAddrExt;
#[cfg(all(has_abstract_uds, not(android_std)))]
use std::os::linux::net::SocketAddrExt;
use std::path::Path;

use super::unix::{UNIX_NAME, UnixAddr};
use super::*;

/// What the kernel would see of `raw`: its bytes up to its length.
fn bytes(raw: &RawAddress) -> Vec<u8> {
    let (start, len) = raw.as_raw();
    let start: *const u8 = start.cast();
    (0..len as usize)
        .map(|index| {
            assert!(index < size_of::<Views>());
            // SAFETY: `index` is within the storage, all of which `blank` has initialised.
            let byte = unsafe { start.add(index) };
            // SAFETY: as before.
            unsafe { byte.read() }
        })
        .collect()
}

fn unix_round_trip(addr: &UnixAddr) -> UnixAddr {
    RawAddress::from_unix(addr)
        .unwrap()
        .to_unix()
        .unwrap()
        .unwrap()
}

#[test]
fn internet_addresses_survive_the_way_through_the_kernels_form() {
    let addresses = [
        "0.0.0.0:0",
        "127.0.0.1:80",
        "1.2.3.4:65535",
        "255.255.255.255:258",
        "[::]:0",
        "[::1]:443",
        "[2001:db8:1:2:3:4:5:6]:65535",
    ];
    for addr in addresses {
        let addr: SocketAddr = addr.parse().unwrap();
        assert_eq!(RawAddress::from_ip(&addr).to_ip().unwrap(), addr);
    }
    for (flow, scope) in [(0, 7), (0x000a_bcde, 0), (u32::MAX, u32::MAX)] {
        let addr = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, flow, scope).into();
        assert_eq!(RawAddress::from_ip(&addr).to_ip().unwrap(), addr);
    }
}

#[test]
fn ports_and_octets_are_in_network_order() {
    let raw = bytes(&RawAddress::from_ip(&"1.2.3.4:258".parse().unwrap()));
    assert_eq!(raw.len(), size_of::<libc::sockaddr_in>());
    assert_eq!(raw[2..8], [1, 2, 1, 2, 3, 4]);

    let raw = bytes(&RawAddress::from_ip(&"[102::304]:258".parse().unwrap()));
    assert_eq!(raw.len(), size_of::<libc::sockaddr_in6>());
    assert_eq!(raw[2..4], [1, 2]);
    let mut ip = [0; 16];
    (ip[0], ip[1], ip[14], ip[15]) = (1, 2, 3, 4);
    assert_eq!(raw[8..24], ip);
}

#[test]
fn a_peer_without_any_address_was_aborted() {
    let mut nothing_at_all = RawAddress::blank();
    nothing_at_all.len = 0;
    let error = nothing_at_all.to_ip().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
}

#[test]
fn an_answer_that_is_no_internet_address_is_refused() {
    let refused = |raw: RawAddress| raw.to_ip().unwrap_err().kind() == io::ErrorKind::InvalidInput;
    assert!(refused(RawAddress::blank()));
    let unnamed = UnixAddr::from_pathname("").unwrap();
    assert!(refused(RawAddress::from_unix(&unnamed).unwrap()));
    for addr in ["1.2.3.4:5", "[::1]:5"] {
        let mut raw = RawAddress::from_ip(&addr.parse().unwrap());
        raw.len -= 1;
        assert!(refused(raw));
    }
}

#[test]
fn paths_of_every_length_that_fits_survive() {
    let capacity = RawAddress::unix_capacity();
    for len in 1..capacity {
        let path: String = ('a'..='z').cycle().take(len).collect();
        let addr = UnixAddr::from_pathname(&path).unwrap();
        let raw = RawAddress::from_unix(&addr).unwrap();
        let seen = bytes(&raw);
        // The whole path and the NUL that ends it, no more.
        assert_eq!(seen.len(), UNIX_NAME + len + 1);
        assert_eq!(&seen[UNIX_NAME..][..len], path.as_bytes());
        assert_eq!(seen.last(), Some(&0));
        assert_eq!(unix_round_trip(&addr).as_pathname(), Some(Path::new(&path)));
    }
}

#[test]
fn a_path_that_does_not_fit_or_holds_a_nul_is_invalid_input() {
    let capacity = RawAddress::unix_capacity();
    for path in [
        vec![b'a'; capacity],
        vec![b'a'; capacity + 1],
        vec![b'a'; 4096],
        b"a\0b".to_vec(),
        b"\0ab".to_vec(),
        b"ab\0".to_vec(),
    ] {
        let error = RawAddress::from_path(&path).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn unnamed_is_a_family_and_nothing_else() {
    let unnamed = UnixAddr::from_pathname("").unwrap();
    let raw = RawAddress::from_unix(&unnamed).unwrap();
    assert_eq!(bytes(&raw).len(), UNIX_NAME);
    assert!(unix_round_trip(&unnamed).is_unnamed());
}

#[cfg(has_abstract_uds)]
#[test]
fn abstract_names_of_every_length_that_fits_survive() {
    let capacity = RawAddress::unix_capacity();
    for len in 0..capacity {
        // NULs and all.
        let name: Vec<u8> = (0..len).map(|byte| (byte % 7) as u8).collect();
        let addr = UnixAddr::from_abstract_name(&name).unwrap();
        let seen = bytes(&RawAddress::from_unix(&addr).unwrap());
        assert_eq!(seen.len(), UNIX_NAME + 1 + len);
        assert_eq!(seen[UNIX_NAME], 0);
        assert_eq!(seen[UNIX_NAME + 1..], name);
        assert_eq!(
            unix_round_trip(&addr).as_abstract_name(),
            Some(name.as_slice())
        );
    }
    let error = RawAddress::from_abstract(&vec![b'a'; capacity]).map(|_| ());
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

/// What an accept might leave in a blank address: a Unix socket's with these bytes for a name, and
/// a length that counts `name_len` of them.
fn answer(name: &[u8], name_len: usize) -> RawAddress {
    RawAddress::from_unix_name(name.iter().copied(), UNIX_NAME + name_len)
}

#[test]
fn every_way_to_say_unnamed_is_understood() {
    let is_unnamed = |raw: RawAddress| raw.to_unix().unwrap().unwrap().is_unnamed();
    assert!(is_unnamed(answer(b"", 0)));
    let mut nothing_at_all = RawAddress::blank();
    nothing_at_all.len = 0;
    assert!(is_unnamed(nothing_at_all));
    if !cfg!(has_abstract_uds) {
        assert!(is_unnamed(answer(b"", 14)));
    }
}

#[test]
fn the_path_ends_at_its_nul_or_at_its_length() {
    let path = |raw: RawAddress| {
        raw.to_unix()
            .unwrap()
            .unwrap()
            .as_pathname()
            .unwrap()
            .to_owned()
    };
    assert_eq!(path(answer(b"/a/b", 5)), Path::new("/a/b"));
    assert_eq!(path(answer(b"/a/b", 4)), Path::new("/a/b"));
    assert_eq!(path(answer(b"/a/b", 100)), Path::new("/a/b"));
    assert_eq!(path(answer(b"/a/b", 2)), Path::new("/a"));
}

#[test]
fn a_path_without_room_for_a_nul_is_left_to_std() {
    let capacity = RawAddress::unix_capacity();
    let full = vec![b'a'; capacity];
    // Linux counts the NUL that did not fit.
    for len in [capacity, capacity + 1] {
        assert!(answer(&full, len).to_unix().unwrap().is_none());
    }
}

#[test]
fn an_answer_of_another_family_is_refused() {
    let raw = RawAddress::from_ip(&"127.0.0.1:1".parse().unwrap());
    let error = raw.to_unix().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
