//! Every operation of sockets and pipes that goes through a system call of the library's own, with
//! the calls it makes.

use std::net::SocketAddr;
use std::os::unix;
use std::{fmt, io, net};

use ferrio::capabilities::{ACCEPT4, PIPE2, SOCK_FLAGS};
use ferrio::fault::Call;
use ferrio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ferrio::unix::pipe;

use crate::samples::TempPath;
use crate::{kernel, pairs};

/// System calls, in order.
pub type Calls = Vec<Call>;

/// One operation, which can be repeated. It keeps no descriptor that it did not have when it was
/// made.
pub struct Operation {
    pub name: &'static str,
    /// What it calls, in this order.
    pub calls: Calls,
    pub run: Box<dyn FnMut() -> io::Result<()>>,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The call that makes a pipe.
pub const PIPE: Call = if PIPE2 { Call::Pipe2 } else { Call::Pipe };

/// Where the call that opens a descriptor cannot give it its flags, they follow at once: close-on-exec,
/// then the old status flags are read and the new ones set.
fn flags_after(has_flags: bool, descriptors: usize) -> Calls {
    vec![Call::Fcntl; if has_flags { 0 } else { 3 * descriptors }]
}

/// Where SO_NOSIGPIPE exists, and in builds with another option in its place.
const SILENCED: bool = cfg!(ferrio_without = "sigpipe");

fn silenced(sockets: usize) -> Calls {
    vec![Call::Setsockopt; if SILENCED { sockets } else { 0 }]
}

fn socket_then(calls: &[Call]) -> Calls {
    [
        &[Call::Socket],
        &flags_after(SOCK_FLAGS, 1)[..],
        &silenced(1)[..],
        calls,
    ]
    .concat()
}

fn pair() -> Calls {
    [
        &[Call::Socketpair],
        &flags_after(SOCK_FLAGS, 2)[..],
        &silenced(2)[..],
    ]
    .concat()
}

fn a_pipe() -> Calls {
    [&[PIPE], &flags_after(PIPE2, 2)[..]].concat()
}

fn accept() -> Calls {
    let call = if ACCEPT4 { Call::Accept4 } else { Call::Accept };
    [&[call], &flags_after(ACCEPT4, 1)[..], &silenced(1)[..]].concat()
}

fn operation(
    name: &'static str,
    calls: Calls,
    run: impl FnMut() -> io::Result<()> + 'static,
) -> Operation {
    Operation {
        name,
        calls,
        run: Box::new(run),
    }
}

/// All of them, each to be made when it is needed.
pub const ALL: &[fn() -> Operation] = &[
    tcp_bind,
    tcp_connect,
    udp_bind,
    unix_bind,
    unix_connect,
    datagram_bind,
    datagram_unbound,
    stream_pair,
    datagram_pair,
    pipe_new,
    tcp_accept,
    unix_accept,
    only_v6,
];

/// All of them.
pub fn all() -> Vec<Operation> {
    ALL.iter().map(|make| make()).collect()
}

/// Those that open a descriptor and need nothing but room for it.
pub fn making() -> Vec<Operation> {
    ALL[..10].iter().map(|make| make()).collect()
}

fn datagram_unbound() -> Operation {
    operation("UnixDatagram::unbound", socket_then(&[]), || {
        UnixDatagram::unbound().map(drop)
    })
}

fn stream_pair() -> Operation {
    operation("UnixStream::pair", pair(), || UnixStream::pair().map(drop))
}

fn datagram_pair() -> Operation {
    operation("UnixDatagram::pair", pair(), || {
        UnixDatagram::pair().map(drop)
    })
}

fn pipe_new() -> Operation {
    operation("pipe::new", a_pipe(), || pipe::new().map(drop))
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn tcp_bind() -> Operation {
    let calls = socket_then(&[Call::Setsockopt, Call::Bind, Call::Listen]);
    operation("TcpListener::bind", calls, || {
        TcpListener::bind(loopback()).map(drop)
    })
}

/// Whether the kernel knows of the connection. When it only was made to seem to, the socket is a new
/// one, which poll(2) reports as hung up.
fn has_begun(stream: &impl kernel::AsRaw) -> bool {
    kernel::ready_now(stream, kernel::OUT) & kernel::HUP == 0
}

fn tcp_connect() -> Operation {
    let listener = net::TcpListener::bind(pairs::private_loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    let calls = socket_then(&[Call::Connect]);
    operation("TcpStream::connect", calls, move || {
        let stream = TcpStream::connect(address)?;
        if has_begun(&stream) {
            pairs::kernel_ready(&listener, kernel::IN);
            listener.accept().expect("room for the next");
        }
        Ok(())
    })
}

fn udp_bind() -> Operation {
    operation("UdpSocket::bind", socket_then(&[Call::Bind]), || {
        UdpSocket::bind(loopback()).map(drop)
    })
}

fn unix_bind() -> Operation {
    operation(
        "UnixListener::bind",
        socket_then(&[Call::Bind, Call::Listen]),
        || {
            let path = TempPath::new();
            UnixListener::bind(&path).map(drop)
        },
    )
}

fn unix_connect() -> Operation {
    let path = TempPath::new();
    let listener = unix::net::UnixListener::bind(&path).expect("bind");
    let calls = socket_then(&[Call::Connect]);
    operation("UnixStream::connect", calls, move || {
        let stream = UnixStream::connect(&path)?;
        if has_begun(&stream) {
            pairs::kernel_ready(&listener, kernel::IN);
            listener.accept().expect("room for the next");
        }
        Ok(())
    })
}

fn datagram_bind() -> Operation {
    operation("UnixDatagram::bind", socket_then(&[Call::Bind]), || {
        let path = TempPath::new();
        UnixDatagram::bind(&path).map(drop)
    })
}

/// An accept that finds a connection.
pub fn tcp_accept() -> Operation {
    let listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    operation("TcpListener::accept", accept(), move || {
        // A failed accept leaves the connection where it is, or has closed it.
        if !kernel::is_readable(&listener) {
            net::TcpStream::connect(address).expect("connect");
            pairs::kernel_ready(&listener, kernel::IN);
        }
        listener.accept().map(drop)
    })
}

/// An accept that finds a connection.
pub fn unix_accept() -> Operation {
    let path = TempPath::new();
    let listener = UnixListener::bind(&path).expect("bind");
    operation("UnixListener::accept", accept(), move || {
        if !kernel::is_readable(&listener) {
            unix::net::UnixStream::connect(&path).expect("connect");
        }
        listener.accept().map(drop)
    })
}

fn only_v6() -> Operation {
    let socket = UdpSocket::bind("[::1]:0".parse().expect("an address")).expect("bind");
    operation("UdpSocket::only_v6", vec![Call::Getsockopt], move || {
        socket.only_v6().map(drop)
    })
}
