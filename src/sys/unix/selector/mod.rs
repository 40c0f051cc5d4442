//! Selectors: the kernel's readiness facilities.
//!
//! [`Selector`] puts one of them together with the wakers. In an ordinary build there is one kind
//! and [`Backend`] has one variant, so nothing is dispatched; the feature `runtime-selector`
//! compiles in all that the target has.

mod epoll;
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
use crate::sys::unix::waker::Bell;
use crate::token::Token;

pub(crate) use self::epoll::FLAGS;
pub(crate) use self::stateless_io_source::IoSourceState;

/// The selectors that this build can make.
pub(crate) const AVAILABLE: &[SelectorKind] = &[SelectorKind::Epoll];

/// The one taken when nobody chooses.
pub(crate) const DEFAULT: SelectorKind = if cfg!(force_poll) {
    SelectorKind::Poll
} else {
    SelectorKind::Epoll
};

/// One `Poll`'s readiness facility. The last of that `Poll` and its `Registry`s closes it.
pub(crate) struct Selector {
    backend: Backend,
    hub: Arc<WakeHub>,
    waker: WakerKind,
    #[cfg(any(debug_assertions, feature = "runtime-selector"))]
    id: usize,
}

enum Backend {
    Epoll(epoll::Epoll),
}

impl Selector {
    pub(crate) fn new(kind: SelectorKind, waker: WakerKind) -> io::Result<Selector> {
        if !crate::sys::WAKERS.contains(&waker) {
            return Err(waker.unsupported());
        }
        let backend = match kind {
            SelectorKind::Epoll => Backend::Epoll(epoll::Epoll::new()?),
            other => return Err(other.unsupported()),
        };
        Ok(Selector {
            backend,
            hub: Arc::new(WakeHub::new()),
            waker,
            #[cfg(any(debug_assertions, feature = "runtime-selector"))]
            id: next_id(),
        })
    }

    pub(crate) fn kind(&self) -> SelectorKind {
        match self.backend {
            Backend::Epoll(_) => SelectorKind::Epoll,
        }
    }

    pub(crate) fn waker(&self) -> WakerKind {
        self.waker
    }

    /// Never 0, and never another selector's.
    #[cfg(any(debug_assertions, feature = "runtime-selector"))]
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    #[inline]
    pub(crate) fn register(&self, fd: RawFd, token: Token, interests: Interest) -> io::Result<()> {
        match &self.backend {
            Backend::Epoll(epoll) => epoll.register(fd, token, interests),
        }
    }

    #[inline]
    pub(crate) fn reregister(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        match &self.backend {
            Backend::Epoll(epoll) => epoll.reregister(fd, token, interests),
        }
    }

    #[inline]
    pub(crate) fn deregister(&self, fd: RawFd) -> io::Result<()> {
        match &self.backend {
            Backend::Epoll(epoll) => epoll.deregister(fd),
        }
    }

    /// One poll, into the cleared `events`, whose capacity is at least 1.
    pub(crate) fn select(
        &self,
        turn: &mut Turn,
        events: &mut Events,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let capacity = events.capacity();
        let mut kernel = OnePoll {
            selector: self,
            list: events.list_mut(),
        };
        self.hub.notify.poll(turn, &mut kernel, capacity, timeout)
    }

    /// What this selector's wakers share, complete with the kernel object: the first waker makes it.
    pub(crate) fn hub(&self) -> io::Result<Arc<WakeHub>> {
        let _one_at_a_time = lock(&self.hub.making);
        if self.hub.bell.get().is_none() {
            let bell = Bell::new(self.waker)?;
            match &self.backend {
                Backend::Epoll(epoll) => epoll.watch_bell(bell.as_fd())?,
            }
            let _ = self.hub.bell.set(bell);
        }
        Ok(self.hub.clone())
    }

    /// The selector's own descriptor, for another loop to watch. From now on wakes show in it.
    pub(crate) fn hand_out(&self) -> BorrowedFd<'_> {
        if self.hub.notify.ring_always() {
            // An error is the next wake's to report.
            let _ = self.hub.ring();
        }
        match &self.backend {
            Backend::Epoll(epoll) => epoll.as_fd(),
        }
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not through `hand_out`: looking changes nothing.
        let fd = match &self.backend {
            Backend::Epoll(epoll) => epoll.as_fd().as_raw_fd(),
        };
        f.debug_struct("Selector")
            .field("kind", &self.kind())
            .field("waker", &self.waker)
            .field("fd", &fd)
            .finish()
    }
}

#[cfg(any(debug_assertions, feature = "runtime-selector"))]
fn next_id() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What one `Poll`'s wakers share with it. It outlives the selector where a waker does.
#[derive(Debug)]
pub(crate) struct WakeHub {
    notify: Notify,
    bell: OnceLock<Bell>,
    making: Mutex<()>,
}

impl WakeHub {
    fn new() -> WakeHub {
        WakeHub {
            notify: Notify::new(),
            bell: OnceLock::new(),
            making: Mutex::new(()),
        }
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
}

/// The kernel as one call of `Poll::poll` sees it.
struct OnePoll<'a> {
    selector: &'a Selector,
    list: &'a mut Vec<Event>,
}

impl Kernel for OnePoll<'_> {
    // The hot path of every poll; left to itself the compiler makes calls of it that cost more than
    // the work in between.
    #[inline(always)]
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        match &self.selector.backend {
            Backend::Epoll(epoll) => epoll.wait(self.list, room, timeout),
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

/// Forgets which calls this kernel was found to refuse.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    epoll::forget_fallbacks();
}
