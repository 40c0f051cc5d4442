//! Preview 1, by `poll_oneoff`.
//!
//! **The host's model.** A call brings a list of subscriptions along: a descriptor to read, one to
//! write, a clock. It ends when one of them has an event, and tells of all that have. Levels, and
//! nothing is kept between calls. A descriptor that cannot be waited for is an error of its own event,
//! or of the whole call; hosts differ.
//!
//! There are no sockets to be made: the host opens listeners (`wasmtime run -Stcplisten`), and what they
//! accept are streams.

use std::io;
#[cfg(feature = "net")]
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::RawFd;
use std::time::Duration;

use super::os::oneoff;
use super::os::poll::{Flags, POLLERR, POLLIN, POLLNVAL, POLLOUT, POLLRDHUP, PollFd, has};
use crate::kind::SelectorKind;

pub(crate) const SELECTOR: SelectorKind = SelectorKind::PollOneoff;

/// The clock's; the others have their record's number.
const CLOCK: u64 = u64::MAX;

/// One call, with records that all ask for something.
pub(super) fn poll(records: &mut [PollFd], timeout: Option<Duration>) -> io::Result<()> {
    let mut subscriptions = Vec::with_capacity(2 * records.len() + 1);
    for (place, record) in records.iter_mut().enumerate() {
        record.revents = 0;
        for direction in [POLLIN, POLLOUT] {
            if has(record.events, direction) {
                subscriptions.push(readiness(place as u64, record.fd as wasip1::Fd, direction));
            }
        }
    }
    for event in events(subscriptions, timeout)? {
        if let Some(record) = records.get_mut(event.userdata as usize) {
            record.revents |= answer(&event);
        }
    }
    Ok(())
}

/// The events of `subscriptions`, those that are true.
///
/// wasmtime tells of every descriptor as soon as one is ready. So if all have events at once each half of
/// them is asked again, and so on, until some have none or one is left.
fn events(
    mut subscriptions: Vec<wasip1::Subscription>,
    timeout: Option<Duration>,
) -> io::Result<Vec<wasip1::Event>> {
    let len = subscriptions.len();
    subscriptions.extend(timeout.map(clock));
    let mut events = oneoff::poll(&subscriptions)?;
    events.retain(|event| event.userdata != CLOCK);
    if events.len() < len || len == 1 {
        return Ok(events);
    }
    events.clear();
    subscriptions.truncate(len);
    for half in subscriptions.chunks(len.div_ceil(2)) {
        events.append(&mut self::events(half.to_vec(), Some(Duration::ZERO))?);
    }
    Ok(events)
}

/// What an event says, in the words of poll(2).
fn answer(event: &wasip1::Event) -> Flags {
    let direction = match event.type_ {
        wasip1::EVENTTYPE_FD_WRITE => POLLOUT,
        _ => POLLIN,
    };
    let hung_up = event.fd_readwrite.flags & wasip1::EVENTRWFLAGS_FD_READWRITE_HANGUP != 0;
    match event.error {
        wasip1::ERRNO_SUCCESS if hung_up && direction == POLLIN => POLLIN | POLLRDHUP,
        wasip1::ERRNO_SUCCESS => direction,
        // It is closed, or nothing that this host can wait for: one event, and silence.
        wasip1::ERRNO_BADF
        | wasip1::ERRNO_INVAL
        | wasip1::ERRNO_NOTCAPABLE
        | wasip1::ERRNO_NOTSOCK
        | wasip1::ERRNO_NOTSUP
        | wasip1::ERRNO_PERM => POLLNVAL,
        _ => POLLERR | direction,
    }
}

fn readiness(userdata: u64, fd: wasip1::Fd, direction: Flags) -> wasip1::Subscription {
    let what = wasip1::SubscriptionFdReadwrite {
        file_descriptor: fd,
    };
    let u = if direction == POLLIN {
        wasip1::SubscriptionU {
            tag: wasip1::EVENTTYPE_FD_READ.raw(),
            u: wasip1::SubscriptionUU { fd_read: what },
        }
    } else {
        wasip1::SubscriptionU {
            tag: wasip1::EVENTTYPE_FD_WRITE.raw(),
            u: wasip1::SubscriptionUU { fd_write: what },
        }
    };
    wasip1::Subscription { userdata, u }
}

/// To the nanosecond, and cut to what the host's clock can count: five centuries.
fn clock(timeout: Duration) -> wasip1::Subscription {
    // Half of it, so that adding the present time does not overflow.
    let longest = u64::MAX / 2;
    let timeout = u64::try_from(timeout.as_nanos()).map_or(longest, |nanos| nanos.min(longest));
    wasip1::Subscription {
        userdata: CLOCK,
        u: wasip1::SubscriptionU {
            tag: wasip1::EVENTTYPE_CLOCK.raw(),
            u: wasip1::SubscriptionUU {
                clock: wasip1::SubscriptionClock {
                    id: wasip1::CLOCKID_MONOTONIC,
                    timeout,
                    precision: 0,
                    flags: 0,
                },
            },
        },
    }
}

/// EBADF if `fd`, which may be any number, is closed. Whether it can be waited for shows when it is:
/// asking now could end the program. wasmtime does that for a standard input that is `/dev/null`.
pub(super) fn check(fd: RawFd, _: Flags) -> io::Result<()> {
    oneoff::check_open(fd)
}

/// An answer is about what was asked.
#[allow(clippy::unnecessary_wraps)] // As under preview 2.
pub(super) fn look_again(_: &mut PollFd) -> io::Result<()> {
    Ok(())
}

/// Preview 1 has no call for it.
#[cfg(feature = "net")]
pub(crate) fn connect(_: SocketAddr) -> io::Result<TcpStream> {
    Err(unsupported(
        "WASI preview 1 cannot connect: only the host opens sockets",
    ))
}

/// An error with this sentence: std's says less.
#[cfg(feature = "net")]
pub(super) fn no_sockets(sentence: &'static str) -> io::Result<()> {
    Err(unsupported(sentence))
}

/// There are no UDP sockets.
#[cfg(feature = "net")]
pub(crate) fn only_v6(_: &UdpSocket) -> io::Result<bool> {
    Err(unsupported("WASI preview 1 has no UDP sockets"))
}

#[cfg(feature = "net")]
fn unsupported(sentence: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, sentence)
}
