use super::*;
use crate::interest::Interest;
use crate::sys::poll::Trigger;
use crate::token::Token;

const BELL: RawFd = 3;
/// The first number of a source.
const FIRST: RawFd = 10;

/// An array, the table that it follows, and a kernel in which all descriptors of a list are ready.
struct Rig {
    table: Table,
    array: Array,
}

impl Rig {
    fn new() -> Rig {
        Rig {
            table: Table::default(),
            array: Array::new(BELL),
        }
    }

    /// With that many sources, whose tokens are their numbers.
    fn with(count: i32) -> Rig {
        let mut rig = Rig::new();
        for fd in FIRST..FIRST + count {
            rig.register(fd, fd as usize);
        }
        rig.update();
        rig
    }

    fn register(&mut self, fd: RawFd, token: usize) {
        self.table
            .register(fd, Token(token), Interest::READABLE, Trigger::Level)
            .unwrap();
    }

    fn deregister(&mut self, fd: RawFd) {
        self.table.deregister(fd).unwrap();
    }

    fn update(&mut self) {
        self.array.update(&mut self.table);
        self.check();
    }

    /// What always holds between the two.
    fn check(&mut self) {
        let array = &self.array;
        assert_eq!(array.records.len(), array.owners.len());
        assert_eq!(array.records[0].fd, BELL);
        let mut free = 0;
        for place in 1..array.records.len() {
            let owner = array.owners[place];
            if owner.fd == NOBODY {
                assert_eq!(array.records[place].fd, NOBODY);
                free += 1;
                continue;
            }
            let entry = self.table.get(owner.fd).unwrap();
            assert_eq!(entry.place, Some(place as u32));
            assert_eq!(entry.version(), owner.version);
        }
        assert_eq!(free, array.free.len());
    }

    /// The numbers that the kernel is asked about, in the order of the array.
    fn asked(&self) -> Vec<RawFd> {
        let records = &self.array.records[1..];
        records.iter().map(|r| r.fd).filter(|&fd| fd >= 0).collect()
    }

    /// What a call of poll(2) does when these, and no others, are ready.
    fn answer(&mut self, ready: &[RawFd], flags: Flags) -> usize {
        let mut count = 0;
        for record in &mut self.array.records {
            let is_ready = record.fd >= 0 && ready.contains(&record.fd);
            record.revents = if is_ready { flags } else { 0 };
            count += usize::from(is_ready);
        }
        count
    }

    fn harvest(&mut self, count: usize, room: usize) -> Vec<usize> {
        let mut tokens = Vec::new();
        let events = self
            .array
            .harvest(&mut self.table, count, room, |report, _| {
                tokens.push(report.token.0);
            });
        assert_eq!(events, tokens.len());
        tokens
    }

    fn poll(&mut self, ready: &[RawFd], room: usize) -> Vec<usize> {
        self.update();
        let count = self.answer(ready, POLLIN);
        self.harvest(count, room)
    }
}

#[test]
fn records_follow_the_table() {
    let mut rig = Rig::with(3);
    assert_eq!(rig.asked(), [10, 11, 12]);
    rig.deregister(11);
    rig.update();
    assert_eq!(rig.asked(), [10, 12]);
    rig.register(20, 20);
    rig.update();
    assert_eq!(rig.asked(), [10, 20, 12], "a free place is taken again");
}

#[test]
fn pairs_before_the_first_update_leave_no_record() {
    let mut rig = Rig::new();
    for _ in 0..100 {
        rig.register(FIRST, 1);
        rig.deregister(FIRST);
    }
    rig.update();
    assert_eq!(rig.array.records.len(), 1);
    rig.register(FIRST, 2);
    assert_eq!(rig.poll(&[FIRST], 8), [2]);
}

#[test]
fn an_answer_about_an_ended_registration_is_dropped() {
    let mut rig = Rig::with(2);
    let count = rig.answer(&[10, 11], POLLIN);
    rig.deregister(10);
    assert_eq!(rig.harvest(count, 8), [11]);
    // The same number again, before the array learns of either change.
    let count = rig.answer(&[10, 11], POLLIN);
    rig.register(10, 99);
    assert_eq!(rig.harvest(count, 8), [11]);
    assert_eq!(rig.poll(&[10, 11], 8).len(), 2);
}

#[test]
fn an_answer_about_an_earlier_token_is_dropped() {
    let mut rig = Rig::with(1);
    let count = rig.answer(&[10], POLLIN);
    rig.table
        .reregister(10, Token(77), Interest::READABLE, Trigger::Level)
        .unwrap();
    assert_eq!(rig.harvest(count, 8), []);
    assert_eq!(rig.poll(&[10], 8), [77]);
}

#[test]
fn a_place_that_changes_hands_serves_the_new_owner_only() {
    let mut rig = Rig::with(1);
    rig.deregister(10);
    rig.register(11, 11);
    rig.update();
    let place = rig.table.get(11).unwrap().place;
    assert_eq!(rig.poll(&[10, 11], 8), [11]);
    rig.deregister(11);
    rig.update();
    rig.register(10, 100);
    rig.update();
    assert_eq!(rig.table.get(10).unwrap().place, place);
    assert_eq!(rig.poll(&[10, 11], 8), [100]);
}

