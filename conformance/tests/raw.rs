//! Contract rows 2, 3 and the `SourceFd` half of row 7: descriptors that are not what they seem.
#![cfg(unix)]

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use ferrio::event::Event;
use ferrio::unix::{SourceFd, pipe};
use ferrio::{Interest, Token};
use ferrio_conformance::samples::{Raw, eventfd};
use ferrio_conformance::{
    Backend, Capability, Driver, conformance, descriptors, has, in_thread, kernel, pairs,
};

conformance! { raw {
    negative_and_huge_numbers_are_ebadf,
    a_closed_descriptor_is_ebadf,
    a_closed_descriptor_is_ebadf_for_our_own_types,
    a_descriptor_closed_while_registered_cannot_be_deregistered needs CloseEndsRegistration,
    a_regular_file_is_refused_as_the_kernel_says needs RegularFileRefused,
    a_refused_file_leaves_nothing_behind needs RegularFileRefused,
    a_reused_number_is_the_new_object needs CloseEndsRegistration,
    same_number_and_object_again_is_already_exists needs DuplicateKeepsRegistration,
    closed_without_deregister_gives_at_most_one_event,
    closed_without_deregister_with_an_event_pending,
    closed_without_deregister_while_polled,
    number_of_a_closed_source_serves_the_next_one needs CloseEndsRegistration,
    source_fd_is_edge_triggered needs EdgeTriggeredSourceFd,
    source_fd_leaves_the_descriptor_open,
    any_pollable_descriptor_can_be_a_source needs DescriptorOfPoll,
    a_second_registration_is_refused_or_replaces_the_first,
    a_raw_view_of_a_registered_source_is_already_exists needs DoubleRegistrationError,
} }

fn os_error(result: io::Result<()>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

fn assert_ebadf(driver: &Driver, fd: RawFd) {
    let registry = driver.registry();
    let register = registry.register(&mut SourceFd(&fd), Token(1), Interest::READABLE);
    assert_eq!(os_error(register), Some(libc::EBADF), "register {fd}");
    let reregister = registry.reregister(&mut SourceFd(&fd), Token(1), Interest::READABLE);
    assert_eq!(os_error(reregister), Some(libc::EBADF), "reregister {fd}");
    let deregister = registry.deregister(&mut SourceFd(&fd));
    assert_eq!(os_error(deregister), Some(libc::EBADF), "deregister {fd}");
}

fn negative_and_huge_numbers_are_ebadf(b: &Backend) {
    let mut driver = b.driver();
    for fd in [-1, -2, -100, RawFd::MIN, RawFd::MAX, RawFd::MAX - 1] {
        assert_ebadf(&driver, fd);
    }
    driver.assert_quiet();
}

fn a_closed_descriptor_is_ebadf(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (fd, file) = eventfd();
        drop(file);
        let number = fd.as_raw_fd();
        drop(fd);
        assert_ebadf(&driver, number);
        driver.assert_quiet();
    });
}

/// Safe code can make this happen by `into_raw_fd` and a close elsewhere.
fn a_closed_descriptor_is_ebadf_for_our_own_types(b: &Backend) {
    b.isolated(|| {
        let driver = b.driver();
        let (mut receiver, _keep) = {
            let (sender, receiver) = pipe::new().expect("a pipe");
            (receiver, sender)
        };
        let number = receiver.as_raw_fd();
        let saved = descriptors::duplicate(&receiver);
        // SAFETY: close(2) takes a number; `receiver` gets a valid descriptor of this number back
        // below, before anything else is opened.
        assert_eq!(unsafe { libc::close(number) }, 0);
        let result = driver
            .registry()
            .register(&mut receiver, Token(1), Interest::READABLE);
        assert_eq!(os_error(result), Some(libc::EBADF));
        let restored = descriptors::duplicate_to(&saved, number);
        let _ = restored.into_raw_fd();
        // The failure left the source as it was: not registered.
        driver.add(&mut receiver, 1, Interest::READABLE);
        driver.remove(&mut receiver);
    });
}

fn a_descriptor_closed_while_registered_cannot_be_deregistered(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (fd, file) = eventfd();
        drop(file);
        let number = fd.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::READABLE);
        drop(fd);
        let result = driver.registry().deregister(&mut SourceFd(&number));
        assert_eq!(os_error(result), Some(libc::EBADF));
        driver.assert_quiet();
    });
}

