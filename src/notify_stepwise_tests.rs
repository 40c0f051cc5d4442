//! The asleep-state word, step by step against a scripted kernel.

use std::cell::Cell;
use std::collections::VecDeque;

use super::*;

#[path = "notify_rings_tests.rs"]
mod rings;

const A: Token = Token(100);
const B: Token = Token(200);
const C: Token = Token(300);
const SOURCE: Token = Token(usize::MAX);

/// What the next waits bring, and what was asked.
#[derive(Default)]
struct Script {
    answers: VecDeque<io::Result<Harvest>>,
    asked: Vec<(usize, Option<Duration>)>,
    list: Vec<Token>,
    rings: Cell<usize>,
}

impl Kernel for Script {
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        self.asked.push((room, timeout));
        let mut harvest = self.answers.pop_front().expect("one wait too many")?;
        harvest.events = harvest.events.min(room);
        for _ in 0..harvest.events {
            self.list.push(SOURCE);
        }
        Ok(harvest)
    }

    fn emit(&mut self, token: Token) {
        self.list.push(token);
    }

    fn promote(&mut self) {
        let last = self.list.len() - 1;
        self.list.swap(0, last);
    }

    fn ring(&self) {
        self.rings.set(self.rings.get() + 1);
    }
}

fn events(events: usize) -> io::Result<Harvest> {
    Ok(Harvest {
        events,
        rung: false,
    })
}

fn ring() -> io::Result<Harvest> {
    Ok(Harvest {
        events: 0,
        rung: true,
    })
}

struct Bench {
    notify: Notify,
    turn: Turn,
    kernel: Script,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            notify: Notify::new(),
            turn: Turn::default(),
            kernel: Script::default(),
        }
    }

    fn poll(
        &mut self,
        capacity: usize,
        timeout: Option<Duration>,
        answers: impl IntoIterator<Item = io::Result<Harvest>>,
    ) -> io::Result<Vec<Token>> {
        self.kernel.answers.extend(answers);
        self.kernel.list.clear();
        self.kernel.asked.clear();
        let result = self
            .notify
            .poll(&mut self.turn, &mut self.kernel, capacity, timeout);
        assert!(self.kernel.answers.is_empty(), "a wait was not asked for");
        assert!(self.kernel.list.len() <= capacity);
        result.map(|()| self.kernel.list.clone())
    }
}

const NOW: Option<Duration> = Some(Duration::ZERO);

#[test]
fn a_wake_before_the_poll_needs_no_ring_and_is_delivered() {
    let mut bench = Bench::new();
    let a = bench.notify.subscribe(A);
    for timeout in [None, NOW] {
        assert!(!bench.notify.wake(&a));
        assert!(!bench.notify.wake(&a));
        assert_eq!(bench.poll(4, timeout, [events(0)]).unwrap(), [A]);
        assert_eq!(bench.kernel.asked, [(3, NOW)]);
    }
    assert_eq!(bench.poll(4, NOW, [events(0)]).unwrap(), []);
}

#[test]
fn a_pending_wake_takes_the_first_slot() {
    let mut bench = Bench::new();
    let a = bench.notify.subscribe(A);
    assert!(!bench.notify.wake(&a));
    let list = bench.poll(3, None, [events(9)]).unwrap();
    assert_eq!(list, [A, SOURCE, SOURCE]);
}

#[test]
fn only_the_first_wake_of_a_sleeping_poll_rings() {
    let notify = Notify::new();
    let (a, b) = (notify.subscribe(A), notify.subscribe(B));
    assert!(!notify.fall_asleep());
    assert!(notify.wake(&a));
    assert!(!notify.wake(&a));
    assert!(!notify.wake(&b));
}

#[test]
fn an_interrupted_poll_keeps_the_wakes_and_is_awake() {
    let mut bench = Bench::new();
    let a = bench.notify.subscribe(A);
    assert!(!bench.notify.wake(&a));
    let interrupted = Err(io::ErrorKind::Interrupted.into());
    bench.poll(2, None, [interrupted]).unwrap_err();
    assert!(!bench.notify.wake(&a), "nobody sleeps");
    assert_eq!(bench.poll(2, None, [events(0)]).unwrap(), [A]);
}

