//! a. Registration, c. EV_ADD again, d. errors and EV_DELETE.

use super::support::*;
use kqueue::*;

#[test]
fn a_read_of_an_empty_descriptor_is_silent() {
    for (reader, _writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        kq.assert_quiet();
    }
}

#[test]
fn a_read_with_three_bytes_pending_fires_at_once() {
    for (reader, writer) in all() {
        writer.write(3);
        reader.wait_pending(3);
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        let event = kq.one();
        assert_eq!((event.filter, event.data), (EVFILT_READ, 3));
        assert_eq!(event.ident, ident(&reader));
        kq.assert_quiet();
    }
}

#[test]
fn a_write_of_a_fresh_connection_fires_once_with_the_free_space() {
    for (_reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
        let event = kq.one();
        assert_eq!(event.filter, EVFILT_WRITE);
        assert!(event.data >= 4096, "{event:?}");
        assert_eq!((event.flags & EV_EOF, event.fflags), (0, 0));
        kq.assert_quiet();
    }
}

#[test]
fn a_the_free_space_shrinks_by_what_is_written() {
    let (_reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
    assert_eq!(kq.one().data, 65536);
    writer.write(1000);
    assert_eq!(kq.one().data, 64536);
}

#[test]
fn a_read_and_write_in_one_changelist_are_two_events_in_the_same_call() {
    for (ours, theirs) in sockets() {
        theirs.write(1);
        ours.wait_pending(1);
        let kq = Kq::new();
        for order in [[EVFILT_READ, EVFILT_WRITE], [EVFILT_WRITE, EVFILT_READ]] {
            let changes = order.map(|filter| on(&ours, filter, EV_ADD | EV_CLEAR));
            let events = kq.call(&changes, 4, None).unwrap();
            let filters: Vec<i16> = events.iter().map(|event| event.filter).collect();
            assert_eq!(filters, order);
        }
    }
}

#[test]
fn a_events_echo_the_flags_of_their_registration() {
    let (ours, theirs) = unix();
    let kq = Kq::new();
    let flags = EV_ADD | EV_CLEAR | EV_RECEIPT;
    kq.call(&[on(&ours, EVFILT_READ, flags)], 1, None).unwrap();
    theirs.write(1);
    assert_eq!(kq.one().flags, flags);
}

#[test]
fn a_write_on_a_reading_end_and_read_on_a_writing_end_are_accepted_and_silent() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_WRITE, 0);
    kq.add(&writer, EVFILT_READ, 0);
    kq.assert_quiet();
    writer.write(1);
    kq.assert_quiet();
    drop(reader);
    kq.assert_quiet();
}

#[test]
fn a_a_low_water_mark_is_kept() {
    let (ours, theirs) = unix();
    let kq = Kq::new();
    let mut add = on(&ours, EVFILT_READ, EV_ADD | EV_CLEAR);
    (add.fflags, add.data) = (NOTE_LOWAT, 3);
    kq.change(&[add]).unwrap();
    theirs.write(2);
    kq.assert_quiet();
    theirs.write(1);
    assert_eq!(kq.one().data, 3);
    ours.drain();
    theirs.write(1);
    kq.assert_quiet();
    // Not at the end.
    drop(theirs);
    assert_eq!(kq.one().data, 1);
}

#[test]
fn c_add_again_fires_once_more_with_the_new_udata() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        kq.one();
        let mut again = on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR);
        again.udata = udata(5);
        kq.change(&[again]).unwrap();
        assert_eq!(kq.one().udata, udata(5));
        kq.assert_quiet();
    }
}

#[test]
fn c_add_again_of_an_empty_one_is_silent_and_replaces_udata() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        let mut again = on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR);
        again.udata = udata(5);
        kq.change(&[again]).unwrap();
        kq.assert_quiet();
        writer.write(1);
        assert_eq!(kq.one().udata, udata(5));
    }
}

#[test]
fn c_add_again_of_a_writable_one_fires_again() {
    for (_reader, writer) in all() {
        let kq = Kq::new();
        for _ in 0..3 {
            kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
            assert_eq!(kq.one().filter, EVFILT_WRITE);
            kq.assert_quiet();
        }
    }
}

