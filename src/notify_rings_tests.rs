//! Which wakes ring, for whom, and what a poll asks the kernel meanwhile.

use super::*;

const SOON: Option<Duration> = Some(Duration::from_secs(3600));

/// Does something whenever it is asked, or told of a wake.
struct Acting<W, E> {
    wait: W,
    emit: E,
    list: Vec<Token>,
    rings: Cell<usize>,
}

impl<W: FnMut(usize, Option<Duration>) -> Harvest, E: FnMut(Token)> Acting<W, E> {
    fn new(wait: W, emit: E) -> Self {
        Acting {
            wait,
            emit,
            list: Vec::new(),
            rings: Cell::new(0),
        }
    }
}

impl<W: FnMut(usize, Option<Duration>) -> Harvest, E: FnMut(Token)> Kernel for Acting<W, E> {
    fn wait(&mut self, room: usize, timeout: Option<Duration>) -> io::Result<Harvest> {
        Ok((self.wait)(room, timeout))
    }

    fn emit(&mut self, token: Token) {
        self.list.push(token);
        (self.emit)(token);
    }

    fn promote(&mut self) {}

    fn ring(&self) {
        self.rings.set(self.rings.get() + 1);
    }
}

/// A bench with all slots taken, and the wakers of the first two.
fn crowded() -> (Bench, Signal, Signal) {
    let bench = Bench::new();
    let mut signals = (0..SLOTS).map(|index| bench.notify.subscribe(Token(index)));
    let (a, b) = (signals.next().unwrap(), signals.next().unwrap());
    assert_eq!(signals.count(), SLOTS - 2);
    (bench, a, b)
}

#[test]
fn a_wake_rings_for_a_poll_that_blocks_and_for_no_other() {
    for timeout in [None, SOON, NOW] {
        let notify = Notify::new();
        let a = notify.subscribe(A);
        let mut asked = Vec::new();
        let wait = |_room: usize, timeout: Option<Duration>| {
            asked.push(timeout == NOW);
            // First a late ring's answer, so that there is a second question.
            if asked.len() == 2 {
                assert_eq!(notify.wake(&a), timeout != NOW);
            }
            Harvest {
                events: 0,
                rung: true,
            }
        };
        let mut kernel = Acting::new(wait, |_| ());
        notify
            .poll(&mut Turn::default(), &mut kernel, 4, timeout)
            .unwrap();
        assert_eq!(kernel.list, [A]);
        assert_eq!(asked, [timeout == NOW; 2]);
    }
}

#[test]
fn who_has_blocked_is_awake_afterwards() {
    for timeout in [None, SOON] {
        let mut bench = Bench::new();
        let a = bench.notify.subscribe(A);
        assert_eq!(bench.poll(2, timeout, [events(1)]).unwrap(), [SOURCE]);
        assert!(!bench.notify.wake(&a), "nobody sleeps");
        assert_eq!(bench.poll(2, NOW, [events(0)]).unwrap(), [A]);
        let interrupted = Err(io::ErrorKind::Interrupted.into());
        bench.poll(2, timeout, [interrupted]).unwrap_err();
        assert!(!bench.notify.wake(&a), "nobody sleeps");
    }
}

#[test]
fn a_ring_beside_events_brings_its_wake_along() {
    let notify = Notify::new();
    let a = notify.subscribe(A);
    let wait = |_room: usize, _timeout: Option<Duration>| {
        assert!(notify.wake(&a), "somebody sleeps");
        Harvest {
            events: 1,
            rung: true,
        }
    };
    let mut kernel = Acting::new(wait, |_| ());
    notify
        .poll(&mut Turn::default(), &mut kernel, 4, None)
        .unwrap();
    assert_eq!(kernel.list, [A]);
}

#[test]
fn a_poll_without_limit_asks_until_something_comes() {
    let mut bench = Bench::new();
    let answers = [events(0), events(0), events(1)];
    assert_eq!(bench.poll(2, None, answers).unwrap(), [SOURCE]);
    assert_eq!(bench.kernel.asked, [(2, None); 3]);
}

#[test]
fn a_poll_that_spins_keeps_a_place_for_a_wake() {
    let mut bench = Bench::new();
    bench.turn = Turn::new(Duration::MAX);
    let a = bench.notify.subscribe(A);
    assert!(!bench.notify.wake(&a));
    assert_eq!(bench.poll(2, SOON, [events(9)]).unwrap(), [A, SOURCE]);
    assert_eq!(bench.kernel.asked, [(1, NOW)]);
}

#[test]
fn a_poll_with_a_limit_keeps_a_place_for_a_wake() {
    let mut bench = Bench::new();
    let a = bench.notify.subscribe(A);
    assert!(!bench.notify.wake(&a));
    assert_eq!(bench.poll(2, SOON, [events(9)]).unwrap(), [A, SOURCE]);
    assert_eq!(bench.kernel.asked, [(1, NOW)]);
}

#[test]
fn wakes_alone_come_in_the_order_of_their_slots() {
    let mut bench = Bench::new();
    let (a, b) = (bench.notify.subscribe(A), bench.notify.subscribe(B));
    let _ = (bench.notify.wake(&b), bench.notify.wake(&a));
    assert_eq!(bench.poll(4, None, [events(0)]).unwrap(), [A, B]);
}

