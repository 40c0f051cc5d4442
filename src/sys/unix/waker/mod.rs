//! Wakers: what ends a selector's wait from outside.

#[cfg(waker_eventfd)]
mod eventfd;
mod pipe;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::kind::WakerKind;

/// The wakers that this build can be asked for.
pub(crate) const AVAILABLE: &[WakerKind] = &[
    DEFAULT,
    #[cfg(all(waker_eventfd, force_pipe))]
    WakerKind::Eventfd,
    #[cfg(all(waker_pipe, waker_eventfd, not(force_pipe)))]
    WakerKind::Pipe,
];

/// The one taken when nobody chooses.
pub(crate) const DEFAULT: WakerKind = if cfg!(all(waker_eventfd, not(force_pipe))) {
    WakerKind::Eventfd
} else {
    WakerKind::Pipe
};

/// The kernel object that one `Poll`'s wakers share.
#[derive(Debug)]
pub(crate) enum Bell {
    #[cfg(waker_eventfd)]
    Eventfd(eventfd::Eventfd),
    /// In every build: it is what there is when the kernel refuses the others.
    Pipe(pipe::Pipe),
}

impl Bell {
    pub(crate) fn new(kind: WakerKind) -> io::Result<Bell> {
        match kind {
            #[cfg(waker_eventfd)]
            WakerKind::Eventfd => refusable::eventfd_or_pipe(),
            WakerKind::Pipe => pipe::Pipe::new().map(Bell::Pipe),
            other => Err(other.unsupported()),
        }
    }

    pub(crate) fn kind(&self) -> WakerKind {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(_) => WakerKind::Eventfd,
            Bell::Pipe(_) => WakerKind::Pipe,
        }
    }

    /// Ends the wait of a selector that watches this, or the next one.
    pub(crate) fn ring(&self) -> io::Result<()> {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(eventfd) => eventfd.ring(),
            Bell::Pipe(pipe) => pipe.ring(),
        }
    }

    /// What a selector with edges does after it was rung.
    #[inline]
    pub(crate) fn rearm(&self) -> io::Result<()> {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(_) => Ok(()),
            Bell::Pipe(pipe) => pipe.silence(),
        }
    }

    /// What a selector with levels does after it was rung.
    #[cfg(sel_poll)]
    pub(crate) fn silence(&self) -> io::Result<()> {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(eventfd) => eventfd.silence(),
            Bell::Pipe(pipe) => pipe.silence(),
        }
    }
}

/// What a selector has to watch.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(eventfd) => eventfd.as_fd(),
            Bell::Pipe(pipe) => pipe.as_fd(),
        }
    }
}

#[cfg(waker_eventfd)]
mod refusable {
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Bell, eventfd, pipe};
    use crate::sys::unix::os::is_refused;

    /// A kernel without eventfd(2), or a seccomp filter, has refused one, and a pipe has worked.
    static REFUSED: AtomicBool = AtomicBool::new(false);

    pub(super) fn eventfd_or_pipe() -> io::Result<Bell> {
        if !REFUSED.load(Ordering::Relaxed) {
            match eventfd::Eventfd::new() {
                Err(error) if is_refused(&error) => {}
                result => return result.map(Bell::Eventfd),
            }
        }
        let pipe = pipe::Pipe::new()?;
        REFUSED.store(true, Ordering::Relaxed);
        Ok(Bell::Pipe(pipe))
    }

    #[cfg(feature = "fault-injection")]
    pub(in super::super) fn forget() {
        REFUSED.store(false, Ordering::Relaxed);
    }
}

/// Forgets which calls this kernel was found to refuse.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    #[cfg(waker_eventfd)]
    refusable::forget();
}
