use std::fmt;
use std::io;
#[cfg(os_unix)]
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::unsupported;
use crate::event::Events;
use crate::interest::Interest;
use crate::kind::{SelectorKind, WakerKind};
use crate::notify::{Notify, Turn};
use crate::sync::Arc;
use crate::token::Token;

/// There are none.
pub(crate) const SELECTORS: &[SelectorKind] = &[];
/// There are none.
pub(crate) const WAKERS: &[WakerKind] = &[];

/// What a builder asks for when nobody chooses; it is refused as any other is.
pub(crate) const DEFAULT_SELECTOR: SelectorKind = SelectorKind::Poll;
/// As [`DEFAULT_SELECTOR`].
pub(crate) const DEFAULT_WAKER: WakerKind = WakerKind::Pipe;

/// The flags of a system's events.
pub(crate) const FLAGS: &[&[(&str, u32)]] = &[];

/// A selector that cannot be made, and what follows from having one.
pub(crate) enum Selector {}

impl Selector {
    pub(crate) fn new(_: SelectorKind, _: WakerKind) -> io::Result<Selector> {
        Err(unsupported("poll"))
    }

    pub(crate) fn kind(&self) -> SelectorKind {
        match *self {}
    }

    pub(crate) fn waker(&self) -> WakerKind {
        match *self {}
    }

    #[cfg(any(debug_assertions, feature = "runtime-selector"))]
    pub(crate) fn id(&self) -> usize {
        match *self {}
    }

    pub(crate) fn register<R>(&self, _: R, _: Token, _: Interest) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn reregister<R>(&self, _: R, _: Token, _: Interest) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn deregister<R>(&self, _: R) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn select(
        &self,
        _: &mut Turn,
        _: &mut Events,
        _: Option<Duration>,
    ) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn hub(&self) -> io::Result<Arc<WakeHub>> {
        match *self {}
    }

    #[cfg(os_unix)]
    pub(crate) fn hand_out(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// What the wakers of such a selector would share.
pub(crate) enum WakeHub {}

impl WakeHub {
    pub(crate) fn notify(&self) -> &Notify {
        match *self {}
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        match *self {}
    }
}
