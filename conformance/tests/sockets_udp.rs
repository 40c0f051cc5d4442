//! UDP: every method, connected and not, broadcast and multicast.
//!
//! Needs IPv6 on the loopback interface.

// Some cases are kept from WASI.
#![cfg_attr(target_os = "wasi", allow(unused_imports))]
#![cfg(not(wasi_p1))] // It has none.

use std::io::ErrorKind;
use std::net::{self, Ipv4Addr, Ipv6Addr, SocketAddr};
#[cfg(unix)]
use std::os::fd::OwnedFd;

use ferrio::Interest;
use ferrio::event::Event;
use ferrio::net::UdpSocket;
use ferrio_conformance::kernel::error;
use ferrio_conformance::pairs::assert_would_block;
use ferrio_conformance::{
    Backend, Capability, Driver, conformance, kernel, multicast, pairs, sockets,
};
#[cfg(unix)]
use socket2::SockRef;
use socket2::{Domain, Type};

conformance! { sockets_udp {
    datagrams_carry_their_senders_address,
    peeking_leaves_the_datagram needs Peek,
    connected_sockets_hear_their_peer_only,
    connecting_again_changes_the_peer,
    an_empty_datagram_is_one,
    a_datagram_that_does_not_fit_is_cut,
    a_refused_datagram_is_told_once needs RefusedDatagramIsReported,
    take_error_tells_of_a_refused_datagram needs RefusedDatagramIsReported and DatagramSocketError,
    a_burst_of_datagrams_arrives_in_order,
    broadcast_has_to_be_allowed needs Broadcast,
    multicast_v4_reaches_members_only needs Multicast,
    try_io_hands_the_answer_on,
} }

fn bound(host: &str) -> (UdpSocket, SocketAddr) {
    let address = SocketAddr::new(host.parse().expect("an address"), 0);
    let socket = UdpSocket::bind(address).expect("bind");
    let address = socket.local_addr().expect("its address");
    (socket, address)
}

/// A socket bound to `host` and registered with token 1.
fn receiver(driver: &Driver, host: &str) -> (UdpSocket, SocketAddr) {
    let (mut socket, address) = bound(host);
    driver.add(&mut socket, 1, Interest::READABLE);
    (socket, address)
}

/// The next datagram and its sender.
fn next(driver: &mut Driver, socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 64];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) => return (buffer[..len].to_vec(), from),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        driver.expect_readable(1);
    }
}

fn datagrams_carry_their_senders_address(b: &Backend) {
    for host in ["127.0.0.1", "::1"] {
        let mut driver = b.driver();
        let (socket, address) = receiver(&driver, host);
        assert_would_block(socket.recv_from(&mut [0; 8]));
        for message in [&b"one"[..], b"two"] {
            let (sender, from) = bound(host);
            let sent = sender.send_to(message, address).expect("send");
            assert_eq!(sent, message.len());
            assert_eq!(next(&mut driver, &socket), (message.to_vec(), from));
        }
        assert_would_block(socket.recv_from(&mut [0; 8]));
    }
}

fn peeking_leaves_the_datagram(b: &Backend) {
    let mut driver = b.driver();
    let (socket, address) = receiver(&driver, "127.0.0.1");
    let (sender, from) = bound("127.0.0.1");
    let mut buffer = [0; 8];
    assert_would_block(socket.peek_from(&mut buffer));
    assert_would_block(socket.peek(&mut buffer));
    sender.send_to(b"hello", address).expect("send");
    driver.expect_readable(1);
    for _ in 0..2 {
        assert_eq!(socket.peek_from(&mut buffer).expect("peek"), (5, from));
        assert_eq!(&buffer[..5], b"hello");
    }
    socket.connect(from).expect("connect");
    for _ in 0..2 {
        assert_eq!(socket.peek(&mut buffer).expect("peek"), 5);
    }
    assert_eq!(socket.recv(&mut buffer).expect("receive"), 5);
    assert_would_block(socket.peek(&mut buffer));
}

fn connected_sockets_hear_their_peer_only(b: &Backend) {
    for host in ["127.0.0.1", "::1"] {
        let mut driver = b.driver();
        let (socket, address) = receiver(&driver, host);
        let (peer, peer_address) = bound(host);
        let (stranger, _) = bound(host);
        socket.connect(peer_address).expect("connect");
        assert_eq!(socket.peer_addr().expect("a peer"), peer_address);
        peer.connect(address).expect("connect");

        stranger.send_to(b"stranger", address).expect("send");
        assert_eq!(peer.send(b"peer").expect("send"), 4);
        assert_eq!(next(&mut driver, &socket), (b"peer".to_vec(), peer_address));
        assert_eq!(socket.send(b"answer").expect("send"), 6);
        let mut buffer = [0; 16];
        pairs::kernel_ready(&peer, kernel::IN);
        assert_eq!(peer.recv(&mut buffer).expect("receive"), 6);
        assert_eq!(&buffer[..6], b"answer");
        assert_would_block(socket.recv(&mut buffer));
        driver.assert_quiet();
    }
}