#[test]
fn c_add_again_changes_no_mode() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        writer.write(1);
        reader.wait_pending(1);
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        kq.one();
        // Still an edge.
        kq.add(&reader, EVFILT_READ, 0);
        kq.one();
        kq.assert_quiet();
        // Still there after one event.
        kq.add(&reader, EVFILT_READ, EV_ONESHOT);
        kq.one();
        kq.change(&[on(&reader, EVFILT_READ, EV_DELETE)]).unwrap();
        // A level now, and stays one.
        kq.add(&reader, EVFILT_READ, 0);
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        for _ in 0..3 {
            kq.one();
        }
    }
}

#[test]
fn c_a_queued_event_and_another_add_are_one_event_with_the_new_udata() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        reader.wait_pending(1);
        let mut again = on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR);
        again.udata = udata(6);
        kq.change(&[again]).unwrap();
        assert_eq!(kq.one().udata, udata(6));
        kq.assert_quiet();
    }
}

#[test]
fn d_delete_and_enable_and_disable_of_an_absent_filter_are_enoent() {
    for (reader, _writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, 0);
        for flags in [EV_DELETE, EV_ENABLE, EV_DISABLE, 0] {
            let result = kq.change(&[on(&reader, EVFILT_WRITE, flags)]);
            assert_eq!(result, Err(libc::ENOENT));
        }
    }
}

#[test]
fn d_a_bad_descriptor_is_ebadf() {
    let kq = Kq::new();
    for bad in [usize::MAX, 1 << 31, 1 << 40] {
        for flags in [EV_ADD, EV_DELETE, EV_ENABLE] {
            let result = kq.change(&[change(bad, EVFILT_READ, flags)]);
            assert_eq!(result, Err(libc::EBADF));
        }
    }
    let number = private_number();
    for flags in [EV_ADD, EV_DELETE, EV_ENABLE] {
        let result = kq.change(&[change(number.try_into().unwrap(), EVFILT_READ, flags)]);
        assert_eq!(result, Err(libc::EBADF));
    }
}

#[test]
fn d_an_unknown_filter_is_einval() {
    let (reader, _writer) = pipe();
    let kq = Kq::new();
    for filter in [1, -3, -100, i16::MIN, i16::MAX] {
        assert_eq!(kq.change(&[on(&reader, filter, EV_ADD)]), Err(libc::EINVAL));
    }
}

#[test]
fn d_delete_of_write_leaves_read_as_it_was() {
    for (ours, theirs) in sockets() {
        let kq = Kq::new();
        kq.add(&ours, EVFILT_READ, EV_CLEAR);
        kq.add(&ours, EVFILT_WRITE, EV_CLEAR);
        kq.one();
        kq.change(&[on(&ours, EVFILT_WRITE, EV_DELETE)]).unwrap();
        kq.assert_quiet();
        theirs.write(1);
        assert_eq!(kq.one().filter, EVFILT_READ);
        kq.assert_quiet();
    }
}

#[test]
fn d_delete_takes_a_queued_event_with_it() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        writer.write(1);
        reader.wait_pending(1);
        kq.change(&[on(&reader, EVFILT_READ, EV_DELETE)]).unwrap();
        kq.assert_quiet();
        // Also one that the queue has taken in, and that had no room.
        kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        kq.call(&[], 1, None).unwrap();
        kq.change(&[on(&reader, EVFILT_READ, EV_DELETE)]).unwrap();
        assert!(kq.now().iter().all(|event| event.filter == EVFILT_WRITE));
    }
}

#[test]
fn d_a_queue_is_not_readable_for_an_event_that_was_deleted() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    writer.write(1);
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    assert!(is_readable(&kq));
    kq.change(&[on(&reader, EVFILT_READ, EV_DELETE)]).unwrap();
    assert!(!is_readable(&kq));
}

#[test]
fn d_add_and_delete_together_act_as_add() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    writer.write(1);
    for _ in 0..2 {
        kq.add(&reader, EVFILT_READ, EV_DELETE | EV_CLEAR);
        kq.one();
    }
}
