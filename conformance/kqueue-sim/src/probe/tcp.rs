//! TCP: the state of the connection says what poll(2) doesn't.

use std::os::fd::RawFd;

use super::{Look, data, pending, room};
use crate::os::{self, TcpInfo};

/// linux/tcp.h; TCP_INFO's `tcpi_state`.
mod state {
    pub const ESTABLISHED: u8 = 1;
    pub const FIN_WAIT1: u8 = 4;
    pub const FIN_WAIT2: u8 = 5;
    pub const CLOSE: u8 = 7;
    pub const CLOSE_WAIT: u8 = 8;
    pub const SYN_SENT: u8 = 2;
    pub const SYN_RECV: u8 = 3;
    pub const LISTEN: u8 = 10;
}

/// What TCP and poll(2) say of one and the same state.
struct Tcp {
    info: TcpInfo,
    revents: libc::c_short,
}

fn look(fd: RawFd) -> Option<Tcp> {
    let mut info = os::tcp_info(fd)?;
    loop {
        let revents = os::poll_now(fd, libc::POLLIN | libc::POLLOUT | libc::POLLRDHUP);
        let after = os::tcp_info(fd)?;
        if after.state == info.state {
            // The older counts: what arrives meanwhile is news for the next look.
            return Some(Tcp { info, revents });
        }
        info = after;
    }
}

impl Tcp {
    /// Whether there ever was a connection.
    fn has_been_connected(&self) -> bool {
        self.info.bytes_acked > 0 || self.info.bytes_received > 0 || self.info.rtt > 0
    }

    fn is_closed(&self) -> bool {
        self.info.state == state::CLOSE
    }

    fn has_error(&self) -> bool {
        self.revents & libc::POLLERR != 0
    }

    /// What both filters have in common; none while there is nothing to say.
    fn common(&self, old: &Look) -> Option<Look> {
        let fresh = self.is_closed() && !self.has_been_connected();
        let refused = old.refused || (fresh && self.has_error());
        let unconnected = matches!(
            self.info.state,
            state::LISTEN | state::SYN_SENT | state::SYN_RECV
        );
        if unconnected || (fresh && !refused) {
            return None;
        }
        // `so_error` itself can't be seen without taking it from the program. These are the two
        // that loopback connections have.
        let fflags = match (self.has_error(), fresh) {
            (false, _) => 0,
            (true, true) => libc::ECONNREFUSED,
            (true, false) => libc::ECONNRESET,
        };
        Some(Look {
            fflags: fflags.unsigned_abs(),
            refused,
            ..Look::SILENT
        })
    }
}

pub fn read(fd: RawFd, old: &Look) -> Look {
    let Some(tcp) = look(fd) else {
        return Look::SILENT;
    };
    let Some(mut look) = tcp.common(old) else {
        return Look::SILENT;
    };
    let shut = tcp.revents & libc::POLLRDHUP != 0;
    // Without a FIN it was this side that has shut its reading half, and a BSD throws away what
    // arrives then.
    let no_fin = matches!(
        tcp.info.state,
        state::ESTABLISHED | state::FIN_WAIT1 | state::FIN_WAIT2
    );
    if shut && no_fin {
        look.count = old.count;
    } else {
        look.count = tcp.info.bytes_received;
        look.data = data(pending(fd));
    }
    look.eof = shut || tcp.is_closed();
    look.active = look.data > 0 || look.eof || look.fflags != 0;
    look
}

pub fn write(fd: RawFd, old: &Look) -> Look {
    let Some(tcp) = look(fd) else {
        return Look::SILENT;
    };
    let Some(mut look) = tcp.common(old) else {
        return Look::SILENT;
    };
    look.eof = !matches!(tcp.info.state, state::ESTABLISHED | state::CLOSE_WAIT);
    look.active = look.eof || tcp.revents & libc::POLLOUT != 0;
    look.data = room(fd);
    look.count = if look.eof {
        old.count
    } else {
        tcp.info.bytes_acked
    };
    look
}

pub fn listener(fd: RawFd) -> Look {
    let waiting = os::tcp_info(fd).map_or(0, |info| info.unacked);
    Look {
        active: os::poll_now(fd, libc::POLLIN) & libc::POLLIN != 0,
        data: isize::try_from(waiting).unwrap_or(0),
        ..Look::SILENT
    }
}
