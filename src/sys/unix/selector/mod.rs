//! Selectors: the kernel's readiness facilities.
//!
//! [`Selector`] puts one of them together with the wakers. In an ordinary build there is one kind
//! and [`Backend`] has one variant, so nothing is dispatched; the feature `runtime-selector`
//! compiles in all that the target has.

#[cfg(sel_epoll)]
mod epoll;
#[cfg(sel_kqueue)]
mod kqueue;
#[cfg(any(sel_poll, sel_kqueue))]
mod lock;
#[cfg(sel_poll)]
mod question;
#[cfg(not(sel_poll))]
mod stateless_io_source;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::OnceLock;
use std::time::Duration;

use crate::event::{Event, Events};
use crate::interest::Interest;
use crate::kind::{SelectorKind, WakerKind};
use crate::notify::{Harvest, Kernel, Notify, Turn};
use crate::sync::{Arc, Mutex, lock};
#[cfg(sel_poll)]
use crate::sys::poll;
use crate::sys::unix::waker::Bell;
use crate::token::Token;

#[cfg(sel_poll)]
pub(crate) use self::lock::Lock;
#[cfg(sel_poll)]
pub(crate) use self::question::ask;
#[cfg(not(sel_poll))]
pub(crate) use self::stateless_io_source::IoSourceState;

/// The selectors that this build can make.
pub(crate) const AVAILABLE: &[SelectorKind] = &[
    DEFAULT,
    #[cfg(all(sel_epoll, force_poll))]
    SelectorKind::Epoll,
    #[cfg(all(sel_kqueue, force_poll))]
    SelectorKind::Kqueue,
    #[cfg(all(any(sel_epoll, sel_kqueue), sel_poll, not(force_poll)))]
    SelectorKind::Poll,
];

/// The one taken when nobody chooses.
pub(crate) const DEFAULT: SelectorKind = if cfg!(all(sel_epoll, not(force_poll))) {
    SelectorKind::Epoll
} else if cfg!(all(sel_kqueue, not(force_poll))) {
    SelectorKind::Kqueue
} else {
    SelectorKind::Poll
};

/// The names of an event's flags. Those of different selectors don't overlap.
pub(crate) const FLAGS: &[&[(&str, u32)]] = &[
    #[cfg(sel_epoll)]
    epoll::FLAGS,
    #[cfg(sel_kqueue)]
    kqueue::FLAGS,
    #[cfg(sel_poll)]
    poll::FLAGS,
];

/// One `Poll`'s readiness facility. The last of that `Poll` and its `Registry`s closes it.
pub(crate) struct Selector {
    backend: Backend,
    hub: Arc<WakeHub>,
    #[cfg(any(debug_assertions, feature = "runtime-selector", sel_poll))]
    id: usize,
}

/// The selector over poll(2), with its bell at once: registrations ring as well, and a blocked poll(2)
/// takes nothing new in.
#[cfg(sel_poll)]
pub(crate) fn over_poll(hub: &Arc<WakeHub>) -> io::Result<poll::Poll> {
    let bell = hub.bell(Bell::new)?.as_fd().as_raw_fd();
    Ok(poll::Poll::new(hub.clone(), bell))
}

enum Backend {
    #[cfg(sel_epoll)]
    Epoll(epoll::Epoll),
    #[cfg(sel_kqueue)]
    Kqueue(kqueue::Kqueue),
    #[cfg(sel_poll)]
    Poll(poll::Poll),
}

impl Selector {
    pub(crate) fn new(kind: SelectorKind, waker: WakerKind) -> io::Result<Selector> {
        if !crate::sys::WAKERS.contains(&waker) {
            return Err(waker.unsupported());
        }
        let hub = Arc::new(WakeHub::new(waker));
        let backend = match kind {
            #[cfg(sel_epoll)]
            SelectorKind::Epoll => Backend::Epoll(epoll::Epoll::new()?),
            #[cfg(sel_kqueue)]
            SelectorKind::Kqueue => Backend::Kqueue(kqueue::Kqueue::new()?),
            #[cfg(sel_poll)]
            SelectorKind::Poll => Backend::Poll(over_poll(&hub)?),
            other => return Err(other.unsupported()),
        };
        Ok(Selector {
            backend,
            hub,
            #[cfg(any(debug_assertions, feature = "runtime-selector", sel_poll))]
            id: crate::sys::next_id(),
        })
    }

    pub(crate) fn kind(&self) -> SelectorKind {
        match self.backend {
            #[cfg(sel_epoll)]
            Backend::Epoll(_) => SelectorKind::Epoll,
            #[cfg(sel_kqueue)]
            Backend::Kqueue(_) => SelectorKind::Kqueue,
            #[cfg(sel_poll)]
            Backend::Poll(_) => SelectorKind::Poll,
        }
    }

    /// The wakers' kind; what was asked for, as long as there is none.
    pub(crate) fn waker(&self) -> WakerKind {
        self.hub.bell.get().map_or(self.hub.kind, Bell::kind)
    }

