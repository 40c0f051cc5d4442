//! Wakers: what ends a selector's wait from outside.

mod eventfd;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::kind::WakerKind;

/// The wakers that this build can make.
pub(crate) const AVAILABLE: &[WakerKind] = &[WakerKind::Eventfd];

/// The one taken when nobody chooses.
pub(crate) const DEFAULT: WakerKind = if cfg!(force_pipe) {
    WakerKind::Pipe
} else {
    WakerKind::Eventfd
};

/// The kernel object that one `Poll`'s wakers share.
#[derive(Debug)]
pub(crate) enum Bell {
    Eventfd(eventfd::Eventfd),
}

impl Bell {
    pub(crate) fn new(kind: WakerKind) -> io::Result<Bell> {
        match kind {
            WakerKind::Eventfd => eventfd::Eventfd::new().map(Bell::Eventfd),
            other => Err(other.unsupported()),
        }
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        match self {
            Bell::Eventfd(eventfd) => eventfd.ring(),
        }
    }
}

/// What a selector has to watch.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Bell::Eventfd(eventfd) => eventfd.as_fd(),
        }
    }
}
