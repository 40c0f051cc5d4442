//! Connected sources, the raw material of most cases.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, net, os::unix, process};

use ferrio::net::{TcpListener, TcpStream, UdpSocket, UnixStream};

use crate::{LIMIT, wait_for};

/// A non-blocking TCP stream of ours and its peer, a blocking one of std's whose reads end with an
/// error after [`LIMIT`].
pub fn tcp() -> (TcpStream, net::TcpStream) {
    let (ours, peer) = std_tcp();
    ours.set_nonblocking(true).expect("non-blocking");
    (TcpStream::from_std(ours), peer)
}

/// Two connected, blocking TCP streams of std's.
pub fn std_tcp() -> (net::TcpStream, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let ours = net::TcpStream::connect(address).expect("a connection");
    let own_address = ours.local_addr().expect("its address");
    // Parallel tests share the loopback's ports: whoever else connects here is not our peer.
    let peer = loop {
        let (peer, from) = listener.accept().expect("the peer");
        if from == own_address {
            break peer;
        }
    };
    peer.set_read_timeout(Some(LIMIT)).expect("a timeout");
    peer.set_write_timeout(Some(LIMIT)).expect("a timeout");
    (ours, peer)
}

/// As [`tcp`], for Unix sockets.
pub fn unix() -> (UnixStream, unix::net::UnixStream) {
    let (ours, peer) = unix::net::UnixStream::pair().expect("a pair");
    ours.set_nonblocking(true).expect("non-blocking");
    peer.set_read_timeout(Some(LIMIT)).expect("a timeout");
    peer.set_write_timeout(Some(LIMIT)).expect("a timeout");
    (UnixStream::from_std(ours), peer)
}

/// A UDP socket of ours and one of std's, connected to each other. Once a port is given up nobody
/// else has it, so a datagram to it is refused.
pub fn udp() -> (UdpSocket, net::UdpSocket) {
    let ours = net::UdpSocket::bind(private_loopback()).expect("a socket");
    let peer = net::UdpSocket::bind(private_loopback()).expect("a socket");
    ours.connect(peer.local_addr().expect("an address"))
        .expect("connect");
    peer.connect(ours.local_addr().expect("an address"))
        .expect("connect");
    ours.set_nonblocking(true).expect("non-blocking");
    peer.set_read_timeout(Some(LIMIT)).expect("a timeout");
    (UdpSocket::from_std(ours), peer)
}

/// A blocking pipe of plain files: reader, writer. (`std::io::pipe` came after Rust 1.85.)
pub fn std_pipe() -> (fs::File, fs::File) {
    let mut ends = [-1; 2];
    // SAFETY: `ends` has room for the two descriptors.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(result, 0, "pipe2: {}", io::Error::last_os_error());
    // SAFETY: pipe2 made this descriptor, and nobody else owns it.
    let reader = unsafe { OwnedFd::from_raw_fd(ends[0]) };
    // SAFETY: as above.
    let writer = unsafe { OwnedFd::from_raw_fd(ends[1]) };
    (fs::File::from(reader), fs::File::from(writer))
}

/// A listener of ours on a loopback port of its own.
pub fn listener() -> (TcpListener, net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address")).expect("bind");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// A loopback address for this call only: a port of it that was given up is not taken by another
/// test at once. All of 127.0.0.0/8 is loopback on Linux, ip(7).
pub fn private_loopback() -> net::SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = process::id()
        .wrapping_mul(64)
        .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    let [_, b, c, d] = number.to_be_bytes();
    // Not 127.0.0.x, where everybody is.
    net::SocketAddr::from(([127, b | 1, c, d], 0))
}

/// An address at which nobody listens.
pub fn refusing_address() -> net::SocketAddr {
    let listener = net::TcpListener::bind(private_loopback()).expect("bind");
    listener.local_addr().expect("its address")
}

/// Reads until the source would block; the number of bytes.
pub fn drain(mut source: impl Read) -> usize {
    let mut buffer = [0; 64 * 1024];
    let mut total = 0;
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return total,
            Ok(n) => total += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return total,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("read: {error}"),
        }
    }
}

/// Writes until the sink would block; the number of bytes.
pub fn fill(mut sink: impl Write) -> usize {
    let buffer = [0; 64 * 1024];
    let mut total = 0;
    loop {
        match sink.write(&buffer) {
            Ok(n) => total += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return total,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("write: {error}"),
        }
    }
}

/// Reads exactly `total` bytes from a blocking peer.
pub fn read_all(mut peer: impl Read, total: usize) {
    let mut buffer = vec![0; 64 * 1024];
    let mut left = total;
    while left > 0 {
        let size = buffer.len().min(left);
        match peer.read(&mut buffer[..size]) {
            Ok(0) => panic!("the peer ended with {left} bytes to come"),
            Ok(n) => left -= n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("read: {error}"),
        }
    }
}

/// Asserts that the operation would block.
#[track_caller]
pub fn assert_would_block<T: std::fmt::Debug>(result: io::Result<T>) {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        other => panic!("expected WouldBlock, got {other:?}"),
    }
}

/// Waits, by poll(2) and beside the library, until the kernel reports one of `events` or a hang-up
/// or an error for `fd`; the flags it reported.
pub fn kernel_ready(fd: &impl AsRawFd, events: libc::c_short) -> libc::c_short {
    let mut record = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    let timeout = libc::c_int::try_from(LIMIT.as_millis()).expect("a short limit");
    loop {
        // SAFETY: `record` is one valid pollfd.
        let result = unsafe { libc::poll(&raw mut record, 1, timeout) };
        if result == 1 {
            return record.revents;
        }
        let error = io::Error::last_os_error();
        assert!(
            result == -1 && error.kind() == ErrorKind::Interrupted,
            "poll(2) waited {LIMIT:?} for {events:#x}: {error}"
        );
    }
}

/// Sends datagrams to the closed port that `socket` is connected to, until one was refused and the
/// error waits to be fetched. The kernel limits how many refusals it sends, icmp(7).
pub fn until_refused(socket: &UdpSocket) {
    wait_for("a datagram to be refused", || {
        // Answers an earlier one's refusal, perhaps, which is fetched by that.
        let _ = socket.send(b"x");
        ready_now(socket, libc::POLLERR) & libc::POLLERR != 0
    });
}

/// What the kernel reports of `events` at this moment, and beyond them.
fn ready_now(fd: &impl AsRawFd, events: libc::c_short) -> libc::c_short {
    let mut record = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: `record` is one valid pollfd.
    unsafe { libc::poll(&raw mut record, 1, 0) };
    record.revents
}

/// Makes close send a reset instead of the end of the stream.
pub fn reset_on_close(stream: &net::TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the pointer and the length describe `linger`.
    let result = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "SO_LINGER: {}", io::Error::last_os_error());
}
