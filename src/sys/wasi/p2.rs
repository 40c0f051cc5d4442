//! Preview 2, by wasi-libc's `poll` and its sockets. See [`super`] for why.
//!
//! # What wasi-libc says, and what is made of it
//!
//! * One descriptor that is closed, or that it cannot wait for (files and terminals, for writing),
//!   makes the whole call fail.
//! * If no record asks for anything it has the host wait for nothing at all, which ends the program.
//! * A stream that connects is one object of the host's, of which it says "ready" when that is over,
//!   for better or worse. wasi-libc takes it for the answer to every question, so a connection that
//!   has just been made is called readable. Streams that ferrio has begun to connect are therefore
//!   asked about once more at that moment, and whether they have a peer, for there is no flag for a
//!   connection that has failed. Those of others cannot be told from the rest.
//! * A datagram socket is likewise called readable until the first operation on it, and after a
//!   `connect` that has failed: that is, while it has no streams of the host's. Registering it makes
//!   them, see [`socket::open_streams`]; a `connect` that fails later is one event about nothing.

use std::io;
#[cfg(feature = "net")]
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::RawFd;
#[cfg(feature = "net")]
use std::os::fd::{AsFd, AsRawFd};
use std::slice;
use std::time::Duration;

use super::os::poll::{self, Flags, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, PollFd};
use super::os::socket;
use crate::kind::SelectorKind;
use crate::sync::{Mutex, lock};
use crate::sys::timeout::int_milliseconds;

pub(crate) const SELECTOR: SelectorKind = SelectorKind::Poll;

/// Streams that ferrio has begun to connect and that were not reported since. A number that was closed
/// and is another descriptor's costs a few calls more.
static CONNECTING: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Looks again at an answer that may be about something else than it seems.
pub(super) fn look_again(answer: &mut PollFd) -> io::Result<()> {
    if answer.revents != 0 && was_connecting(answer.fd) {
        poll(slice::from_mut(answer), Some(Duration::ZERO))?;
        if answer.revents != 0 && socket::has_failed(answer.fd) {
            // What poll(2) says elsewhere of a connection that was refused.
            answer.revents |= POLLERR | POLLHUP | POLLRDHUP;
        }
    }
    Ok(())
}

fn was_connecting(fd: RawFd) -> bool {
    let mut connecting = lock(&CONNECTING);
    let place = connecting.iter().position(|&other| other == fd);
    place.map(|place| connecting.swap_remove(place)).is_some()
}

/// An error if `fd`, which may be any number, cannot be asked about `events`: EBADF if it is closed,
/// ENOTSUP if it is nothing that can be waited for.
pub(super) fn check(fd: RawFd, events: Flags) -> io::Result<()> {
    let mut record = PollFd {
        fd,
        events: events & (POLLIN | POLLOUT),
        revents: 0,
    };
    poll(slice::from_mut(&mut record), Some(Duration::ZERO))?;
    socket::open_streams(fd);
    Ok(())
}

/// One call, with records that all ask for something.
pub(super) fn poll(records: &mut [PollFd], timeout: Option<Duration>) -> io::Result<()> {
    poll::poll(records, int_milliseconds(timeout))
}

/// A stream that has begun to connect to `addr`.
#[cfg(feature = "net")]
pub(crate) fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket::stream_for(&addr)?;
    match socket::connect(socket.as_fd(), &addr) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => return Err(error),
        _ => {}
    }
    let fd = socket.as_raw_fd();
    was_connecting(fd); // An older one's of that number.
    lock(&CONNECTING).push(fd);
    Ok(TcpStream::from(socket))
}

/// wasi-libc has no such option: see the error it gives.
#[cfg(feature = "net")]
pub(crate) fn only_v6(socket: &UdpSocket) -> io::Result<bool> {
    socket::only_v6(socket.as_fd())
}
