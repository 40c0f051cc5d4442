//! The asleep-state word against a kernel made of a flag and a counter: step by step, and under
//! loom (`cargo xtask loom`) in every interleaving.

use super::*;

#[cfg(not(ferrio_loom))]
mod stepwise {
    use std::cell::Cell;
    use std::collections::VecDeque;

    use super::*;

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
        notify.word.fetch_or(ASLEEP, Ordering::AcqRel);
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
}

#[cfg(ferrio_loom)]
mod exhaustive {
    use loom::sync::Condvar;
    use loom::thread;

    use super::*;

    const NOW: Option<Duration> = Some(Duration::ZERO);
    /// To the model as long as for ever, but it takes the way of polls with a deadline.
    const LONG: Option<Duration> = Some(Duration::from_secs(1 << 30));
    const A: Token = Token(0);
    const B: Token = Token(1);
    const C: Token = Token(2);
    const SOURCE: Token = Token(3);

    /// An epoll set with the bell and one source in it.
    struct Set {
        state: Mutex<State>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct State {
        rung: bool,
        source: bool,
        interrupts: usize,
    }

    struct World {
        notify: Notify,
        set: Set,
        timeout: Option<Duration>,
    }

    impl World {
        fn new() -> Arc<World> {
            World::with(None)
        }

        fn with(timeout: Option<Duration>) -> Arc<World> {
            Arc::new(World {
                notify: Notify::new(),
                timeout,
                set: Set {
                    state: Mutex::new(State::default()),
                    changed: Condvar::new(),
                },
            })
        }

        fn wake(&self, signal: &Signal) {
            if self.notify.wake(signal) {
                self.change(|state| state.rung = true);
            }
        }

        fn change(&self, f: impl FnOnce(&mut State)) {
            f(&mut lock(&self.set.state));
            self.set.changed.notify_one();
        }
    }

    struct OnePoll<'a> {
        world: &'a World,
        list: Vec<Token>,
    }

