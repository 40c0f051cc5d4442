//! h. Descriptors that are closed, duplicated, and reused.

use std::os::fd::AsRawFd;

use super::support::*;
use kqueue::*;

#[test]
fn h_close_drops_the_registration_and_what_is_queued() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        let number = private_number();
        let end = dup_to(&reader, number);
        drop(reader);
        kq.add(&end, EVFILT_READ, EV_CLEAR);
        kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
        writer.write(1);
        end.wait_pending(1);
        // Taken in, and left for want of room.
        kq.call(&[], 1, None).unwrap();
        drop(end);
        assert!(kq.now().iter().all(|event| event.filter == EVFILT_WRITE));
    }
}

#[test]
fn h_close_drops_a_one_shot_that_would_not_be_asked_again() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        let end = dup_to(&reader, private_number());
        writer.write(1);
        end.wait_pending(1);
        kq.add(&end, EVFILT_READ, EV_ONESHOT);
        drop(end);
        kq.assert_quiet();
    }
}

#[test]
fn h_a_reused_number_shows_nothing_stale() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        let number = private_number();
        let end = dup_to(&reader, number);
        drop(reader);
        kq.add(&end, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        end.wait_pending(1);
        drop(end);
        let (other, other_writer) = pipe();
        let reused = dup_to(&other, number);
        kq.assert_quiet();
        other_writer.write(1);
        kq.assert_quiet();
        let delete = on(&reused, EVFILT_READ, EV_DELETE);
        assert_eq!(kq.change(&[delete]), Err(libc::ENOENT));
        kq.add(&reused, EVFILT_READ, EV_CLEAR);
        assert_eq!(kq.one().ident, ident(&reused));
        kq.assert_quiet();
    }
}

#[test]
fn h_with_a_dup_open_and_the_original_closed_the_registration_is_gone() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        let number = private_number();
        let end = dup_to(&reader, number);
        kq.add(&end, EVFILT_READ, EV_CLEAR);
        drop(end);
        writer.write(1);
        reader.wait_pending(1);
        kq.assert_quiet();
        // The closed number names nothing.
        let delete = change(number.try_into().unwrap(), EVFILT_READ, EV_DELETE);
        assert_eq!(kq.change(&[delete]), Err(libc::EBADF));
    }
}

/// A BSD forgets it. Here the entry of the epoll inside is the same again, for it is the same file
/// under the same number.
#[test]
fn h_a_number_that_is_closed_and_given_to_the_same_file_again_keeps_its_registration_on_linux() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    let number = private_number();
    let end = dup_to(&reader, number);
    kq.add(&end, EVFILT_READ, EV_CLEAR);
    drop(end);
    let _again = dup_to(&reader, number);
    writer.write(1);
    kq.one();
}

/// What epoll remembers of such a number is in nobody's way.
#[test]
fn h_a_number_that_was_found_closed_can_be_registered_for_the_same_file_again() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        let number = private_number();
        let end = dup_to(&reader, number);
        kq.add(&end, EVFILT_READ, EV_CLEAR);
        let delete = on(&end, EVFILT_READ, EV_DELETE);
        drop(end);
        assert_eq!(kq.change(&[delete]), Err(libc::EBADF));
        kq.assert_quiet();
        let again = dup_to(&reader, number);
        kq.add(&again, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        assert_eq!(kq.one().ident, ident(&again));
    }
}

#[test]
fn h_the_original_and_a_dup_are_two_events() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        let dup = reader.dup();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        kq.add(&dup, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        reader.wait_pending(1);
        let mut idents: Vec<usize> = kq.now().iter().map(|event| event.ident).collect();
        idents.sort_unstable();
        let mut expected = [ident(&reader), ident(&dup)];
        expected.sort_unstable();
        assert_eq!(idents, expected);
    }
}

#[test]
fn h_dup2_over_a_registered_descriptor_removes_the_registration() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        let number = private_number();
        let end = dup_to(&reader, number);
        kq.add(&end, EVFILT_READ, EV_CLEAR);
        kq.add(&end, EVFILT_WRITE, EV_CLEAR);
        kq.now();
        let (other, other_writer) = pipe();
        // `end` now names the other one; it is closed once.
        std::mem::forget(dup_to(&other, end.as_raw_fd()));
        writer.write(1);
        other_writer.write(1);
        reader.wait_pending(1);
        kq.assert_quiet();
        for filter in [EVFILT_READ, EVFILT_WRITE] {
            let result = kq.change(&[on(&end, filter, EV_DELETE)]);
            assert_eq!(result, Err(libc::ENOENT));
        }
    }
}

#[test]
fn h_two_queues_on_one_descriptor_both_fire() {
    for (reader, writer) in all() {
        let queues = [Kq::new(), Kq::new()];
        for kq in &queues {
            kq.add(&reader, EVFILT_READ, EV_CLEAR);
        }
        writer.write(1);
        for kq in &queues {
            kq.one();
            kq.assert_quiet();
        }
    }
}

#[test]
fn h_a_regular_file_is_ready_and_its_registration_goes_with_it() {
    let number = private_number();
    let end = dup_to(&std::fs::File::open("/proc/self/exe").unwrap(), number);
    let kq = Kq::new();
    kq.add(&end, EVFILT_READ, 0);
    let size = end.0.metadata().unwrap().len();
    assert_eq!(kq.one().data, size as isize);
    end.read(1000).unwrap();
    assert_eq!(kq.one().data, size as isize - 1000);
    drop(end);
    let (other, _writer) = pipe();
    let reused = dup_to(&other, number);
    kq.assert_quiet();
    let delete = on(&reused, EVFILT_READ, EV_DELETE);
    assert_eq!(kq.change(&[delete]), Err(libc::ENOENT));
}

#[test]
fn h_a_device_that_never_blocks_is_always_ready() {
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    let kq = Kq::new();
    kq.add(&null, EVFILT_READ, 0);
    kq.add(&null, EVFILT_WRITE, EV_CLEAR);
    assert_eq!(kq.now().len(), 2);
    assert_eq!(kq.one().filter, EVFILT_READ);
}
