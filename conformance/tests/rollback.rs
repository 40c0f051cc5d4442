//! Contract row 5: a registration that fails leaves nothing behind, and one that exists survives.

use std::io::ErrorKind;

#[cfg(unix)]
use ferrio::Interest;
use ferrio::Token;
use ferrio::fault::{self, Call};
#[cfg(unix)]
use ferrio_conformance::Driver;
use ferrio_conformance::kernel::error;
use ferrio_conformance::{Backend, conformance, descriptors, samples};

conformance! { rollback {
    failed_register_leaves_the_source_unregistered,
    failed_register_then_drop_leaks_nothing,
    failed_register_can_move_to_another_poll,
    failed_reregister_keeps_the_registration needs CallPerRegistration,
    failed_deregister_keeps_the_registration needs CallPerRegistration,
    failed_register_does_not_disturb_others,
    #[cfg(unix)]
    half_a_registration_is_taken_back needs DescriptorOfPoll,
    #[cfg(unix)]
    half_a_reregistration_ends_the_registration needs DescriptorOfPoll,
    #[cfg(unix)]
    refused_reregister_tells_a_poll_beside_it_nothing,
    #[cfg(unix)]
    refused_reregister_does_not_end_a_registration_made_beside_it,
} }

const ERRORS: &[i32] = &[error::ENOMEM, error::ENOSPC, error::EPERM, error::EINVAL];

/// The call that makes a helper of AFD, for the first of 32 registrations.
#[cfg(windows)]
fn control(_: &Backend) -> Call {
    Call::CreateAfd
}

/// On WASI a registration asks whether the descriptor can be waited for.
#[cfg(target_os = "wasi")]
fn control(_: &Backend) -> Call {
    if cfg!(wasi_p1) {
        Call::FdStat
    } else {
        Call::Poll
    }
}

/// The call that a registration makes: the one that changes what the kernel watches, or a look at
/// the descriptor.
#[cfg(unix)]
fn control(b: &Backend) -> Call {
    b.calls().control.first().copied().unwrap_or(Call::Fcntl)
}

fn fails<T>(call: Call, errno: i32, body: impl FnOnce() -> std::io::Result<T>) {
    let injection = fault::inject(call, errno);
    let error = body()
        .err()
        .unwrap_or_else(|| panic!("{call:?} was made to fail"));
    assert_eq!(error.raw_os_error(), Some(errno));
    assert_eq!(injection.hits(), 1);
}

fn failed_register_leaves_the_source_unregistered(b: &Backend) {
    for mut sample in samples::all() {
        let mut driver = b.driver();
        for &errno in ERRORS {
            fails(control(b), errno, || {
                driver
                    .registry()
                    .register(&mut sample.source, Token(1), sample.interest)
            });
        }
        sample.trigger();
        driver.assert_quiet();
        let error = driver
            .registry()
            .deregister(&mut sample.source)
            .expect_err(sample.name);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{}", sample.name);
        let error = driver
            .registry()
            .reregister(&mut sample.source, Token(1), sample.interest)
            .expect_err(sample.name);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{}", sample.name);

        driver.add(&mut sample.source, 2, sample.interest);
        sample.trigger();
        sample.expect(&mut driver, 2);
        driver.remove(&mut sample.source);
    }
}

fn failed_register_then_drop_leaks_nothing(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        descriptors::assert_none_left("failed registrations", || {
            for mut sample in samples::all() {
                fails(control(b), error::ENOMEM, || {
                    driver
                        .registry()
                        .register(&mut sample.source, Token(1), sample.interest)
                });
                sample.trigger();
            }
        });
        driver.assert_quiet();
    });
}

fn failed_register_can_move_to_another_poll(b: &Backend) {
    let first = b.driver();
    let mut second = b.driver();
    for mut sample in samples::all() {
        fails(control(b), error::ENOSPC, || {
            first
                .registry()
                .register(&mut sample.source, Token(1), sample.interest)
        });
        second.add(&mut sample.source, 2, sample.interest);
        sample.trigger();
        sample.expect(&mut second, 2);
        second.remove(&mut sample.source);
    }
}

fn failed_reregister_keeps_the_registration(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        for &errno in ERRORS {
            fails(control(b), errno, || {
                driver
                    .registry()
                    .reregister(&mut sample.source, Token(2), sample.interest)
            });
        }
        sample.trigger();
        sample.expect(&mut driver, 1);
        driver
            .registry()
            .reregister(&mut sample.source, Token(3), sample.interest)
            .expect(sample.name);
        sample.expect(&mut driver, 3);
        driver.remove(&mut sample.source);
    }
}

fn failed_deregister_keeps_the_registration(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        fails(control(b), error::ENOMEM, || {
            driver.registry().deregister(&mut sample.source)
        });
        sample.trigger();
        sample.expect(&mut driver, 1);
        driver.remove(&mut sample.source);
        sample.trigger();
        driver.assert_quiet();
    }
}

