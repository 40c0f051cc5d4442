//! mio's public API under ferrio's names, and nothing more. Only what makes and asks a `Poll` is wrapped:
//! ferrio's builder, which has one choice here, and its counters of system calls, which stand still.

use std::fmt;
use std::io;
use std::time::Duration;

pub use mio::{Events, Interest, Registry, Token, Waker, event, net, unix};

macro_rules! kinds {
    ($name:ident: $($kind:ident $text:literal),+; $only:expr) => {
        #[non_exhaustive]
        #[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($kind),+
        }

        impl $name {
            /// What this build of mio has.
            pub fn available() -> &'static [$name] {
                const { &[$only] }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $($name::$kind => $text),+
                })
            }
        }
    };
}

kinds! {
    SelectorKind: Epoll "epoll", Kqueue "kqueue", Poll "poll", Iocp "iocp", PollOneoff "poll_oneoff";
    if cfg!(mio_unsupported_force_poll_poll) { SelectorKind::Poll } else { SelectorKind::Epoll }
}
kinds! {
    WakerKind: Eventfd "eventfd", Kqueue "kqueue", Pipe "pipe", Packet "packet", Flag "flag";
    if cfg!(mio_unsupported_force_waker_pipe) { WakerKind::Pipe } else { WakerKind::Eventfd }
}

#[derive(Debug)]
pub struct Poll(mio::Poll);

impl Poll {
    pub fn new() -> io::Result<Poll> {
        mio::Poll::new().map(Poll)
    }

    pub fn builder() -> Builder {
        Builder
    }

    pub fn registry(&self) -> &Registry {
        self.0.registry()
    }

    pub fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.0.poll(events, timeout)
    }

    pub fn selector(&self) -> SelectorKind {
        SelectorKind::available()[0]
    }

    pub fn waker(&self) -> WakerKind {
        WakerKind::available()[0]
    }
}

/// mio has it on epoll only.
#[cfg(not(mio_unsupported_force_poll_poll))]
impl std::os::fd::AsRawFd for Poll {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

/// The scripts have no use for it.
#[cfg(mio_unsupported_force_poll_poll)]
impl std::os::fd::AsRawFd for Poll {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        -1
    }
}

#[derive(Debug)]
pub struct Builder;

impl Builder {
    #[must_use]
    pub fn selector(self, kind: SelectorKind) -> Builder {
        assert!(SelectorKind::available().contains(&kind));
        self
    }

    #[must_use]
    pub fn waker(self, kind: WakerKind) -> Builder {
        assert!(WakerKind::available().contains(&kind));
        self
    }

    pub fn build(self) -> io::Result<Poll> {
        Poll::new()
    }
}

/// Said of no system call in particular: the conformance library names them.
pub mod capabilities {
    pub const ACCEPT4: bool = true;
    pub const PIPE2: bool = true;
    pub const SOCK_FLAGS: bool = true;
}

pub mod fault {
    /// The calls that the conformance library names.
    #[derive(Copy, Clone, Debug, PartialEq, Eq)]
    pub enum Call {
        Accept,
        Accept4,
        Bind,
        Connect,
        EpollCreate,
        EpollCreate1,
        EpollCtl,
        EpollPwait2,
        EpollWait,
        Fcntl,
        Getpeername,
        Getsockname,
        Getsockopt,
        Kevent,
        Kqueue,
        Listen,
        Pipe,
        Pipe2,
        Poll,
        Ppoll,
        Read,
        Recv,
        Send,
        Setsockopt,
        Shutdown,
        Socket,
        Socketpair,
        Write,
    }

    /// Nobody counts them here.
    pub fn calls(_: Call) -> u64 {
        0
    }
}
