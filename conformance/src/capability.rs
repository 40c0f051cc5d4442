//! What a backend cannot do.
//!
//! A case may be skipped only because it `needs` a [`Capability`] that [`GAPS`] denies its backend,
//! with a reason. How many cases each suite skips is committed in [`COMMITTED`]; a test in every
//! suite compares, so a new skip shows up in review.

use ferrio::{SelectorKind, WakerKind};

use crate::backend::Backend;
use crate::wasi;

/// Something that most backends can do and some cannot.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Capability {
    /// A second registration of one source is refused in release builds too.
    DoubleRegistrationError,
    /// A descriptor registered through `SourceFd` is edge-triggered.
    EdgeTriggeredSourceFd,
    /// A batch has at most one event for each source.
    OneEventPerSource,
    /// A `Poll` is a descriptor that another loop can wait for.
    DescriptorOfPoll,
    /// `Interest::PRIORITY` exists.
    Priority,
    /// A duplicate of a dropped source's descriptor keeps the registration alive.
    DuplicateKeepsRegistration,
    /// Timeouts under a millisecond are not rounded up.
    SubMillisecondTimeout,
    /// What becomes ready again is reported, whether or not the user has reacted to the last event.
    EveryEdge,
    /// Closing a descriptor ends its registration.
    CloseEndsRegistration,
    /// Changing and ending a registration are calls to the kernel, which can fail.
    CallPerRegistration,
    /// An error is reported by itself, not as readiness for everything that is waited for, and a
    /// hang-up not as readiness for writing.
    BareErrors,
    /// The kernel refuses a regular file.
    RegularFileRefused,
    /// An error that ends no connection has a bit of its own.
    ErrorBit,
    /// There is an event for writing only when there was no room before.
    RoomIsNews,
    /// The kernel reports what epoll reports, with which mio is compared.
    AnswersOfEpoll,
    /// An end is reported whole, whichever direction was asked about.
    WholeEnd,
    /// A forked child can go on with the `Poll` that its parent leaves to it.
    InheritedPoll,
    /// Short timeouts take a call of their own, which a kernel may refuse.
    CallForShortTimeouts,
    /// The selector works behind a filter that refuses the newer calls.
    WorksBehindFilter,
    /// The wakers' kernel object holds something: it can be full, and a stranger can fill it.
    BellHoldsRings,
    /// An event tells what is so when the poll returns.
    FreshEvents,
    /// What has come can be read after the reading half was shut down.
    DataOutlivesShutdown,
    /// `take_error` takes the error, and answers `None` the second time.
    ErrorIsTakenOnce,
    /// The end of a stream is told while there is data before it that was not read.
    EndIsToldBesideData,
    /// A read tells of a reset that was reported.
    ResetIsTheReadersError,
    /// A datagram that was refused is news of the socket that sent it.
    RefusedDatagramIsReported,
    /// How many bytes have arrived at a stream can be asked: FIONREAD.
    ArrivalsAreCounted,
    /// The kernel's answer is about this moment.
    FreshAnswers,
    /// A listener is ready for reading only.
    ListenersOnlyRead,
    /// A question is answered for all that is ready, however much it is.
    WholeAnswers,
    /// A thread beside the one that polls.
    Threads,
    /// A panic can be caught.
    CaughtPanics,
    /// There can be another descriptor for the same socket.
    Duplicates,
    /// What has come can be looked at without being taken.
    Peek,
    /// An event tells of an end, or of an error, as such and not as readiness alone.
    EndsAreTold,
    /// A connection can be ended by a reset at will: SO_LINGER.
    ResetAtWill,
    /// A vectored operation goes on to the second buffer.
    AllBuffers,
    /// `take_error` of a datagram socket.
    DatagramSocketError,
    /// SO_BROADCAST.
    Broadcast,
    /// Groups, and the options that they have.
    Multicast,
    /// Sockets that the program makes, binds and connects.
    OwnSockets,
    /// UDP.
    Datagrams,
    /// A poll needs no memory beyond what earlier ones have left.
    PollsWithoutAllocation,
}

/// A capability that a backend lacks.
#[derive(Debug)]
pub struct Gap {
    /// `None`: whatever the selector.
    pub selector: Option<SelectorKind>,
    /// `None`: whatever the waker.
    pub waker: Option<WakerKind>,
    pub capability: Capability,
    /// For the reader, and for the output of the skipped case.
    pub reason: &'static str,
}

