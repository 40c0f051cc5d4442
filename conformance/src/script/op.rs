//! What a script is made of.
//!
//! The derived `Debug` of an operation is the Rust expression that makes it, so that a script which
//! failed can be pasted into `tests/scripts/kept.rs` as it was printed.

use std::time::Duration;

use ferrio::Interest;

/// Places for sources in one thread's script.
pub const SLOTS: usize = 6;
/// Places for wakers.
pub const WAKERS: usize = 3;
/// Every script has this many `Poll`s.
pub const POLLS: usize = 2;

/// One step. A step that makes no sense where it stands, a read of an empty slot for example, is
/// passed over: so every part of a script is a script, which is what shrinking needs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Makes a connected pair, or one object in `a`. What was in the slots is dropped.
    Create {
        kind: Kind,
        a: u8,
        b: u8,
    },
    /// A client for the listener.
    Connect {
        listener: u8,
        into: u8,
    },
    Accept {
        listener: u8,
        into: u8,
    },
    /// A second descriptor of the same object.
    Dup {
        from: u8,
        into: u8,
    },
    /// A `SourceFd` is deregistered first, as its documentation asks.
    Drop {
        slot: u8,
    },
    /// Drops a `SourceFd` that is still registered.
    Abandon {
        slot: u8,
    },
    Read {
        slot: u8,
        len: u32,
    },
    Write {
        slot: u8,
        len: u32,
    },
    /// Reads until that would block, or nothing more can come.
    Drain {
        slot: u8,
    },
    /// Writes until that would block.
    Fill {
        slot: u8,
    },
    Peek {
        slot: u8,
    },
    /// A read through `try_io`.
    TryRead {
        slot: u8,
    },
    Shutdown {
        slot: u8,
        how: How,
    },
    Register {
        slot: u8,
        poll: u8,
        token: u8,
        want: Want,
    },
    Reregister {
        slot: u8,
        poll: u8,
        token: u8,
        want: Want,
    },
    Deregister {
        slot: u8,
        poll: u8,
    },
    NewWaker {
        waker: u8,
        poll: u8,
        token: u8,
    },
    Wake {
        waker: u8,
    },
    DropWaker {
        waker: u8,
    },
    Poll {
        poll: u8,
        capacity: u8,
        timeout: Timeout,
    },
    /// Polls with timeouts of zero until nothing comes, and compares.
    Settle {
        capacity: u8,
    },
}

impl Op {
    /// For the statistics.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Create { .. } => "create",
            Op::Connect { .. } => "connect",
            Op::Accept { .. } => "accept",
            Op::Dup { .. } => "dup",
            Op::Drop { .. } => "drop",
            Op::Abandon { .. } => "abandon",
            Op::Read { .. } => "read",
            Op::Write { .. } => "write",
            Op::Drain { .. } => "drain",
            Op::Fill { .. } => "fill",
            Op::Peek { .. } => "peek",
            Op::TryRead { .. } => "try_io",
            Op::Shutdown { .. } => "shutdown",
            Op::Register { .. } => "register",
            Op::Reregister { .. } => "reregister",
            Op::Deregister { .. } => "deregister",
            Op::NewWaker { .. } => "new waker",
            Op::Wake { .. } => "wake",
            Op::DropWaker { .. } => "drop waker",
            Op::Poll { .. } => "poll",
            Op::Settle { .. } => "settle",
        }
    }
}

/// What [`Op::Create`] makes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Tcp,
    Unix,
    Datagram,
    Udp,
    /// The sender in `a`, the receiver in `b`.
    Pipe,
    /// A pair of Unix sockets, each a `SourceFd`.
    Raw,
    /// An eventfd as a `SourceFd`, in `a` alone.
    Eventfd,
    /// In `a` alone.
    TcpListener,
    /// In `a` alone.
    UnixListener,
}

impl Kind {
    /// Those that come in pairs.
    #[cfg(unix)]
    pub const PAIRS: &[Kind] = &[
        Kind::Tcp,
        Kind::Unix,
        Kind::Datagram,
        Kind::Udp,
        Kind::Pipe,
        Kind::Raw,
    ];
    #[cfg(unix)]
    pub const LISTENERS: &[Kind] = &[Kind::TcpListener, Kind::UnixListener];
    /// The others.
    #[cfg(unix)]
    pub const SINGLE: &[Kind] = &[Kind::Eventfd];

    #[cfg(not(unix))]
    pub const PAIRS: &[Kind] = &[Kind::Tcp, Kind::Udp];
    #[cfg(not(unix))]
    pub const LISTENERS: &[Kind] = &[Kind::TcpListener];
    #[cfg(not(unix))]
    pub const SINGLE: &[Kind] = &[];
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum How {
    Reading,
    Writing,
    Both,
}

/// An interest: readable, writable, priority.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Want {
    R,
    W,
    P,
    RW,
    RP,
    WP,
    RWP,
}

impl Want {
    pub const ALL: [Want; 7] = [
        Want::R,
        Want::W,
        Want::P,
        Want::RW,
        Want::RP,
        Want::WP,
        Want::RWP,
    ];

    #[cfg(unix)]
    pub fn interest(self) -> Interest {
        const RW: Interest = Interest::READABLE.add(Interest::WRITABLE);
        match self {
            Want::R => Interest::READABLE,
            Want::W => Interest::WRITABLE,
            Want::P => Interest::PRIORITY,
            Want::RW => RW,
            Want::RP => Interest::READABLE.add(Interest::PRIORITY),
            Want::WP => Interest::WRITABLE.add(Interest::PRIORITY),
            Want::RWP => RW.add(Interest::PRIORITY),
        }
    }

    /// There is no interest in urgent data elsewhere: in the data before it, then.
    #[cfg(not(unix))]
    pub fn interest(self) -> Interest {
        match self {
            Want::R | Want::P | Want::RP => Interest::READABLE,
            Want::W => Interest::WRITABLE,
            _ => Interest::READABLE.add(Interest::WRITABLE),
        }
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Timeout {
    Zero,
    /// Less than a millisecond.
    Brief,
    /// As long as it takes if an event is due, else zero.
    UntilDue,
}

impl Timeout {
    /// `limit` is how long an event that is due may take.
    pub fn duration(self, due: bool, limit: Duration) -> Duration {
        match self {
            Timeout::Zero => Duration::ZERO,
            Timeout::Brief => Duration::from_micros(50),
            Timeout::UntilDue if due => limit,
            Timeout::UntilDue => Duration::ZERO,
        }
    }
}