fn connecting_again_changes_the_peer(b: &Backend) {
    let mut driver = b.driver();
    let (socket, address) = receiver(&driver, "127.0.0.1");
    let peers = [bound("127.0.0.1"), bound("127.0.0.1")];
    for (peer, peer_address) in &peers {
        socket.connect(*peer_address).expect("connect");
        assert_eq!(socket.peer_addr().expect("a peer"), *peer_address);
        for (sender, _) in &peers {
            sender.send_to(b"hello", address).expect("send");
        }
        assert_eq!(next(&mut driver, &socket).1, *peer_address);
        assert_would_block(socket.recv(&mut [0; 8]));
        if b.gap(Capability::DatagramSocketError).is_none() {
            assert!(peer.take_error().expect("SO_ERROR").is_none());
        }
    }
}

fn an_empty_datagram_is_one(b: &Backend) {
    let mut driver = b.driver();
    let (socket, address) = receiver(&driver, "127.0.0.1");
    let (sender, from) = bound("127.0.0.1");
    assert_eq!(sender.send_to(b"", address).expect("send"), 0);
    assert_eq!(next(&mut driver, &socket), (Vec::new(), from));
    assert_would_block(socket.recv(&mut [0; 8]));
}

fn a_datagram_that_does_not_fit_is_cut(b: &Backend) {
    let mut driver = b.driver();
    let (socket, address) = receiver(&driver, "127.0.0.1");
    let (sender, from) = bound("127.0.0.1");
    sender.send_to(b"0123456789", address).expect("send");
    sender.send_to(b"next", address).expect("send");
    driver.expect_readable(1);
    let mut buffer = [0; 4];
    if cfg!(not(windows)) {
        if b.gap(Capability::Peek).is_none() {
            assert_eq!(socket.peek_from(&mut buffer).expect("peek"), (4, from));
        }
        assert_eq!(socket.recv_from(&mut buffer).expect("receive"), (4, from));
    } else {
        // Winsock cuts it too, and says so by an error.
        let error = socket.peek_from(&mut buffer).expect_err("cut");
        assert_eq!(error.raw_os_error(), Some(error::EMSGSIZE));
        let error = socket.recv_from(&mut buffer).expect_err("cut");
        assert_eq!(error.raw_os_error(), Some(error::EMSGSIZE));
    }
    assert_eq!(&buffer, b"0123");
    assert_eq!(next(&mut driver, &socket).0, b"next");
    let error = sender.send_to(&[0; 65_536], address).expect_err("too long");
    assert_eq!(error.raw_os_error(), Some(error::EMSGSIZE));
}

/// A socket that is registered with token 1, and connected to a port that nobody has.
fn without_a_peer(driver: &Driver) -> UdpSocket {
    let (mut socket, _) = bound("127.0.0.1");
    driver.add(&mut socket, 1, Interest::READABLE);
    let nobody = {
        let socket = net::UdpSocket::bind(pairs::private_loopback()).expect("bind");
        socket.local_addr().expect("an address")
    };
    socket.connect(nobody).expect("connect");
    socket
}

/// A kqueue says no more than that there is something to be had.
fn refusal(b: &Backend) -> fn(&Event) -> bool {
    match b.gap(Capability::ErrorBit) {
        Some(_) => Event::is_readable,
        None => Event::is_error,
    }
}

/// The answer of a machine at whose port nobody listens comes back as an error of the next
/// operation, or of `take_error`, whichever is first.
fn a_refused_datagram_is_told_once(b: &Backend) {
    let mut driver = b.driver();
    let socket = without_a_peer(&driver);
    for _ in 0..2 {
        pairs::until_refused(&socket);
        driver.expect(1, refusal(b));
        let error = socket.recv(&mut [0; 8]).expect_err("refused");
        assert_eq!(error.raw_os_error(), Some(error::ECONNREFUSED));
        assert_would_block(socket.recv(&mut [0; 8]));
    }
}