/// Every gap of every backend, but for those of WASI, which stand in `src/wasi/mod.rs`. epoll has none.
/// Those of kqueue(2) were seen with a simulated kernel.
pub const GAPS: &[Gap] = &[
    poll(
        Capability::EdgeTriggeredSourceFd,
        "nobody tells the selector that an operation on a bare descriptor would block, so it is \
         level-triggered",
    ),
    poll(
        Capability::DescriptorOfPoll,
        "poll(2) has no descriptor that another loop could watch",
    ),
    poll(
        Capability::DuplicateKeepsRegistration,
        "the registration belongs to the number of the descriptor, which is closed",
    ),
    poll(
        Capability::EveryEdge,
        "poll(2) knows levels only: a direction that was reported is asked about again when an \
         operation has come to its end",
    ),
    poll(
        Capability::CloseEndsRegistration,
        "poll(2) is given numbers, and nobody tells the selector that one was closed",
    ),
    poll(
        Capability::CallPerRegistration,
        "a registration is an entry in a table: changing it cannot fail",
    ),
    poll(
        Capability::BareErrors,
        "after POLLERR and POLLHUP the selector has to look away until the user has tried, so \
         whoever waits is told to try",
    ),
    poll(
        Capability::RegularFileRefused,
        "poll(2) takes a regular file, which is always ready",
    ),
    poll(
        Capability::AnswersOfEpoll,
        "poll(2) knows levels only: what is ready still is reported when an operation has come to \
         its end",
    ),
    Gap {
        selector: Some(SelectorKind::Poll),
        waker: Some(WakerKind::Flag),
        capability: Capability::SubMillisecondTimeout,
        reason: "wasi-libc's `poll` takes milliseconds",
    },
    kqueue(
        Capability::DoubleRegistrationError,
        "kqueue(2) takes a second registration for a change of the first, and the selector keeps no \
         list; a source of our own knows it in debug builds and with `runtime-selector`, a bare \
         descriptor never",
    ),
    kqueue(
        Capability::DuplicateKeepsRegistration,
        "a registration belongs to the number of the descriptor, which is closed",
    ),
    kqueue(
        Capability::Priority,
        "kqueue(2) is not asked about urgent data, as in mio; the constant exists on no system that \
         has it",
    ),
    kqueue(
        Capability::RegularFileRefused,
        "kqueue(2) takes a regular file, which is readable except at its end",
    ),
    kqueue(
        Capability::ErrorBit,
        "an error that is pending makes a descriptor ready; kqueue(2) says nothing more unless the \
         connection has ended",
    ),
    kqueue(
        Capability::RoomIsNews,
        "each acknowledgement of TCP and each read of the other end is an event for writing",
    ),
    kqueue(
        Capability::AnswersOfEpoll,
        "a hang-up is two events of which each has its own end, and writing is no news when reading \
         has changed",
    ),
    kqueue(
        Capability::WholeEnd,
        "a filter tells the end of its own direction",
    ),
    kqueue(
        Capability::InheritedPoll,
        "a child does not inherit a queue; the simulated one still has its number open",
    ),
    kqueue(
        Capability::CallForShortTimeouts,
        "kevent(2) takes nanoseconds",
    ),
    kqueue(
        Capability::WorksBehindFilter,
        "the simulated kernel is made of the calls that are refused",
    ),
    user_event(
        Capability::WorksBehindFilter,
        "the simulated kernel is made of the calls that are refused",
    ),
    user_event(
        Capability::InheritedPoll,
        "a child does not inherit a queue, and this waker has one",
    ),
    user_event(
        Capability::BellHoldsRings,
        "an EVFILT_USER is triggered, or it isn't",
    ),
    iocp(
        Capability::DuplicateKeepsRegistration,
        "the question that AFD was asked is about the SOCKET that is closed",
    ),
    iocp(
        Capability::DescriptorOfPoll,
        "nothing can wait for a completion port but those who take from it",
    ),
    iocp(
        Capability::Priority,
        "TCP's urgent data is not asked about, as in mio",
    ),
    iocp(
        Capability::SubMillisecondTimeout,
        "GetQueuedCompletionStatusEx takes milliseconds",
    ),
    iocp(
        Capability::CallPerRegistration,
        "a registration is an entry in a table; AFD is asked later, by whoever polls",
    ),
    iocp(
        Capability::FreshEvents,
        "AFD's answer waits in the completion port, and what it tells may have been used up",
    ),
    iocp(
        Capability::DataOutlivesShutdown,
        "Winsock gives nothing to who has shut down the reading half",
    ),
    iocp(
        Capability::EveryEdge,
        "AFD tells levels: a direction that was reported is asked about again when an operation has \
         come to its end",
    ),
];

/// Of Windows. What only Wine lacks is in `src/windows/wine.rs`.
const fn iocp(capability: Capability, reason: &'static str) -> Gap {
    Gap {
        selector: Some(SelectorKind::Iocp),
        waker: None,
        capability,
        reason,
    }
}

