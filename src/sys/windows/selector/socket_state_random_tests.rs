//! Random users and a random kernel for a million steps.

use std::collections::VecDeque;

use super::*;

const STEPS: usize = if cfg!(miri) { 2_000 } else { 1_000_000 };
/// Steps of one socket, on average.
const LIFE: u32 = 200;

/// Numbers from 0 up to, and without, a limit. xorshift64*, which needs no library.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        (high % u64::from(limit)) as u32
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// What has failed.
enum Failure {
    Ask(Answer),
    Cancel,
}

/// AFD, for one socket.
#[derive(Default)]
struct Afd {
    /// What holds now.
    truth: Flags,
    question: Option<Flags>,
    /// What has ended, and was not dequeued.
    packets: VecDeque<Answer>,
}

impl Afd {
    fn perform(&mut self, action: Action, random: &mut Random) -> Option<Failure> {
        match action {
            Action::Nothing => {}
            Action::Cancel if random.below(50) == 0 => return Some(Failure::Cancel),
            Action::Cancel => {
                if self.question.take().is_some() {
                    self.packets.push_back(Answer::Holds(0));
                }
            }
            Action::Ask(_) | Action::Post if !self.is_idle() => panic!("two at a time"),
            Action::Ask(_) if random.below(50) == 0 => {
                return Some(Failure::Ask(Answer::Failed));
            }
            Action::Ask(flags) => {
                self.question = Some(flags);
                self.answer();
            }
            // Nobody has written an answer.
            Action::Post => self.packets.push_back(Answer::Holds(random.below(0x200))),
        }
        None
    }

    fn is_idle(&self) -> bool {
        self.question.is_none() && self.packets.is_empty()
    }

    fn set(&mut self, flags: Flags) {
        self.truth |= flags;
        self.answer();
    }

    fn answer(&mut self) {
        if let Some(asked) = self.question {
            if self.truth & asked != 0 {
                self.packets.push_back(Answer::Holds(self.truth & asked));
                self.question = None;
            }
        }
    }
}

/// What the user is owed.
#[derive(Default)]
struct User {
    registration: Option<(Token, Interest)>,
    next_token: usize,
    /// He has come to the end, or registered anew, since he was last told.
    waits_to_read: bool,
    waits_to_write: bool,
    /// It was true at some time since he last came to the end.
    was_readable: bool,
    was_writable: bool,
    /// Told since he registered.
    knows_end: bool,
    knows_break: bool,
    shut_write: bool,
    events: usize,
    failures: usize,
}

struct Run {
    random: Random,
    state: SocketState,
    afd: Afd,
    user: User,
}

impl Run {
    fn step(&mut self) {
        match self.random.below(20) {
            0..=2 => self.afd.set(RECEIVE),
            3..=4 => self.afd.set(SEND),
            5 if self.random.below(20) == 0 => self.afd.set(DISCONNECT),
            6 if self.random.below(40) == 0 => self.afd.set(ABORT),
            7..=8 => self.read(),
            9 => self.write(),
            10 => self.register(),
            11 if self.random.coin() => self.deregister(),
            12 if self.random.below(20) == 0 => self.shut_down(),
            13..=15 => self.flush(),
            16..=18 => self.dequeue(),
            _ if self.random.below(LIFE) == 0 => self.replace(),
            _ if self.random.below(8) == 0 => self.settle(),
            _ => {}
        }
        self.observe();
    }

    fn observe(&mut self) {
        let ends = DISCONNECT | BROKEN;
        self.user.was_readable |= self.afd.truth & (READ | ends) != 0 || self.user.shut_write;
        self.user.was_writable |= self.afd.truth & (WRITE | ends) != 0 || self.user.shut_write;
    }

    fn read(&mut self) {
        if self.afd.truth & (DISCONNECT | BROKEN) != 0 {
            return;
        }
        self.afd.truth &= !RECEIVE;
        self.user.was_readable = self.user.shut_write;
        if self.random.below(4) == 0 {
            // Before the state hears of it.
            self.afd.set(RECEIVE);
        }
        let less = self.random.coin();
        let found = if less { Found::Less } else { Found::Nothing };
        let changed = self.state.rearm(Direction::Read, found);
        self.user.waits_to_read = true;
        if changed && self.random.coin() {
            self.flush();
        }
    }

    fn write(&mut self) {
        if self.afd.truth & BROKEN != 0 {
            return;
        }
        self.afd.truth &= !SEND;
        self.user.was_writable = self.user.shut_write;
        if self.state.rearm(Direction::Write, Found::Nothing) && self.random.coin() {
            self.flush();
        }
        self.user.waits_to_write = true;
    }

