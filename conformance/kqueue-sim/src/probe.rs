//! What Linux says of a descriptor now, in BSD's words.

use std::ffi::c_int;
use std::os::fd::RawFd;

use crate::os;
use crate::queue;

mod tcp;

/// What a descriptor is, as far as the filters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    User,
    Tcp,
    TcpListener,
    UnixStream,
    UnixListener,
    Udp,
    /// A Unix datagram or sequenced-packet socket.
    Packets,
    Pipe {
        reads: bool,
        writes: bool,
    },
    /// Another queue of this library.
    Queue,
    /// A regular file.
    File,
    /// A directory, or a device that never blocks.
    AlwaysReady,
    /// Terminals, and Linux's own kinds of descriptors.
    Other,
}

/// What a filter sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub active: bool,
    pub eof: bool,
    pub fflags: u32,
    pub data: isize,
    /// How often this filter's condition has changed, if somebody counts: bytes that arrived, bytes
    /// that were acknowledged, events that were queued.
    pub count: u64,
    /// How full the buffer is, if it is counted.
    pub fill: c_int,
    /// A connection was tried, and refused.
    pub refused: bool,
    /// It could not be looked at this moment.
    pub busy: bool,
}

impl Look {
    pub const SILENT: Self = Self {
        active: false,
        eof: false,
        fflags: 0,
        data: 0,
        count: 0,
        fill: 0,
        refused: false,
        busy: false,
    };
}

/// What a BSD's datagram sockets count besides the data: the sender's address.
const UDP_ADDRESS: isize = 16;

pub fn kind(fd: RawFd) -> Kind {
    let Some(stat) = os::stat(fd) else {
        return Kind::Other;
    };
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFSOCK => socket_kind(fd),
        libc::S_IFIFO => {
            let mode = os::access_mode(fd);
            Kind::Pipe {
                reads: mode != libc::O_WRONLY,
                writes: mode != libc::O_RDONLY,
            }
        }
        _ if queue::is_queue(fd) => Kind::Queue,
        _ => Kind::Other,
    }
}

fn socket_kind(fd: RawFd) -> Kind {
    let option = |name| os::socket_option(fd, name).unwrap_or(-1);
    let listens = option(libc::SO_ACCEPTCONN) == 1;
    let inet = matches!(option(libc::SO_DOMAIN), libc::AF_INET | libc::AF_INET6);
    let unix = option(libc::SO_DOMAIN) == libc::AF_UNIX;
    let protocol = option(libc::SO_PROTOCOL);
    match option(libc::SO_TYPE) {
        libc::SOCK_STREAM if inet && protocol == libc::IPPROTO_TCP => {
            if listens {
                Kind::TcpListener
            } else {
                Kind::Tcp
            }
        }
        libc::SOCK_STREAM if unix && listens => Kind::UnixListener,
        libc::SOCK_STREAM if unix => Kind::UnixStream,
        libc::SOCK_DGRAM if inet => Kind::Udp,
        _ if unix => Kind::Packets,
        _ => Kind::Other,
    }
}

/// Whether nobody will ever read from a pipe again.
pub fn is_reader_gone(fd: RawFd) -> bool {
    os::poll_now(fd, libc::POLLOUT) & libc::POLLERR != 0
}

/// How much a socket has sent that its peer has not got.
pub fn unsent(fd: RawFd) -> c_int {
    os::ioctl_int(fd, libc::TIOCOUTQ).unwrap_or(0)
}

/// How much of what a TCP connection has sent its peer has acknowledged, ever.
pub fn acknowledged(fd: RawFd) -> u64 {
    os::tcp_info(fd).map_or(0, |info| info.bytes_acked)
}

/// How much there is to read.
pub fn pending(fd: RawFd) -> c_int {
    os::ioctl_int(fd, libc::FIONREAD).unwrap_or(0)
}

fn room(fd: RawFd) -> isize {
    let size = os::socket_option(fd, libc::SO_SNDBUF).unwrap_or(0);
    isize::try_from((size - unsent(fd)).max(0)).unwrap_or(0)
}

fn data(count: c_int) -> isize {
    isize::try_from(count).unwrap_or(0)
}

pub fn read(fd: RawFd, kind: Kind, old: &Look) -> Look {
    match kind {
        Kind::Tcp => tcp::read(fd, old),
        Kind::UnixStream => unix_read(fd),
        Kind::TcpListener => tcp::listener(fd),
        Kind::Udp => udp_read(fd),
        Kind::Pipe { reads: true, .. } => pipe_read(fd),
        Kind::Pipe { .. } => Look::SILENT,
        Kind::Queue => nested(fd, old),
        Kind::File => file_read(fd),
        Kind::AlwaysReady => always(),
        Kind::UnixListener | Kind::Packets | Kind::Other | Kind::User => plain_read(fd, kind),
    }
}

