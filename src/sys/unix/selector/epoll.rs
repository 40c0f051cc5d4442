//! The selector over epoll(7), edge-triggered.
//!
//! **The kernel's model.** An epoll set holds (open file description, descriptor number) pairs with
//! a mask and 64 bits of user data each. With EPOLLET a source is reported when it becomes ready,
//! and again at every later event of its wait queue, so neither we nor the user have to re-arm
//! anything. A description leaves the set when its last descriptor is closed: a source that is
//! dropped takes its registration along, unless the user made a dup of it, which keeps it alive and
//! reporting under the old token.
//!
//! **Our state.** None per source: the user data is the token. The set itself is the one descriptor
//! that we own; closing it ends everything.
//!
//! **The bell.** The wakers' descriptor is watched under [`BELL`], a number that no index or pointer
//! is likely to be. Tokens are the user's to choose, though, so a user may come and register a
//! source under that very token. The first such registration moves the bell: into a set of its own,
//! which is then watched with EPOLLRDNORM in its mask, a flag that no registration of a user asks
//! for. From then on the flag tells the bell, and the number is the user's. That costs the bell a
//! detour through a second set, which is why it isn't done from the start.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

#[cfg(has_epoll_pwait2)]
use super::is_short;
use crate::event::Event;
use crate::interest::Interest;
use crate::notify::Harvest;
use crate::readiness::Readiness;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::sys::answer::Answer;
use crate::sys::timeout::int_milliseconds as milliseconds;
use crate::sys::unix::os::epoll as os;
#[cfg(has_epoll_pwait2)]
use crate::sys::unix::os::refusal::Refusal;
use crate::token::Token;

/// The names of a record's flags, in the order of their values.
pub(crate) const FLAGS: &[(&str, u32)] = &[
    ("EPOLLIN", os::EPOLLIN as u32),
    ("EPOLLPRI", os::EPOLLPRI as u32),
    ("EPOLLOUT", os::EPOLLOUT as u32),
    ("EPOLLERR", os::EPOLLERR as u32),
    ("EPOLLHUP", os::EPOLLHUP as u32),
    ("EPOLLRDHUP", os::EPOLLRDHUP as u32),
];

/// The user data of the wakers' descriptor, as long as no user token equals it. No longer than a token:
/// it is compared when it stands in an event.
const BELL: u64 = 0xFE11_10C0_57A7_E5ED_u64 as usize as u64;

pub(crate) struct Epoll {
    set: OwnedFd,
    way: os::Way,
    bell: Mutex<BellWatch>,
    /// [`BELL`] is a user's token now: only EPOLLRDNORM tells the bell.
    bell_yields: AtomicBool,
    /// A source was registered under it.
    bell_taken: AtomicBool,
}