fn take_error_tells_of_a_refused_datagram(b: &Backend) {
    let mut driver = b.driver();
    let socket = without_a_peer(&driver);
    pairs::until_refused(&socket);
    driver.expect(1, refusal(b));
    let error = socket.take_error().expect("SO_ERROR").expect("an error");
    assert_eq!(error.raw_os_error(), Some(error::ECONNREFUSED));
    assert!(socket.take_error().expect("SO_ERROR").is_none());
    assert_would_block(socket.recv(&mut [0; 8]));
}

fn a_burst_of_datagrams_arrives_in_order(b: &Backend) {
    let mut driver = b.driver();
    let (socket, address) = receiver(&driver, "127.0.0.1");
    let (sender, from) = bound("127.0.0.1");
    for number in 0..100_u32 {
        sender
            .send_to(&number.to_le_bytes(), address)
            .expect("send");
    }
    for number in 0..100_u32 {
        let wanted = (number.to_le_bytes().to_vec(), from);
        assert_eq!(next(&mut driver, &socket), wanted);
    }
}

fn broadcast_has_to_be_allowed(b: &Backend) {
    let mut driver = b.driver();
    let (socket, address) = receiver(&driver, "0.0.0.0");
    let (sender, from) = bound("127.0.0.1");
    // The broadcast address of the loopback network.
    let everybody = SocketAddr::from(([127, 255, 255, 255], address.port()));
    assert!(!sender.broadcast().expect("SO_BROADCAST"));
    let error = sender.send_to(b"all", everybody).expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    sender.set_broadcast(true).expect("SO_BROADCAST");
    assert!(sender.broadcast().expect("SO_BROADCAST"));
    sender.send_to(b"all", everybody).expect("send");
    assert_eq!(next(&mut driver, &socket), (b"all".to_vec(), from));
    sender.set_broadcast(false).expect("SO_BROADCAST");
    sender.send_to(b"all", everybody).expect_err("not allowed");
}

fn multicast_v4_reaches_members_only(b: &Backend) {
    let mut driver = b.driver();
    let (socket, address) = receiver(&driver, "0.0.0.0");
    let (sender, from) = bound("127.0.0.1");
    // A socket that is in one group must not hear of another.
    #[cfg(unix)] // Elsewhere that is so without being asked for.
    SockRef::from(&socket)
        .set_multicast_all_v4(false)
        .expect("IP_MULTICAST_ALL");
    let (group, other) = (multicast::group_v4(), multicast::group_v4());
    let to = |group: Ipv4Addr| SocketAddr::from((group, address.port()));

    socket
        .join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
        .expect("join");
    sender.send_to(b"other", to(other)).expect("send");
    sender.send_to(b"group", to(group)).expect("send");
    assert_eq!(next(&mut driver, &socket), (b"group".to_vec(), from));

    let error = socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST);
    assert_eq!(error.expect_err("a member").kind(), ErrorKind::AddrInUse);
    socket
        .leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST)
        .expect("leave");
    let error = socket.leave_multicast_v4(&group, &Ipv4Addr::LOCALHOST);
    let error = error.expect_err("no member");
    // Wine makes another error of it.
    if cfg!(unix) {
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    }

    sender.send_to(b"group", to(group)).expect("send");
    sender
        .send_to(
            b"marker",
            SocketAddr::from(([127, 0, 0, 1], address.port())),
        )
        .expect("send");
    assert_eq!(next(&mut driver, &socket).0, b"marker");
}

fn try_io_hands_the_answer_on(b: &Backend) {
    let driver = b.driver();
    let (socket, _) = receiver(&driver, "127.0.0.1");
    sockets::try_io_hands_the_answer_on(|f| socket.try_io(f));
}

#[cfg(unix)]
#[test]
fn joining_and_leaving_a_v6_group_is_seen_by_the_kernel() {
    let (socket, _) = bound("::1");
    let lo = multicast::loopback_index();
    let (group, other) = (multicast::group_v6(), multicast::group_v6());
    assert!(!multicast::is_member_v6(&group));
    socket.join_multicast_v6(&group, lo).expect("join");
    assert!(multicast::is_member_v6(&group));
    assert!(!multicast::is_member_v6(&other));
    let error = socket.join_multicast_v6(&group, lo).expect_err("a member");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    socket.leave_multicast_v6(&group, lo).expect("leave");
    assert!(!multicast::is_member_v6(&group));
    let error = socket
        .leave_multicast_v6(&group, lo)
        .expect_err("no member");
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
}

