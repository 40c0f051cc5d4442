//! Contract rows 22 to 24 for `Poll`, `Registry` and `Waker`: flags of their descriptors, leaks,
//! and what happens when there are none left. Sockets have suites of their own.
#![cfg(unix)]

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::process::Command;
use std::time::Duration;

use ferrio::fault::{self, Call};
use ferrio::{Events, Interest, Poll, Registry, SelectorKind, Token, Waker, WakerKind};
use ferrio_conformance::{Backend, conformance, descriptors, pairs, samples};

conformance! { poll_descriptors {
    own_descriptors_are_close_on_exec,
    own_descriptors_are_non_blocking_where_that_means_something,
    identity_changes_keep_descriptors_close_on_exec,
    a_started_program_inherits_nothing,
    poll_and_waker_leak_nothing,
    failed_poll_leaks_nothing,
    every_call_failed_in_turn_leaks_nothing,
    every_call_failed_for_good_leaks_nothing,
    exhausted_descriptors_are_an_error,
    works_with_nine_tenths_of_the_descriptors_open,
    exhaustion_after_creation_does_not_matter,
    unavailable_backends_are_unsupported,
    poll_new_takes_the_first_available_backend,
    descriptors_of_poll_and_registry_agree needs DescriptorOfPoll,
} }

fn own_descriptors_are_close_on_exec(b: &Backend) {
    b.isolated(|| {
        let (_owners, opened) = descriptors::opened_by(|| {
            let driver = b.driver();
            let clone = driver.registry().try_clone().expect("a clone");
            let wakers: Vec<_> = (0..40).map(|n| driver.waker(n)).collect();
            (driver, clone, wakers)
        });
        assert!(!opened.is_empty());
        for fd in opened {
            assert!(
                descriptors::is_close_on_exec(fd),
                "{}",
                descriptors::kind(fd)
            );
        }
    });
}

fn own_descriptors_are_non_blocking_where_that_means_something(b: &Backend) {
    b.isolated(|| {
        let (_owners, opened) = descriptors::opened_by(|| {
            let driver = b.driver();
            let waker = driver.waker(1);
            (driver, waker)
        });
        for fd in opened {
            let kind = descriptors::kind(fd);
            // Nobody reads from or writes to an epoll set.
            if kind != "anon_inode:[eventpoll]" {
                assert!(descriptors::is_nonblocking(fd), "{kind}");
            }
        }
    });
}

fn identity_changes_keep_descriptors_close_on_exec(b: &Backend) {
    b.isolated(|| {
        let (_owners, opened) = descriptors::opened_by(|| {
            let driver = b.driver();
            let waker = driver.waker(1);
            // A user's token that collides with an internal one makes epoll use one more set.
            let (mut stream, peer) = pairs::tcp();
            let token = 0xFE11_10C0_57A7_E5ED_u64 as usize;
            driver.add(&mut stream, token, Interest::READABLE);
            (driver, waker, stream, peer)
        });
        for fd in opened {
            assert!(
                descriptors::is_close_on_exec(fd),
                "{}",
                descriptors::kind(fd)
            );
        }
    });
}

fn a_started_program_inherits_nothing(b: &Backend) {
    b.isolated(|| {
        let list = || {
            let output = Command::new("/bin/ls").arg("/proc/self/fd").output();
            let output = output.expect("ls runs");
            assert!(output.status.success());
            String::from_utf8(output.stdout)
                .expect("numbers")
                .lines()
                .count()
        };
        let before = list();
        let driver = b.driver();
        let _waker = driver.waker(1);
        let _clone = driver.registry().try_clone().expect("a clone");
        assert_eq!(list(), before);
    });
}

fn poll_and_waker_leak_nothing(b: &Backend) {
    b.isolated(|| {
        descriptors::assert_none_left("100 polls", || {
            for _ in 0..100 {
                whole_life(b).expect("nothing fails");
            }
        });
    });
}

