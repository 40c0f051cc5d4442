//! Wakers: what ends a selector's wait from outside.

#[cfg(waker_eventfd)]
mod eventfd;
#[cfg(waker_kqueue)]
pub(crate) mod kqueue;
#[cfg(has_pipe)]
mod pipe;
#[cfg(any(waker_udp, all(test, not(ferrio_loom))))]
mod udp;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::kind::WakerKind;
#[cfg(sel_kqueue)]
use crate::sync::Arc;
#[cfg(sel_kqueue)]
use crate::sys::unix::os::kqueue::Queue;

/// The wakers that this build can be asked for.
pub(crate) const AVAILABLE: &[WakerKind] = &[
    DEFAULT,
    #[cfg(all(waker_eventfd, force_pipe))]
    WakerKind::Eventfd,
    #[cfg(all(waker_kqueue, any(force_pipe, force_poll)))]
    WakerKind::Kqueue,
    #[cfg(all(
        waker_pipe,
        any(waker_eventfd, all(waker_kqueue, not(force_poll))),
        not(force_pipe)
    ))]
    WakerKind::Pipe,
];

/// The one taken when nobody chooses.
pub(crate) const DEFAULT: WakerKind = if cfg!(all(waker_eventfd, not(force_pipe))) {
    WakerKind::Eventfd
} else if cfg!(all(waker_kqueue, not(any(force_pipe, force_poll)))) {
    WakerKind::Kqueue
} else if cfg!(waker_udp) {
    WakerKind::Udp
} else {
    WakerKind::Pipe
};

/// The kernel object that one `Poll`'s wakers share.
#[derive(Debug)]
pub(crate) enum Bell {
    #[cfg(waker_eventfd)]
    Eventfd(eventfd::Eventfd),
    #[cfg(waker_kqueue)]
    Kqueue(kqueue::User),
    /// In every build, if there are pipes: it is what is left when the kernel refuses the others.
    #[cfg(has_pipe)]
    Pipe(pipe::Pipe),
    #[cfg(waker_udp)]
    Udp(udp::Udp),
}

impl Bell {
    pub(crate) fn new(kind: WakerKind) -> io::Result<Bell> {
        match kind {
            #[cfg(all(waker_eventfd, has_pipe))]
            WakerKind::Eventfd => refusable::eventfd_or_pipe(),
            #[cfg(all(waker_eventfd, not(has_pipe)))]
            WakerKind::Eventfd => eventfd::Eventfd::new().map(Bell::Eventfd),
            #[cfg(all(waker_kqueue, sel_poll))]
            WakerKind::Kqueue => refusable::user_or_pipe(kqueue::User::new),
            #[cfg(has_pipe)]
            WakerKind::Pipe => pipe::Pipe::new().map(Bell::Pipe),
            #[cfg(waker_udp)]
            WakerKind::Udp => udp::Udp::new().map(Bell::Udp),
            other => Err(other.unsupported()),
        }
    }

    /// For a selector that has this queue.
    #[cfg(sel_kqueue)]
    pub(crate) fn of_queue(kind: WakerKind, queue: &Arc<Queue>) -> io::Result<Bell> {
        match kind {
            #[cfg(waker_kqueue)]
            WakerKind::Kqueue => refusable::user_or_pipe(|| kqueue::User::within(queue)),
            _ => {
                let _ = queue;
                Bell::new(kind)
            }
        }
    }

    /// Whether it is an event of this queue, and no descriptor that has to be watched.
    #[cfg(sel_kqueue)]
    pub(crate) fn is_in(&self, queue: &Arc<Queue>) -> bool {
        match self {
            #[cfg(waker_kqueue)]
            Bell::Kqueue(user) => user.is_in(queue),
            _ => {
                let _ = queue;
                false
            }
        }
    }

    pub(crate) fn kind(&self) -> WakerKind {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(_) => WakerKind::Eventfd,
            #[cfg(waker_kqueue)]
            Bell::Kqueue(_) => WakerKind::Kqueue,
            #[cfg(has_pipe)]
            Bell::Pipe(_) => WakerKind::Pipe,
            #[cfg(waker_udp)]
            Bell::Udp(_) => WakerKind::Udp,
        }
    }

    /// Ends the wait of a selector that watches this, or the next one.
    pub(crate) fn ring(&self) -> io::Result<()> {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(eventfd) => eventfd.ring(),
            #[cfg(waker_kqueue)]
            Bell::Kqueue(user) => user.ring(),
            #[cfg(has_pipe)]
            Bell::Pipe(pipe) => pipe.ring(),
            #[cfg(waker_udp)]
            Bell::Udp(udp) => udp.ring(),
        }
    }

    /// What a selector with edges does after it was rung.
    #[cfg(any(sel_epoll, sel_kqueue))]
    #[inline]
    pub(crate) fn rearm(&self) -> io::Result<()> {
        match self {
            #[cfg(all(waker_eventfd, has_eventfd_edges))]
            Bell::Eventfd(_) => Ok(()),
            #[cfg(waker_kqueue)]
            Bell::Kqueue(_) => Ok(()),
            #[allow(unreachable_patterns)] // Where the above are all there are.
            _ => self.silence(),
        }
    }

    /// What a selector with levels does after it was rung.
    pub(crate) fn silence(&self) -> io::Result<()> {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(eventfd) => eventfd.silence(),
            #[cfg(waker_kqueue)]
            Bell::Kqueue(user) => user.silence(),
            #[cfg(has_pipe)]
            Bell::Pipe(pipe) => pipe.silence(),
            #[cfg(waker_udp)]
            Bell::Udp(udp) => udp.silence(),
        }
    }
}

/// What a selector has to watch.
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            #[cfg(waker_eventfd)]
            Bell::Eventfd(eventfd) => eventfd.as_fd(),
            #[cfg(waker_kqueue)]
            Bell::Kqueue(user) => user.as_fd(),
            #[cfg(has_pipe)]
            Bell::Pipe(pipe) => pipe.as_fd(),
            #[cfg(waker_udp)]
            Bell::Udp(udp) => udp.as_fd(),
        }
    }
}

#[cfg(any(waker_kqueue, all(waker_eventfd, has_pipe)))]
mod refusable {
    use std::io;

    #[cfg(waker_eventfd)]
    use super::eventfd;
    #[cfg(waker_kqueue)]
    use super::kqueue;
    use super::{Bell, pipe};
    use crate::sys::unix::os::refusal::Refusal;

    static BEST: Refusal = Refusal::new();

    #[cfg(waker_eventfd)]
    pub(super) fn eventfd_or_pipe() -> io::Result<Bell> {
        BEST.or(
            &mut (),
            |()| eventfd::Eventfd::new().map(Bell::Eventfd),
            |()| pipe::Pipe::new().map(Bell::Pipe),
        )
    }

    #[cfg(waker_kqueue)]
    pub(super) fn user_or_pipe(
        user: impl FnOnce() -> io::Result<kqueue::User>,
    ) -> io::Result<Bell> {
        BEST.or(
            &mut (),
            |()| user().map(Bell::Kqueue),
            |()| pipe::Pipe::new().map(Bell::Pipe),
        )
    }

    #[cfg(feature = "fault-injection")]
    pub(in super::super) fn forget() {
        BEST.forget();
    }
}

/// Forgets which calls this kernel was found to refuse.
#[cfg(feature = "fault-injection")]
pub(crate) fn forget_fallbacks() {
    #[cfg(any(waker_kqueue, all(waker_eventfd, has_pipe)))]
    refusable::forget();
}