#[cfg(any(unix, windows))]
#[test]
fn what_is_no_group_cannot_be_joined() {
    let (v4, _) = bound("127.0.0.1");
    let error = v4.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::LOCALHOST);
    assert_eq!(error.expect_err("no group").kind(), ErrorKind::InvalidInput);
    let (v6, _) = bound("::1");
    let error = v6.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0);
    assert_eq!(error.expect_err("no group").kind(), ErrorKind::InvalidInput);
    let error = v6.join_multicast_v6(&multicast::group_v6(), 0x7fff_ffff);
    let error = error.expect_err("no interface");
    #[cfg(unix)]
    assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    #[cfg(windows)]
    assert!(error.raw_os_error().is_some());
}

/// What is sent through the loopback interface itself arrives whether it is looped back or not, so the
/// effect of the two loop options can't be seen there.
#[cfg(any(unix, windows))]
#[test]
fn options_of_groups_can_be_set_and_read_back() {
    let (v4, _) = bound("127.0.0.1");
    let (v6, _) = bound("::1");
    for on in [false, true] {
        v4.set_multicast_loop_v4(on).expect("IP_MULTICAST_LOOP");
        assert_eq!(v4.multicast_loop_v4().expect("IP_MULTICAST_LOOP"), on);
        v6.set_multicast_loop_v6(on).expect("IPV6_MULTICAST_LOOP");
        assert_eq!(v6.multicast_loop_v6().expect("IPV6_MULTICAST_LOOP"), on);
    }
    assert_eq!(v4.multicast_ttl_v4().expect("IP_MULTICAST_TTL"), 1);
    for ttl in [0, 1, 64, 255] {
        v4.set_multicast_ttl_v4(ttl).expect("IP_MULTICAST_TTL");
        assert_eq!(v4.multicast_ttl_v4().expect("IP_MULTICAST_TTL"), ttl);
    }
    v4.set_multicast_ttl_v4(256).expect_err("no TTL");
}

#[test]
fn the_ttl_can_be_set_and_read_back() {
    let (v4, _) = bound("127.0.0.1");
    for ttl in [1, 64, 255] {
        v4.set_ttl(ttl).expect("IP_TTL");
        assert_eq!(v4.ttl().expect("IP_TTL"), ttl);
    }
    for ttl in [0, 256] {
        let error = v4.set_ttl(ttl).expect_err("no TTL");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[cfg(any(unix, windows))]
#[test]
fn a_new_socket_has_no_error() {
    let (socket, _) = bound("127.0.0.1");
    assert!(socket.take_error().expect("SO_ERROR").is_none());
}

#[cfg(any(unix, windows))]
#[test]
fn only_v6_is_what_the_socket_has() {
    for on in [false, true] {
        let socket = sockets::unconnected(Domain::IPV6, Type::DGRAM);
        socket.set_only_v6(on).expect("IPV6_V6ONLY");
        let socket = UdpSocket::from(kernel::Owned::from(socket));
        assert_eq!(socket.only_v6().expect("IPV6_V6ONLY"), on);
    }
    let error = bound("127.0.0.1").0.only_v6().expect_err("an IPv4 socket");
    #[cfg(unix)]
    assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP));
    #[cfg(windows)]
    assert!(error.raw_os_error().is_some());
}

#[test]
fn what_is_not_connected_says_so() {
    let (socket, _) = bound("127.0.0.1");
    let error = socket.peer_addr().expect_err("no peer");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    let error = socket.send(b"x").expect_err("no peer");
    assert_eq!(error.raw_os_error(), Some(error::no_destination()));
}

/// Under Wine a UDP socket can be bound to an address that no interface has.
fn takes_any_address() -> bool {
    #[cfg(windows)]
    return ferrio_conformance::wine::is_here();
    #[cfg(not(windows))]
    return false;
}

#[test]
fn bind_errors_are_the_systems() {
    let (_taken, address) = bound("127.0.0.1");
    let error = UdpSocket::bind(address).expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    // TEST-NET-1, RFC 5737: no machine has this address.
    match UdpSocket::bind("192.0.2.1:0".parse().expect("an address")) {
        Err(error) => assert_eq!(error.kind(), ErrorKind::AddrNotAvailable),
        Ok(_) => assert!(takes_any_address(), "not ours"),
    }
}

#[cfg(unix)]
#[test]
fn a_descriptor_of_another_kind_gives_errors_and_no_panic() {
    let (reader, _writer) = pairs::std_pipe();
    let socket = UdpSocket::from(OwnedFd::from(reader));
    let not_a_socket = Some(libc::ENOTSOCK);
    let errno = socket.recv(&mut [0; 8]).expect_err("a pipe").raw_os_error();
    assert_eq!(errno, not_a_socket);
    let errno = socket.only_v6().expect_err("a pipe").raw_os_error();
    assert_eq!(errno, not_a_socket);
}