enum BellWatch {
    Not,
    /// The bell's descriptor is in the set.
    Direct(RawFd),
    /// It is in this set, which is in ours.
    Nested {
        bell: RawFd,
        _inner: OwnedFd,
    },
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        Ok(Epoll {
            set: os::create()?,
            way: os::Way::find(),
            bell: Mutex::new(BellWatch::Not),
            bell_yields: AtomicBool::new(false),
            bell_taken: AtomicBool::new(false),
        })
    }

    #[inline]
    pub(crate) fn register(&self, fd: RawFd, token: Token, interests: Interest) -> io::Result<()> {
        self.control(os::EPOLL_CTL_ADD, fd, token, interests)
    }

    #[inline]
    pub(crate) fn reregister(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.control(os::EPOLL_CTL_MOD, fd, token, interests)
    }

    #[inline]
    fn control(
        &self,
        operation: i32,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        let data = token.0 as u64;
        if data == BELL {
            return self.control_bell(operation, fd, interests);
        }
        os::ctl(self.set.as_fd(), operation, fd, mask(interests), data)
    }

    #[inline]
    pub(crate) fn deregister(&self, fd: RawFd) -> io::Result<()> {
        // Kernels before 2.6.9 wanted a record here as well, epoll_ctl(2), so one is passed.
        os::ctl(self.set.as_fd(), os::EPOLL_CTL_DEL, fd, 0, 0)
    }

    /// Watches the wakers' descriptor, which the caller keeps for as long as this selector lives.
    pub(crate) fn watch_bell(&self, bell: BorrowedFd<'_>) -> io::Result<()> {
        let mut watch = lock(&self.bell);
        *watch = if self.bell_yields.load(Ordering::Acquire) {
            self.nest(bell.as_raw_fd())?
        } else {
            let mask = os::EPOLLIN | os::EPOLLET;
            let bell = bell.as_raw_fd();
            os::ctl(self.set.as_fd(), os::EPOLL_CTL_ADD, bell, mask, BELL)?;
            BellWatch::Direct(bell)
        };
        Ok(())
    }

    /// `control` for a source whose token is [`BELL`].
    #[cold]
    fn control_bell(&self, operation: i32, fd: RawFd, interests: Interest) -> io::Result<()> {
        // Held until it is known whether the number is a user's: see `is_taken`.
        let mut watch = lock(&self.bell);
        let first = !self.bell_yields.load(Ordering::Acquire);
        if first {
            self.yield_bell(&mut watch)?;
        }
        let result = os::ctl(self.set.as_fd(), operation, fd, mask(interests), BELL);
        match &result {
            Ok(()) => self.bell_taken.store(true, Ordering::Release),
            Err(_) if first => self.reclaim_bell(&mut watch),
            Err(_) => {}
        }
        result
    }

    /// Makes sure that records with the user data [`BELL`] are a user's.
    fn yield_bell(&self, watch: &mut BellWatch) -> io::Result<()> {
        if let BellWatch::Direct(bell) = *watch {
            // In this order: a ring at any moment is reported at least once. If the second call
            // fails, dropping `nested` takes the first one back.
            let nested = self.nest(bell)?;
            os::ctl(self.set.as_fd(), os::EPOLL_CTL_DEL, bell, 0, 0)?;
            *watch = nested;
        }
        self.bell_yields.store(true, Ordering::Release);
        Ok(())
    }

    /// Takes [`yield_bell`](Epoll::yield_bell) back: nothing was registered. Should this fail, the
    /// bell stays where it is, which works as well and costs a descriptor.
    fn reclaim_bell(&self, watch: &mut BellWatch) {
        if let BellWatch::Nested { bell, .. } = *watch {
            let mask = os::EPOLLIN | os::EPOLLET;
            if os::ctl(self.set.as_fd(), os::EPOLL_CTL_ADD, bell, mask, BELL).is_err() {
                return;
            }
            *watch = BellWatch::Direct(bell);
        }
        self.bell_yields.store(false, Ordering::Release);
    }

    fn nest(&self, bell: RawFd) -> io::Result<BellWatch> {
        let inner = os::create()?;
        let mask = os::EPOLLIN | os::EPOLLET;
        os::ctl(inner.as_fd(), os::EPOLL_CTL_ADD, bell, mask, BELL)?;
        // EPOLLIN as well: it is the key with which a nested set wakes the outer one.
        let mask = os::EPOLLIN | os::EPOLLRDNORM | os::EPOLLET;
        let fd = inner.as_raw_fd();
        os::ctl(self.set.as_fd(), os::EPOLL_CTL_ADD, fd, mask, BELL)?;
        Ok(BellWatch::Nested {
            bell,
            _inner: inner,
        })
    }

    /// Whether a record with the user data [`BELL`] is the bell's.
    fn is_bell(&self, flags: u32) -> bool {
        flags & os::EPOLLRDNORM as u32 != 0
            || !self.bell_yields.load(Ordering::Acquire)
            || !self.is_taken()
    }

    /// Whether a source was ever registered under [`BELL`]. If not, a record without EPOLLRDNORM is
    /// the bell's, taken out of the kernel before it was moved.
    #[cold]
    fn is_taken(&self) -> bool {
        let _no_registration_under_way = lock(&self.bell);
        self.bell_taken.load(Ordering::Acquire)
    }

    /// Appends at most `room` events to `list`, blocking for at most `timeout`.
    #[inline(always)]
    pub(crate) fn wait(
        &self,
        list: &mut Vec<Event>,
        room: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Harvest> {
        #[cfg(has_epoll_pwait2)]
        if let Some(timeout) = timeout.filter(|&timeout| is_short(timeout)) {
            return self.wait_briefly(list, room, timeout);
        }
        self.wait_milliseconds(list, room, milliseconds(timeout))
    }

    /// The same for ever or not at all.
    #[inline(always)]
    pub(crate) fn wait_simply(
        &self,
        list: &mut Vec<Event>,
        room: usize,
        block: bool,
    ) -> io::Result<Harvest> {
        self.wait_milliseconds(list, room, if block { -1 } else { 0 })
    }

    #[inline(always)]
    fn wait_milliseconds(
        &self,
        list: &mut Vec<Event>,
        room: usize,
        timeout: i32,
    ) -> io::Result<Harvest> {
        let set = self.set.as_fd();
        os::wait(set, self.way, list, room, timeout, |records| {
            self.take(records)
        })
    }

    /// The same for a timeout that epoll_wait would have to round up to several times its length.
    #[cfg(has_epoll_pwait2)]
    #[inline(never)]
    fn wait_briefly(
        &self,
        list: &mut Vec<Event>,
        room: usize,
        timeout: Duration,
    ) -> io::Result<Harvest> {
        let set = self.set.as_fd();
        let rounded = milliseconds(Some(timeout));
        PWAIT2.or(
            list,
            |list| os::pwait2(set, list, room, timeout, |records| self.take(records)),
            |list| {
                os::wait(set, self.way, list, room, rounded, |records| {
                    self.take(records)
                })
            },
        )
    }

    /// Makes events of the kernel's records.
    #[inline(never)]
    fn take(&self, records: os::Records<'_>) -> Harvest {
        let mut maybe_rung = false;
        let (list, count) = records.into_events(|flags, data| {
            maybe_rung |= data == BELL;
            // The data came from a token, so it fits.
            Event::new(Token(data as usize), decode(flags), flags)
        });
        if maybe_rung {
            let start = list.len() - count;
            return self.take_bells_out(list, start);
        }
        Harvest {
            events: count,
            rung: false,
        }
    }

    /// Of the events from `start` on, those that are the bell's: two while it is being moved.
    #[inline(never)]
    fn take_bells_out(&self, list: &mut Vec<Event>, start: usize) -> Harvest {
        let before = list.len();
        for index in (start..before).rev() {
            let event = &list[index];
            if event.token().0 as u64 == BELL && self.is_bell(event.raw()) {
                list.swap_remove(index);
            }
        }
        Harvest {
            events: list.len() - start,
            rung: list.len() < before,
        }
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.set.as_fd()
    }
}

