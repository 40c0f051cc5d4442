//! What the clients in these tests have in common.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::process::{LIMIT, wait_until};

/// A connection that fails a test rather than hang it.
#[track_caller]
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// The same where the server may reset it at once. None: so fast that it never seemed connected.
#[track_caller]
pub fn try_connect(address: SocketAddr) -> Option<TcpStream> {
    match TcpStream::connect(address) {
        Ok(stream) => {
            stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
            Some(stream)
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            None
        }
    }
}

/// A connection for which the kernel holds little on its way, so that it's stuck soon.
#[track_caller]
pub fn connect_narrowly(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
    // Before it's connected: afterwards the window is agreed on.
    socket.set_recv_buffer_size(16 * 1024).expect("an option");
    socket.set_send_buffer_size(16 * 1024).expect("an option");
    socket.connect(&address.into()).expect("the server listens");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
    stream
}

/// Resets the connection instead of closing it.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("an option");
}

pub fn finish(stream: &TcpStream) {
    stream.shutdown(Shutdown::Write).expect("a half-close");
}

#[track_caller]
pub fn send(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).expect("the server reads");
}

/// Reads exactly `count` bytes.
#[track_caller]
pub fn receive(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).expect("the server sends");
    bytes
}

/// Reads until the end.
#[track_caller]
pub fn receive_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the server ends");
    bytes
}

/// Is the connection over, in whatever way? What still comes before that is returned.
#[track_caller]
pub fn receive_to_any_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    bytes
}

/// Waits for the connection to be reset.
#[track_caller]
pub fn expect_reset(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // After an orderly end of the other direction Linux goes on reporting that to readers, and
        // the reset only as the socket's error.
        Ok(_) => wait_until("a reset", || {
            let error = stream.take_error().expect("the socket's error");
            error.is_some_and(|error| {
                matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                )
            })
        }),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}

/// Sends `bytes` again and again until nobody takes any more, or `most` are gone. Returns how many
/// are.
///
/// That nobody takes any more can't be seen, only that it was so for a while. Where the while was
/// too short, fewer bytes are stuck than could be; no test here fails by that.
#[track_caller]
pub fn send_until_stuck(stream: &mut TcpStream, bytes: &[u8], most: usize) -> usize {
    stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a timeout");
    let mut sent = 0;
    while sent < most {
        match stream.write(&bytes[sent % bytes.len()..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
    sent
}

/// Bytes without a pattern, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}