fn a_regular_file_is_refused_as_the_kernel_says(b: &Backend) {
    let mut driver = b.driver();
    for path in ["/proc/self/exe", "/", "/dev/null"] {
        let file = File::open(path).expect(path);
        let fd = file.as_raw_fd();
        let error = driver
            .registry()
            .register(&mut SourceFd(&fd), Token(1), Interest::READABLE)
            .expect_err(path);
        assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{path}");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}");
    }
    driver.assert_quiet();
}

fn a_refused_file_leaves_nothing_behind(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let file = File::open("/proc/self/exe").expect("a file");
        let number = file.as_raw_fd();
        for _ in 0..100 {
            let result =
                driver
                    .registry()
                    .register(&mut SourceFd(&number), Token(1), Interest::READABLE);
            assert_eq!(os_error(result), Some(libc::EPERM));
        }
        drop(file);
        // The same number, for something that can be polled.
        let (fd, mut counter) = eventfd();
        assert_eq!(fd.as_raw_fd(), number);
        driver.add(&mut SourceFd(&number), 2, Interest::READABLE);
        counter.write_all(&1_u64.to_ne_bytes()).expect("write");
        let seen = driver.expect_readable(2);
        assert!(!has(&seen, 1, |_| true), "{seen:?}");
    });
}

fn a_reused_number_is_the_new_object(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (old, mut old_counter) = eventfd();
        // Without a duplicate of it, closing the descriptor ends its registration.
        let number = old.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::READABLE);
        old_counter.write_all(&1_u64.to_ne_bytes()).expect("write");
        driver.expect_readable(1);
        drop(old_counter);
        drop(old);

        let (sender, receiver) = pipe::new().expect("a pipe");
        let receiver = if receiver.as_raw_fd() == number {
            OwnedFd::from(receiver)
        } else {
            descriptors::duplicate_to(&receiver, number)
        };
        driver.add(&mut SourceFd(&number), 2, Interest::READABLE);
        driver.assert_quiet();
        (&sender).write_all(b"x").expect("write");
        let seen = driver.expect_readable(2);
        assert!(!has(&seen, 1, |_| true), "{seen:?}");
        driver.remove(&mut SourceFd(&number));
        drop(receiver);
    });
}

/// The kernel knows a registration by its number and the object: close and dup2 bring both back.
fn same_number_and_object_again_is_already_exists(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (fd, mut counter) = eventfd();
        let number = fd.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::READABLE);
        drop(fd);
        let _again = descriptors::duplicate_to(&counter, number);
        let error = driver
            .registry()
            .register(&mut SourceFd(&number), Token(2), Interest::READABLE)
            .expect_err("the old registration is still there");
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        // The way out: take the registration over.
        driver
            .registry()
            .reregister(&mut SourceFd(&number), Token(2), Interest::READABLE)
            .expect("reregister");
        counter.write_all(&1_u64.to_ne_bytes()).expect("write");
        let seen = driver.expect_readable(2);
        assert!(!has(&seen, 1, |_| true), "{seen:?}");
        driver.remove(&mut SourceFd(&number));
    });
}

/// Ten polls that each have time to sleep: a busy loop would return ten times at once.
fn count_events(driver: &mut Driver, token: usize) -> usize {
    let mut count = 0;
    for _ in 0..10 {
        let batch = driver.turn_within(Duration::from_millis(2));
        count += batch
            .iter()
            .filter(|event| event.token() == Token(token))
            .count();
    }
    count
}

fn closed_without_deregister_gives_at_most_one_event(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (fd, counter) = eventfd();
        let number = fd.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::READABLE);
        driver.assert_quiet();
        drop(counter);
        drop(fd);
        assert!(count_events(&mut driver, 1) <= 1);
    });
}

fn closed_without_deregister_with_an_event_pending(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let (fd, mut counter) = eventfd();
        let number = fd.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::READABLE);
        counter.write_all(&1_u64.to_ne_bytes()).expect("write");
        drop(counter);
        drop(fd);
        assert!(count_events(&mut driver, 1) <= 1);
    });
}

