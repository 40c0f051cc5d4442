//! What does not run on WASI, and why.
//!
//! What the system has no way to do is a row of [`GAPS`], and the cases `need` it. Files and cases that
//! could not be compiled stand behind `#[cfg(any(unix, windows))]`, and are listed in [`FILES`] and
//! [`CASES`]; what stands behind `#[cfg(unix)]` is listed in [`unix_only`](crate::unix_only). The suite
//! `unix_only` compares the lists with the files, and counts what they leave out.

#[cfg(wasi_p1)]
pub mod outside;

use ferrio::{SelectorKind, WakerKind};

use crate::capability::{Capability, Gap};

/// Whole files in `tests/` that stand behind `#![cfg(any(unix, windows))]`, and why.
pub const FILES: &[(&str, &str)] = &[("threads", "threads"), ("wake_races", "threads")];

/// Cases and tests that stand behind `#[cfg(any(unix, windows))]`: the file, their names, and why.
pub const CASES: &[(&str, &[&str], &str)] = &[
    (
        "scripts",
        &[
            "kept_scripts_of_several_threads_pass",
            "random_scripts_of_several_threads_pass",
        ],
        "threads",
    ),
    (
        "sockets_udp",
        &[
            "options_of_groups_can_be_set_and_read_back",
            "what_is_no_group_cannot_be_joined",
        ],
        "wasi:sockets has no groups, and wasi-libc none of their options: ENOPROTOOPT",
    ),
    (
        "sockets_udp",
        &["a_new_socket_has_no_error"],
        "wasi-libc has no SO_ERROR for datagram sockets: ENOPROTOOPT",
    ),
    (
        "sockets_udp",
        &["only_v6_is_what_the_socket_has"],
        "wasi-libc has no IPV6_V6ONLY: ENOPROTOOPT",
    ),
    (
        "tokens",
        &["failed_change_of_the_internal_identity_leaves_all_working"],
        "no call is made for a selector or a change of it, and the wakers' descriptor is none",
    ),
    (
        "unix_only",
        &["every_file_is_looked_at"],
        "it reads the text of the project, which is the same everywhere",
    ),
];

/// What WASI has not got, whatever the preview: its wakers are the same under both. What is said of
/// wasi-libc is of preview 2's, as of Rust 1.95, and was seen by running it.
pub const GAPS: &[Gap] = &[
    gap(
        Capability::Threads,
        "the target has no threads: `std::thread::spawn` is an error",
    ),
    gap(
        Capability::CaughtPanics,
        "a panic ends the program: the target's standard library is built with panic=abort",
    ),
    gap(
        Capability::Duplicates,
        "std has no `try_clone` there, nor has preview 1 or wasi-libc a dup(2)",
    ),
    gap(
        Capability::Peek,
        "wasi-libc's `recv` refuses MSG_PEEK: ENOTSUP",
    ),
    gap(
        Capability::EndsAreTold,
        "wasi:io/poll has one word for data, for an end and for an error, which is that a read would \
         not wait; and a read of no bytes tells of an end only after another read has found it",
    ),
    gap(
        Capability::ErrorBit,
        "an error is not told apart from data, except of a stream that could not connect",
    ),
    gap(
        Capability::ArrivalsAreCounted,
        "no call tells how many bytes have arrived",
    ),
    gap(
        Capability::FreshAnswers,
        "a socket that was readable is called so until an operation on it has found nothing: whoever \
         takes exactly what there is, and registers it then, is told of it once",
    ),
    gap(
        Capability::ListenersOnlyRead,
        "a listener is one object of the host's: of one that has a connection wasi-libc says whatever it \
         was asked",
    ),
    p2(
        Capability::WholeAnswers,
        "wasmtime looks at a limited number of descriptors before it lets others run, and answers with \
         what it has; the next question is answered for more",
    ),
    gap(
        Capability::ResetIsTheReadersError,
        "after a reset the host says that the stream has ended",
    ),
    gap(
        Capability::ErrorIsTakenOnce,
        "wasi-libc's SO_ERROR tells why a connection failed, and from then on another error",
    ),
    gap(
        Capability::ResetAtWill,
        "wasi-libc has no SO_LINGER: ENOPROTOOPT",
    ),
    gap(
        Capability::AllBuffers,
        "std reads and writes the first buffer only that is not empty",
    ),
    gap(
        Capability::DatagramSocketError,
        "wasi-libc has no SO_ERROR for datagram sockets: ENOPROTOOPT",
    ),
    gap(
        Capability::Broadcast,
        "wasi-libc has no SO_BROADCAST: ENOPROTOOPT",
    ),
    gap(
        Capability::Multicast,
        "wasi:sockets has no groups, and wasi-libc none of their options: ENOPROTOOPT",
    ),
    p1(
        Capability::OwnSockets,
        "preview 1 has no call for it: only the host opens sockets",
    ),
    p1(
        Capability::Datagrams,
        "preview 1 has streams only, and their listeners",
    ),
    p1(
        Capability::RefusedDatagramIsReported,
        "preview 1 has streams only, and their listeners",
    ),
    p1(
        Capability::PollsWithoutAllocation,
        "each question for poll_oneoff is a list of its own",
    ),
];

/// What only preview 2 has not got.
const fn p2(capability: Capability, reason: &'static str) -> Gap {
    Gap {
        selector: Some(SelectorKind::Poll),
        ..gap(capability, reason)
    }
}

/// What preview 1 has not got besides.
const fn p1(capability: Capability, reason: &'static str) -> Gap {
    Gap {
        selector: Some(SelectorKind::PollOneoff),
        ..gap(capability, reason)
    }
}

const fn gap(capability: Capability, reason: &'static str) -> Gap {
    Gap {
        selector: None,
        waker: Some(WakerKind::Flag),
        capability,
        reason,
    }
}