#[test]
fn one_slot_goes_to_wakers_and_sources_in_turns() {
    let mut bench = Bench::new();
    let a = bench.notify.subscribe(A);
    let mut seen = Vec::new();
    for _ in 0..8 {
        let _ = bench.notify.wake(&a);
        let waits = usize::from(!bench.turn.waker_next);
        let answers = (0..waits).map(|_| events(1));
        seen.extend(bench.poll(1, None, answers).unwrap());
    }
    assert_eq!(seen.iter().filter(|&&token| token == A).count(), 4);
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
}

#[test]
fn many_wakers_in_a_small_buffer_take_turns() {
    for wakers in [3, SLOTS, SLOTS + 1, SLOTS + 9] {
        let mut bench = Bench::new();
        let signals: Vec<Signal> = (0..wakers)
            .map(|index| bench.notify.subscribe(Token(index)))
            .collect();
        let mut last_seen = vec![0usize; wakers];
        for round in 1..10 * wakers {
            for signal in &signals {
                let _ = bench.notify.wake(signal);
            }
            // The sources take every slot but the reserved one.
            for token in bench.poll(2, None, [events(9)]).unwrap() {
                if token != SOURCE {
                    last_seen[token.0] = round;
                }
            }
            let oldest = last_seen.iter().min().unwrap();
            // A turn of the bits, and one of the wakers behind OVERFLOW for each.
            let turns = (SLOTS + 1) * (wakers.saturating_sub(SLOTS)).max(1);
            assert!(round - oldest <= turns, "{round} {last_seen:?}");
        }
    }
}

#[test]
fn a_poll_that_spins_asks_without_blocking_until_something_comes() {
    let mut bench = Bench::new();
    bench.turn = Turn::new(Duration::MAX);
    for timeout in [None, Some(Duration::from_secs(3600))] {
        let answers = [events(0), events(0), events(1)];
        assert_eq!(bench.poll(2, timeout, answers).unwrap(), [SOURCE]);
        assert_eq!(bench.kernel.asked, [(2, NOW); 3]);
    }
    // A timeout of zero asks once, and after a late ring once more.
    assert_eq!(bench.poll(2, NOW, [events(0)]).unwrap(), []);
    assert_eq!(bench.poll(2, NOW, [ring(), events(0)]).unwrap(), []);
}

#[test]
fn a_poll_that_has_spun_for_nothing_blocks() {
    let mut bench = Bench::new();
    bench.turn = Turn::new(Duration::from_nanos(1));
    assert_eq!(
        bench.poll(2, None, [events(0), events(1)]).unwrap(),
        [SOURCE]
    );
    assert_eq!(bench.kernel.asked, [(2, NOW), (2, None)]);
}

#[test]
fn nobody_rings_for_a_poll_that_spins() {
    /// Wakes the poll when it is asked for the third time.
    struct Third<'a>(&'a Notify, &'a Signal, usize, Vec<Token>);

    impl Kernel for Third<'_> {
        fn wait(&mut self, _room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
            assert_eq!(timeout, NOW);
            self.2 += 1;
            if self.2 == 3 {
                assert!(!self.0.wake(self.1), "nobody sleeps");
            }
            Ok(Harvest::default())
        }
        fn emit(&mut self, token: Token) {
            self.3.push(token);
        }
        fn promote(&mut self) {}
        fn ring(&self) {}
    }

    let notify = Notify::new();
    let a = notify.subscribe(A);
    for capacity in [1, 2] {
        let mut turn = Turn::new(Duration::MAX);
        let mut kernel = Third(&notify, &a, 0, Vec::new());
        notify.poll(&mut turn, &mut kernel, capacity, None).unwrap();
        assert_eq!((kernel.2, kernel.3), (3, vec![A]));
    }
}

#[test]
fn a_late_ring_is_not_an_event() {
    let mut bench = Bench::new();
    assert_eq!(bench.poll(1, None, [ring(), events(1)]).unwrap(), [SOURCE]);
    assert_eq!(bench.kernel.asked, [(1, None), (1, None)]);
    assert_eq!(bench.poll(1, NOW, [ring(), events(1)]).unwrap(), [SOURCE]);
    assert_eq!(bench.poll(1, NOW, [ring(), events(0)]).unwrap(), []);
}

#[test]
fn a_dropped_waker_takes_its_wake_along() {
    let mut bench = Bench::new();
    let (a, b) = (bench.notify.subscribe(A), bench.notify.subscribe(B));
    let _ = (bench.notify.wake(&a), bench.notify.wake(&b));
    bench.notify.release(&a);
    let c = bench.notify.subscribe(C);
    assert!(matches!((&a, &c), (Signal::Slot(a), Signal::Slot(c)) if a == c));
    assert_eq!(bench.poll(4, None, [events(0)]).unwrap(), [B]);
    let _ = bench.notify.wake(&c);
    assert_eq!(bench.poll(4, None, [events(0)]).unwrap(), [C]);
}

