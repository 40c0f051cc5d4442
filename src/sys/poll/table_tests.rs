use super::*;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const A: RawFd = 5;
const B: RawFd = 70;

fn table() -> Table {
    Table::default()
}

fn registered(trigger: Trigger) -> (Table, u64) {
    let mut table = table();
    let id = table.register(A, Token(1), BOTH, trigger).unwrap();
    (table, id)
}

fn entry(table: &mut Table) -> &mut Entry {
    table.get(A).unwrap()
}

/// The list of changes, as the poller takes it.
fn take(table: &mut Table) -> Vec<RawFd> {
    let changes = table.take_changes(Vec::new());
    for &fd in &changes {
        table.get(fd).unwrap().changed = false;
    }
    changes
}

/// What is asked for, after the kernel's `answer` was reported; and the report.
fn after(table: &mut Table, answer: Flags) -> (Option<Flags>, Flags) {
    let report = entry(table).report(answer);
    (entry(table).question(), report.flags)
}

#[test]
fn ten_thousand_pairs_are_one_change_and_one_page() {
    let mut table = table();
    for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
        table.register(A, Token(1), BOTH, Trigger::Edge).unwrap();
        table.deregister(A).unwrap();
    }
    assert_eq!(table.changes, [A]);
    assert_eq!(table.pages.len(), 1);
    assert_eq!(take(&mut table), [A]);
    assert_eq!(take(&mut table), []);
}

#[test]
fn changes_are_listed_once_each_in_the_order_of_the_first() {
    let mut table = table();
    table.register(B, Token(2), BOTH, Trigger::Edge).unwrap();
    let id = table.register(A, Token(1), BOTH, Trigger::Edge).unwrap();
    table.reregister(B, Token(3), BOTH, Trigger::Edge).unwrap();
    assert_eq!(take(&mut table), [B, A]);
    assert!(table.leave(A, id));
    assert_eq!(take(&mut table), [A]);
}

#[test]
fn a_number_that_is_none_is_a_bad_descriptor() {
    let mut table = table();
    for fd in [-1, i32::MIN] {
        let error = table
            .register(fd, Token(1), BOTH, Trigger::Level)
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        let kind = |result: io::Result<()>| result.unwrap_err().kind();
        let reregister = table.reregister(fd, Token(1), BOTH, Trigger::Level);
        assert_eq!(kind(reregister.map(drop)), io::ErrorKind::NotFound);
        assert_eq!(kind(table.deregister(fd)), io::ErrorKind::NotFound);
        assert!(!table.leave(fd, 1));
        assert!(!table.rearm(fd, 1, READ));
    }
    assert!(table.changes.is_empty() && table.pages.is_empty());
}

#[test]
fn a_refused_registration_changes_nothing() {
    let (mut table, id) = registered(Trigger::Edge);
    take(&mut table);
    let version = entry(&mut table).version();
    let error = table
        .register(A, Token(9), Interest::READABLE, Trigger::Level)
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(take(&mut table), []);
    let entry = entry(&mut table);
    assert_eq!((entry.id, entry.version()), (id, version));
    assert_eq!(entry.report(POLLOUT).token, Token(1));
    // One that is refused makes no number for the next, and no gap in the table.
    assert!(table.registered(B).is_err());
    assert!(table.get(B).is_none());
}

#[test]
fn versions_are_never_used_again_and_ids_outlive_reregistrations() {
    let (mut table, id) = registered(Trigger::Edge);
    let mut seen = vec![entry(&mut table).version()];
    for round in 0..10 {
        let same = table.reregister(A, Token(round), BOTH, Trigger::Edge);
        assert_eq!(same.unwrap(), id);
        seen.push(entry(&mut table).version());
    }
    table.deregister(A).unwrap();
    assert_eq!(entry(&mut table).version(), 0);
    let new = table.register(A, Token(1), BOTH, Trigger::Edge).unwrap();
    assert_ne!(new, id);
    seen.push(entry(&mut table).version());
    let mut unique = seen.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique, seen, "each is larger than those before");
}