    fn register(&mut self) {
        let token = Token(self.user.next_token);
        self.user.next_token += 1;
        let interests = match self.random.below(3) {
            0 => Interest::READABLE,
            1 => Interest::WRITABLE,
            _ => Interest::READABLE | Interest::WRITABLE,
        };
        let result = if self.user.registration.is_some() {
            self.state.reregister(token, interests)
        } else {
            self.state.register(token, interests)
        };
        result.unwrap();
        self.user.registration = Some((token, interests));
        self.user.waits_to_read = true;
        self.user.waits_to_write = true;
        self.user.knows_end = false;
        self.user.knows_break = false;
    }

    fn deregister(&mut self) {
        let was = self.user.registration.take().is_some();
        assert_eq!(self.state.deregister().is_ok(), was);
    }

    fn shut_down(&mut self) {
        let before = self.state.begin_shutdown(false, true);
        let done = self.random.coin();
        self.state.shut_down(before, done);
        self.user.shut_write |= done;
    }

    fn flush(&mut self) {
        let action = self.state.next();
        match self.afd.perform(action, &mut self.random) {
            None => return,
            Some(Failure::Ask(answer)) => self.state.ask_failed(answer),
            Some(Failure::Cancel) => self.state.cancel_failed(),
        }
        self.user.failures += 1;
    }

    fn dequeue(&mut self) {
        let Some(answer) = self.afd.packets.pop_front() else {
            return;
        };
        let Some(report) = self.state.completed(answer) else {
            return;
        };
        self.user.events += 1;
        let (token, interests) = self.user.registration.expect("no event after deregister");
        assert_eq!(report.token, token, "an event of an earlier registration");
        let says = |readiness| report.readiness.contains(readiness);
        let excused = report.flags & NOT_ASKED != 0;
        if says(Readiness::READABLE) {
            assert!(interests.is_readable());
            assert!(excused || self.user.was_readable, "{report:?}");
            self.user.waits_to_read &= excused;
        }
        if says(Readiness::WRITABLE) {
            assert!(interests.is_writable());
            assert!(excused || self.user.was_writable, "{report:?}");
            self.user.waits_to_write &= excused;
        }
        let broken = self.afd.truth & BROKEN != 0;
        let ended = self.afd.truth & DISCONNECT != 0;
        if says(Readiness::WRITE_CLOSED) {
            assert!(broken || ended && self.user.shut_write, "{report:?}");
        }
        if says(Readiness::READ_CLOSED) {
            assert!(broken || ended, "{report:?}");
            self.user.knows_end = true;
        }
        if says(Readiness::ERROR) {
            assert!(broken);
            self.user.knows_break = true;
        }
    }

    /// Asks for nothing more, or for the answer that is under way.
    fn is_at_rest(&mut self) -> bool {
        let failures = self.user.failures;
        let before = self.afd.question;
        self.flush();
        failures == self.user.failures && before == self.afd.question && self.afd.packets.is_empty()
    }

    /// Lets everything arrive, and looks whether the user has got what he is owed.
    fn settle(&mut self) {
        for turn in 0.. {
            assert!(turn < 1000, "it never comes to rest: {:?}", self.state);
            self.flush();
            if self.afd.packets.is_empty() && self.is_at_rest() {
                break;
            }
            self.dequeue();
        }
        let Some((_, interests)) = self.user.registration else {
            assert!(self.afd.is_idle() && !self.state.is_busy());
            return;
        };
        let truth = self.afd.truth;
        let state = &self.state;
        if interests.is_readable() {
            let readable = truth & (READ | DISCONNECT | BROKEN) != 0;
            assert!(!(readable && self.user.waits_to_read), "lost: {state:?}");
            assert!(
                truth & DISCONNECT == 0 || self.user.knows_end,
                "lost: {state:?}"
            );
        }
        if interests.is_writable() {
            let writable = truth & (WRITE | BROKEN) != 0;
            assert!(!(writable && self.user.waits_to_write), "lost: {state:?}");
        }
        assert!(
            truth & BROKEN == 0 || self.user.knows_break,
            "lost: {state:?}"
        );
    }

    /// The source is dropped, and there is another.
    fn replace(&mut self) {
        self.deregister();
        self.settle();
        self.state = SocketState::new();
        self.afd = Afd::default();
        self.user = User {
            events: self.user.events,
            failures: self.user.failures,
            ..User::default()
        };
    }
}

#[test]
fn random_answers_cancellations_changes_and_drops_lose_nothing() {
    let mut run = Run {
        random: Random(0x5EED_0FF3_1221_0005),
        state: SocketState::new(),
        afd: Afd::default(),
        user: User::default(),
    };
    for _ in 0..STEPS {
        run.step();
    }
    run.replace();
    // Or nothing was tested.
    assert!(run.user.events > STEPS / 50, "{} events", run.user.events);
    assert!(
        run.user.failures > STEPS / 10_000,
        "{} failures",
        run.user.failures
    );
}