    /// Never 0, and never another selector's.
    #[cfg(any(debug_assertions, feature = "runtime-selector", sel_poll))]
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    #[cfg_attr(all(sel_poll, not(feature = "os-ext")), allow(dead_code))] // For SourceFd.
    #[inline]
    pub(crate) fn register(&self, fd: RawFd, token: Token, interests: Interest) -> io::Result<()> {
        match &self.backend {
            #[cfg(sel_epoll)]
            Backend::Epoll(epoll) => epoll.register(fd, token, interests),
            #[cfg(sel_kqueue)]
            Backend::Kqueue(kqueue) => self.tell(fd, kqueue.register(fd, token, interests)?),
            #[cfg(sel_poll)]
            Backend::Poll(poll) => poll.register(fd, token, interests),
        }
    }

    #[cfg_attr(all(sel_poll, not(feature = "os-ext")), allow(dead_code))] // For SourceFd.
    #[inline]
    pub(crate) fn reregister(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        match &self.backend {
            #[cfg(sel_epoll)]
            Backend::Epoll(epoll) => epoll.reregister(fd, token, interests),
            #[cfg(sel_kqueue)]
            Backend::Kqueue(kqueue) => self.tell(fd, kqueue.reregister(fd, token, interests)?),
            #[cfg(sel_poll)]
            Backend::Poll(poll) => poll.reregister(fd, token, interests),
        }
    }

    #[inline]
    pub(crate) fn deregister(&self, fd: RawFd) -> io::Result<()> {
        match &self.backend {
            #[cfg(sel_epoll)]
            Backend::Epoll(epoll) => epoll.deregister(fd),
            #[cfg(sel_kqueue)]
            Backend::Kqueue(kqueue) => kqueue.deregister(fd),
            #[cfg(sel_poll)]
            Backend::Poll(poll) => poll.deregister(fd),
        }
    }

    /// `register` for a source with state, kept in `registration` where the selector needs it.
    #[cfg(sel_poll)]
    pub(crate) fn register_source(
        &self,
        registration: &mut Option<poll::Registration>,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        match &self.backend {
            Backend::Poll(poll) => poll.register_source(registration, fd, token, interests),
            #[cfg(any(sel_epoll, sel_kqueue))]
            _ => self.register(fd, token, interests),
        }
    }

    /// `reregister` for a source with state.
    #[cfg(sel_poll)]
    pub(crate) fn reregister_source(
        &self,
        registration: &mut Option<poll::Registration>,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        match &self.backend {
            Backend::Poll(poll) => poll.reregister_source(registration, fd, token, interests),
            #[cfg(any(sel_epoll, sel_kqueue))]
            _ => self.reregister(fd, token, interests),
        }
    }

    /// Wakes a blocked poll if the registration has an event that only the next one adds.
    #[cfg(sel_kqueue)]
    fn tell(&self, fd: RawFd, registered: kqueue::Registered) -> io::Result<()> {
        if registered == kqueue::Registered::Watched {
            return Ok(());
        }
        let told = self.hub().and_then(|hub| hub.ring());
        told.inspect_err(|_| {
            // It leaves nothing behind.
            let _ = self.deregister(fd);
        })
    }

    /// One poll, into the cleared `events`, whose capacity is at least 1.
    #[inline(always)]
    pub(crate) fn select(
        &self,
        turn: &mut Turn,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let capacity = events.capacity();
        let kernel = OnePoll {
            selector: self,
            list: events.list_mut(),
        };
        self.hub.notify.poll(turn, kernel, capacity, timeout)
    }

    /// What this selector's wakers share, complete with the kernel object: the first waker makes it.
    pub(crate) fn hub(&self) -> io::Result<Arc<WakeHub>> {
        self.hub.bell(|kind| match &self.backend {
            #[cfg(sel_epoll)]
            Backend::Epoll(epoll) => {
                let bell = Bell::new(kind)?;
                epoll.watch_bell(bell.as_fd())?;
                Ok(bell)
            }
            #[cfg(sel_kqueue)]
            Backend::Kqueue(kqueue) => kqueue.bell(kind),
            // It was made with the selector.
            #[cfg(sel_poll)]
            Backend::Poll(_) => Bell::new(kind),
        })?;
        Ok(self.hub.clone())
    }

    /// A descriptor for another loop to watch: the selector's own, or the wakers' where it has none.
    /// From now on wakes show in it.
    #[cfg(poll_has_fd)]
    pub(crate) fn hand_out(&self) -> BorrowedFd<'_> {
        if self.hub.notify.ring_always() {
            // An error is the next wake's to report.
            let _ = self.hub.ring();
        }
        self.fd()
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.backend {
            #[cfg(sel_epoll)]
            Backend::Epoll(epoll) => epoll.as_fd(),
            #[cfg(sel_kqueue)]
            Backend::Kqueue(kqueue) => kqueue.as_fd(),
            #[cfg(sel_poll)]
            Backend::Poll(_) => self.hub.bell.get().expect("made in `new`").as_fd(),
        }
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector")
            .field("kind", &self.kind())
            .field("waker", &self.waker())
            // Not through `hand_out`: looking changes nothing.
            .field("fd", &self.fd().as_raw_fd())
            .finish()
    }
}