const fn kqueue(capability: Capability, reason: &'static str) -> Gap {
    Gap {
        selector: Some(SelectorKind::Kqueue),
        waker: None,
        capability,
        reason,
    }
}

/// Of the waker over `EVFILT_USER`, whatever the selector.
const fn user_event(capability: Capability, reason: &'static str) -> Gap {
    Gap {
        selector: None,
        waker: Some(WakerKind::Kqueue),
        capability,
        reason,
    }
}

const fn poll(capability: Capability, reason: &'static str) -> Gap {
    Gap {
        selector: Some(SelectorKind::Poll),
        waker: None,
        capability,
        reason,
    }
}

/// How many cases a suite skips on a backend: `(suite, backend, number)`. What is not listed is 0.
pub const COMMITTED: &[(&str, &str, usize)] = &[
    ("closed", "iocp_packet", 5),
    ("closed", "poll_flag", 3),
    ("closed", "poll_oneoff_flag", 8),
    ("deregistration", "poll_flag", 4),
    ("deregistration", "poll_oneoff_flag", 4),
    ("differential", "kqueue_kqueue", 10),
    ("differential", "kqueue_pipe", 10),
    ("differential", "poll_eventfd", 6),
    ("differential", "poll_kqueue", 6),
    ("differential", "poll_pipe", 6),
    ("fairness", "poll_flag", 3),
    ("fairness", "poll_oneoff_flag", 2),
    ("fallbacks", "kqueue_kqueue", 5),
    ("fallbacks", "kqueue_pipe", 5),
    ("fork", "kqueue_kqueue", 1),
    ("fork", "kqueue_pipe", 1),
    ("fork", "poll_kqueue", 1),
    ("fork_threads", "kqueue_kqueue", 1),
    ("fork_threads", "kqueue_pipe", 1),
    ("fork_threads", "poll_kqueue", 1),
    ("harness", "poll_flag", 7),
    ("harness", "poll_oneoff_flag", 7),
    ("hostile", "poll_flag", 4),
    ("hostile", "poll_oneoff_flag", 4),
    ("late_pipes", "poll_eventfd", 2),
    ("late_pipes", "poll_kqueue", 2),
    ("late_pipes", "poll_pipe", 2),
    ("levels", "kqueue_kqueue", 3),
    ("levels", "kqueue_pipe", 3),
    ("lifetime", "iocp_packet", 1),
    ("lifetime", "kqueue_kqueue", 1),
    ("lifetime", "kqueue_pipe", 1),
    ("lifetime", "poll_eventfd", 1),
    ("lifetime", "poll_flag", 3),
    ("lifetime", "poll_kqueue", 1),
    ("lifetime", "poll_oneoff_flag", 5),
    ("lifetime", "poll_pipe", 1),
    ("limits", "kqueue_kqueue", 2),
    ("limits", "kqueue_pipe", 2),
    ("limits", "poll_kqueue", 2),
    ("memory", "poll_oneoff_flag", 1),
    ("nested", "poll_eventfd", 13),
    ("nested", "poll_kqueue", 13),
    ("nested", "poll_pipe", 13),
    ("outer", "poll_eventfd", 6),
    ("outer", "poll_kqueue", 6),
    ("outer", "poll_pipe", 6),
    ("poll_descriptors", "poll_eventfd", 1),
    ("poll_descriptors", "poll_kqueue", 1),
    ("poll_descriptors", "poll_pipe", 1),
    ("profiles", "kqueue_kqueue", 2),
    ("profiles", "kqueue_pipe", 2),
    ("profiles", "poll_kqueue", 2),
    ("raw", "kqueue_kqueue", 4),
    ("raw", "kqueue_pipe", 4),
    ("raw", "poll_eventfd", 8),
    ("raw", "poll_kqueue", 8),
    ("raw", "poll_pipe", 8),
    ("rearm_local", "poll_eventfd", 1),
    ("rearm_local", "poll_kqueue", 1),
    ("rearm_local", "poll_pipe", 1),
    ("rearm_net", "poll_flag", 3),
    ("rearm_net", "poll_oneoff_flag", 6),
    ("registration", "kqueue_kqueue", 1),
    ("registration", "kqueue_pipe", 1),
    ("rollback", "iocp_packet", 2),
    ("rollback", "poll_eventfd", 4),
    ("rollback", "poll_flag", 2),
    ("rollback", "poll_kqueue", 4),
    ("rollback", "poll_oneoff_flag", 2),
    ("rollback", "poll_pipe", 4),
    ("sockets_tcp", "iocp_packet", 1),
    ("sockets_tcp", "poll_flag", 5),
    ("sockets_tcp", "poll_oneoff_flag", 9),
    ("sockets_udp", "iocp_packet", 2),
    ("sockets_udp", "poll_flag", 4),
    ("spin", "poll_oneoff_flag", 4),
    ("spin", "poll_flag", 4),
    ("spurious", "kqueue_kqueue", 1),
    ("spurious", "kqueue_pipe", 1),
    ("spurious", "poll_flag", 2),
    ("spurious", "poll_oneoff_flag", 5),
    ("time", "iocp_packet", 1),
    ("time", "kqueue_kqueue", 1),
    ("time", "poll_flag", 6),
    ("time", "poll_kqueue", 1),
    ("time", "poll_oneoff_flag", 5),
    ("tokens", "poll_flag", 4),
    ("tokens", "poll_oneoff_flag", 4),
    ("vocabulary", "poll_flag", 1),
    ("vocabulary", "poll_oneoff_flag", 2),
    ("wake", "poll_flag", 5),
    ("wake", "poll_oneoff_flag", 5),
    ("wake_calls", "kqueue_kqueue", 3),
    ("wake_calls", "poll_flag", 2),
    ("wake_calls", "poll_kqueue", 3),
    ("wake_calls", "poll_oneoff_flag", 2),
    ("waker_fallback", "kqueue_kqueue", 5),
    ("waker_fallback", "kqueue_pipe", 2),
    ("waker_fallback", "poll_kqueue", 5),
    ("wakers", "poll_flag", 2),
    ("wakers", "poll_oneoff_flag", 2),
];

