//! Contract row 24 behind real filters: what a container's profile refuses is asked for once, and then
//! the other way is taken by every `Poll`, every waker and every listener of the process.
#![cfg(unix)]

use std::io::{Read, Write};
use std::net;
use std::time::{Duration, Instant};

use ferrio::fault::{self, Call};
use ferrio::net::TcpListener;
use ferrio::{Interest, Poll, SelectorKind, WakerKind};
use ferrio_conformance::{Backend, Driver, conformance, in_thread, pairs, seccomp};

conformance! { profiles {
    each_refused_call_is_asked_for_once needs WorksBehindFilter,
    all_refused_calls_are_asked_for_once needs WorksBehindFilter,
} }

/// Container runtimes answer the one or the other.
const REFUSALS: [i32; 2] = [libc::ENOSYS, libc::EPERM];

/// Short enough for the call that is precise.
const SHORT: Duration = Duration::from_micros(100);

const ROUNDS: usize = 5;

/// What is refused, and whether a backend makes the call at all.
type Refused = (libc::c_long, Call, fn(&Backend) -> bool);

const CALLS: &[Refused] = &[
    (libc::SYS_accept4, Call::Accept4, |_| true),
    (libc::SYS_eventfd2, Call::Eventfd, |b| {
        b.waker == WakerKind::Eventfd
    }),
    (libc::SYS_epoll_pwait2, Call::EpollPwait2, |b| {
        b.selector == SelectorKind::Epoll
    }),
    (libc::SYS_ppoll, Call::Ppoll, |b| {
        b.selector == SelectorKind::Poll
    }),
    // Later processors have no other.
    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "arm",
        target_arch = "s390x"
    ))]
    (libc::SYS_epoll_create1, Call::EpollCreate1, |b| {
        b.selector == SelectorKind::Epoll
    }),
];

fn each_refused_call_is_asked_for_once(b: &Backend) {
    let alone: Vec<&[Refused]> = CALLS.chunks(1).collect();
    behind(b, &alone);
}

fn all_refused_calls_are_asked_for_once(b: &Backend) {
    behind(b, &[CALLS]);
}

/// A filter lasts as long as its thread, and there is one for each profile.
fn behind(b: &Backend, profiles: &[&'static [Refused]]) {
    b.isolated(|| {
        for &profile in profiles {
            for errno in REFUSALS {
                fault::forget_fallbacks();
                let b = *b;
                in_thread(move || {
                    let calls: Vec<_> = profile.iter().map(|call| (call.0, errno)).collect();
                    seccomp::refuse(&calls);
                    for _ in 0..ROUNDS {
                        serve(&b);
                    }
                    for &(_, call, makes) in profile {
                        let asked = if missing(call) {
                            0
                        } else {
                            u64::from(makes(&b))
                        };
                        assert_eq!(fault::calls(call), asked, "{call:?}, refused by {errno}");
                    }
                })
                .join();
            }
        }
    });
}

/// In a build that does without.
fn missing(call: Call) -> bool {
    match call {
        Call::Accept4 => !ferrio::capabilities::ACCEPT4,
        Call::EpollPwait2 => !ferrio::capabilities::EPOLL_PWAIT2,
        _ => false,
    }
}

/// Everything that the calls are for: a `Poll`, a waker, a short wait, an accepted connection.
fn serve(b: &Backend) {
    let poll = Poll::builder().selector(b.selector).waker(b.waker).build();
    let mut driver = Driver::new(poll.expect("a Poll"), 16);
    let waker = driver.waker(0);
    let mut listener = TcpListener::bind(pairs::private_loopback()).expect("bind");
    driver.add(&mut listener, 1, Interest::READABLE);

    let start = Instant::now();
    driver.poll(Some(SHORT)).expect("poll");
    assert!(driver.events.is_empty(), "{:?}", driver.events);
    assert!(start.elapsed() >= SHORT);

    let address = listener.local_addr().expect("an address");
    for _ in 0..2 {
        let mut client = net::TcpStream::connect(address).expect("connect");
        driver.expect_readable(1);
        let (mut accepted, _) = listener.accept().expect("accept");
        pairs::assert_would_block(listener.accept());
        driver.add(&mut accepted, 2, Interest::READABLE);
        client.write_all(b"hello").expect("write");
        driver.expect_readable(2);
        assert_eq!(accepted.read(&mut [0; 8]).expect("read"), 5);
        waker.wake().expect("wake");
        driver.expect_readable(0);
    }
}