/// What one `Poll`'s wakers share with it. It outlives the selector where a waker does.
#[derive(Debug)]
pub(crate) struct WakeHub {
    notify: Notify,
    kind: WakerKind,
    bell: OnceLock<Bell>,
    making: Mutex<()>,
}

impl WakeHub {
    pub(crate) fn new(kind: WakerKind) -> WakeHub {
        WakeHub {
            notify: Notify::new(),
            kind,
            bell: OnceLock::new(),
            making: Mutex::new(()),
        }
    }

    /// The bell; if there is none yet `make` makes it, and shows it to the selector.
    fn bell(&self, make: impl FnOnce(WakerKind) -> io::Result<Bell>) -> io::Result<&Bell> {
        let _one_at_a_time = lock(&self.making);
        if let Some(bell) = self.bell.get() {
            return Ok(bell);
        }
        let bell = make(self.kind)?;
        Ok(self.bell.get_or_init(|| bell))
    }

    #[inline]
    pub(crate) fn notify(&self) -> &Notify {
        &self.notify
    }

    /// Ends the wait of a blocked poll.
    pub(crate) fn ring(&self) -> io::Result<()> {
        match self.bell.get() {
            Some(bell) => bell.ring(),
            None => Ok(()),
        }
    }

    /// What a selector with edges does when it was rung.
    #[cfg(any(sel_epoll, sel_kqueue))]
    fn rearm(&self) -> io::Result<()> {
        match self.bell.get() {
            Some(bell) => bell.rearm(),
            None => Ok(()),
        }
    }

    /// What a selector with levels does when it was rung.
    #[cfg(sel_poll)]
    pub(crate) fn silence(&self) -> io::Result<()> {
        match self.bell.get() {
            Some(bell) => bell.silence(),
            None => Ok(()),
        }
    }
}

/// The kernel as one call of `Poll::poll` sees it.
struct OnePoll<'a> {
    selector: &'a Selector,
    list: &'a mut Vec<Event>,
}

impl Kernel for OnePoll<'_> {
    #[inline(always)]
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        match &self.selector.backend {
            #[cfg(sel_epoll)]
            Backend::Epoll(epoll) => {
                let harvest = epoll.wait(self.list, room, timeout)?;
                self.rearm(harvest);
                Ok(harvest)
            }
            #[cfg(sel_kqueue)]
            Backend::Kqueue(kqueue) => {
                let harvest = kqueue.wait(self.list, room, timeout)?;
                self.rearm(harvest);
                if harvest.rung && kqueue.has_more() {
                    // Whoever watches the queue would not learn of them.
                    self.ring();
                }
                Ok(harvest)
            }
            #[cfg(sel_poll)]
            Backend::Poll(poll) => poll.wait(self.list, room, timeout),
        }
    }

    // The hot path of every poll; left to itself the compiler makes calls of it that cost more than
    // the work in between.
    #[cfg(sel_epoll)]
    #[inline(always)]
    fn wait_simply(&mut self, room: usize, block: bool) -> io::Result<Harvest> {
        match &self.selector.backend {
            Backend::Epoll(epoll) => {
                let harvest = epoll.wait_simply(self.list, room, block)?;
                self.rearm(harvest);
                Ok(harvest)
            }
            #[cfg(sel_poll)]
            _ => self.wait(room, (!block).then_some(Duration::ZERO)),
        }
    }

    #[inline]
    fn emit(&mut self, token: Token) {
        self.list.push(Event::wake(token));
    }

    fn promote(&mut self) {
        let last = self.list.len() - 1;
        self.list.swap(0, last);
    }

    fn ring(&self) {
        // An error is the next wake's to report.
        let _ = self.selector.hub.ring();
    }
}

#[cfg(any(sel_epoll, sel_kqueue))]
impl OnePoll<'_> {
    #[inline(always)]
    fn rearm(&self, harvest: Harvest) {
        if harvest.rung {
            // The events are taken out already, so an error would lose them. Without this the bell
            // may stay mute once, for which there is no known cause.
            let _ = self.selector.hub.rearm();
        }
    }
}

/// Whether `timeout` is more than nothing and less than such a call can express.
#[cfg(any(has_epoll_pwait2, all(sel_poll, has_ppoll)))]
fn is_short(timeout: Duration) -> bool {
    !timeout.is_zero() && timeout < Duration::from_millis(1)
}

/// Forgets which calls this kernel was found to refuse.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    #[cfg(sel_epoll)]
    epoll::forget_fallbacks();
    #[cfg(sel_poll)]
    question::forget_fallbacks();
}

// Miri has no poll(2), and epoll(7) in part.
#[cfg(all(test, has_pipe, not(any(ferrio_loom, miri))))]
mod selector_tests;
