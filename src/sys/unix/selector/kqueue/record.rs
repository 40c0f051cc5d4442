//! What one record of kevent(2) means.

use crate::readiness::Readiness;
#[cfg(has_aio_events)]
use crate::sys::unix::os::kqueue::EVFILT_AIO;
#[cfg(has_lio_events)]
use crate::sys::unix::os::kqueue::EVFILT_LIO;
#[cfg(waker_kqueue)]
use crate::sys::unix::os::kqueue::EVFILT_USER;
use crate::sys::unix::os::kqueue::{EV_EOF, EV_ERROR, EVFILT_READ, EVFILT_WRITE, Kevent};
#[cfg(waker_kqueue)]
use crate::sys::unix::waker::kqueue as user;

/// The names of an event's flags, which are our own: a record has three fields, and an event may be
/// made of two records. In the lower half, where they are not taken for those of poll(2).
pub(crate) const FLAGS: &[(&str, u32)] = &[
    ("EVFILT_READ", READ),
    ("EV_EOF of EVFILT_READ", READ_EOF),
    ("EVFILT_WRITE", WRITE),
    ("EV_EOF of EVFILT_WRITE", WRITE_EOF),
    ("EVFILT_AIO", AIO),
    ("EVFILT_LIO", LIO),
    ("EVFILT_USER", USER),
    ("another filter", OTHER),
    ("EV_ERROR", ERROR),
    ("an error in fflags", ERRNO),
];

const READ: u32 = 1 << 0;
const READ_EOF: u32 = 1 << 1;
pub(super) const WRITE: u32 = 1 << 2;
pub(super) const WRITE_EOF: u32 = 1 << 3;
const AIO: u32 = 1 << 4;
const LIO: u32 = 1 << 5;
const USER: u32 = 1 << 6;
const OTHER: u32 = 1 << 7;
const ERROR: u32 = 1 << 8;
const ERRNO: u32 = 1 << 9;

/// Whether `record` tells that the wakers have rung; `fd` is their descriptor, if they have one.
///
/// By filter and `ident` together: equal numbers of different filters are different things.
#[inline]
pub(super) fn is_bell(record: &Kevent, fd: i32) -> bool {
    #[cfg(waker_kqueue)]
    if user::is_ring(record) {
        return true;
    }
    fd >= 0 && record.filter() == EVFILT_READ && record.ident() == fd as usize
}

/// Whether `record` is what it cannot be. NetBSD has returned records that were all zeroes (Go issue
/// 14127), where 0 is `EVFILT_READ`; a real one has the flags it was added with. Elsewhere no filter
/// is 0.
#[inline]
pub(super) fn is_void(record: &Kevent) -> bool {
    record.filter() == 0 && record.flags() == 0 && record.ident() == 0 && record.udata() == 0
}

/// What `record` tells, and its flags for `Debug`.
///
/// `EV_EOF` for reading: the peer has finished, or this side has shut its reading half; the data up
/// to there may still wait. `EV_EOF` for writing: nothing can be written any more, by this side's own
/// shutdown too. `fflags` holds the socket's error then.
#[inline]
pub(super) fn decode(record: &Kevent) -> (Readiness, u32) {
    let end = record.flags() & EV_EOF != 0;
    // Elsewhere they are the filter's own: an exited process has EV_EOF and NOTE_EXIT.
    let errno = end && record.fflags() != 0 && descriptor(record).is_some();
    let failed = record.flags() & EV_ERROR != 0;
    let (readiness, raw) = match record.filter() {
        EVFILT_READ => (
            Readiness::READABLE.with_if(end, Readiness::READ_CLOSED),
            READ | if end { READ_EOF } else { 0 },
        ),
        // Readable as well with an error: that is all iOS has told of a listener that it has taken
        // away (tokio issue 1112).
        EVFILT_WRITE => (
            Readiness::WRITABLE
                .with_if(end, Readiness::WRITE_CLOSED)
                .with_if(errno, Readiness::READABLE),
            WRITE | if end { WRITE_EOF } else { 0 },
        ),
        #[cfg(has_aio_events)]
        EVFILT_AIO => (Readiness::AIO, AIO),
        #[cfg(has_lio_events)]
        EVFILT_LIO => (Readiness::LIO, LIO),
        #[cfg(waker_kqueue)]
        EVFILT_USER => (Readiness::READABLE, USER),
        _ => (Readiness::NONE, OTHER),
    };
    (
        readiness.with_if(errno || failed, Readiness::ERROR),
        raw | if errno { ERRNO } else { 0 } | if failed { ERROR } else { 0 },
    )
}

/// The descriptor that `record` is about, if it is about one.
#[inline]
pub(super) fn descriptor(record: &Kevent) -> Option<usize> {
    matches!(record.filter(), EVFILT_READ | EVFILT_WRITE).then(|| record.ident())
}
