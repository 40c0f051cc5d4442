//! The asleep-state word in all interleavings up to a bound on preemptions, against a kernel made of a
//! flag and a counter: loom runs this with `cargo xtask loom`.

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

fn poll_until(world: &World, turn: &mut Turn, capacity: usize, done: impl Fn(&[Token]) -> bool) {
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
fn no_wake_is_lost_by_polls_that_spin() {
    for (capacity, timeout) in [(1, None), (2, None), (2, LONG)] {
        model(2, move || {
            let world = World::with(timeout);
            for token in [A, B] {
                let world = world.clone();
                thread::spawn(move || {
                    let signal = world.notify.subscribe(token);
                    world.wake(&signal);
                });
            }
            let mut turn = Turn::new(Duration::from_nanos(2));
            collect(&world, &mut turn, capacity, &[A, B]);
        });
    }
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
fn no_slot_is_given_to_two() {
    for taken in 0..SLOTS {
        model(3, move || {
            let world = World::new();
            for _ in 0..taken {
                world.notify.subscribe(SOURCE);
            }
            let other = world.clone();
            let thread = thread::spawn(move || other.notify.subscribe(A));
            let signals = [world.notify.subscribe(B), thread.join().unwrap()];
            if let [Signal::Slot(a), Signal::Slot(b)] = signals {
                assert_ne!(a, b);
            }
        });
    }
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
fn a_descriptor_handed_out_during_a_poll_tells_of_what_is_left() {
    model(3, || {
        let world = World::new();
        let _slots = [A, SOURCE].map(|token| world.notify.subscribe(token));
        let extras = [B, C].map(|token| world.notify.subscribe(token));
        for extra in &extras {
            world.wake(extra);
        }
        let other = world.clone();
        let outer = thread::spawn(move || {
            if other.notify.ring_always() {
                other.change(|state| state.rung = true);
            }
        });
        let mut kernel = OnePoll {
            world: &world,
            list: Vec::new(),
        };
        let mut turn = Turn::default();
        world.notify.poll(&mut turn, &mut kernel, 1, NOW).unwrap();
        assert_eq!(kernel.list.len(), 1);
        outer.join().unwrap();
        assert!(lock(&world.set.state).rung, "one wake is left");
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
