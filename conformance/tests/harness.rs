//! The harness itself: what has to make a test fail does.

use std::panic::{self, AssertUnwindSafe};
use std::{mem, net};

use ferrio_conformance::{Backend, assert_complete, conformance, descriptors, isolated, samples};

conformance! { harness {
    a_suite_without_a_backend_fails needs CaughtPanics,
    an_isolated_body_that_panics_fails needs CaughtPanics,
    an_isolated_body_under_a_wrong_name_fails needs CaughtPanics,
    an_isolated_body_that_ends_its_process_fails needs CaughtPanics,
    #[cfg(unix)]
    a_forked_body_that_panics_fails,
    a_leaked_descriptor_is_found needs CaughtPanics,
    a_closed_descriptor_is_missed needs CaughtPanics,
    an_unexpected_event_is_found needs CaughtPanics,
    every_kind_of_source_is_sampled,
} }

#[track_caller]
fn fails(body: impl FnOnce()) {
    panic::catch_unwind(AssertUnwindSafe(body)).expect_err("it has to panic");
}

fn a_suite_without_a_backend_fails(b: &Backend) {
    fails(|| assert_complete(&[]));
    let renamed = Backend {
        name: "other",
        ..*b
    };
    fails(|| assert_complete(&[renamed]));
}

// In the child `isolated` runs the body and returns or panics, and this is not there to look at it.

fn an_isolated_body_that_panics_fails(b: &Backend) {
    fails(|| b.isolated(|| panic!("told to panic")));
}

fn an_isolated_body_under_a_wrong_name_fails(_: &Backend) {
    // libtest runs no test then, and says that all is well.
    fails(|| isolated("harness::no_such_test", || ()));
}

fn an_isolated_body_that_ends_its_process_fails(b: &Backend) {
    fails(|| {
        b.isolated(|| std::process::exit(0));
    });
}

#[cfg(unix)]
fn a_forked_body_that_panics_fails(b: &Backend) {
    b.isolated(|| {
        use ferrio_conformance::fork;
        fails(|| fork(|| panic!("told to panic")).join());
        fork(|| ()).join();
    });
}

fn socket() -> net::UdpSocket {
    net::UdpSocket::bind("127.0.0.1:0").expect("a socket")
}

fn a_leaked_descriptor_is_found(b: &Backend) {
    b.isolated(|| {
        // Winsock starts with the first.
        drop(socket());
        fails(|| {
            descriptors::assert_none_left("a leak", || {
                mem::forget(socket());
            });
        });
    });
}

fn a_closed_descriptor_is_missed(b: &Backend) {
    b.isolated(|| {
        let socket = socket();
        fails(|| descriptors::assert_none_left("a close", || drop(socket)));
    });
}

fn an_unexpected_event_is_found(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    waker.wake().expect("wake");
    fails(|| driver.assert_quiet());
    driver.assert_quiet();
}

fn every_kind_of_source_is_sampled(_: &Backend) {
    let names: Vec<_> = samples::all().iter().map(|sample| sample.name).collect();
    let expected: &[&str] = &[
        "TcpListener",
        "TcpStream",
        #[cfg(not(wasi_p1))]
        "UdpSocket",
        #[cfg(unix)]
        "UnixListener",
        #[cfg(unix)]
        "UnixStream",
        #[cfg(unix)]
        "UnixDatagram",
        #[cfg(unix)]
        "pipe::Receiver",
        #[cfg(unix)]
        "pipe::Sender",
        #[cfg(unix)]
        "SourceFd",
    ];
    assert_eq!(names, expected);
}
