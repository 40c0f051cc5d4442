//! Contract row 1: what `register`, `reregister` and `deregister` answer, and what they change.

use std::io::{self, ErrorKind};

use ferrio::event::{Event, Source};
use ferrio::net::TcpStream;
use ferrio::{Interest, Registry, Token};
use ferrio_conformance::samples::Sample;
use ferrio_conformance::{Backend, Capability, conformance, has, kernel, pairs, samples};

conformance! { registration {
    every_source_reports_its_readiness,
    double_register_is_already_exists,
    double_register_changes_nothing,
    reregister_of_unregistered_is_not_found,
    deregister_of_unregistered_is_not_found,
    second_deregister_is_not_found,
    reregister_replaces_token_and_interest,
    reregister_reports_present_readiness_again,
    register_reports_present_readiness,
    only_the_registered_interest_is_reported,
    #[cfg(unix)]
    priority_interest_reports_urgent_data needs Priority,
    register_after_deregister_works,
    moves_to_another_poll_after_deregister,
    another_poll_is_refused,
    another_poll_cannot_deregister_or_reregister,
    clone_of_a_registry_is_the_same_poll,
    clone_of_a_registry_outlives_the_poll,
    a_boxed_source_is_a_source,
    a_source_of_several_sources_registers_them_all,
    a_dropped_poll_leaves_its_sources_usable,
} }

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn every_source_reports_its_readiness(b: &Backend) {
    let mut driver = b.driver();
    for (token, mut sample) in samples::all().into_iter().enumerate() {
        driver.add(&mut sample.source, token, sample.interest);
        driver.assert_quiet();
        sample.trigger();
        let seen = sample.expect(&mut driver, token);
        assert!(
            seen.iter().all(|event| event.token() == Token(token)),
            "{}: {seen:?}",
            sample.name
        );
        driver.remove(&mut sample.source);
    }
}

fn double_register_is_already_exists(b: &Backend) {
    let driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        for _ in 0..2 {
            let again = driver
                .registry()
                .register(&mut sample.source, Token(1), sample.interest);
            let refused = Some(ErrorKind::AlreadyExists).filter(|_| knows_it(b, &sample));
            assert_eq!(kind(again), refused, "{}", sample.name);
        }
    }
}

/// Whether a second registration of the sample is refused.
fn knows_it(b: &Backend, sample: &Sample) -> bool {
    b.gap(Capability::DoubleRegistrationError).is_none() || sample.name != "SourceFd"
}

fn double_register_changes_nothing(b: &Backend) {
    for mut sample in samples::all() {
        if !knows_it(b, &sample) {
            continue;
        }
        let mut driver = b.driver();
        driver.add(&mut sample.source, 1, sample.interest);
        let other = match sample.interest {
            Interest::WRITABLE => Interest::READABLE,
            _ => Interest::WRITABLE,
        };
        driver
            .registry()
            .register(&mut sample.source, Token(2), other)
            .expect_err("registered twice");
        sample.trigger();
        let seen = sample.expect(&mut driver, 1);
        assert!(
            seen.iter().all(|event| event.token() == Token(1)),
            "{}: {seen:?}",
            sample.name
        );
        driver.remove(&mut sample.source);
        sample.trigger();
        driver.assert_quiet();
    }
}

fn reregister_of_unregistered_is_not_found(b: &Backend) {
    let driver = b.driver();
    for mut sample in samples::all() {
        let result = driver
            .registry()
            .reregister(&mut sample.source, Token(1), sample.interest);
        assert_eq!(kind(result), Some(ErrorKind::NotFound), "{}", sample.name);
        // The failed call registered nothing.
        driver.add(&mut sample.source, 1, sample.interest);
    }
}

fn deregister_of_unregistered_is_not_found(b: &Backend) {
    let driver = b.driver();
    for mut sample in samples::all() {
        let result = driver.registry().deregister(&mut sample.source);
        assert_eq!(kind(result), Some(ErrorKind::NotFound), "{}", sample.name);
        driver.add(&mut sample.source, 1, sample.interest);
    }
}

fn second_deregister_is_not_found(b: &Backend) {
    let driver = b.driver();
    for mut sample in samples::all() {
        driver.add(&mut sample.source, 1, sample.interest);
        driver.remove(&mut sample.source);
        let again = driver.registry().deregister(&mut sample.source);
        assert_eq!(kind(again), Some(ErrorKind::NotFound), "{}", sample.name);
        let result = driver
            .registry()
            .reregister(&mut sample.source, Token(1), sample.interest);
        assert_eq!(kind(result), Some(ErrorKind::NotFound), "{}", sample.name);
    }
}