#[test]
fn only_the_present_registration_leaves_or_rearms() {
    let (mut table, old) = registered(Trigger::Edge);
    table.deregister(A).unwrap();
    assert!(!table.leave(A, old), "it has ended already");
    let id = table.register(A, Token(2), BOTH, Trigger::Edge).unwrap();
    entry(&mut table).report(POLLIN | POLLOUT);
    take(&mut table);
    assert!(!table.rearm(A, old, READ | WRITE));
    assert!(!table.leave(A, old), "the number is somebody else's now");
    assert_eq!(take(&mut table), []);
    assert!(entry(&mut table).is_registered());
    assert!(table.rearm(A, id, READ));
    assert!(table.leave(A, id));
    assert_eq!(take(&mut table), [A]);
}

#[test]
fn an_edge_is_asked_for_until_it_is_reported_and_again_after_rearming() {
    let (mut table, id) = registered(Trigger::Edge);
    let all = POLLIN | POLLRDHUP | POLLOUT;
    assert_eq!(entry(&mut table).question(), Some(all));
    assert_eq!(after(&mut table, POLLIN).0, Some(POLLRDHUP | POLLOUT));
    take(&mut table);
    // The other direction is armed still: that is no change.
    assert!(!table.rearm(A, id, WRITE));
    assert_eq!(take(&mut table), []);
    assert!(table.rearm(A, id, READ));
    assert_eq!(take(&mut table), [A]);
    assert_eq!(entry(&mut table).question(), Some(all));
}

#[test]
fn a_blocked_read_does_not_ask_for_writability_nor_the_other_way_round() {
    for (blocked, gains, other) in [(READ, POLLIN, POLLOUT), (WRITE, POLLOUT, POLLIN)] {
        let (mut table, id) = registered(Trigger::Edge);
        after(&mut table, POLLIN | POLLOUT);
        assert!(table.rearm(A, id, blocked));
        let question = entry(&mut table).question().unwrap();
        assert_eq!(question & (POLLIN | POLLOUT), gains);
        assert_eq!(question & other, 0);
    }
}

#[test]
fn what_was_reported_before_is_merged_into_the_next_event() {
    let (mut table, _) = registered(Trigger::Edge);
    assert_eq!(after(&mut table, POLLOUT).1, POLLOUT);
    assert_eq!(after(&mut table, POLLIN).1, POLLIN | POLLOUT);
}

#[test]
fn after_a_hang_up_there_is_silence_until_rearming_and_the_entry_stays() {
    for answer in [POLLHUP, POLLERR, POLLERR | POLLHUP | POLLIN] {
        let (mut table, id) = registered(Trigger::Edge);
        assert_eq!(after(&mut table, answer).0, None);
        assert!(entry(&mut table).is_registered());
        assert!(table.rearm(A, id, READ));
        assert_eq!(entry(&mut table).question(), Some(POLLIN | POLLRDHUP));
        after(&mut table, answer);
        table.reregister(A, Token(2), BOTH, Trigger::Edge).unwrap();
        assert_ne!(entry(&mut table).question(), None);
        after(&mut table, answer);
        table.deregister(A).unwrap();
    }
}

/// A flag that is no longer asked for was reported, or it would be repeated without ever being true.
#[test]
fn an_error_and_a_hang_up_report_no_end_that_has_not_come() {
    for answer in [POLLERR, POLLHUP] {
        let (mut table, id) = registered(Trigger::Edge);
        assert_eq!(after(&mut table, answer).1 & POLLRDHUP, 0);
        assert!(table.rearm(A, id, WRITE));
        assert_eq!(after(&mut table, POLLOUT).1 & POLLRDHUP, 0);
        let (_, flags) = after(&mut table, POLLRDHUP);
        assert_ne!(flags & POLLRDHUP, 0);
    }
}

#[test]
fn a_hang_up_wakes_who_waits_to_write() {
    let (mut table, _) = registered(Trigger::Edge);
    let flags = after(&mut table, POLLHUP).1;
    assert_eq!(flags & (POLLIN | POLLOUT), POLLOUT);
}

#[test]
fn an_error_wakes_whoever_waits() {
    let (mut table, _) = registered(Trigger::Edge);
    let flags = after(&mut table, POLLERR).1;
    assert_eq!(flags & (POLLIN | POLLOUT), POLLIN | POLLOUT);
    let mut table = self::table();
    table
        .register(A, Token(1), Interest::WRITABLE, Trigger::Edge)
        .unwrap();
    assert_eq!(after(&mut table, POLLERR).1, POLLERR | POLLOUT);
}

