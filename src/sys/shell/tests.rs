//! What a build without a selector promises: everything is there, what cannot work says what to do,
//! nothing panics.

use std::io::{self, ErrorKind};

use crate::{Poll, SelectorKind, WakerKind};

fn assert_unsupported<T>(result: io::Result<T>) {
    let error = result.err().expect("this build cannot do that");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let sentence = error.to_string();
    let advice = if cfg!(feature = "os-poll") {
        "this target"
    } else {
        "feature `os-poll`"
    };
    assert!(sentence.contains(advice), "{sentence}");
}

#[test]
fn a_poll_is_unsupported_however_it_is_made() {
    assert!(SelectorKind::available().is_empty());
    assert!(WakerKind::available().is_empty());
    assert_unsupported(Poll::new());
    for name in ["epoll", "kqueue", "poll"] {
        let kind: SelectorKind = name.parse().unwrap();
        assert_unsupported(Poll::builder().selector(kind).build());
    }
    for name in ["eventfd", "kqueue", "pipe"] {
        let kind: WakerKind = name.parse().unwrap();
        assert_unsupported(Poll::builder().waker(kind).build());
    }
}

#[cfg(all(os_unix, feature = "net"))]
mod net {
    use std::net;

    use super::*;
    use crate::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

    fn assert_would_block<T>(result: io::Result<T>) {
        let error = result.err().expect("nothing is there");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }

    /// The answer of an operation, however long it takes what it waits for to arrive.
    fn eventually<T>(mut operation: impl FnMut() -> io::Result<T>) -> T {
        loop {
            match operation() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                result => return result.unwrap(),
            }
        }
    }

    #[test]
    fn tcp_listens_and_accepts_without_blocking() {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_would_block(listener.accept());
        let client = net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, from) = eventually(|| listener.accept());
        assert_eq!(from, client.local_addr().unwrap());
        assert_would_block(stream.peek(&mut [0; 8]));
        assert!(format!("{stream:?}").starts_with("TcpStream"));
    }

    #[test]
    fn what_std_can_only_do_by_waiting_is_unsupported() {
        let path = "/nobody/needs/this";
        assert_unsupported(TcpStream::connect("127.0.0.1:1".parse().unwrap()));
        assert_unsupported(UnixStream::connect(path));
        let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert_unsupported(socket.only_v6());
    }

    #[test]
    fn udp_sends_and_receives_without_blocking() {
        let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let own = socket.local_addr().unwrap();
        assert_would_block(socket.recv_from(&mut [0; 8]));
        socket.send_to(b"hello", own).unwrap();
        let mut buffer = [0; 8];
        let answer = eventually(|| socket.recv_from(&mut buffer));
        assert_eq!(answer, (5, own));
    }

    #[test]
    fn unix_sockets_work_without_blocking() {
        let name = format!("ferrio-shell-{}", std::process::id());
        let paths = [name.clone() + "-l", name + "-d"].map(|name| std::env::temp_dir().join(name));
        let listener = UnixListener::bind(&paths[0]).unwrap();
        assert_would_block(listener.accept());
        let _client = std::os::unix::net::UnixStream::connect(&paths[0]).unwrap();
        let (stream, from) = eventually(|| listener.accept());
        assert!(from.is_unnamed());
        assert_would_block(io::Read::read(&mut &stream, &mut [0; 8]));
        let (one, _other) = UnixStream::pair().unwrap();
        assert_would_block(io::Read::read(&mut &one, &mut [0; 8]));

        let bound = UnixDatagram::bind(&paths[1]).unwrap();
        assert_would_block(bound.recv(&mut [0; 8]));
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(b"hello").unwrap();
        assert_eq!(eventually(|| other.recv(&mut [0; 8])), 5);
        assert_would_block(UnixDatagram::unbound().unwrap().recv(&mut [0; 8]));
        for path in paths {
            std::fs::remove_file(path).unwrap();
        }
    }
}