fn closed_without_deregister_while_polled(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        let waker = driver.waker(9);
        let (fd, counter) = eventfd();
        let number = fd.as_raw_fd();
        driver.add(&mut SourceFd(&number), 1, Interest::READABLE);
        let poller = in_thread(move || {
            let mut seen = driver.expect_readable(9);
            seen.retain(|event| event.token() == Token(1));
            seen.len() + count_events(&mut driver, 1)
        });
        poller.wait_until_blocked();
        drop(counter);
        drop(fd);
        waker.wake().expect("wake");
        assert!(poller.join() <= 1);
    });
}

fn number_of_a_closed_source_serves_the_next_one(b: &Backend) {
    b.isolated(|| {
        let mut driver = b.driver();
        for token in 0..100 {
            let (fd, mut counter) = eventfd();
            let number = fd.as_raw_fd();
            driver.add(&mut SourceFd(&number), token, Interest::READABLE);
            counter.write_all(&1_u64.to_ne_bytes()).expect("write");
            let seen = driver.expect_readable(token);
            assert!(
                seen.iter().all(|event| event.token() == Token(token)),
                "{seen:?}"
            );
            // Neither deregistered nor drained.
        }
    });
}

fn source_fd_is_edge_triggered(b: &Backend) {
    let mut driver = b.driver();
    let (fd, mut counter) = eventfd();
    let mut source = Raw(fd);
    driver.add(&mut source, 1, Interest::READABLE);
    for _ in 0..3 {
        counter.write_all(&1_u64.to_ne_bytes()).expect("write");
        driver.expect_readable(1);
        // Still readable, and reported once.
        driver.assert_quiet();
    }
}

fn source_fd_leaves_the_descriptor_open(b: &Backend) {
    let driver = b.driver();
    let (fd, mut counter) = eventfd();
    {
        let number = fd.as_raw_fd();
        let mut source = SourceFd(&number);
        driver.add(&mut source, 1, Interest::READABLE);
    }
    drop(driver);
    counter.write_all(&1_u64.to_ne_bytes()).expect("write");
    pairs::kernel_ready(&fd, kernel::IN);
}

fn any_pollable_descriptor_can_be_a_source(b: &Backend) {
    let mut driver = b.driver();
    let (reader, mut writer) = pairs::std_pipe();
    let (stream, mut stream_peer) = pairs::std_tcp();
    let another = b.poll();
    let waker = ferrio::Waker::new(another.registry(), Token(0)).expect("a waker");
    let nested = another.registry();

    driver.add(&mut SourceFd(&reader.as_raw_fd()), 1, Interest::READABLE);
    driver.add(&mut SourceFd(&stream.as_raw_fd()), 2, Interest::READABLE);
    driver.add(&mut SourceFd(&nested.as_raw_fd()), 3, Interest::READABLE);
    driver.quiesce();
    writer.write_all(b"x").expect("write");
    driver.expect_readable(1);
    stream_peer.write_all(b"x").expect("write");
    driver.expect_readable(2);
    waker.wake().expect("wake");
    driver.expect(3, Event::is_readable);
}

/// Where it is not refused, it replaces the first.
fn a_second_registration_is_refused_or_replaces_the_first(b: &Backend) {
    let mut driver = b.driver();
    let (fd, mut counter) = eventfd();
    let mut source = Raw(fd);
    driver.add(&mut source, 1, Interest::READABLE);
    let again = driver
        .registry()
        .register(&mut source, Token(2), Interest::READABLE);
    let replaces = b.gap(Capability::DoubleRegistrationError).is_some();
    let refused = Some(ErrorKind::AlreadyExists).filter(|_| !replaces);
    assert_eq!(again.err().map(|error| error.kind()), refused);
    counter.write_all(&1_u64.to_ne_bytes()).expect("write");
    let seen = driver.expect_readable(if replaces { 2 } else { 1 });
    assert_eq!(seen.len(), 1, "{seen:?}");
    driver.remove(&mut source);
    let error = driver.registry().deregister(&mut source);
    assert_eq!(error.expect_err("gone").kind(), ErrorKind::NotFound);
}

fn a_raw_view_of_a_registered_source_is_already_exists(b: &Backend) {
    let driver = b.driver();
    let (mut stream, _peer) = pairs::tcp();
    driver.add(&mut stream, 1, Interest::READABLE);
    // The same descriptor, seen as a raw one: the kernel has it already.
    let number = stream.as_raw_fd();
    let error = driver
        .registry()
        .register(&mut SourceFd(&number), Token(2), Interest::READABLE)
        .expect_err("registered already");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    driver.remove(&mut stream);
}
