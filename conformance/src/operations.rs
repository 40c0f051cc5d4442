//! Every operation of sockets and pipes that goes through a system call of the library's own, with
//! the calls it makes and the errors that their man pages list.

use std::net::SocketAddr;
use std::os::unix;
use std::{fmt, io, net};

use ferrio::capabilities::{ACCEPT4, PIPE2, SOCK_FLAGS};
use ferrio::fault::Call;
use ferrio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use ferrio::unix::pipe;

use crate::samples::TempPath;
use crate::{kernel, pairs};

/// System calls, and the errors of each.
pub type Calls = Vec<(Call, &'static [i32])>;

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

const SOCKET: (Call, &[i32]) = (
    Call::Socket,
    &[
        libc::EACCES,
        libc::EAFNOSUPPORT,
        libc::EINVAL,
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOBUFS,
        libc::ENOMEM,
        libc::EPROTONOSUPPORT,
    ],
);

const SOCKETPAIR: (Call, &[i32]) = (
    Call::Socketpair,
    &[
        libc::EAFNOSUPPORT,
        libc::EFAULT,
        libc::EMFILE,
        libc::ENFILE,
        libc::EOPNOTSUPP,
        libc::EPROTONOSUPPORT,
        libc::ENOMEM,
    ],
);

const BIND: (Call, &[i32]) = (
    Call::Bind,
    &[
        libc::EACCES,
        libc::EADDRINUSE,
        libc::EADDRNOTAVAIL,
        libc::EBADF,
        libc::EFAULT,
        libc::EINVAL,
        libc::ELOOP,
        libc::ENAMETOOLONG,
        libc::ENOENT,
        libc::ENOMEM,
        libc::ENOTDIR,
        libc::ENOTSOCK,
        libc::EROFS,
    ],
);

const LISTEN: (Call, &[i32]) = (
    Call::Listen,
    &[
        libc::EADDRINUSE,
        libc::EBADF,
        libc::ENOTSOCK,
        libc::EOPNOTSUPP,
    ],
);

/// Without `EINPROGRESS` and `EINTR`, which mean that a TCP connect goes on.
const CONNECT: (Call, &[i32]) = (
    Call::Connect,
    &[
        libc::EACCES,
        libc::EADDRINUSE,
        libc::EADDRNOTAVAIL,
        libc::EAFNOSUPPORT,
        libc::EAGAIN,
        libc::EALREADY,
        libc::EBADF,
        libc::ECONNREFUSED,
        libc::EFAULT,
        libc::EISCONN,
        libc::ENETUNREACH,
        libc::ENOTSOCK,
        libc::EPERM,
        libc::EPROTOTYPE,
        libc::ETIMEDOUT,
    ],
);

/// What accept(2) and accept4(2) may answer, network errors of a pending connection included.
pub const ACCEPT_ERRORS: &[i32] = &[
    libc::EAGAIN,
    libc::EBADF,
    libc::ECONNABORTED,
    libc::EFAULT,
    libc::EHOSTDOWN,
    libc::EHOSTUNREACH,
    libc::EINTR,
    libc::EINVAL,
    libc::EMFILE,
    libc::ENETDOWN,
    libc::ENETUNREACH,
    libc::ENFILE,
    libc::ENOBUFS,
    libc::ENOMEM,
    libc::ENONET,
    libc::ENOPROTOOPT,
    libc::ENOSR,
    libc::ENOTSOCK,
    libc::EOPNOTSUPP,
    libc::EPROTO,
    libc::EPROTONOSUPPORT,
    libc::ESOCKTNOSUPPORT,
    libc::ETIMEDOUT,
];

const GETSOCKOPT: (Call, &[i32]) = (Call::Getsockopt, OPTION_ERRORS);
const SETSOCKOPT: (Call, &[i32]) = (Call::Setsockopt, OPTION_ERRORS);

const OPTION_ERRORS: &[i32] = &[
    libc::EBADF,
    libc::EDOM,
    libc::EFAULT,
    libc::EINVAL,
    libc::ENOMEM,
    libc::ENOPROTOOPT,
    libc::ENOTSOCK,
];

/// The call that makes a pipe.
pub const PIPE: Call = if PIPE2 { Call::Pipe2 } else { Call::Pipe };

const PIPE_ERRORS: &[i32] = &[libc::EFAULT, libc::EINVAL, libc::EMFILE, libc::ENFILE];

/// Where the call that opens a descriptor cannot give it its flags, they follow at once: close-on-exec,
/// then the old status flags are read and the new ones set.
fn flags_after(has_flags: bool, descriptors: usize) -> Calls {
    const FCNTL: (Call, &[i32]) = (Call::Fcntl, &[libc::EBADF, libc::EINVAL, libc::EPERM]);
    vec![FCNTL; if has_flags { 0 } else { 3 * descriptors }]
}

/// Where SO_NOSIGPIPE exists, and in builds with another option in its place.
const SILENCED: bool = cfg!(ferrio_without = "sigpipe");

fn silenced(sockets: usize) -> Calls {
    vec![SETSOCKOPT; if SILENCED { sockets } else { 0 }]
}

fn socket_then(calls: &[(Call, &'static [i32])]) -> Calls {
    [
        &[SOCKET],
        &flags_after(SOCK_FLAGS, 1)[..],
        &silenced(1)[..],
        calls,
    ]
    .concat()
}

fn pair() -> Calls {
    [
        &[SOCKETPAIR],
        &flags_after(SOCK_FLAGS, 2)[..],
        &silenced(2)[..],
    ]
    .concat()
}

fn a_pipe() -> Calls {
    [&[(PIPE, PIPE_ERRORS)], &flags_after(PIPE2, 2)[..]].concat()
}

/// Without the `EPERM` and the `ENOSYS` of accept4(2): both lead to accept(2). And without the errors that
/// say of the option that the connection is over.
fn accept() -> Calls {
    const SETSOCKOPT: (Call, &[i32]) = (
        Call::Setsockopt,
        &[libc::EBADF, libc::ENOMEM, libc::ENOPROTOOPT],
    );
    let call = if ACCEPT4 { Call::Accept4 } else { Call::Accept };
    let silenced = vec![SETSOCKOPT; usize::from(SILENCED)];
    [
        &[(call, ACCEPT_ERRORS)],
        &flags_after(ACCEPT4, 1)[..],
        &silenced[..],
    ]
    .concat()
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

/// All of them.
pub fn all() -> Vec<Operation> {
    let mut operations = making();
    operations.push(tcp_accept());
    operations.push(unix_accept());
    operations.push(only_v6());
    operations
}

/// Those that open a descriptor and need nothing but room for it.
pub fn making() -> Vec<Operation> {
    vec![
        tcp_bind(),
        tcp_connect(),
        udp_bind(),
        unix_bind(),
        unix_connect(),
        datagram_bind(),
        operation("UnixDatagram::unbound", socket_then(&[]), || {
            UnixDatagram::unbound().map(drop)
        }),
        operation("UnixStream::pair", pair(), || UnixStream::pair().map(drop)),
        operation("UnixDatagram::pair", pair(), || {
            UnixDatagram::pair().map(drop)
        }),
        operation("pipe::new", a_pipe(), || pipe::new().map(drop)),
    ]
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn tcp_bind() -> Operation {
    let calls = socket_then(&[SETSOCKOPT, BIND, LISTEN]);
    operation("TcpListener::bind", calls, || {
        TcpListener::bind(loopback()).map(drop)
    })
}

fn tcp_connect() -> Operation {
    let listener = net::TcpListener::bind(pairs::private_loopback()).expect("bind");
    let address = listener.local_addr().expect("an address");
    operation("TcpStream::connect", socket_then(&[CONNECT]), move || {
        let _stream = TcpStream::connect(address)?;
        pairs::kernel_ready(&listener, kernel::IN);
        listener.accept().expect("room for the next");
        Ok(())
    })
}

fn udp_bind() -> Operation {
    operation("UdpSocket::bind", socket_then(&[BIND]), || {
        UdpSocket::bind(loopback()).map(drop)
    })
}

fn unix_bind() -> Operation {
    operation("UnixListener::bind", socket_then(&[BIND, LISTEN]), || {
        let path = TempPath::new();
        UnixListener::bind(&path).map(drop)
    })
}

fn unix_connect() -> Operation {
    let path = TempPath::new();
    let listener = unix::net::UnixListener::bind(&path).expect("bind");
    operation("UnixStream::connect", socket_then(&[CONNECT]), move || {
        let result = UnixStream::connect(&path).map(drop);
        if result.is_ok() {
            pairs::kernel_ready(&listener, kernel::IN);
            listener.accept().expect("room for the next");
        }
        result
    })
}

fn datagram_bind() -> Operation {
    operation("UnixDatagram::bind", socket_then(&[BIND]), || {
        let path = TempPath::new();
        UnixDatagram::bind(&path).map(drop)
    })
}

fn tcp_accept() -> Operation {
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

fn unix_accept() -> Operation {
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
    operation("UdpSocket::only_v6", vec![GETSOCKOPT], move || {
        socket.only_v6().map(drop)
    })
}
