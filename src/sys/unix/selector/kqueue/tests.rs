//! What records become, without a kernel.

use super::merge::Merge;
use super::record::{FLAGS, decode};
use crate::event::Event;
use crate::readiness::Readiness;
use crate::sys::unix::os::kqueue::{
    EV_ADD, EV_CLEAR, EV_EOF, EV_ERROR, EVFILT_READ, EVFILT_WRITE, Kevent,
};
use crate::token::Token;

/// The flags that come back with every record: those of the registration.
const OURS: u32 = EV_ADD | EV_CLEAR;

fn record(fd: usize, filter: i32, token: usize) -> Kevent {
    Kevent::new(fd, filter, OURS, token)
}

fn end(fd: usize, filter: i32, token: usize) -> Kevent {
    Kevent::new(fd, filter, OURS | EV_EOF, token)
}

/// The events of one batch, and whether the bell rang.
fn events(merge: &mut Merge, records: &[Kevent], bell: i32) -> (Vec<Event>, bool) {
    let mut list = vec![Event::wake(Token(99))];
    let harvest = merge.events(records, bell, &mut list);
    assert_eq!(list.remove(0).token(), Token(99));
    assert_eq!(harvest.events, list.len());
    (list, harvest.rung)
}

fn tokens(events: &[Event]) -> Vec<usize> {
    events.iter().map(|event| event.token().0).collect()
}

#[test]
fn each_filter_tells_its_own_direction_and_end() {
    let is = |record: &Kevent| decode(record).0;
    assert_eq!(is(&record(1, EVFILT_READ, 1)), Readiness::READABLE);
    assert_eq!(is(&record(1, EVFILT_WRITE, 1)), Readiness::WRITABLE);
    let finished = Readiness::READABLE | Readiness::READ_CLOSED;
    assert_eq!(is(&end(1, EVFILT_READ, 1)), finished);
    let shut = Readiness::WRITABLE | Readiness::WRITE_CLOSED;
    assert_eq!(is(&end(1, EVFILT_WRITE, 1)), shut);
    // Whatever this is, it is passed on with nothing but its token.
    assert_eq!(is(&record(1, -7, 1)), Readiness::NONE);
}

#[test]
fn an_error_is_told_with_the_end_it_has_caused() {
    let is = |record: Kevent| decode(&record).0;
    let reset = end(1, EVFILT_READ, 1).with_fflags(54);
    assert!(is(reset).contains(Readiness::ERROR | Readiness::READABLE));
    assert!(!is(reset).contains(Readiness::WRITE_CLOSED));
    let refused = end(1, EVFILT_WRITE, 1).with_fflags(61);
    assert!(is(refused).contains(Readiness::ERROR | Readiness::WRITE_CLOSED));
    // Without an end these are flags of the filter.
    let mark = record(1, EVFILT_READ, 1).with_fflags(1);
    assert_eq!(is(mark), Readiness::READABLE);
    // And so are another filter's with one: NOTE_EXIT of a process.
    let exited = end(1, -5, 1).with_fflags(1 << 31);
    assert_eq!(is(exited), Readiness::NONE);
    let failed = Kevent::new(1, EVFILT_READ, OURS | EV_ERROR, 1);
    assert!(is(failed).contains(Readiness::ERROR | Readiness::READABLE));
}

#[test]
fn both_directions_of_a_source_are_one_event() {
    let mut merge = Merge::default();
    let records = [
        record(3, EVFILT_READ, 30),
        end(4, EVFILT_WRITE, 40),
        record(5, EVFILT_READ, 50),
        record(3, EVFILT_WRITE, 30),
        end(4, EVFILT_READ, 40),
    ];
    let (list, rung) = events(&mut merge, &records, -1);
    assert_eq!(tokens(&list), [30, 40, 50]);
    assert!(!rung);
    assert!(list[0].is_readable() && list[0].is_writable() && !list[0].is_read_closed());
    assert!(list[1].is_read_closed() && list[1].is_write_closed());
    assert!(!list[2].is_writable());
    let text = format!("{:#?}", list[1]);
    assert!(text.contains("EV_EOF of EVFILT_WRITE"), "{text}");
}

#[test]
fn batches_are_kept_apart() {
    let mut merge = Merge::default();
    for _ in 0..3 {
        let records = [record(3, EVFILT_READ, 1), record(4, EVFILT_READ, 2)];
        let (list, _) = events(&mut merge, &records, -1);
        assert_eq!(tokens(&list), [1, 2]);
        assert!(list.iter().all(|event| !event.is_writable()));
        let records = [record(4, EVFILT_WRITE, 2), record(3, EVFILT_WRITE, 1)];
        let (list, _) = events(&mut merge, &records, -1);
        assert_eq!(tokens(&list), [2, 1]);
        assert!(list.iter().all(|event| !event.is_readable()));
        // One alone is never looked up.
        let (list, _) = events(&mut merge, &[record(3, EVFILT_READ, 1)], -1);
        assert!(!list[0].is_writable());
    }
}

