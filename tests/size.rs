//! In the default release build a source is its descriptor and nothing else: ferrio's sockets are
//! as large as std's. A debug build also keeps which `Poll` a source belongs to, and so does the
//! feature `runtime-selector`.

#![cfg(all(
    not(debug_assertions),
    not(feature = "runtime-selector"),
    feature = "net"
))]

use std::mem::size_of;

/// Tests that both types have one size, whether or not something is around them.
macro_rules! assert_same_size {
    ($ours:ty, $theirs:ty) => {
        assert_eq!(size_of::<$ours>(), size_of::<$theirs>());
        // The descriptor's niche is kept too.
        assert_eq!(size_of::<Option<$ours>>(), size_of::<Option<$theirs>>());
    };
}

#[test]
fn tcp_listener_is_as_large_as_stds() {
    assert_same_size!(ferrio::net::TcpListener, std::net::TcpListener);
}

#[test]
fn tcp_stream_is_as_large_as_stds() {
    assert_same_size!(ferrio::net::TcpStream, std::net::TcpStream);
}

#[test]
fn udp_socket_is_as_large_as_stds() {
    assert_same_size!(ferrio::net::UdpSocket, std::net::UdpSocket);
}

#[cfg(unix)]
mod unix {
    use std::mem::size_of;
    use std::os::unix::net as theirs;

    use ferrio::net as ours;

    #[test]
    fn unix_listener_is_as_large_as_stds() {
        assert_same_size!(ours::UnixListener, theirs::UnixListener);
    }

    #[test]
    fn unix_stream_is_as_large_as_stds() {
        assert_same_size!(ours::UnixStream, theirs::UnixStream);
    }

    #[test]
    fn unix_datagram_is_as_large_as_stds() {
        assert_same_size!(ours::UnixDatagram, theirs::UnixDatagram);
    }

    #[cfg(feature = "os-ext")]
    #[test]
    fn pipe_ends_are_as_large_as_a_descriptor() {
        use std::os::fd::OwnedFd;

        assert_same_size!(ferrio::unix::pipe::Sender, OwnedFd);
        assert_same_size!(ferrio::unix::pipe::Receiver, OwnedFd);
    }
}