#[test]
fn each_slots_next_owner_begins_without_a_wake() {
    let (mut bench, a, b) = crowded();
    for (signal, token) in [(a, A), (b, B)] {
        let _ = bench.notify.wake(&signal);
        bench.notify.release(&signal);
        let next = bench.notify.subscribe(token);
        assert!(matches!(next, Signal::Slot(_)), "the place is free");
        assert_eq!(bench.poll(4, NOW, [events(0)]).unwrap(), []);
    }
}

#[test]
fn handing_out_asks_for_a_ring_only_if_a_wake_is_pending() {
    let notify = Notify::new();
    let a = notify.subscribe(A);
    assert!(!notify.ring_always());
    assert!(notify.wake(&a));
    assert!(notify.ring_always());
}

#[test]
fn a_ring_is_renewed_for_what_is_left_only_and_only_for_others() {
    for (wakes, handed_out, rings) in [(1, true, 0), (2, false, 0), (2, true, 1)] {
        let mut bench = Bench::new();
        let (a, b) = (bench.notify.subscribe(A), bench.notify.subscribe(B));
        if handed_out {
            let _ = bench.notify.ring_always();
        }
        for signal in [&a, &b].iter().take(wakes) {
            let _ = bench.notify.wake(signal);
        }
        bench.turn.waker_next = true;
        assert_eq!(bench.poll(1, NOW, []).unwrap(), [A]);
        assert_eq!(bench.kernel.rings.get(), rings, "{wakes} {handed_out}");
    }
}

#[test]
fn a_ring_is_renewed_for_overflowing_wakers_that_are_left() {
    // Handed out before the poll, and while it has cleared their bit.
    for early in [true, false] {
        let (bench, ..) = crowded();
        let notify = &bench.notify;
        let (first, second) = (notify.subscribe(A), notify.subscribe(B));
        if early {
            assert!(!notify.ring_always());
        }
        let _ = (notify.wake(&first), notify.wake(&second));
        let emit = |_| {
            if !early {
                assert!(!notify.ring_always(), "their bit is clear");
            }
        };
        let mut turn = Turn::default();
        let mut kernel = Acting::new(|_, _| Harvest::default(), emit);
        assert_eq!(notify.settle(&mut turn, &mut kernel, 1), 1);
        assert_eq!((&kernel.list[..], kernel.rings.get()), (&[A][..], 1));
        assert_eq!(notify.settle(&mut turn, &mut kernel, 4), 1);
        assert_eq!((&kernel.list[..], kernel.rings.get()), (&[A, B][..], 1));
    }
}

#[test]
fn overflowing_wakers_are_asked_only_if_one_of_them_woke() {
    let (mut bench, a, _) = crowded();
    let _extra = bench.notify.subscribe(C);
    let _ = bench.notify.wake(&a);
    bench.turn.waker_next = true;
    assert_eq!(bench.poll(1, NOW, []).unwrap(), [Token(0)]);
    assert_eq!(bench.poll(4, NOW, [events(0)]).unwrap(), []);
    assert_eq!(bench.kernel.asked, [(4, NOW)], "nothing was pending");
}

#[test]
fn a_place_that_was_kept_for_nobody_is_given_to_a_source() {
    let (mut bench, ..) = crowded();
    let extra = bench.notify.subscribe(C);
    let _ = bench.notify.wake(&extra);
    // The bit that it shares stays.
    bench.notify.release(&extra);
    bench.turn.waker_next = true;
    assert_eq!(bench.poll(1, NOW, [events(1)]).unwrap(), [SOURCE]);
    assert_eq!(bench.kernel.asked, [(1, NOW)]);
}

#[test]
fn a_ring_that_is_still_in_the_kernel_is_not_renewed() {
    let notify = Notify::new();
    let a = notify.subscribe(A);
    assert!(!notify.ring_always());
    let wait = |room: usize, _timeout: Option<Duration>| {
        assert!(notify.wake(&a));
        Harvest {
            events: room,
            rung: false,
        }
    };
    let mut kernel = Acting::new(wait, |_| ());
    notify
        .poll(&mut Turn::default(), &mut kernel, 2, SOON)
        .unwrap();
    assert_eq!((kernel.list.len(), kernel.rings.get()), (0, 0));
}

#[test]
fn a_poll_that_spins_leaves_a_single_place_to_the_wake() {
    let mut bench = Bench::new();
    bench.turn = Turn::new(Duration::MAX);
    bench.turn.waker_next = true;
    let a = bench.notify.subscribe(A);
    assert!(!bench.notify.wake(&a));
    assert_eq!(bench.poll(1, SOON, []).unwrap(), [A]);
}

#[test]
fn as_many_wakers_are_chosen_as_there_is_room_each_in_its_turn() {
    for seen in [0b1011, SIGNALS, SIGNALS & !2, OVERFLOW | 1] {
        let all = seen.count_ones() as usize;
        for room in 1..=all + 1 {
            let mut turn = Turn::default();
            let mut chosen = vec![0; 32];
            for _ in 0..all {
                let choice = turn.choose(seen, room);
                assert_eq!(choice & !seen, 0);
                assert_eq!(choice.count_ones() as usize, room.min(all));
                for (bit, times) in chosen.iter_mut().enumerate() {
                    *times += choice >> bit & 1;
                }
            }
            // Everybody as often as everybody else.
            for (bit, times) in chosen.into_iter().enumerate() {
                assert_eq!(times as usize, (seen >> bit & 1) as usize * room.min(all));
            }
        }
    }
}
