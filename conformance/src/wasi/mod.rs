//! What does not run on WASI, and why.
//!
//! Whole files begin with `#![cfg(any(unix, windows))]`; single cases are skipped by name and say so. A
//! test compares the list with the files, and counts what it leaves out.

#[cfg(wasi_p1)]
pub mod outside;

/// Whole files in `tests/` that WASI could compile, and why it does not.
pub const FILES: &[(&str, &str)] = &[
    (
        "closed",
        "the host does not tell of ends, nor of errors apart from readiness",
    ),
    ("harness", "processes"),
    ("hostile", "threads, and calls that are made to fail"),
    ("lifetime", "processes, and counting descriptors"),
    ("memory", "calls that are made to fail"),
    ("rollback", "calls that are made to fail"),
    ("scripts", "the model knows kernels of descriptors"),
    ("statics", "mio has no `Waker` there to compare with"),
    ("threads", "threads"),
    (
        "unix_only",
        "it reads the text of the project, which is the same everywhere",
    ),
    ("wake_calls", "threads, and counting calls"),
    ("wake_races", "threads"),
];

/// A suite, cases of it, and why they cannot run on WASI.
pub const CASES: &[(&str, &[&str], &str)] = &[
    (
        "deregistration",
        &[
            "deregister_during_a_blocked_poll_is_final",
            "deregister_races_with_polls_and_readiness",
            "drop_races_with_polls_and_readiness",
            "reregister_during_a_blocked_poll_is_final",
        ],
        "a thread of its own",
    ),
    (
        "fairness",
        &[
            "capacity_zero_loses_nothing",
            "waker_hammered_from_another_thread_does_not_starve_sources",
        ],
        "a thread of its own",
    ),
    (
        "fairness",
        &["every_ready_source_is_reached_at_any_capacity"],
        "the host looks at so many at a time; the next poll tells of the rest",
    ),
    (
        "rearm_net",
        &[
            "tcp_peek_rearms",
            "udp_peek_from_rearms",
            "udp_peek_rearms",
            "udp_try_io_rearms",
        ],
        "an operation or an option that wasi-libc has not: peeking, SO_LINGER, SO_BROADCAST, SO_ERROR of a datagram socket, multicast",
    ),
    (
        "rearm_net",
        &[
            "tcp_try_io_that_reads_rearms",
            "tcp_try_io_that_writes_rearms",
        ],
        "it reads and writes by wasi-libc's `read` and `write`, which wait even so",
    ),
    (
        "sockets_tcp",
        &["a_megabyte_echoed_through_the_loop_arrives_whole"],
        "a thread of its own",
    ),
    (
        "sockets_tcp",
        &[
            "a_reset_is_the_readers_error_and_nobody_elses",
            "read_write_and_peek_move_the_bytes",
        ],
        "an operation or an option that wasi-libc has not: peeking, SO_LINGER, SO_BROADCAST, SO_ERROR of a datagram socket, multicast",
    ),
    (
        "sockets_tcp",
        &["vectored_operations_take_all_buffers"],
        "std takes the first buffer only",
    ),
    (
        "sockets_tcp",
        &[
            "accept_of_a_connection_that_was_reset_spoils_nothing",
            "accept_on_an_empty_queue_would_block",
            "refused_connect_is_told_by_take_error",
        ],
        "the number of the process, for an address of its own",
    ),
    (
        "sockets_udp",
        &[
            "broadcast_has_to_be_allowed",
            "connecting_again_changes_the_peer",
            "multicast_v4_reaches_members_only",
            "peeking_leaves_the_datagram",
        ],
        "an operation or an option that wasi-libc has not: peeking, SO_LINGER, SO_BROADCAST, SO_ERROR of a datagram socket, multicast",
    ),
    (
        "sockets_udp",
        &["a_refused_datagram_is_told_once"],
        "the number of the process, for an address of its own",
    ),
    (
        "sockets_udp",
        &["a_datagram_that_does_not_fit_is_cut"],
        "wasi-libc refuses a buffer that is too small",
    ),
    (
        "spurious",
        &[
            "blocked_tcp_reads_give_no_writable_event",
            "blocked_udp_receives_give_no_writable_event",
        ],
        "an operation or an option that wasi-libc has not: peeking, SO_LINGER, SO_BROADCAST, SO_ERROR of a datagram socket, multicast",
    ),
    (
        "spurious",
        &["closing_peer_gives_one_batch_of_events"],
        "the host does not tell of ends: they are found by reading",
    ),
    (
        "time",
        &[
            "an_event_ends_a_long_wait",
            "registrations_do_not_restart_the_timeout",
            "wakers_that_come_and_go_do_not_restart_the_timeout",
            "zero_does_not_block",
        ],
        "a thread of its own",
    ),
    (
        "time",
        &["late_rings_do_not_end_the_poll"],
        "nobody rings, so no ring is late",
    ),
    (
        "tokens",
        &[
            "every_token_of_a_source_beside_a_waker",
            "source_taking_the_internal_identity_while_blocked",
            "source_with_the_internal_identity_before_the_first_waker",
            "taking_the_internal_identity_beside_wakes_is_no_event",
        ],
        "a thread of its own",
    ),
    (
        "vocabulary",
        &["alternate_event_debug_names_the_flags"],
        "the host does not tell of ends: they are found by reading",
    ),
    (
        "wake",
        &[
            "wake_after_poll_and_registry_are_gone",
            "wake_before_a_poll_without_timeout",
            "wake_ends_a_blocked_poll",
            "wake_through_a_shared_waker",
            "waker_event_is_readable_and_nothing_else",
            "waker_made_while_the_poll_is_blocked",
            "waker_of_a_cloned_registry",
        ],
        "a thread of its own",
    ),
    (
        "wake",
        &["pending_wakes_come_first_in_a_batch"],
        "the host sends in the background, so what was written is not there at once",
    ),
    (
        "wakers",
        &[
            "each_of_many_wakers_ends_a_blocked_poll",
            "wakers_come_and_go_beside_a_blocked_poll",
        ],
        "a thread of its own",
    ),
];

/// Whether the running case is to be skipped; says so.
#[doc(hidden)]
pub fn skip(suite: &str, case: &str) -> bool {
    let entry = CASES
        .iter()
        .find(|(s, cases, _)| *s == suite && cases.contains(&case));
    match entry {
        Some((_, _, reason)) if cfg!(target_os = "wasi") => {
            println!("kept from WASI: {suite} {case}: {reason}");
            true
        }
        _ => false,
    }
}
