//! Where an error of the kernel is not the caller's, each with the reason.

use ferrio::fault::Call;
use ferrio::{SelectorKind, WakerKind};

use super::manual::REFUSALS;
use crate::backend::Backend;

/// What happens instead of an error.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// The operation succeeds.
    Succeeds,
    /// The same by another call, and this one is not made again.
    GivesWay,
    /// Nothing is tried: the error says what is not so, and the library would be right to believe it.
    Untrue,
}

/// An error that doesn't reach the caller.
#[derive(Debug)]
pub struct Exception {
    /// Which scenes, by their names.
    scenes: fn(&str) -> bool,
    pub call: Call,
    /// Empty: all.
    errnos: &'static [i32],
    on: On,
    /// Only this call of its kind.
    nth: Option<usize>,
    /// Only as the second fault, after one of this call.
    after: Option<Call>,
    pub then: Then,
    /// The reason.
    pub why: &'static str,
}

/// The backends.
#[derive(Copy, Clone, Debug)]
enum On {
    Any,
    Selector(SelectorKind),
    Waker(WakerKind),
    /// poll(2), with a queue of kqueue(2) as its bell.
    QueueAsBell,
}

impl Exception {
    /// Whether it is about this scene on this backend.
    pub fn is_about(&self, b: &Backend, scene: &str) -> bool {
        let here = match self.on {
            On::Any => true,
            On::Selector(selector) => b.selector == selector,
            On::Waker(waker) => b.waker == waker,
            On::QueueAsBell => (b.selector, b.waker) == (SelectorKind::Poll, WakerKind::Kqueue),
        };
        here && (self.scenes)(scene)
    }
}

/// The exception for this error, and its number.
pub fn find(
    b: &Backend,
    scene: &str,
    call: Call,
    nth: usize,
    errno: i32,
    after: Option<Call>,
) -> Option<(usize, &'static Exception)> {
    let mut all = ALL.iter().enumerate();
    all.find(|(_, exception)| {
        let any = exception.errnos.is_empty();
        exception.call == call
            && (any || exception.errnos.contains(&errno))
            && (exception.nth.is_none() || exception.nth == Some(nth))
            && (exception.after.is_none() || exception.after == after)
            && exception.is_about(b, scene)
    })
}

const fn gives_way(call: Call, on: On, why: &'static str) -> Exception {
    Exception {
        scenes: all,
        call,
        errnos: REFUSALS,
        on,
        nth: None,
        after: None,
        then: Then::GivesWay,
        why,
    }
}

const fn succeeds(
    scenes: fn(&str) -> bool,
    call: Call,
    errnos: &'static [i32],
    on: On,
    why: &'static str,
) -> Exception {
    Exception {
        scenes,
        call,
        errnos,
        on,
        nth: None,
        after: None,
        then: Then::Succeeds,
        why,
    }
}

const ANY: &[i32] = &[];
#[cfg(ferrio_without = "sigpipe")]
const CLOSED: &str =
    "an accepted connection may be over: what it takes to silence SIGPIPE is not needed then";
const RING: &str = "a full bell is emptied, and an interrupted ring tried again";
const SILENCE: &str = "somebody else was faster, or the bell is readable still";
const UNHEARD: &str = "the events are taken out already, and an error would lose them";
const LATER: &str = "nobody has called `wake`: the next wake reports the error, and rings";
const AS_WELL: &str = "it is the answer of the operation without a fault";

const GOES_ON: &str = "connect(2): the connection is made in the background";
/// And of a kernel that has no such filter.
const NO_FILTER: &[i32] = &[libc::EINVAL, libc::ENOSYS, libc::EPERM];
const PIPE: &str = "a pipe does instead; kevent(2) has other work too, and is asked for that";
const GONE: &[i32] = &[libc::EBADF, libc::ENOENT];
const ANCHOR: &str = "a descriptor that was closed has no event; `late_pipes.rs` closes it";
const APPLIED: &str = "kevent(2): the signal came when all changes were applied";

fn all(_: &str) -> bool {
    true
}

/// Those whose operation is a poll.
pub fn polls(name: &str) -> bool {
    name.starts_with("poll")
}

/// Those whose operation makes changes only.
fn changes(name: &str) -> bool {
    !polls(name)
}

fn without_create1(name: &str) -> bool {
    name.ends_with("without epoll_create1")
}

fn without_accept4(name: &str) -> bool {
    name.ends_with("without accept4")
}

#[cfg(ferrio_without = "sigpipe")]
fn accepts(name: &str) -> bool {
    name.contains("::accept")
}

fn connects_tcp(name: &str) -> bool {
    name == "TcpStream::connect"
}

fn connects_unix(name: &str) -> bool {
    name == "UnixStream::connect"
}

/// Those that ring for the caller.
fn rings(name: &str) -> bool {
    name.starts_with("wake") || name == "register a pipe without a reader"
}