fn reregister_replaces_token_and_interest(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::edge_triggered(b) {
        let wanted = sample.interest;
        let other = match wanted {
            Interest::WRITABLE => Interest::READABLE,
            _ => Interest::WRITABLE,
        };
        driver.add(&mut sample.source, 1, other);
        driver.quiesce();
        driver
            .registry()
            .reregister(&mut sample.source, Token(2), wanted)
            .expect(sample.name);
        driver.assert_quiet();
        sample.trigger();
        let seen = sample.expect(&mut driver, 2);
        assert!(
            seen.iter().all(|event| event.token() == Token(2)),
            "{}: {seen:?}",
            sample.name
        );
        driver.remove(&mut sample.source);
    }
}

fn reregister_reports_present_readiness_again(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::edge_triggered(b) {
        driver.add(&mut sample.source, 1, sample.interest);
        sample.trigger();
        sample.expect(&mut driver, 1);
        driver.quiesce();
        driver
            .registry()
            .reregister(&mut sample.source, Token(1), sample.interest)
            .expect(sample.name);
        sample.expect(&mut driver, 1);
        driver.remove(&mut sample.source);
    }
}

fn register_reports_present_readiness(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        sample.trigger();
        driver.add(&mut sample.source, 1, sample.interest);
        sample.expect(&mut driver, 1);
        driver.remove(&mut sample.source);
        driver.quiesce();
    }
}

fn only_the_registered_interest_is_reported(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    driver.assert_quiet();
    io::Write::write_all(&mut peer, b"x").expect("write");
    let seen = driver.expect_readable(1);
    assert!(!has(&seen, 1, Event::is_writable), "{seen:?}");
    driver
        .registry()
        .reregister(&mut stream, Token(1), Interest::WRITABLE)
        .expect("reregister");
    let seen = driver.expect_writable(1);
    assert!(!has(&seen, 1, Event::is_readable), "{seen:?}");
}

#[cfg(unix)]
fn priority_interest_reports_urgent_data(b: &Backend) {
    use std::os::fd::AsRawFd;

    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::PRIORITY);
    driver.assert_quiet();
    // SAFETY: the pointer and the length describe one byte.
    let sent = unsafe { libc::send(peer.as_raw_fd(), [b'!'].as_ptr().cast(), 1, libc::MSG_OOB) };
    assert_eq!(sent, 1, "send: {}", io::Error::last_os_error());
    let seen = driver.expect(1, Event::is_priority);
    assert!(!has(&seen, 1, Event::is_error), "{seen:?}");
    assert!(!has(&seen, 1, Event::is_read_closed), "{seen:?}");

    // Without the interest urgent data is not reported as such.
    driver
        .registry()
        .reregister(
            &mut stream,
            Token(1),
            Interest::READABLE | Interest::WRITABLE,
        )
        .expect("reregister");
    let seen = driver.expect_writable(1);
    assert!(!has(&seen, 1, Event::is_priority), "{seen:?}");
}

fn register_after_deregister_works(b: &Backend) {
    let mut driver = b.driver();
    for mut sample in samples::all() {
        for token in 0..3 {
            driver.add(&mut sample.source, token, sample.interest);
            sample.trigger();
            sample.expect(&mut driver, token);
            driver.remove(&mut sample.source);
        }
    }
}

fn moves_to_another_poll_after_deregister(b: &Backend) {
    let mut first = b.driver();
    let mut second = b.driver();
    for mut sample in samples::all() {
        first.add(&mut sample.source, 1, sample.interest);
        first.remove(&mut sample.source);
        second.add(&mut sample.source, 2, sample.interest);
        sample.trigger();
        sample.expect(&mut second, 2);
        first.assert_quiet();
        second.remove(&mut sample.source);
    }
}

/// Only debug builds are obliged to notice; the first registration stays intact either way.
fn another_poll_is_refused(b: &Backend) {
    for mut sample in samples::owned() {
        let mut first = b.driver();
        let second = b.driver();
        first.add(&mut sample.source, 1, sample.interest);
        let result = second
            .registry()
            .register(&mut sample.source, Token(2), sample.interest);
        if cfg!(debug_assertions) {
            assert_eq!(
                kind(result),
                Some(ErrorKind::AlreadyExists),
                "{}",
                sample.name
            );
        }
        sample.trigger();
        sample.expect(&mut first, 1);
        first.remove(&mut sample.source);
    }
}

