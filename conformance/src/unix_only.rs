//! What runs on Unix only, not on Windows nor on WASI, and why: each suite and each case that stands
//! behind `cfg(unix)`. What WASI alone leaves out is in [`wasi`](crate::wasi).
//!
//! The suite `unix_only` compares these lists with the files, and counts what they leave out, so that
//! nothing is left out unseen. A case that Windows could run but a backend cannot is not here but in
//! [`capability`](crate::capability).

/// What a file keeps to Unix.
#[derive(Debug)]
pub enum Kept {
    /// All of it: the file begins with `#![cfg(unix)]`.
    All,
    /// The cases and tests of these names.
    Cases(&'static [&'static str]),
}

/// A file in `tests/`, what it keeps to Unix, and why.
pub const UNIX_ONLY: &[(&str, Kept, &str)] = &[
    ("addresses", Kept::All, "the names that Unix sockets have"),
    (
        "backlog",
        Kept::All,
        "only Linux tells how long the queue of a listener is",
    ),
    (
        "birth",
        Kept::All,
        "the flags that descriptors have, and what a program that is started inherits of them",
    ),
    (
        "closed",
        Kept::Cases(&["tcp_unconnected"]),
        "AFD has nothing to say of a socket that was never connected, and WASI does not watch it",
    ),
    ("closed_local", Kept::All, "Unix sockets and pipes"),
    (
        "coverage",
        Kept::All,
        "it reads the text of the project, which is the same everywhere",
    ),
    (
        "deregistration",
        Kept::Cases(&[
            "reused_number_and_token_belong_to_the_new_source",
            "reused_number_after_drop_reports_only_the_new_source",
        ]),
        "numbers of descriptors that are used again at will",
    ),
    (
        "differential",
        Kept::All,
        "mio is the norm where it stands on epoll(7), and the lives are those of descriptors",
    ),
    (
        "fallbacks",
        Kept::All,
        "what is done where a kernel refuses a call: elsewhere there is one way only",
    ),
    (
        "faults_accept",
        Kept::All,
        "what is done where a kernel refuses a call: elsewhere there is one way only",
    ),
    (
        "faults_each",
        Kept::All,
        "the manual pages of Unix's calls; `named_pipe_faults` and `afd_faults` have those of Windows",
    ),
    (
        "faults_sockets",
        Kept::All,
        "the calls that make sockets on Unix, and their errors",
    ),
    ("fork", Kept::All, "fork(2)"),
    ("fork_threads", Kept::All, "fork(2)"),
    (
        "harness",
        Kept::Cases(&["a_forked_body_that_panics_fails"]),
        "fork(2)",
    ),
    (
        "hostile",
        Kept::Cases(&["shared_sources_of_many_polls"]),
        "`SourceFd`",
    ),
    ("late_pipes", Kept::All, "pipes"),
    (
        "levels",
        Kept::All,
        "`SourceFd`, and what poll(2) does for lack of edges",
    ),
    (
        "lifetime",
        Kept::Cases(&[
            "dropped_unix_stream_is_closed_at_once",
            "dropped_unix_listener_refuses_at_once",
            "dropped_unix_datagram_refuses_at_once",
            "dropped_pipe_ends_are_closed_at_once",
        ]),
        "Unix sockets and pipes",
    ),
    (
        "limits",
        Kept::All,
        "limits of descriptors, and filters of system calls",
    ),
    ("nested", Kept::All, "a `Poll` as a descriptor"),
    ("outer", Kept::All, "a `Poll` as a descriptor"),
    ("pipes", Kept::All, "pipes"),
    ("poll_changes", Kept::All, "the selector over poll(2)"),
    (
        "poll_descriptors",
        Kept::All,
        "the descriptors that a `Poll` is made of",
    ),
    ("poll_edges", Kept::All, "the selector over poll(2)"),
    ("poll_faults", Kept::All, "the selector over poll(2)"),
    (
        "poll_numbers",
        Kept::All,
        "numbers of descriptors that are closed and used again",
    ),
    ("poll_wakes", Kept::All, "the selector over poll(2)"),
    ("profiles", Kept::All, "seccomp(2)"),
    ("raw", Kept::All, "`SourceFd`"),
    ("rearm_local", Kept::All, "Unix sockets and pipes"),
    (
        "registration",
        Kept::Cases(&["priority_interest_reports_urgent_data"]),
        "`Interest::PRIORITY`, which mio has not elsewhere either",
    ),
    (
        "rollback",
        Kept::Cases(&[
            "half_a_registration_is_taken_back",
            "half_a_reregistration_ends_the_registration",
            "refused_reregister_does_not_end_a_registration_made_beside_it",
            "refused_reregister_tells_a_poll_beside_it_nothing",
        ]),
        "a poll that another poll watches",
    ),
    (
        "sockets_tcp",
        Kept::Cases(&[
            "connect_to_a_full_queue_waits_and_nothing_is_lost",
            "the_queue_is_as_long_as_stds",
            "a_descriptor_of_another_kind_gives_errors_and_no_panic",
        ]),
        "only Linux tells how long the queue of a listener is; a descriptor that is no socket",
    ),
    (
        "sockets_udp",
        Kept::Cases(&[
            "joining_and_leaving_a_v6_group_is_seen_by_the_kernel",
            "a_descriptor_of_another_kind_gives_errors_and_no_panic",
        ]),
        "only Linux tells which groups there are; a descriptor that is no socket",
    ),
    (
        "scripts",
        Kept::Cases(&["random_scripts_of_overlapping_operations_pass"]),
        "threads that share objects, of the kinds that only Unix has",
    ),
    ("sockets_unix", Kept::All, "Unix sockets"),
    (
        "spurious",
        Kept::Cases(&[
            "blocked_unix_reads_give_no_writable_event",
            "blocked_pipe_reads_give_no_event",
        ]),
        "Unix sockets and pipes",
    ),
    (
        "tidy",
        Kept::All,
        "it reads the text of the project, which is the same everywhere",
    ),
    (
        "time",
        Kept::Cases(&[
            "empty_rings_do_not_restart_the_timeout",
            "a_signal_is_interrupted",
            "a_signal_before_the_poll_is_not_interrupted",
            "interrupted_poll_loses_no_source_event",
        ]),
        "signals; what is left in a descriptor that wakers ring",
    ),
    (
        "tokens",
        Kept::Cases(&["refused_source_under_the_internal_identity_leaves_nothing"]),
        "`SourceFd`",
    ),
    (
        "wake_calls",
        Kept::Cases(&[
            "wake_of_a_blocked_poll_that_is_being_woken_makes_no_call",
            "more_wakers_make_no_more_descriptors",
            "wake_with_a_full_counter",
            "wake_that_finds_the_counter_full_tries_again",
            "wake_retries_an_interrupted_call",
            "failed_waker_leaves_nothing_behind",
            "failed_waker_can_be_made_again",
            "failed_second_waker_leaves_the_first_working",
        ]),
        "signals; the descriptors that wakers ring, and making them",
    ),
    (
        "wake_races",
        Kept::Cases(&[
            "wake_survives_an_interrupted_poll",
            "wake_during_an_interrupted_poll_survives_it",
            "wake_and_signal_together_lose_no_wake",
            "wake_from_a_signal_handler_ends_the_poll",
            "wake_from_a_signal_handler_before_the_poll",
        ]),
        "signals",
    ),
    (
        "waker_fallback",
        Kept::All,
        "what is done where a kernel refuses a call: elsewhere there is one way only",
    ),
];