#[test]
fn a_dropped_overflowing_waker_takes_its_wake_along() {
    let mut bench = Bench::new();
    for index in 0..SLOTS {
        bench.notify.subscribe(Token(index));
    }
    let (a, b) = (bench.notify.subscribe(A), bench.notify.subscribe(B));
    assert!(matches!(a, Signal::Extra(_)));
    let _ = (bench.notify.wake(&a), bench.notify.wake(&b));
    bench.notify.release(&b);
    assert_eq!(bench.poll(4, None, [events(0)]).unwrap(), [A]);
    assert_eq!(bench.poll(4, NOW, [events(0)]).unwrap(), []);
}

#[test]
fn after_handing_out_every_wake_rings_and_so_do_leftovers() {
    let mut bench = Bench::new();
    let (a, b) = (bench.notify.subscribe(A), bench.notify.subscribe(B));
    assert!(!bench.notify.wake(&a));
    assert!(bench.notify.ring_always(), "for the pending one");
    assert!(bench.notify.wake(&b));
    assert!(bench.notify.wake(&b));
    bench.turn.waker_next = true;
    assert_eq!(bench.poll(1, NOW, []).unwrap().len(), 1);
    assert_eq!(bench.kernel.rings.get(), 1, "the other one is left");
}

#[test]
fn a_ring_that_found_the_buffer_full_is_passed_on_to_the_outer_loop() {
    for (handed_out, wakes, rings) in [(true, true, 1), (true, false, 0), (false, true, 0)] {
        let mut bench = Bench::new();
        let a = bench.notify.subscribe(A);
        if handed_out {
            assert!(!bench.notify.ring_always());
        }
        if wakes {
            let _ = bench.notify.wake(&a);
        }
        // As one of poll(2): beside as many events as there was room for.
        let full = Ok(Harvest {
            events: 1,
            rung: true,
        });
        assert_eq!(bench.poll(1, NOW, [full]).unwrap(), [SOURCE]);
        assert_eq!(bench.kernel.rings.get(), rings);
        assert_eq!(
            bench
                .poll(1, NOW, (!wakes).then(|| events(0)))
                .unwrap()
                .len(),
            usize::from(wakes)
        );
    }
}

#[test]
fn the_time_is_up_once_for_the_whole_poll() {
    let mut bench = Bench::new();
    let timeout = Duration::from_millis(1);
    let start = std::time::Instant::now();
    // Each wait claims to have been woken for nothing; what it may wait for shrinks.
    let mut kernel = Rings(Vec::new());
    bench
        .notify
        .poll(&mut bench.turn, &mut kernel, 1, Some(timeout))
        .unwrap();
    assert!(start.elapsed() >= timeout);
    assert_eq!(kernel.0[0], timeout);
    assert!(kernel.0.windows(2).all(|pair| pair[1] <= pair[0]));
    assert_eq!(kernel.0.last(), Some(&Duration::ZERO));
}

#[test]
fn rings_without_end_hold_no_poll() {
    struct Always(usize);

    impl Kernel for Always {
        fn wait(&mut self, _room: usize, _timeout: Option<Duration>) -> io::Result<Harvest> {
            self.0 += 1;
            Ok(Harvest {
                events: 0,
                rung: true,
            })
        }
        fn emit(&mut self, _token: Token) {}
        fn promote(&mut self) {}
        fn ring(&self) {}
    }

    let mut bench = Bench::new();
    let mut kernel = Always(0);
    bench
        .notify
        .poll(&mut bench.turn, &mut kernel, 1, NOW)
        .unwrap();
    assert!(kernel.0 <= 3, "{} waits", kernel.0);
    let soon = Some(Duration::from_millis(1));
    bench
        .notify
        .poll(&mut bench.turn, &mut kernel, 1, soon)
        .unwrap();
}

/// Rings until it is asked for nothing more.
struct Rings(Vec<Duration>);

impl Kernel for Rings {
    fn wait(&mut self, _room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        self.0.push(timeout.unwrap());
        Ok(Harvest {
            events: 0,
            rung: !timeout.unwrap().is_zero(),
        })
    }
    fn emit(&mut self, _token: Token) {}
    fn promote(&mut self) {}
    fn ring(&self) {}
}