/// Those that make a bell.
fn makes_bell(name: &str) -> bool {
    matches!(name, "Builder::build" | "Waker::new")
}

fn unregistered(name: &str) -> bool {
    name.ends_with("not registered")
}

fn tells_of_late_pipe(name: &str) -> bool {
    name == "poll, for a pipe without a reader"
}

fn hands_out(name: &str) -> bool {
    name.starts_with("as_raw_fd")
}

fn has_no_room(name: &str) -> bool {
    name.ends_with("room for one of two")
}

/// Those that ring without being asked to.
fn unheard(name: &str) -> bool {
    hands_out(name) || has_no_room(name)
}

/// All of them; the first that fits counts. Contract row 24 has those that give way.
pub const ALL: &[Exception] = &[
    succeeds(
        without_create1,
        Call::EpollCreate1,
        REFUSALS,
        On::Any,
        "it is refused in this scene anyway",
    ),
    gives_way(
        Call::EpollCreate1,
        On::Selector(SelectorKind::Epoll),
        "epoll_create(2) and fcntl(2) do instead",
    ),
    gives_way(
        Call::EpollPwait2,
        On::Selector(SelectorKind::Epoll),
        "epoll_wait(2) does instead",
    ),
    gives_way(
        Call::Ppoll,
        On::Selector(SelectorKind::Poll),
        "poll(2) does instead",
    ),
    gives_way(
        Call::Eventfd,
        On::Waker(WakerKind::Eventfd),
        "a pipe does instead",
    ),
    Exception {
        nth: Some(1),
        ..succeeds(
            tells_of_late_pipe,
            Call::Kevent,
            ANY,
            On::Selector(SelectorKind::Kqueue),
            UNHEARD,
        )
    },
    Exception {
        nth: Some(0),
        ..succeeds(
            makes_bell,
            Call::Kevent,
            NO_FILTER,
            On::Waker(WakerKind::Kqueue),
            PIPE,
        )
    },
    Exception {
        nth: Some(0),
        ..succeeds(
            tells_of_late_pipe,
            Call::Kevent,
            &[libc::EINTR],
            On::Selector(SelectorKind::Kqueue),
            APPLIED,
        )
    },
    succeeds(makes_bell, Call::Kqueue, REFUSALS, On::QueueAsBell, PIPE),
    succeeds(makes_bell, Call::Fcntl, REFUSALS, On::QueueAsBell, PIPE),
    succeeds(
        without_accept4,
        Call::Accept4,
        REFUSALS,
        On::Any,
        "it is refused in this scene anyway",
    ),
    gives_way(Call::Accept4, On::Any, "accept(2) does instead"),
    #[cfg(ferrio_without = "sigpipe")]
    succeeds(accepts, Call::Setsockopt, &[libc::EINVAL], On::Any, CLOSED),
    succeeds(
        connects_tcp,
        Call::Connect,
        &[libc::EINPROGRESS, libc::EINTR],
        On::Any,
        GOES_ON,
    ),
    succeeds(
        connects_unix,
        Call::Connect,
        &[libc::EINPROGRESS],
        On::Any,
        GOES_ON,
    ),
    succeeds(
        unregistered,
        Call::EpollCtl,
        &[libc::ENOENT],
        On::Any,
        AS_WELL,
    ),
    succeeds(
        unregistered,
        Call::Kevent,
        &[libc::ENOENT],
        On::Any,
        AS_WELL,
    ),
    succeeds(unheard, Call::Write, ANY, On::Any, LATER),
    Exception {
        after: Some(Call::Write),
        ..succeeds(unheard, Call::Read, ANY, On::Any, LATER)
    },
    succeeds(
        hands_out,
        Call::Kevent,
        ANY,
        On::Waker(WakerKind::Kqueue),
        LATER,
    ),
    Exception {
        // The first is the wait, or has silenced the bell.
        nth: Some(1),
        ..succeeds(
            has_no_room,
            Call::Kevent,
            ANY,
            On::Waker(WakerKind::Kqueue),
            LATER,
        )
    },
    Exception {
        // The others are waits.
        nth: Some(0),
        then: Then::Untrue,
        ..succeeds(
            tells_of_late_pipe,
            Call::Kevent,
            GONE,
            On::Selector(SelectorKind::Kqueue),
            ANCHOR,
        )
    },
    succeeds(changes, Call::Kevent, &[libc::EINTR], On::Any, APPLIED),
    succeeds(
        polls,
        Call::Read,
        ANY,
        On::Selector(SelectorKind::Epoll),
        UNHEARD,
    ),
    succeeds(
        polls,
        Call::Read,
        ANY,
        On::Selector(SelectorKind::Kqueue),
        UNHEARD,
    ),
    succeeds(
        all,
        Call::Read,
        &[libc::EAGAIN, libc::EINTR],
        On::Any,
        SILENCE,
    ),
    succeeds(
        rings,
        Call::Write,
        &[libc::EAGAIN, libc::EINTR],
        On::Any,
        RING,
    ),
];
