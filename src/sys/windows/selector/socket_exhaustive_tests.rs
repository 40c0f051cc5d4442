//! loom: the state machine of a socket and the list of changes, driven as `socket.rs` and `shared.rs`
//! drive them, against a model of AFD and of the port's queue. They make no system call, so this runs
//! wherever loom does. Whatever the order of a user, a peer and a poller, what a user waits for reaches
//! him, and nothing that belongs to an earlier registration does. A lost edge is a deadlock, which loom
//! reports.

use std::collections::VecDeque;

use loom::sync::Condvar;
use loom::thread;

use super::windows_changes::{Changes, Listed};
use super::windows_socket_state::{
    ACCEPT, Action, Answer, Direction, Flags, Found, RECEIVE, Report, SEND, SocketState,
};
use crate::interest::Interest;
use crate::readiness::Readiness;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, lock};
use crate::token::Token;

const A: Token = Token(1);
const B: Token = Token(2);
const READABLE: Interest = Interest::READABLE;

/// What holds of the socket, the question that is under way, and the port's queue.
struct Kernel {
    afd: Mutex<Afd>,
    posted: Condvar,
}

#[derive(Default)]
struct Afd {
    truth: Flags,
    question: Option<Flags>,
    packets: VecDeque<Answer>,
}

impl Kernel {
    fn with(&self, f: impl FnOnce(&mut Afd)) {
        let mut afd = lock(&self.afd);
        f(&mut afd);
        if let Some(asked) = afd.question {
            let holds = afd.truth & asked;
            if holds != 0 {
                afd.question = None;
                afd.packets.push_back(Answer::Holds(holds));
            }
        }
        self.posted.notify_one();
    }

    fn dequeue(&self) -> Answer {
        let mut afd = lock(&self.afd);
        loop {
            if let Some(answer) = afd.packets.pop_front() {
                return answer;
            }
            afd = self.posted.wait(afd).unwrap();
        }
    }
}

struct Socket {
    state: Mutex<SocketState>,
    place: AtomicUsize,
}

impl Listed for Arc<Socket> {
    fn place(&self) -> &AtomicUsize {
        &self.place
    }
}

struct World {
    kernel: Kernel,
    changes: Changes<Arc<Socket>>,
    socket: Arc<Socket>,
    /// Registrations that have ended: the tokens up to this one are nobody's any more.
    ended: AtomicUsize,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            kernel: Kernel {
                afd: Mutex::new(Afd::default()),
                posted: Condvar::new(),
            },
            changes: Changes::new(),
            socket: Arc::new(Socket {
                state: Mutex::new(SocketState::new()),
                place: AtomicUsize::new(0),
            }),
            ended: AtomicUsize::new(0),
        })
    }

    /// `Socket::apply`: with the state locked the kernel is told what it demands.
    fn apply(&self) {
        let mut state = lock(&self.socket.state);
        match state.next() {
            Action::Nothing => {}
            Action::Cancel => self.kernel.with(|afd| {
                if afd.question.take().is_some() {
                    afd.packets.push_back(Answer::Holds(0));
                }
            }),
            Action::Ask(flags) => self.kernel.with(|afd| {
                assert!(afd.question.is_none(), "two questions at a time");
                afd.question = Some(flags);
            }),
            Action::Post => self
                .kernel
                .with(|afd| afd.packets.push_back(Answer::Holds(0))),
        }
    }

    /// `Shared::tell`.
    fn tell(&self) {
        if self.changes.add(&self.socket) {
            self.apply();
        }
    }

    fn change(&self, f: impl FnOnce(&mut SocketState)) {
        f(&mut lock(&self.socket.state));
        self.tell();
    }

    fn register(&self, token: Token) {
        self.change(|state| state.register(token, READABLE).unwrap());
    }

    fn deregister(&self, token: Token) {
        self.change(|state| state.deregister().unwrap());
        self.ended.store(token.0, Ordering::SeqCst);
    }

    /// What the peer does.
    fn comes(&self, flags: Flags) {
        self.kernel.with(|afd| afd.truth |= flags);
    }

    /// Reads up to `WouldBlock`, as `IoSourceState` does.
    fn read_all(&self) {
        self.kernel.with(|afd| afd.truth &= !RECEIVE);
        let mut changed = false;
        {
            let mut state = lock(&self.socket.state);
            changed |= state.rearm(Direction::Read, Found::Nothing);
        }
        if changed {
            self.tell();
        }
    }

    /// One turn of the poller, blocking until there is a packet.
    fn turn(&self) -> Option<Report> {
        let list = self.changes.take(true);
        list.iter().for_each(|_| self.apply());
        self.changes.give_back(list);
        let answer = self.kernel.dequeue();
        self.changes.awake();
        let over = self.ended.load(Ordering::SeqCst);
        let mut state = lock(&self.socket.state);
        let report = state.completed(answer);
        let more = state.has_work();
        drop(state);
        if more {
            self.changes.put(&self.socket);
        }
        let report = report?;
        assert!(report.token.0 > over, "{report:?}, which had ended");
        Some(report)
    }

    /// Polls until there is an event.
    fn report(&self) -> Report {
        loop {
            if let Some(report) = self.turn() {
                return report;
            }
        }
    }

    fn poll(&self) -> Token {
        self.report().token
    }
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(f);
}

#[test]
fn a_blocked_poll_hears_of_a_registration_and_of_what_comes() {
    model(|| {
        let world = World::new();
        let (user, peer) = (world.clone(), world.clone());
        thread::spawn(move || user.register(A));
        thread::spawn(move || peer.comes(RECEIVE));
        // The poller has something to wait for: a packet that says nothing is dequeued too.
        assert_eq!(world.poll(), A);
    });
}

#[test]
fn what_comes_while_a_source_is_rearmed_is_told() {
    model(|| {
        let world = World::new();
        world.register(A);
        world.comes(RECEIVE);
        assert_eq!(world.poll(), A);
        let (user, peer) = (world.clone(), world.clone());
        thread::spawn(move || {
            user.read_all();
            user.comes(RECEIVE);
        });
        thread::spawn(move || peer.comes(SEND | ACCEPT));
        assert_eq!(world.poll(), A);
    });
}

/// The generations: a question may be under way, or its answer, when its registration ends. What was
/// readable has been read before the next begins.
#[test]
fn no_event_is_that_of_a_registration_that_has_ended() {
    model(|| {
        let world = World::new();
        world.register(A);
        world.comes(RECEIVE);
        let user = world.clone();
        thread::spawn(move || {
            user.deregister(A);
            user.kernel.with(|afd| afd.truth &= !RECEIVE);
            let both = READABLE | Interest::WRITABLE;
            user.change(|state| state.register(B, both).unwrap());
            user.comes(SEND);
        });
        let mut report = world.report();
        while report.token != B {
            report = world.report();
        }
        let readable = report.readiness.contains(Readiness::READABLE);
        assert!(!readable, "an answer to the first is the second's");
    });
}

/// A question that asks for too little is cancelled, and asked anew, in the poll that is blocked.
#[test]
fn a_blocked_poll_hears_of_a_wider_interest() {
    model(|| {
        let world = World::new();
        world.register(A);
        let user = world.clone();
        thread::spawn(move || {
            user.change(|state| state.reregister(B, READABLE | Interest::WRITABLE).unwrap());
        });
        let peer = world.clone();
        thread::spawn(move || peer.comes(SEND));
        while world.poll() != B {}
    });
}
