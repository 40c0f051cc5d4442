//! EVFILT_USER, as FreeBSD's manual page has it.

use super::support::*;
use kqueue::*;

const IDENT: usize = usize::MAX - 3;

fn user(flags: u16, fflags: u32) -> Kevent {
    Kevent {
        fflags,
        ..change(IDENT, EVFILT_USER, flags)
    }
}

#[test]
fn user_a_trigger_is_one_event_with_clear() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, 0)]).unwrap();
    kq.assert_quiet();
    for _ in 0..3 {
        kq.change(&[user(0, NOTE_TRIGGER)]).unwrap();
        kq.change(&[user(0, NOTE_TRIGGER)]).unwrap();
        let event = kq.one();
        assert_eq!((event.ident, event.filter), (IDENT, EVFILT_USER));
        kq.assert_quiet();
    }
}

#[test]
fn user_without_clear_a_trigger_repeats_until_it_is_reset() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD, 0)]).unwrap();
    kq.change(&[user(0, NOTE_TRIGGER)]).unwrap();
    for _ in 0..3 {
        kq.one();
    }
    kq.change(&[user(EV_CLEAR, 0)]).unwrap();
    kq.assert_quiet();
}

#[test]
fn user_a_trigger_with_add_keeps_the_mode_of_the_first_add() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, 0)]).unwrap();
    kq.change(&[user(EV_ADD, NOTE_TRIGGER)]).unwrap();
    kq.one();
    kq.assert_quiet();
}

#[test]
fn user_a_change_without_a_trigger_is_no_event_after_one_was_delivered() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, NOTE_TRIGGER)]).unwrap();
    kq.one();
    kq.change(&[user(EV_ADD | EV_ENABLE, NOTE_FFOR | 1)])
        .unwrap();
    kq.assert_quiet();
}

#[test]
fn user_a_trigger_in_the_first_add_counts() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, NOTE_TRIGGER)]).unwrap();
    kq.one();
    kq.assert_quiet();
}

/// FreeBSD, sys/kern/kern_event.c, `filt_usertouch`: EV_CLEAR resets the trigger, last of all.
#[test]
fn user_a_trigger_with_clear_is_lost() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, 0)]).unwrap();
    kq.change(&[user(EV_CLEAR, NOTE_TRIGGER)]).unwrap();
    kq.assert_quiet();
}

#[test]
fn user_a_trigger_of_what_is_absent_is_enoent() {
    let kq = Kq::new();
    let result = kq.change(&[user(0, NOTE_TRIGGER)]);
    assert_eq!(result, Err(libc::ENOENT));
}

#[test]
fn user_idents_are_not_descriptors_and_do_not_meet_other_filters() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    let number = ident(&reader);
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    let add = change(number, EVFILT_USER, EV_ADD | EV_CLEAR);
    kq.change(&[add, user(EV_ADD | EV_CLEAR, 0)]).unwrap();
    writer.write(1);
    assert_eq!(kq.one().filter, EVFILT_READ);
    let mut trigger = change(number, EVFILT_USER, 0);
    trigger.fflags = NOTE_TRIGGER;
    kq.change(&[trigger]).unwrap();
    let event = kq.one();
    assert_eq!((event.ident, event.filter), (number, EVFILT_USER));
}

#[test]
fn user_delete_takes_a_trigger_with_it() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, NOTE_TRIGGER)]).unwrap();
    kq.change(&[user(EV_DELETE, 0)]).unwrap();
    kq.assert_quiet();
    assert_eq!(kq.change(&[user(EV_DELETE, 0)]), Err(libc::ENOENT));
    kq.change(&[user(EV_ADD | EV_CLEAR, 0)]).unwrap();
    kq.assert_quiet();
}

#[test]
fn user_a_trigger_while_disabled_is_remembered() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR | EV_DISABLE, 0)])
        .unwrap();
    kq.change(&[user(0, NOTE_TRIGGER)]).unwrap();
    kq.assert_quiet();
    kq.change(&[user(EV_ENABLE, 0)]).unwrap();
    kq.one();
    kq.assert_quiet();
}

#[test]
fn user_one_shot_and_dispatch() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_ONESHOT, NOTE_TRIGGER)])
        .unwrap();
    kq.one();
    assert_eq!(kq.change(&[user(0, NOTE_TRIGGER)]), Err(libc::ENOENT));
    kq.change(&[user(EV_ADD | EV_DISPATCH, NOTE_TRIGGER)])
        .unwrap();
    kq.one();
    kq.assert_quiet();
}

#[test]
fn user_fflags_are_kept_combined_and_handed_back() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, 0b1100)]).unwrap();
    for (operation, bits, expected) in [
        (NOTE_FFNOP, 0b0011, 0b1100),
        (NOTE_FFOR, 0b0011, 0b1111),
        (NOTE_FFAND, 0b0110, 0b0110),
        (NOTE_FFCOPY, 0b1000, 0b1000),
    ] {
        kq.change(&[user(0, NOTE_TRIGGER | operation | bits)])
            .unwrap();
        assert_eq!(kq.one().fflags, expected);
    }
}

#[test]
fn user_data_and_udata_are_those_of_the_last_change() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, 0)]).unwrap();
    let mut trigger = user(0, NOTE_TRIGGER);
    (trigger.data, trigger.udata) = (-5, udata(8));
    kq.change(&[trigger]).unwrap();
    let event = kq.one();
    assert_eq!((event.data, event.udata), (-5, udata(8)));
}

#[test]
fn user_a_trigger_with_a_receipt_is_delivered_by_the_next_call() {
    let kq = Kq::new();
    kq.change(&[user(EV_ADD | EV_CLEAR, 0)]).unwrap();
    let events = kq.call(&[user(EV_RECEIPT, NOTE_TRIGGER)], 1, None).unwrap();
    assert_eq!((events[0].flags, events[0].data), (EV_ERROR, 0));
    assert_eq!(kq.one().filter, EVFILT_USER);
}