/// epoll_pwait2 came with Linux 5.11.
#[cfg(has_epoll_pwait2)]
static PWAIT2: Refusal = Refusal::new();

#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    os::forget_fallbacks();
    #[cfg(has_epoll_pwait2)]
    PWAIT2.forget();
}

/// The mask for `interests`. The peer's shutdown is part of what readers want to know, and cannot
/// be told from data without EPOLLRDHUP.
#[inline]
fn mask(interests: Interest) -> i32 {
    let mut mask = os::EPOLLET;
    if interests.is_readable() {
        mask |= os::EPOLLIN | os::EPOLLRDHUP;
    }
    if interests.is_writable() {
        mask |= os::EPOLLOUT;
    }
    if interests.is_priority() {
        mask |= os::EPOLLPRI;
    }
    mask
}

/// What the flags of a record mean.
#[inline]
fn decode(flags: u32) -> Readiness {
    DECODED[decode_index(flags)]
}

/// The six flags that matter: the low five bits, and EPOLLRDHUP moved next to them.
const fn decode_index(flags: u32) -> usize {
    (flags & 0x1f | (flags >> 8) & 0x20) as usize
}

const _: () = assert!(
    os::EPOLLIN | os::EPOLLPRI | os::EPOLLOUT | os::EPOLLERR | os::EPOLLHUP == 0x1f
        && os::EPOLLRDHUP == 0x2000
);

static DECODED: [Readiness; 64] = {
    let mut table = [Readiness::NONE; 64];
    let mut index = 0;
    while index < table.len() {
        let flags = (index & 0x1f) as i32 | if index & 0x20 != 0 { os::EPOLLRDHUP } else { 0 };
        table[index] = decode_slowly(flags);
        index += 1;
    }
    table
};

const fn decode_slowly(flags: i32) -> Readiness {
    Answer {
        input: flags & os::EPOLLIN != 0,
        priority: flags & os::EPOLLPRI != 0,
        output: flags & os::EPOLLOUT != 0,
        error: flags & os::EPOLLERR != 0,
        error_alone: flags == os::EPOLLERR,
        hang_up: flags & os::EPOLLHUP != 0,
        peer_shut: flags & os::EPOLLRDHUP != 0,
    }
    .readiness()
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "epoll_tests.rs"]
mod tests;
