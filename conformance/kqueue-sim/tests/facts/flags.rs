//! l. EV_ONESHOT, EV_DISPATCH, EV_DISABLE and EV_ENABLE.

use super::support::*;
use kqueue::*;

#[test]
fn l_a_one_shot_fires_once_and_is_deleted() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_ONESHOT);
        kq.assert_quiet();
        writer.write(1);
        assert_eq!(kq.one().flags & EV_ONESHOT, EV_ONESHOT);
        writer.write(1);
        reader.wait_pending(2);
        kq.assert_quiet();
        let delete = on(&reader, EVFILT_READ, EV_DELETE);
        assert_eq!(kq.change(&[delete]), Err(libc::ENOENT));
    }
}

#[test]
fn l_dispatch_disables_after_delivery_and_enable_alone_does_not_ask_again() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_DISPATCH);
        writer.write(1);
        kq.one();
        kq.assert_quiet();
        kq.change(&[on(&reader, EVFILT_READ, EV_ENABLE)]).unwrap();
        kq.assert_quiet();
        // What happens while it is enabled is an event, and so is what happened while it was not.
        writer.write(1);
        assert_eq!(kq.one().data, 2);
        writer.write(1);
        reader.wait_pending(3);
        kq.assert_quiet();
        kq.change(&[on(&reader, EVFILT_READ, EV_ENABLE)]).unwrap();
        assert_eq!(kq.one().data, 3);
    }
}

#[test]
fn l_dispatch_add_with_enable_asks_again_and_add_alone_does_not_enable() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_DISPATCH);
        writer.write(1);
        kq.one();
        kq.add(&reader, EVFILT_READ, 0);
        kq.assert_quiet();
        kq.add(&reader, EVFILT_READ, EV_ENABLE);
        kq.one();
        kq.assert_quiet();
    }
}

#[test]
fn l_activity_while_disabled_is_remembered() {
    for flags in [0, EV_CLEAR] {
        for (reader, writer) in all() {
            let kq = Kq::new();
            kq.add(&reader, EVFILT_READ, flags);
            kq.change(&[on(&reader, EVFILT_READ, EV_DISABLE)]).unwrap();
            writer.write(1);
            reader.wait_pending(1);
            kq.assert_quiet();
            kq.change(&[on(&reader, EVFILT_READ, EV_ENABLE)]).unwrap();
            assert_eq!(kq.one().data, 1);
        }
    }
}

#[test]
fn l_activity_while_disabled_that_was_drained_is_forgotten() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        kq.add(&reader, EVFILT_READ, EV_CLEAR);
        kq.change(&[on(&reader, EVFILT_READ, EV_DISABLE)]).unwrap();
        writer.write(1);
        reader.wait_pending(1);
        kq.assert_quiet();
        reader.drain();
        kq.change(&[on(&reader, EVFILT_READ, EV_ENABLE)]).unwrap();
        kq.assert_quiet();
    }
}

#[test]
fn l_disable_holds_back_what_is_queued() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    writer.write(1);
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    kq.change(&[on(&reader, EVFILT_READ, EV_DISABLE)]).unwrap();
    kq.assert_quiet();
    kq.change(&[on(&reader, EVFILT_READ, EV_ENABLE)]).unwrap();
    kq.one();
}

#[test]
fn l_what_is_added_disabled_never_fires_before_it_is_enabled() {
    for (reader, writer) in all() {
        let kq = Kq::new();
        writer.write(1);
        reader.wait_pending(1);
        let add = on(&reader, EVFILT_READ, EV_ADD | EV_DISABLE | EV_CLEAR);
        let zero = Some(std::time::Duration::ZERO);
        assert_eq!(kq.call(&[add], 4, zero), Ok(vec![]));
        kq.change(&[on(&reader, EVFILT_READ, EV_ENABLE)]).unwrap();
        kq.one();
    }
}