/// Makes, uses and drops everything that a `Poll` has to do with. Of the library it uses nothing
/// else, so that a call made to fail is one of these objects'.
fn whole_life(b: &Backend) -> io::Result<()> {
    let (mut stream, mut peer) = pairs::tcp();
    let (fd, mut counter) = samples::eventfd();
    let mut raw = samples::Raw(fd);

    let mut poll = b.try_poll()?;
    let clone = poll.registry().try_clone()?;
    let first = Waker::new(poll.registry(), Token(1))?;
    let second = Waker::new(&clone, Token(2))?;
    let mut events = Events::with_capacity(8);
    first.wake()?;
    poll.poll(&mut events, Some(Duration::ZERO))?;
    second.wake()?;
    poll.poll(&mut events, Some(Duration::from_micros(50)))?;
    poll.poll(&mut events, Some(Duration::from_micros(50)))?;
    for round in 0..3 {
        clone.register(&mut stream, Token(3), Interest::READABLE)?;
        clone.register(&mut raw, Token(4), Interest::READABLE)?;
        peer.write_all(b"x")?;
        counter.write_all(&1_u64.to_ne_bytes())?;
        poll.poll(&mut events, Some(Duration::from_millis(1)))?;
        clone.reregister(&mut stream, Token(round), Interest::WRITABLE)?;
        poll.poll(&mut events, Some(Duration::ZERO))?;
        clone.deregister(&mut stream)?;
        clone.deregister(&mut raw)?;
    }
    poll.poll(&mut events, Some(Duration::from_millis(1)))
}

fn failed_poll_leaks_nothing(b: &Backend) {
    b.isolated(|| {
        for &call in b.calls().create {
            for errno in [libc::EMFILE, libc::ENFILE, libc::ENOMEM] {
                descriptors::assert_none_left("a Poll that could not be made", || {
                    let _injection = fault::inject(call, errno);
                    let error = b.try_poll().expect_err("made to fail");
                    assert_eq!(error.raw_os_error(), Some(errno));
                });
            }
        }
    });
}

fn every_call_failed_in_turn_leaks_nothing(b: &Backend) {
    b.isolated(|| {
        whole_life(b).expect("nothing fails"); // whatever is set up once per process
        let mut failures = 0;
        for &call in Call::ALL {
            let before = fault::calls(call);
            whole_life(b).expect("nothing fails");
            let uses = usize::try_from(fault::calls(call) - before).expect("few");
            for n in 0..uses {
                descriptors::assert_none_left(&format!("{call:?}, number {n}"), || {
                    let injection = fault::inject(call, libc::ENOMEM).skip(n);
                    let error = whole_life(b).expect_err("made to fail");
                    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM), "{call:?} {n}");
                    assert_eq!(injection.hits(), 1);
                });
                failures += 1;
            }
        }
        assert!(failures >= 10, "only {failures} calls were made");
    });
}

fn every_call_failed_for_good_leaks_nothing(b: &Backend) {
    b.isolated(|| {
        for &call in Call::ALL {
            let errors = [
                libc::EMFILE,
                libc::ENFILE,
                libc::ENOMEM,
                libc::EPERM,
                libc::EINVAL,
            ];
            for errno in errors {
                fault::forget_fallbacks();
                descriptors::assert_none_left(&format!("{call:?}, {errno}"), || {
                    let injection = fault::inject(call, errno).times(usize::MAX);
                    match whole_life(b) {
                        Err(error) => assert_eq!(error.raw_os_error(), Some(errno), "{call:?}"),
                        // Refused as a system without it would: there was another way.
                        Ok(()) if errno == libc::EPERM => {}
                        // A filter that this kernel doesn't know.
                        Ok(()) if (call, errno) == (Call::Kevent, libc::EINVAL) => {}
                        Ok(()) => assert_eq!(injection.hits(), 0, "{call:?}"),
                    }
                });
            }
        }
        fault::forget_fallbacks();
    });
}

fn exhausted_descriptors_are_an_error(b: &Backend) {
    b.isolated(|| {
        let limit = descriptors::soft_limit().min(200);
        descriptors::set_soft_limit(limit);
        let others = descriptors::open().len();
        let mut hoard = Vec::new();
        while let Ok(fd) = io::stderr().as_fd().try_clone_to_owned() {
            hoard.push(fd);
        }
        let is_emfile = |error: &io::Error| error.raw_os_error() == Some(libc::EMFILE);
        // One more descriptor each time, until a poll with a waker can be made.
        let mut refused = 0;
        loop {
            let made = b.try_poll().and_then(|poll| {
                let waker = Waker::new(poll.registry(), Token(1))?;
                Ok((poll, waker))
            });
            match made {
                Ok((mut poll, waker)) => {
                    let mut events = Events::with_capacity(2);
                    waker.wake().expect("wake");
                    poll.poll(&mut events, None).expect("poll");
                    assert_eq!(events.iter().count(), 1);
                    break;
                }
                Err(error) => assert!(is_emfile(&error), "{error}"),
            }
            refused += 1;
            // What failed has given back what it had got: there is no room, as before.
            let more = descriptors::open().len() - hoard.len() - others;
            // The simulated kqueue(2) keeps two until the next queue is made, here in our room.
            assert!(more == 0 || cfg!(ferrio_kqueue) && more <= 2, "{more}");
            hoard.pop().expect("a poll takes a few descriptors");
        }
        assert!(refused > 0);
    });
}