#[test]
fn every_source_is_reached_whatever_the_room() {
    for room in [1, 2, 3, 7] {
        let mut rig = Rig::with(10);
        let all: Vec<RawFd> = (FIRST..FIRST + 10).collect();
        let mut seen = Vec::new();
        while seen.len() < 10 {
            let batch = rig.poll(&all, room);
            assert!((1..=room).contains(&batch.len()), "{batch:?}");
            seen.extend(batch);
        }
        seen.truncate(10);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 10, "with room for {room}");
    }
}

#[test]
fn the_turn_survives_closing_up() {
    let mut rig = Rig::with(200);
    let all: Vec<RawFd> = (FIRST..FIRST + 200).collect();
    // The next turn begins at the 151st.
    assert_eq!(rig.poll(&all, 150).len(), 150);
    for fd in FIRST..FIRST + 140 {
        rig.deregister(fd);
    }
    let next = rig.poll(&all, 5);
    assert_eq!(rig.array.records.len(), 61);
    let expected: Vec<usize> = (0..5).map(|n| FIRST as usize + 150 + n).collect();
    assert_eq!(next, expected);
}

#[test]
fn free_places_are_closed_up_when_they_are_the_majority() {
    let mut rig = Rig::with(200);
    for fd in FIRST..FIRST + 100 {
        rig.deregister(fd);
    }
    rig.update();
    assert_eq!(rig.array.records.len(), 201, "half of them, not more");
    rig.deregister(FIRST + 100);
    rig.update();
    assert_eq!(rig.array.records.len(), 100);
    let rest: Vec<RawFd> = (FIRST + 101..FIRST + 200).collect();
    assert_eq!(rig.asked(), rest);
    assert_eq!(rig.poll(&rest, 200).len(), 99);
}

#[test]
fn shrinking_closes_up_however_few() {
    let mut rig = Rig::with(5);
    assert!(!rig.array.shrink(&mut rig.table));
    rig.deregister(12);
    rig.update();
    assert!(rig.array.shrink(&mut rig.table));
    rig.check();
    assert_eq!(rig.array.records.len(), 5);
    assert!(!rig.array.shrink(&mut rig.table));
    assert_eq!(rig.poll(&[10, 11, 12, 13, 14], 8), [10, 11, 13, 14]);
}

#[test]
fn what_is_gone_is_reported_once_and_not_asked_about_again() {
    let mut rig = Rig::with(2);
    let count = rig.answer(&[10], POLLNVAL);
    assert_eq!(rig.harvest(count, 8), [10]);
    assert_eq!(rig.asked(), [11]);
    rig.update();
    assert_eq!(rig.asked(), [11]);
    rig.register(10, 100);
    assert_eq!(rig.poll(&[10], 8), [100]);
}

#[test]
fn any_traffic_keeps_array_and_table_together() {
    // A small generator is enough for the order (Knuth's constants).
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut rig = Rig::new();
    let mut tokens = std::collections::BTreeMap::new();
    for step in 0..if cfg!(miri) { 500 } else { 50_000 } {
        let fd = FIRST + next(150) as RawFd;
        match next(10) {
            0 => {
                let all: Vec<RawFd> = tokens.keys().copied().collect();
                let mut seen = rig.poll(&all, 1000);
                seen.sort_unstable();
                let mut expected: Vec<usize> = tokens.values().copied().collect();
                expected.sort_unstable();
                assert_eq!(seen, expected);
            }
            1..6 if !tokens.contains_key(&fd) => {
                rig.register(fd, step);
                tokens.insert(fd, step);
            }
            _ if tokens.remove(&fd).is_some() => rig.deregister(fd),
            _ => {}
        }
    }
}

#[test]
fn flags_mean_what_epolls_mean() {
    let table: &[(Flags, Readiness)] = &[
        (POLLIN, Readiness::READABLE),
        (POLLOUT, Readiness::WRITABLE),
        (POLLPRI, Readiness::READABLE.and(Readiness::PRIORITY)),
        (POLLHUP, Readiness::READ_CLOSED.and(Readiness::WRITE_CLOSED)),
        (POLLERR, Readiness::ERROR.and(Readiness::WRITE_CLOSED)),
        (
            POLLIN | POLLRDHUP,
            Readiness::READABLE.and(Readiness::READ_CLOSED),
        ),
        (POLLRDHUP, Readiness::NONE),
        (POLLIN | POLLERR, Readiness::READABLE.and(Readiness::ERROR)),
        (
            POLLOUT | POLLERR,
            Readiness::WRITABLE
                .and(Readiness::ERROR)
                .and(Readiness::WRITE_CLOSED),
        ),
        (
            POLLNVAL,
            Readiness::ERROR
                .and(Readiness::READ_CLOSED)
                .and(Readiness::WRITE_CLOSED),
        ),
    ];
    for &(flags, readiness) in table {
        assert_eq!(decode(flags), readiness, "{flags:#x}");
    }
}

#[test]
fn an_event_carries_the_kernels_flags_in_its_upper_half() {
    for flag in [1, POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL, Flags::MIN] {
        assert_eq!(raw(flag) >> 16, u32::from(flag as u16));
        assert_eq!(raw(flag) & 0xFFFF, 0);
    }
    assert_eq!(raw(POLLIN | POLLHUP), raw(POLLIN) | raw(POLLHUP));
}
