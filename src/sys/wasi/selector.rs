use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use super::DEFAULT_SELECTOR;
use super::sleep::LONGEST;
use crate::event::{Event, Events};
use crate::interest::Interest;
use crate::kind::{SelectorKind, WakerKind};
use crate::notify::{Harvest, Kernel, Notify, Turn};
use crate::sync::Arc;
use crate::sys::poll::{NO_BELL, Poll, Registration};
use crate::token::Token;

/// The one that there is.
pub(crate) const SELECTORS: &[SelectorKind] = &[DEFAULT_SELECTOR];

/// The one that there is, if there is no other thread.
pub(crate) const WAKERS: &[WakerKind] = if cfg!(waker_flag) {
    &[WakerKind::Flag]
} else {
    &[]
};

/// What a builder asks for when nobody chooses.
pub(crate) const DEFAULT_WAKER: WakerKind = WakerKind::Flag;

pub(crate) struct Selector {
    poll: Poll,
    hub: Arc<WakeHub>,
    id: usize,
}

impl Selector {
    pub(crate) fn new(kind: SelectorKind, waker: WakerKind) -> io::Result<Selector> {
        if kind != DEFAULT_SELECTOR {
            return Err(kind.unsupported());
        }
        if waker != DEFAULT_WAKER {
            return Err(waker.unsupported());
        }
        let hub = Arc::new(WakeHub::new());
        Ok(Selector {
            poll: Poll::new(hub.clone(), NO_BELL),
            hub,
            id: crate::sys::next_id(),
        })
    }

    pub(crate) fn kind(&self) -> SelectorKind {
        DEFAULT_SELECTOR
    }

    pub(crate) fn waker(&self) -> WakerKind {
        DEFAULT_WAKER
    }

    /// Never 0, and never another selector's.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    #[cfg_attr(not(feature = "os-ext"), allow(dead_code))] // For SourceFd.
    pub(crate) fn register(&self, fd: RawFd, token: Token, interests: Interest) -> io::Result<()> {
        self.poll.register(fd, token, interests)
    }

    #[cfg_attr(not(feature = "os-ext"), allow(dead_code))] // For SourceFd.
    pub(crate) fn reregister(
        &self,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.poll.reregister(fd, token, interests)
    }

    pub(crate) fn deregister(&self, fd: RawFd) -> io::Result<()> {
        self.poll.deregister(fd)
    }

    pub(crate) fn register_source(
        &self,
        registration: &mut Option<Registration>,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.poll
            .register_source(registration, fd, token, interests)
    }

    pub(crate) fn reregister_source(
        &self,
        registration: &mut Option<Registration>,
        fd: RawFd,
        token: Token,
        interests: Interest,
    ) -> io::Result<()> {
        self.poll
            .reregister_source(registration, fd, token, interests)
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
            poll: &self.poll,
            list: events.list_mut(),
            endless: timeout.is_none(),
        };
        self.hub.notify.poll(turn, &mut kernel, capacity, timeout)
    }

    /// What this selector's wakers share.
    pub(crate) fn hub(&self) -> io::Result<Arc<WakeHub>> {
        if WAKERS.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "no waker: WASI has no way to end another thread's poll",
            ));
        }
        Ok(self.hub.clone())
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selector")
            .field("kind", &self.kind())
            .field("waker", &self.waker())
            .finish()
    }
}

/// What one `Poll`'s wakers share with it. It outlives the selector where a waker does.
#[derive(Debug)]
pub(crate) struct WakeHub {
    notify: Notify,
}

impl WakeHub {
    fn new() -> WakeHub {
        WakeHub {
            notify: Notify::new(),
        }
    }

    #[inline]
    pub(crate) fn notify(&self) -> &Notify {
        &self.notify
    }

    /// Who could ring is the thread that polls, and it isn't blocked.
    pub(crate) fn ring(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn silence(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The host as one call of `Poll::poll` sees it.
struct OnePoll<'a> {
    poll: &'a Poll,
    list: &'a mut Vec<Event>,
    /// There was no timeout. One that is beyond the clock is another matter: it has to be waited for.
    endless: bool,
}

impl Kernel for OnePoll<'_> {
    #[inline]
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        let longest = Some(LONGEST).filter(|_| !self.endless);
        self.poll.wait(self.list, room, timeout.or(longest))
    }

    fn emit(&mut self, token: Token) {
        self.list.push(Event::wake(token));
    }

    fn promote(&mut self) {
        let last = self.list.len() - 1;
        self.list.swap(0, last);
    }

    fn ring(&self) {}
}