pub(crate) fn gap(
    selector: SelectorKind,
    waker: WakerKind,
    capability: Capability,
) -> Option<&'static str> {
    #[cfg(windows)]
    if let Some(reason) = crate::wine::gap(capability) {
        return Some(reason);
    }
    GAPS.iter()
        .chain(wasi::GAPS)
        .find(|gap| {
            gap.capability == capability
                && gap
                    .selector
                    .is_none_or(|s| s == selector || s == is_like(selector, capability))
                && gap.waker.is_none_or(|w| w == waker)
        })
        .map(|gap| gap.reason)
}

/// The selector whose gap of `capability` this one shares, for it makes edges of levels as well. Some
/// things it can do.
fn is_like(selector: SelectorKind, capability: Capability) -> SelectorKind {
    let better = [Capability::SubMillisecondTimeout, Capability::WholeAnswers];
    if selector == SelectorKind::PollOneoff && !better.contains(&capability) {
        return SelectorKind::Poll;
    }
    selector
}

/// Whether a case is counted as skipped: what only Wine lacks is, as if this were Wine.
fn counts_as_skipped(backend: &Backend, capability: Capability) -> bool {
    #[cfg(windows)]
    if crate::wine::listed(capability).is_some() {
        return true;
    }
    backend.gap(capability).is_some()
}

/// Whether the running case is to be skipped; says so on standard error.
#[doc(hidden)]
pub fn skip(backend: &Backend, capability: Capability) -> bool {
    match backend.gap(capability) {
        Some(reason) => {
            eprintln!("skipped {}: no {capability:?}: {reason}", backend.test);
            true
        }
        None => false,
    }
}

/// Counts the skips of one suite on one backend and compares with the committed number.
#[doc(hidden)]
pub fn assert_committed(suite: &str, backend: &Backend, needs: &[(&str, &[Capability])]) {
    let skipped: Vec<&str> = needs
        .iter()
        .filter(|(_, needs)| needs.iter().any(|need| counts_as_skipped(backend, *need)))
        .map(|(case, _)| *case)
        .collect();
    let committed = COMMITTED
        .iter()
        .find(|(s, b, _)| (*s, *b) == (suite, backend.name))
        .map_or(0, |(_, _, number)| *number);
    println!(
        "skipped by capability: {suite} {} {}",
        backend.name,
        skipped.len()
    );
    if let Err(complaint) = compare(&skipped, committed) {
        panic!("{suite} on {}: {complaint}", backend.name);
    }
}

/// A skip more than committed has crept in; one less, and the number is out of date.
fn compare(skipped: &[&str], committed: usize) -> Result<(), String> {
    if skipped.len() == committed {
        return Ok(());
    }
    Err(format!(
        "skips {} cases {skipped:?}, but src/capability.rs says {committed}",
        skipped.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn skips_have_to_be_the_committed_number() {
        assert!(compare(&[], 0).is_ok());
        assert!(compare(&["a", "b"], 2).is_ok());
        assert!(compare(&["a"], 0).is_err());
        assert!(compare(&[], 1).is_err());
    }
}