fn works_with_nine_tenths_of_the_descriptors_open(b: &Backend) {
    b.isolated(|| {
        let limit = descriptors::soft_limit();
        let mut hoard = Vec::new();
        while hoard.len() < limit as usize * 9 / 10 {
            hoard.push(descriptors::duplicate(&io::stderr()));
        }
        let mut driver = b.driver();
        let waker = driver.waker(1000);
        let mut all: Vec<_> = (0..limit as usize / 40).map(|_| pairs::unix()).collect();
        for (token, (stream, peer)) in all.iter_mut().enumerate() {
            assert!(stream.as_raw_fd() >= limit / 2, "numbers are high");
            driver.add(stream, token, Interest::READABLE);
            peer.write_all(b"x").expect("write");
        }
        for token in 0..all.len().min(1000) {
            driver
                .registry()
                .reregister(&mut all[token].0, Token(token), Interest::READABLE)
                .expect("reregister");
        }
        let mut seen = std::collections::BTreeSet::new();
        driver.until("all sources", |events| {
            seen.extend(events.iter().map(|event| event.token().0));
            seen.len() == all.len()
        });
        waker.wake().expect("wake");
        driver.expect_readable(1000);
    });
}

fn exhaustion_after_creation_does_not_matter(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(1);
        let (mut stream, mut peer) = pairs::tcp();
        descriptors::set_soft_limit(descriptors::soft_limit().min(200));
        let mut hoard = Vec::new();
        while let Ok(fd) = io::stderr().as_fd().try_clone_to_owned() {
            hoard.push(fd);
        }
        driver.add(&mut stream, 2, Interest::READABLE);
        peer.write_all(b"x").expect("write");
        driver.expect_readable(2);
        waker.wake().expect("wake");
        driver.expect_readable(1);
        let more = driver.waker(3);
        more.wake().expect("wake");
        driver.expect_readable(3);
        driver.remove(&mut stream);
    });
}

fn unavailable_backends_are_unsupported(_: &Backend) {
    for name in ["epoll", "kqueue", "poll"] {
        let kind: SelectorKind = name.parse().expect(name);
        assert_eq!(kind.to_string(), name);
        if !SelectorKind::available().contains(&kind) {
            let error = Poll::builder().selector(kind).build().expect_err(name);
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{name}");
        }
    }
    for name in ["eventfd", "kqueue", "pipe"] {
        let kind: WakerKind = name.parse().expect(name);
        assert_eq!(kind.to_string(), name);
        if !WakerKind::available().contains(&kind) {
            let error = Poll::builder().waker(kind).build().expect_err(name);
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{name}");
        }
    }
    "no such selector"
        .parse::<SelectorKind>()
        .expect_err("unknown");
    "".parse::<WakerKind>().expect_err("unknown");
}

fn poll_new_takes_the_first_available_backend(_: &Backend) {
    for poll in [Poll::new(), Poll::builder().build()] {
        let poll = poll.expect("a poll");
        assert_eq!(Some(&poll.selector()), SelectorKind::available().first());
        assert_eq!(Some(&poll.waker()), WakerKind::available().first());
    }
}

fn descriptors_of_poll_and_registry_agree(b: &Backend) {
    let poll = b.poll();
    let clone = poll.registry().try_clone().expect("a clone");
    let number: RawFd = poll.as_raw_fd();
    assert_eq!(poll.registry().as_raw_fd(), number);
    let borrowed: BorrowedFd<'_> = AsFd::as_fd(poll.registry());
    assert_eq!(borrowed.as_raw_fd(), number);
    // A clone may have a descriptor of its own, for the same object.
    let of_clone = Registry::as_raw_fd(&clone);
    assert!(number >= 0 && of_clone >= 0);
    drop(poll);
    assert!(descriptors::is_close_on_exec(of_clone), "still open");
}
