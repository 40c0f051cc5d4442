//! b. Edges: registrations with EV_CLEAR.

use std::sync::atomic::{AtomicI32, Ordering};

use super::support::*;
use kqueue::*;

#[test]
fn b_each_write_is_an_event_also_if_the_last_was_not_read() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        assert_eq!(kq.one().data, 1);
        kq.assert_quiet();
        writer.write(1);
        assert_eq!(kq.one().data, 2);
        kq.assert_quiet();
    }
}

#[test]
fn b_two_writes_between_polls_are_one_event() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        writer.write(1);
        reader.wait_pending(2);
        assert_eq!(kq.one().data, 2);
        kq.assert_quiet();
    }
}

#[test]
fn b_a_partial_read_of_a_socket_is_no_event() {
    for (reader, writer) in sockets() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(3);
        kq.one();
        reader.read(1).unwrap();
        kq.assert_quiet();
    }
}

#[test]
fn b_a_partial_read_of_a_pipe_is_an_event_with_what_remains() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    writer.write(3);
    kq.one();
    reader.read(1).unwrap();
    assert_eq!(kq.one().data, 2);
    reader.read(2).unwrap();
    kq.assert_quiet();
}

#[test]
fn b_a_write_after_draining_without_eagain_is_an_event() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        for _ in 0..5 {
            writer.write(1);
            assert_eq!(kq.one().data, 1);
            assert_eq!(reader.read(1).unwrap(), 1);
        }
    }
}

#[test]
fn b_what_was_drained_before_the_poll_is_no_event() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        reader.wait_pending(1);
        reader.read(1).unwrap();
        kq.assert_quiet();
        // Also if the queue itself had seen it already.
        kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
        writer.write(1);
        reader.wait_pending(1);
        kq.call(&[], 1, None).unwrap();
        reader.read(1).unwrap();
        assert!(kq.now().iter().all(|event| event.filter == EVFILT_WRITE));
    }
}

#[test]
fn b_what_was_partly_drained_before_the_poll_has_the_current_count() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(5);
        reader.wait_pending(5);
        reader.read(3).unwrap();
        assert_eq!(kq.one().data, 2);
    }
}

#[test]
fn b_a_one_shot_is_not_asked_again_and_delivers_what_was_drained() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        writer.write(3);
        reader.wait_pending(3);
        kq.add(&reader, EVFILT_READ, EV_ONESHOT);
        reader.drain();
        assert_eq!(kq.one().data, 3);
        let result = kq.change(&[on(&reader, EVFILT_READ, EV_DELETE)]);
        assert_eq!(result, Err(libc::ENOENT));
    }
}

#[test]
fn b_without_clear_an_event_repeats_until_drained() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, 0);
        for _ in 0..3 {
            writer.write(2);
            for _ in 0..3 {
                assert_eq!(kq.one().data, 2);
            }
            reader.read(2).unwrap();
            kq.assert_quiet();
        }
    }
}

/// The edge that programs least expect: nothing was full.
#[test]
fn b_tcp_is_writable_again_when_an_ack_arrives() {
    let (ours, theirs) = tcp();
    let kq = Kq::new();
    kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    for _ in 0..5 {
        kq.assert_quiet();
        ours.write(1);
        // Reading makes sure that no acknowledgement is held back.
        theirs.wait_pending(1);
        theirs.read(1).unwrap();
        let event = kq.one();
        assert_eq!((event.filter, event.flags & EV_EOF), (EVFILT_WRITE, 0));
    }
}

#[test]
fn b_a_unix_socket_is_writable_again_when_the_peer_reads() {
    let (ours, theirs) = unix();
    let kq = Kq::new();
    kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    for _ in 0..5 {
        ours.write(1);
        kq.assert_quiet();
        theirs.read(1).unwrap();
        assert_eq!(kq.one().filter, EVFILT_WRITE);
        kq.assert_quiet();
    }
}

#[test]
fn b_a_pipe_is_writable_again_on_every_write_and_every_read() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    kq.one();
    for _ in 0..5 {
        writer.write(1);
        assert_eq!(kq.one().filter, EVFILT_WRITE);
        kq.assert_quiet();
        reader.read(1).unwrap();
        assert_eq!(kq.one().filter, EVFILT_WRITE);
        kq.assert_quiet();
    }
}

/// Such an edge also ends a wait.
#[test]
fn b_an_edge_that_epoll_does_not_see_wakes_a_blocked_call() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    writer.write(1);
    kq.one();
    let id = AtomicI32::new(0);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            // SAFETY: gettid(2) has no arguments and cannot fail.
            id.store(unsafe { libc::gettid() }, Ordering::Release);
            kq.one()
        });
        // It may be blocked for another reason still; it has to end then, too.
        wait_until(|| is_blocked(id.load(Ordering::Acquire)));
        reader.read(1).unwrap();
        assert_eq!(waiter.join().unwrap().filter, EVFILT_WRITE);
    });
}

#[test]
fn b_a_full_one_is_silent_until_there_is_room_for_more_than_a_little() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        writer.fill();
        kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
        kq.assert_quiet();
        // Far below any low-water mark.
        reader.read(100).unwrap();
        kq.assert_quiet();
        let start = std::time::Instant::now();
        let event = loop {
            reader.drain();
            let events = kq
                .call(&[], 1, Some(std::time::Duration::from_millis(5)))
                .unwrap();
            if let [event] = events[..] {
                break event;
            }
            assert!(start.elapsed() < LIMIT);
        };
        assert_eq!(event.filter, EVFILT_WRITE);
        assert!(event.data >= 512);
    }
}

/// The late low-water mark: writing works again before the event comes.
#[test]
fn b_a_write_may_succeed_before_the_event_comes() {
    let (reader, writer) = unix();
    writer.fill();
    let kq = Kq::new();
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    kq.assert_quiet();
    // One buffer of the many that are queued.
    while writer.try_write(1).is_err() {
        reader.read(4096).unwrap();
    }
    kq.assert_quiet();
    reader.drain();
    kq.one();
}