pub fn write(fd: RawFd, kind: Kind, old: &Look) -> Look {
    match kind {
        Kind::Tcp => tcp::write(fd, old),
        Kind::UnixStream => unix_write(fd),
        Kind::Pipe { writes: true, .. } => pipe_write(fd),
        // Nothing is ever written to these.
        Kind::Pipe { .. } | Kind::TcpListener | Kind::UnixListener | Kind::Queue => Look::SILENT,
        Kind::File | Kind::AlwaysReady => always(),
        Kind::Udp | Kind::Packets | Kind::Other | Kind::User => plain_write(fd),
    }
}

fn unix_read(fd: RawFd) -> Look {
    let eof = os::poll_now(fd, libc::POLLRDHUP) & libc::POLLRDHUP != 0;
    let data = data(pending(fd));
    Look {
        active: data > 0 || eof,
        eof,
        data,
        ..Look::SILENT
    }
}

fn unix_write(fd: RawFd) -> Look {
    if !os::has_peer(fd) {
        return Look::SILENT;
    }
    let fill = unsent(fd);
    let revents = os::poll_now(fd, libc::POLLOUT);
    let eof = os::is_write_shut(fd);
    Look {
        active: eof || revents & libc::POLLOUT != 0,
        eof,
        data: room(fd),
        fill,
        ..Look::SILENT
    }
}

fn udp_read(fd: RawFd) -> Look {
    let revents = os::poll_now(fd, libc::POLLIN | libc::POLLRDHUP);
    let readable = revents & libc::POLLIN != 0;
    let eof = revents & libc::POLLRDHUP != 0;
    // Linux counts the first datagram only.
    let waits = readable && !eof && revents & libc::POLLERR == 0;
    Look {
        active: readable || eof || revents & libc::POLLERR != 0,
        eof,
        data: if waits {
            data(pending(fd)) + UDP_ADDRESS
        } else {
            0
        },
        ..Look::SILENT
    }
}

fn pipe_read(fd: RawFd) -> Look {
    let eof = os::poll_now(fd, libc::POLLIN) & libc::POLLHUP != 0;
    let fill = pending(fd);
    Look {
        active: fill > 0 || eof,
        eof,
        data: data(fill),
        fill,
        ..Look::SILENT
    }
}

fn pipe_write(fd: RawFd) -> Look {
    let revents = os::poll_now(fd, libc::POLLOUT);
    let eof = revents & libc::POLLERR != 0;
    let fill = pending(fd);
    let room = if eof {
        0
    } else {
        (os::pipe_size(fd) - fill).max(0)
    };
    Look {
        // Linux wants a page of room, well above a BSD's 512 bytes.
        active: eof || revents & libc::POLLOUT != 0,
        eof,
        data: data(room),
        fill,
        ..Look::SILENT
    }
}

fn nested(fd: RawFd, old: &Look) -> Look {
    match queue::peek(fd) {
        Some((waiting, queued)) => Look {
            active: waiting > 0,
            data: isize::try_from(waiting).unwrap_or(isize::MAX),
            count: queued,
            ..Look::SILENT
        },
        // Somebody is at work on it this moment: an event too many rather than one too few.
        // The count stays: what it is will show at the next look, and one made up here could hide
        // the event after this.
        None => Look {
            active: true,
            data: 1,
            count: old.count,
            busy: true,
            ..Look::SILENT
        },
    }
}

/// The manual: readable while the position is not at the end; the data are what is between the two.
fn file_read(fd: RawFd) -> Look {
    let size = os::stat(fd).map_or(0, |stat| stat.st_size);
    let left = size - os::position(fd);
    Look {
        active: left != 0,
        data: isize::try_from(left).unwrap_or(isize::MAX),
        ..Look::SILENT
    }
}

fn always() -> Look {
    Look {
        active: true,
        ..Look::SILENT
    }
}

fn plain_read(fd: RawFd, kind: Kind) -> Look {
    let revents = os::poll_now(fd, libc::POLLIN | libc::POLLRDHUP);
    // Linux says POLLHUP of sockets that were never connected.
    let hung_up = match kind {
        Kind::Other => revents & libc::POLLHUP != 0,
        _ => revents & libc::POLLRDHUP != 0,
    };
    Look {
        active: hung_up || revents & (libc::POLLIN | libc::POLLERR) != 0,
        eof: hung_up,
        data: data(pending(fd)).max(isize::from(revents & libc::POLLIN != 0)),
        ..Look::SILENT
    }
}

fn plain_write(fd: RawFd) -> Look {
    let revents = os::poll_now(fd, libc::POLLOUT);
    Look {
        active: revents & libc::POLLOUT != 0,
        data: room(fd),
        ..Look::SILENT
    }
}