#[test]
fn a_level_is_asked_for_always_and_needs_no_rearming() {
    let (mut table, id) = registered(Trigger::Level);
    take(&mut table);
    for answer in [POLLIN, POLLOUT, POLLHUP, POLLERR] {
        assert_eq!(
            after(&mut table, answer),
            (Some(POLLIN | POLLRDHUP | POLLOUT), answer)
        );
        assert!(!table.rearm(A, id, READ | WRITE));
    }
    assert_eq!(take(&mut table), []);
}

#[test]
fn a_descriptor_that_is_gone_is_silent_until_its_number_is_registered_again() {
    for trigger in [Trigger::Edge, Trigger::Level] {
        let (mut table, id) = registered(trigger);
        assert_eq!(after(&mut table, POLLNVAL).0, None);
        assert!(!table.rearm(A, id, READ | WRITE), "it does not come back");
        let error = table.reregister(A, Token(2), BOTH, trigger).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(entry(&mut table).question(), None);
        let new = table.register(A, Token(2), BOTH, trigger).unwrap();
        assert_ne!(new, id);
        assert_ne!(entry(&mut table).question(), None);
        assert!(!table.leave(A, id), "the earlier source's drop");
        assert_eq!(entry(&mut table).report(POLLIN).token, Token(2));
        assert_eq!(after(&mut table, POLLNVAL).0, None);
        table.deregister(A).unwrap();
        assert!(!entry(&mut table).is_registered());
    }
}

#[test]
fn high_numbers_cost_their_own_page_only() {
    let mut table = table();
    table
        .register(1_000_000, Token(1), BOTH, Trigger::Edge)
        .unwrap();
    assert_eq!(table.pages.iter().flatten().count(), 1);
    assert!(table.get(999_000).is_none());
    assert!(table.get(i32::MAX).is_none());
}

#[test]
fn what_was_reported_is_repeated_whatever_comes_next() {
    let (mut table, _) = registered(Trigger::Edge);
    assert_eq!(after(&mut table, POLLIN).1, POLLIN);
    assert_eq!(after(&mut table, POLLOUT).1, POLLIN | POLLOUT);
    let end = POLLIN | POLLRDHUP;
    let (mut table, _) = registered(Trigger::Edge);
    assert_eq!(after(&mut table, POLLRDHUP).1, end);
    assert_eq!(after(&mut table, POLLOUT).1, end | POLLOUT);
}

#[test]
fn a_blocked_read_asks_for_all_that_ends_a_wait_to_read() {
    let mut table = table();
    let interests = Interest::READABLE | Interest::PRIORITY;
    let id = table
        .register(A, Token(1), interests, Trigger::Edge)
        .unwrap();
    let all = POLLIN | POLLPRI | POLLRDHUP;
    assert_eq!(after(&mut table, all).0, Some(0));
    assert!(table.rearm(A, id, READ));
    assert_eq!(entry(&mut table).question(), Some(all));
}

#[test]
fn urgent_data_is_asked_for_again_but_ends_no_silence() {
    let mut table = table();
    let interests = Interest::READABLE | Interest::PRIORITY;
    let id = table
        .register(A, Token(1), interests, Trigger::Edge)
        .unwrap();
    assert_eq!(after(&mut table, POLLPRI).0, Some(POLLIN | POLLRDHUP));
    assert!(table.rearm(A, id, POLLPRI));
    let all = POLLIN | POLLPRI | POLLRDHUP;
    assert_eq!(entry(&mut table).question(), Some(all));
    assert_eq!(after(&mut table, POLLHUP).0, None);
    assert!(!table.rearm(A, id, POLLPRI));
    assert_eq!(entry(&mut table).question(), None);
    assert!(table.rearm(A, id, READ));
    assert_eq!(entry(&mut table).question(), Some(all));
}

#[test]
fn an_operation_that_nobody_waits_for_ends_no_silence() {
    let mut table = table();
    let id = table
        .register(A, Token(1), Interest::WRITABLE, Trigger::Edge)
        .unwrap();
    assert_eq!(after(&mut table, POLLHUP).0, None);
    assert!(!table.rearm(A, id, READ));
    assert_eq!(entry(&mut table).question(), None);
}

#[test]
fn what_has_left_can_be_changed_by_nobody() {
    let (mut table, _) = registered(Trigger::Edge);
    table.deregister(A).unwrap();
    let error = table.reregister(A, Token(2), BOTH, Trigger::Edge);
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    let error = table.deregister(A);
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(!entry(&mut table).is_registered());
}
