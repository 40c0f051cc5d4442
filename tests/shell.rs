//! A build that cannot poll: it compiles, its sockets work as far as std's do, and whatever needs
//! an operating system's poll is refused with a sentence that says what to enable.

#![cfg(sys_shell)]

use std::io::{self, ErrorKind};

use ferrio::{Events, Poll, SelectorKind, WakerKind};

/// The error of what this build cannot do.
#[track_caller]
fn assert_refused<T>(result: io::Result<T>) {
    let error = result.err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let text = error.to_string();
    if !cfg!(feature = "os-poll") {
        assert!(text.contains("`os-poll`"), "{text}");
    }
    assert!(text.contains(' '), "{text} is no sentence");
}

#[test]
fn a_poll_is_refused_whatever_it_is_made_of() {
    assert_refused(Poll::new());
    for selector in [
        SelectorKind::Epoll,
        SelectorKind::Kqueue,
        SelectorKind::Poll,
    ] {
        for waker in [WakerKind::Eventfd, WakerKind::Kqueue, WakerKind::Pipe] {
            assert_refused(Poll::builder().selector(selector).waker(waker).build());
        }
    }
    assert!(SelectorKind::available().is_empty());
    assert!(WakerKind::available().is_empty());
}

#[test]
fn an_empty_buffer_of_events_exists() {
    let mut events = Events::with_capacity(4);
    assert!(events.is_empty());
    assert_eq!((events.capacity(), events.iter().count()), (4, 0));
    events.clear();
}

#[cfg(feature = "net")]
mod net {
    use std::io::{self, ErrorKind, Read, Write};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::{Duration, Instant};

    use ferrio::net::{TcpListener, TcpStream, UdpSocket};

    use super::assert_refused;

    fn any() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    /// Repeats what would block until it doesn't.
    #[track_caller]
    fn wait<T>(mut operation: impl FnMut() -> io::Result<T>) -> T {
        let begun = Instant::now();
        loop {
            match operation() {
                Ok(value) => return value,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "nothing came");
            std::thread::yield_now();
        }
    }

    #[test]
    fn tcp_connects_with_std_and_never_blocks() {
        let listener = TcpListener::bind(any()).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_refused(TcpStream::connect(address));

        let client = std::net::TcpStream::connect(address).unwrap();
        client.set_nonblocking(true).unwrap();
        let mut client = TcpStream::from_std(client);
        let (mut server, peer) = wait(|| listener.accept());
        assert_eq!(peer, client.local_addr().unwrap());
        let mut buffer = [0; 8];
        let early = server.read(&mut buffer).unwrap_err();
        assert_eq!(early.kind(), ErrorKind::WouldBlock);
        client.write_all(b"hello").unwrap();
        let read = wait(|| server.read(&mut buffer));
        assert_eq!(&buffer[..read], b"hello");
    }

    #[test]
    fn udp_sends_and_receives() {
        let (one, other) = (
            UdpSocket::bind(any()).unwrap(),
            UdpSocket::bind(any()).unwrap(),
        );
        let mut buffer = [0; 8];
        let early = other.recv_from(&mut buffer).unwrap_err();
        assert_eq!(early.kind(), ErrorKind::WouldBlock);
        one.send_to(b"hello", other.local_addr().unwrap()).unwrap();
        let (read, from) = wait(|| other.recv_from(&mut buffer));
        assert_eq!(
            (&buffer[..read], from),
            (&b"hello"[..], one.local_addr().unwrap())
        );
        assert_refused(one.only_v6());
    }

    #[cfg(unix)]
    #[test]
    fn unix_sockets_come_in_pairs_that_never_block() {
        use ferrio::net::{UnixDatagram, UnixListener, UnixStream};

        let (mut one, mut other) = UnixStream::pair().unwrap();
        let mut buffer = [0; 8];
        let early = other.read(&mut buffer).unwrap_err();
        assert_eq!(early.kind(), ErrorKind::WouldBlock);
        one.write_all(b"hello").unwrap();
        let read = wait(|| other.read(&mut buffer));
        assert_eq!(&buffer[..read], b"hello");

        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(b"hello").unwrap();
        assert_eq!(wait(|| other.recv(&mut buffer)), 5);

        let directory = std::env::temp_dir().join(format!("ferrio-shell-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_refused(UnixStream::connect(&path));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