fn failed_register_does_not_disturb_others(b: &Backend) {
    let mut driver = b.driver();
    // A multiple of 32: the next on Windows needs another helper of AFD.
    let mut registered: Vec<_> = (0..32).flat_map(|_| samples::all()).collect();
    for (token, sample) in registered.iter_mut().enumerate() {
        driver.add(&mut sample.source, token, sample.interest);
    }
    for mut sample in samples::all() {
        fails(control(b), error::ENOMEM, || {
            driver
                .registry()
                .register(&mut sample.source, Token(1000), sample.interest)
        });
    }
    for (token, sample) in registered.iter_mut().enumerate() {
        sample.trigger();
        sample.expect(&mut driver, token);
    }
}

/// Another `Poll`, which has an event. A queue of kqueue(2) can be watched for reading only, so of a
/// registration for both directions one half fails; elsewhere it works.
#[cfg(unix)]
fn ready_poll(b: &Backend) -> (Driver, ferrio::Waker) {
    let inner = b.driver();
    let waker = inner.waker(1);
    ferrio_conformance::outside::hand_out(&inner);
    waker.wake().expect("wake");
    (inner, waker)
}

#[cfg(unix)]
const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// `result` is an error, and the source can be registered as if nothing had been.
#[cfg(unix)]
fn assert_nothing_is_left(
    driver: &mut Driver,
    source: &mut ferrio::unix::SourceFd<'_>,
    result: std::io::Result<()>,
) {
    assert_eq!(result.expect_err("half").kind(), ErrorKind::InvalidInput);
    driver.assert_quiet();
    let error = driver.registry().deregister(source);
    assert_eq!(error.expect_err("nothing").kind(), ErrorKind::NotFound);
    driver.add(source, 3, Interest::READABLE);
    driver.expect_readable(3);
    driver.remove(source);
}

#[cfg(unix)]
fn half_a_registration_is_taken_back(b: &Backend) {
    use std::os::fd::AsRawFd;

    let mut driver = b.driver();
    let (inner, _waker) = ready_poll(b);
    let number = inner.registry().as_raw_fd();
    let mut source = ferrio::unix::SourceFd(&number);
    let result = driver.registry().register(&mut source, Token(1), BOTH);
    if b.selector != ferrio::SelectorKind::Kqueue {
        result.expect("register");
        driver.expect_readable(1);
        driver.remove(&mut source);
        return;
    }
    assert_nothing_is_left(&mut driver, &mut source, result);
}

/// The old token is lost then, and the new one must not be reported: the caller may have given up
/// what it stands for.
#[cfg(unix)]
fn half_a_reregistration_ends_the_registration(b: &Backend) {
    use std::os::fd::AsRawFd;

    let mut driver = b.driver();
    let (inner, _waker) = ready_poll(b);
    let number = inner.registry().as_raw_fd();
    let mut source = ferrio::unix::SourceFd(&number);
    driver.add(&mut source, 1, Interest::READABLE);
    let result = driver.registry().reregister(&mut source, Token(2), BOTH);
    if b.selector != ferrio::SelectorKind::Kqueue {
        result.expect("reregister");
        driver.expect_readable(2);
        driver.remove(&mut source);
        return;
    }
    assert_nothing_is_left(&mut driver, &mut source, result);
}

/// The token of a registration that has failed must not be reported: it may be a pointer to what the
/// caller then frees.
#[cfg(unix)]
fn refused_reregister_tells_a_poll_beside_it_nothing(b: &Backend) {
    use std::os::fd::AsRawFd;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use ferrio::{Events, unix::SourceFd};

    let mut poll = b.poll();
    let registry = poll.registry().try_clone().expect("a clone");
    let (stream, mut peer) = ferrio_conformance::pairs::local();
    std::io::Write::write_all(&mut peer, b"x").expect("write");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let fd = stream.as_raw_fd();
            for _ in 0..3000 {
                let error = registry
                    .reregister(&mut SourceFd(&fd), Token(1), Interest::READABLE)
                    .expect_err("it is not registered");
                assert_eq!(error.kind(), ErrorKind::NotFound);
            }
            done.store(true, Ordering::Release);
        });
        let mut events = Events::with_capacity(8);
        while !done.load(Ordering::Acquire) {
            poll.poll(&mut events, Some(Duration::ZERO)).expect("poll");
            assert!(events.is_empty(), "{events:?}");
        }
    });
}

/// Whichever came first, what `register` has done stays.
#[cfg(unix)]
fn refused_reregister_does_not_end_a_registration_made_beside_it(b: &Backend) {
    use std::os::fd::AsRawFd;

    use ferrio::unix::SourceFd;

    const ROUNDS: usize = 3000;

    let poll = b.poll();
    let (registry, other) = (poll.registry(), poll.registry().try_clone());
    let other = other.expect("a clone");
    let (stream, _peer) = ferrio_conformance::pairs::local();
    let fd = stream.as_raw_fd();
    let together = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                together.wait();
                // Refused or not, as it happens.
                let _ = other.reregister(&mut SourceFd(&fd), Token(1), Interest::READABLE);
                together.wait();
            }
        });
        let mut lost = 0;
        for _ in 0..ROUNDS {
            together.wait();
            registry
                .register(&mut SourceFd(&fd), Token(2), Interest::READABLE)
                .expect("register");
            together.wait();
            lost += usize::from(registry.deregister(&mut SourceFd(&fd)).is_err());
        }
        assert_eq!(lost, 0);
    });
}