    impl Kernel for OnePoll<'_> {
        fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
            let set = &self.world.set;
            let mut state = lock(&set.state);
            if state.interrupts > 0 {
                state.interrupts -= 1;
                return Err(io::ErrorKind::Interrupted.into());
            }
            while timeout != NOW && !state.rung && !state.source {
                state = set.changed.wait(state).unwrap();
            }
            // The source first: with one slot the bell stays, as in a kernel's queue.
            let mut harvest = Harvest::default();
            if std::mem::take(&mut state.source) {
                self.list.push(SOURCE);
                harvest.events = 1;
            }
            if harvest.events < room {
                harvest.rung = std::mem::take(&mut state.rung);
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
            self.world.change(|state| state.rung = true);
        }
    }

    /// Polls until every token of `wanted` was seen; a lost wake is a deadlock, which loom reports.
    fn collect(world: &World, turn: &mut Turn, capacity: usize, wanted: &[Token]) {
        poll_until(world, turn, capacity, |seen| {
            wanted.iter().all(|token| seen.contains(token))
        });
    }

    fn poll_until(
        world: &World,
        turn: &mut Turn,
        capacity: usize,
        done: impl Fn(&[Token]) -> bool,
    ) {
        let mut seen = Vec::new();
        while !done(&seen) {
            let mut kernel = OnePoll {
                world,
                list: Vec::new(),
            };
            match world
                .notify
                .poll(turn, &mut kernel, capacity, world.timeout)
            {
                Ok(()) => assert!(!kernel.list.is_empty() && kernel.list.len() <= capacity),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::Interrupted),
            }
            seen.append(&mut kernel.list);
        }
    }

    fn model(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
        builder.check(f);
    }

    /// Two threads write and wake, twice each, and one polls until it has both tokens and sees what
    /// was written last: the second wake may be merged with the first, but must hand it on.
    fn two_wakers(capacity: usize, timeout: Option<Duration>, interrupts: usize, handed_out: bool) {
        model(2, move || {
            let world = World::with(timeout);
            lock(&world.set.state).interrupts = interrupts;
            let written = [A, B].map(|token| {
                let written = Arc::new(AtomicUsize::new(0));
                let (world, copy) = (world.clone(), written.clone());
                thread::spawn(move || {
                    let signal = world.notify.subscribe(token);
                    for value in [1, 2] {
                        copy.store(value, Ordering::Relaxed);
                        world.wake(&signal);
                    }
                    // Dropping the waker now would discard its wake.
                });
                written
            });
            if handed_out && world.notify.ring_always() {
                world.change(|state| state.rung = true);
            }
            poll_until(&world, &mut Turn::default(), capacity, |seen| {
                let last = written
                    .iter()
                    .all(|value| value.load(Ordering::Relaxed) == 2);
                last && seen.contains(&A) && seen.contains(&B)
            });
        });
    }

    #[test]
    fn no_wake_is_lost_with_one_slot() {
        two_wakers(1, None, 0, false);
    }

    #[test]
    fn no_wake_is_lost_with_two_slots() {
        two_wakers(2, None, 0, false);
    }

    #[test]
    fn no_wake_is_lost_by_polls_with_a_deadline() {
        two_wakers(1, LONG, 1, false);
        two_wakers(2, LONG, 0, false);
    }

    #[test]
    fn no_wake_is_lost_by_interrupted_polls() {
        two_wakers(1, None, 1, false);
        two_wakers(2, None, 2, false);
    }

    #[test]
    fn no_wake_is_lost_while_everything_is_written() {
        two_wakers(2, None, 0, true);
    }

    #[test]
    fn a_source_and_two_wakers_share_a_full_buffer() {
        model(2, || {
            let world = World::new();
            for token in [A, B] {
                let world = world.clone();
                thread::spawn(move || {
                    let signal = world.notify.subscribe(token);
                    world.wake(&signal);
                    world.change(|state| state.source = true);
                });
            }
            collect(&world, &mut Turn::default(), 1, &[A, B, SOURCE]);
        });
    }

    #[test]
    fn wakers_beyond_the_slots_lose_nothing() {
        model(3, || {
            let world = World::new();
            let first = world.notify.subscribe(A);
            let _second = world.notify.subscribe(SOURCE);
            for token in [B, C] {
                let world = world.clone();
                thread::spawn(move || {
                    let signal = world.notify.subscribe(token);
                    assert!(matches!(signal, Signal::Extra(_)));
                    world.wake(&signal);
                });
            }
            world.wake(&first);
            collect(&world, &mut Turn::default(), 1, &[A, B, C]);
        });
    }

    #[test]
    fn a_slots_next_owner_loses_nothing_to_the_last_one() {
        model(3, || {
            let world = World::new();
            let a = world.notify.subscribe(A);
            let other = world.clone();
            thread::spawn(move || {
                other.wake(&a);
                other.notify.release(&a);
                let b = other.notify.subscribe(B);
                other.wake(&b);
            });
            collect(&world, &mut Turn::default(), 1, &[B]);
        });
    }

    #[test]
    fn a_slots_next_owner_in_another_thread_loses_nothing() {
        model(3, || {
            let world = World::new();
            let a = world.notify.subscribe(A);
            let (first, second) = (world.clone(), world.clone());
            thread::spawn(move || {
                first.wake(&a);
                first.notify.release(&a);
            });
            thread::spawn(move || {
                let b = second.notify.subscribe(B);
                second.wake(&b);
            });
            collect(&world, &mut Turn::default(), 1, &[B]);
        });
    }

    #[test]
    fn an_outer_loop_is_told_of_every_wake() {
        model(3, || {
            let world = World::new();
            for token in [A, B] {
                let world = world.clone();
                thread::spawn(move || {
                    let signal = world.notify.subscribe(token);
                    world.wake(&signal);
                });
            }
            if world.notify.ring_always() {
                world.change(|state| state.rung = true);
            }
            let (mut seen, mut turn) = (Vec::new(), Turn::default());
            while !(seen.contains(&A) && seen.contains(&B)) {
                // What the outer loop does: waits until the descriptor is readable.
                let mut state = lock(&world.set.state);
                while !state.rung {
                    state = world.set.changed.wait(state).unwrap();
                }
                drop(state);
                let mut kernel = OnePoll {
                    world: &world,
                    list: Vec::new(),
                };
                world.notify.poll(&mut turn, &mut kernel, 1, NOW).unwrap();
                seen.append(&mut kernel.list);
            }
        });
    }
}
