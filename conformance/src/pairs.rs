//! Connected sources, the raw material of most cases.

use std::io::{ErrorKind, Read, Write};
#[cfg(unix)]
use std::os::fd::{FromRawFd, OwnedFd};
#[cfg(unix)]
use std::os::unix;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{io, net};

#[cfg(unix)]
use ferrio::net::UnixStream;
use ferrio::net::{TcpListener, TcpStream, UdpSocket};
#[cfg(not(wasi_p1))]
use socket2::SockRef;

use crate::kernel::{self, AsRaw, Flags};
use crate::{LIMIT, wait_for};

/// A non-blocking TCP stream of ours and its peer, a blocking one of std's whose reads end with an
/// error after [`LIMIT`].
pub fn tcp() -> (TcpStream, net::TcpStream) {
    let (ours, peer) = std_tcp();
    ours.set_nonblocking(true).expect("non-blocking");
    (TcpStream::from_std(ours), peer)
}

/// Two connected, blocking TCP streams of std's.
#[cfg(wasi_p1)]
pub use crate::wasi::outside::pair as std_tcp;

/// Two connected, blocking TCP streams of std's.
#[cfg(not(wasi_p1))]
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
#[cfg(unix)]
pub fn unix() -> (UnixStream, unix::net::UnixStream) {
    let (ours, peer) = unix::net::UnixStream::pair().expect("a pair");
    ours.set_nonblocking(true).expect("non-blocking");
    peer.set_read_timeout(Some(LIMIT)).expect("a timeout");
    peer.set_write_timeout(Some(LIMIT)).expect("a timeout");
    (UnixStream::from_std(ours), peer)
}

/// What [`local`] makes: Unix sockets where there are any.
#[cfg(unix)]
pub type Local = UnixStream;
#[cfg(unix)]
pub type LocalPeer = unix::net::UnixStream;
#[cfg(not(unix))]
pub type Local = TcpStream;
#[cfg(not(unix))]
pub type LocalPeer = net::TcpStream;

/// As [`tcp`], of the kind that costs least.
pub fn local() -> (Local, LocalPeer) {
    #[cfg(unix)]
    return unix();
    #[cfg(not(unix))]
    return tcp();
}

/// A UDP socket of ours and one of std's, connected to each other. Once a port is given up nobody
/// else has it, so a datagram to it is refused.
pub fn udp() -> (UdpSocket, net::UdpSocket) {
    // Under Wine a socket with another address sends from this one.
    let address = if cfg!(windows) {
        net::SocketAddr::from(([127, 0, 0, 1], 0))
    } else {
        private_loopback()
    };
    let ours = net::UdpSocket::bind(address).expect("a socket");
    let peer = net::UdpSocket::bind(address).expect("a socket");
    ours.connect(peer.local_addr().expect("an address"))
        .expect("connect");
    peer.connect(ours.local_addr().expect("an address"))
        .expect("connect");
    ours.set_nonblocking(true).expect("non-blocking");
    // WASI has none for datagrams: there a test that hangs is ended from outside.
    if cfg!(not(target_os = "wasi")) {
        peer.set_read_timeout(Some(LIMIT)).expect("a timeout");
    }
    (UdpSocket::from_std(ours), peer)
}

/// A blocking pipe of plain files: reader, writer. (`std::io::pipe` came after Rust 1.85.)
#[cfg(unix)]
pub fn std_pipe() -> (std::fs::File, std::fs::File) {
    let mut ends = [-1; 2];
    // SAFETY: `ends` has room for the two descriptors.
    let result = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(result, 0, "pipe2: {}", io::Error::last_os_error());
    // SAFETY: pipe2 made this descriptor, and nobody else owns it.
    let reader = unsafe { OwnedFd::from_raw_fd(ends[0]) };
    // SAFETY: as above.
    let writer = unsafe { OwnedFd::from_raw_fd(ends[1]) };
    (reader.into(), writer.into())
}

/// A listener of ours on a loopback port of its own.
#[cfg(wasi_p1)]
pub fn listener() -> (TcpListener, net::SocketAddr) {
    let (listener, address) = crate::wasi::outside::listener();
    (TcpListener::from_std(listener), address)
}

/// A listener of ours on a loopback port of its own.
#[cfg(not(wasi_p1))]
pub fn listener() -> (TcpListener, net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0".parse().expect("an address")).expect("bind");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

/// A client of a listener that [`listener`] has made: a blocking stream of std's.
pub fn client(address: net::SocketAddr) -> net::TcpStream {
    #[cfg(wasi_p1)]
    return crate::wasi::outside::client(address);
    #[cfg(not(wasi_p1))]
    net::TcpStream::connect(address).expect("connect")
}

/// A number that hardly any other process has at this time.
pub(crate) fn process_number() -> u32 {
    // WASI has no such numbers; but std's hashes begin with a random one.
    #[cfg(target_os = "wasi")]
    return {
        use std::hash::{BuildHasher, RandomState};
        use std::sync::LazyLock;
        static NUMBER: LazyLock<u32> = LazyLock::new(|| RandomState::new().hash_one(0) as u32);
        *NUMBER
    };
    #[cfg(not(target_os = "wasi"))]
    std::process::id()
}

/// A loopback address for this call only: a port of it that was given up is not taken by another
/// test at once. All of 127.0.0.0/8 is loopback on Linux, ip(7), and on Windows.
pub fn private_loopback() -> net::SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = process_number()
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

/// Waits, beside the library, until the kernel reports one of `flags` or a hang-up or an error; the
/// flags that it reported.
pub fn kernel_ready(of: &impl AsRaw, flags: Flags) -> Flags {
    let mut ready = 0;
    if flags == 0 {
        return ready;
    }
    let what = format!("the kernel to report {flags:#x}");
    wait_for(&what, || {
        // Not for longer: Windows does not count a hang-up as one when it is all that is asked for.
        match kernel::poll(kernel::number(of), flags, Duration::from_millis(20)) {
            Ok(flags) => ready = flags,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}"),
        }
        ready != 0
    });
    ready
}

/// Sends datagrams to the closed port that `socket` is connected to, until one was refused and the
/// error waits to be fetched. The kernel limits how many refusals it sends, icmp(7).
pub fn until_refused(socket: &UdpSocket) {
    wait_for("a datagram to be refused", || {
        // Answers an earlier one's refusal, perhaps, which is fetched by that.
        let _ = socket.send(b"x");
        // WASI's host brings the answer in the background, and a second datagram would have another.
        let patience = Duration::from_millis(if cfg!(target_os = "wasi") { 50 } else { 0 });
        let flags = kernel::poll(kernel::number(socket), kernel::ERR, patience);
        flags.expect("the kernel") & kernel::ERR != 0
    });
}

/// There is no option there.
#[cfg(wasi_p1)]
pub fn reset_on_close(_: &net::TcpStream) {
    panic!("this case `needs ResetAtWill`");
}

/// Makes close send a reset instead of the end of the stream.
#[cfg(not(wasi_p1))]
pub fn reset_on_close(stream: &net::TcpStream) {
    let socket = SockRef::from(stream);
    socket.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
}

/// Has the peer end the connection by a reset, which it sends when it is closed with something unread.
pub fn reset(mut stream: &TcpStream, peer: net::TcpStream) {
    stream.write_all(b"unread").expect("write");
    kernel_ready(&peer, kernel::IN);
    drop(peer);
}