fn another_poll_cannot_deregister_or_reregister(b: &Backend) {
    for mut sample in samples::owned() {
        let mut first = b.driver();
        let second = b.driver();
        first.add(&mut sample.source, 1, sample.interest);
        for _ in 0..2 {
            let wrong = second
                .registry()
                .reregister(&mut sample.source, Token(2), sample.interest);
            assert!(kind(wrong).is_some(), "{} reregistered", sample.name);
            let wrong = second.registry().deregister(&mut sample.source);
            assert!(kind(wrong).is_some(), "{} deregistered", sample.name);
        }
        // The failed calls changed nothing: still registered with the first, under its token.
        sample.trigger();
        sample.expect(&mut first, 1);
        first
            .registry()
            .reregister(&mut sample.source, Token(3), sample.interest)
            .expect(sample.name);
        sample.expect(&mut first, 3);
        first.remove(&mut sample.source);
    }
}

fn clone_of_a_registry_is_the_same_poll(b: &Backend) {
    let mut driver = b.driver();
    let clone = driver.registry().try_clone().expect("a clone");
    let clone_of_clone = clone.try_clone().expect("a clone");
    for mut sample in samples::all() {
        clone
            .register(&mut sample.source, Token(1), sample.interest)
            .expect(sample.name);
        sample.trigger();
        sample.expect(&mut driver, 1);
        let again = driver
            .registry()
            .register(&mut sample.source, Token(2), sample.interest);
        if knows_it(b, &sample) {
            assert_eq!(
                kind(again),
                Some(ErrorKind::AlreadyExists),
                "{}",
                sample.name
            );
        }
        clone_of_clone
            .reregister(&mut sample.source, Token(3), sample.interest)
            .expect(sample.name);
        sample.expect(&mut driver, 3);
        driver.remove(&mut sample.source);
    }
}

fn clone_of_a_registry_outlives_the_poll(b: &Backend) {
    let driver = b.driver();
    let clone = driver.registry().try_clone().expect("a clone");
    let mut samples = samples::all();
    for (token, sample) in samples.iter_mut().enumerate() {
        driver.add(&mut sample.source, token, sample.interest);
    }
    drop(driver);
    for sample in &mut samples {
        clone.deregister(&mut sample.source).expect(sample.name);
        clone
            .register(&mut sample.source, Token(1), sample.interest)
            .expect(sample.name);
        sample.trigger();
    }
}

fn a_boxed_source_is_a_source(b: &Backend) {
    let mut driver = b.driver();
    let (stream, mut peer) = pairs::tcp();
    let mut boxed: Box<TcpStream> = Box::new(stream);
    driver.add(&mut boxed, 1, Interest::READABLE);
    driver
        .registry()
        .reregister(&mut boxed, Token(2), Interest::READABLE)
        .expect("reregister");
    io::Write::write_all(&mut peer, b"x").expect("write");
    driver.expect_readable(2);
    let mut dynamic: Box<dyn Source> = boxed;
    driver
        .registry()
        .deregister(&mut *dynamic)
        .expect("deregister");
}

/// A user's own source: its methods call the registry again.
struct Both(TcpStream, TcpStream);

impl Source for Both {
    fn register(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        registry.register(&mut self.0, token, interest)?;
        registry.register(&mut self.1, Token(token.0 + 1), interest)
    }

    fn reregister(
        &mut self,
        registry: &Registry,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        registry.reregister(&mut self.0, token, interest)?;
        registry.reregister(&mut self.1, Token(token.0 + 1), interest)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.0)?;
        registry.deregister(&mut self.1)
    }
}

fn a_source_of_several_sources_registers_them_all(b: &Backend) {
    let mut driver = b.driver();
    let (first, mut first_peer) = pairs::tcp();
    let (second, mut second_peer) = pairs::tcp();
    let mut both = Both(first, second);
    driver.add(&mut both, 10, Interest::READABLE);
    io::Write::write_all(&mut first_peer, b"x").expect("write");
    driver.expect_readable(10);
    driver
        .registry()
        .reregister(&mut both, Token(20), Interest::READABLE)
        .expect("reregister");
    io::Write::write_all(&mut second_peer, b"x").expect("write");
    driver.expect_readable(21);
    driver.remove(&mut both);
    driver.assert_quiet();
}

fn a_dropped_poll_leaves_its_sources_usable(b: &Backend) {
    let driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    drop(driver);
    io::Write::write_all(&mut peer, b"x").expect("write");
    pairs::kernel_ready(&stream, kernel::IN);
    assert_eq!(pairs::drain(&stream), 1);
    io::Write::write_all(&mut stream, b"y").expect("write");
    pairs::read_all(&peer, 1);
}