/// The token is the same: only the batch tells that the place is another's.
#[test]
fn a_place_of_an_earlier_batch_says_nothing() {
    let mut merge = Merge::default();
    for _ in 0..2 {
        let records = [record(3, EVFILT_READ, 1), record(4, EVFILT_READ, 2)];
        events(&mut merge, &records, -1);
        let records = [record(9, EVFILT_WRITE, 1), record(3, EVFILT_WRITE, 1)];
        let (list, _) = events(&mut merge, &records, -1);
        assert_eq!(tokens(&list), [1, 1]);
        assert!(list.iter().all(|event| !event.is_readable()));
    }
}

#[test]
fn a_token_that_changed_in_between_is_an_event_of_its_own() {
    let records = [record(3, EVFILT_READ, 1), record(3, EVFILT_WRITE, 2)];
    let (list, _) = events(&mut Merge::default(), &records, -1);
    assert_eq!(tokens(&list), [1, 2]);
    assert!(!list[0].is_writable() && !list[1].is_readable());
}

#[test]
fn equal_numbers_of_other_filters_are_other_things() {
    // A process, or a request, whose number is that of a descriptor.
    let other = record(3, -5, 7);
    let records = [record(3, EVFILT_READ, 1), other, record(3, EVFILT_WRITE, 1)];
    let (list, rung) = events(&mut Merge::default(), &records, 3);
    assert!(rung, "of the two that bear its number, one is the bell");
    assert_eq!(tokens(&list), [7, 1]);
    assert!(list[1].is_writable() && !list[1].is_readable());
}

#[test]
fn numbers_beyond_the_table_are_reported_one_by_one() {
    let far = usize::MAX;
    let records = [record(far, EVFILT_READ, 1), record(far, EVFILT_WRITE, 1)];
    let (list, _) = events(&mut Merge::default(), &records, -1);
    assert_eq!(tokens(&list), [1, 1]);
}

#[test]
fn records_that_are_all_zeroes_are_nothing() {
    let nothing = Kevent::new(0, 0, 0, 0);
    let records = [nothing, record(3, EVFILT_READ, 1), nothing];
    let (list, _) = events(&mut Merge::default(), &records, -1);
    assert_eq!(tokens(&list), [1]);
    // What has anything at all is something: another system's filter 0 is real.
    for (ident, filter, flags, token) in
        [(1, 0, 0, 0), (0, 0, OURS, 0), (0, 0, 0, 5), (0, -1, 0, 0)]
    {
        let one = Kevent::new(ident, filter, flags, token);
        let (list, _) = events(&mut Merge::default(), &[one], -1);
        assert_eq!(tokens(&list), [token]);
    }
    // Standard input with token 0 is something.
    let (list, _) = events(&mut Merge::default(), &[record(0, EVFILT_READ, 0)], -1);
    assert_eq!(tokens(&list), [0]);
}

#[test]
fn every_flag_has_a_name_and_a_bit() {
    let mut all = 0;
    for &(name, flag) in FLAGS {
        assert!(!name.is_empty() && flag.count_ones() == 1 && all & flag == 0);
        all |= flag;
    }
    assert!(all < 1 << 16, "the upper half is for poll(2)");
}

#[cfg(waker_kqueue)]
#[test]
fn a_users_own_event_is_not_the_bell() {
    use crate::sys::unix::os::kqueue::EVFILT_USER;

    let (list, rung) = events(&mut Merge::default(), &[record(0, EVFILT_USER, 5)], 0);
    assert!(!rung);
    assert_eq!(tokens(&list), [5]);
    assert!(list[0].is_readable());
}

#[test]
fn a_record_shows_what_is_in_it() {
    let text = format!(
        "{:?}",
        Kevent::new(3, EVFILT_WRITE, OURS, 7).with_fflags(0x20)
    );
    for field in [
        "ident: 3".to_owned(),
        format!("filter: {EVFILT_WRITE}"),
        format!("flags: {OURS:#x}"),
        "fflags: 0x20".to_owned(),
        "udata: 7".to_owned(),
    ] {
        assert!(text.contains(&field), "{text}");
    }
}

#[test]
fn the_names_of_all_that_an_event_has_are_shown() {
    let (_, raw) = decode(&end(1, EVFILT_READ, 1).with_fflags(54));
    let named = FLAGS.iter().filter(|(_, flag)| raw & flag != 0);
    let names: Vec<&str> = named.map(|&(name, _)| name).collect();
    let expected = ["EVFILT_READ", "EV_EOF of EVFILT_READ", "an error in fflags"];
    assert_eq!(names, expected);
    let failed = Kevent::new(1, EVFILT_WRITE, OURS | EV_ERROR, 1);
    let (_, raw) = decode(&failed);
    let named = FLAGS.iter().filter(|(_, flag)| raw & flag != 0);
    let names: Vec<&str> = named.map(|&(name, _)| name).collect();
    assert_eq!(names, ["EVFILT_WRITE", "EV_ERROR"]);
}
