use std::net::UdpSocket;
use std::os::windows::io::AsRawSocket;
use std::sync::Weak;
use std::time::Instant;

use super::socket::Operation;
use super::*;
use crate::interest::Interest;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn timeouts_are_rounded_up_and_cut() {
    assert_eq!(milliseconds(None), FOREVER);
    assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
    assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
    assert_eq!(milliseconds(Some(Duration::from_micros(1001))), 2);
    assert_eq!(milliseconds(Some(Duration::from_millis(59_999))), 59_999);
    for long in [
        Duration::from_secs(61),
        Duration::from_secs(5_000_000),
        Duration::MAX,
    ] {
        assert_eq!(milliseconds(Some(long)), LONGEST);
    }
}

/// A selector, and what it takes to poll it.
struct Poller {
    selector: Selector,
    turn: Turn,
    events: Events,
}

impl Poller {
    fn new() -> Poller {
        Poller {
            selector: Selector::new(DEFAULT, crate::sys::DEFAULT_WAKER).unwrap(),
            turn: Turn::default(),
            events: Events::with_capacity(64),
        }
    }

    /// The tokens of one poll.
    fn poll(&mut self, timeout: Duration) -> Vec<usize> {
        self.events.clear();
        self.selector
            .select(&mut self.turn, &mut self.events, Some(timeout))
            .unwrap();
        self.events.iter().map(|event| event.token().0).collect()
    }

    fn under_way(&self) -> usize {
        self.selector.shared.helpers.under_way()
    }

    fn helpers(&self) -> usize {
        self.selector.shared.helpers.count()
    }
}

/// A registered socket at which nothing has arrived.
struct Source {
    // Dropped before the socket is closed.
    state: IoSourceState,
    socket: UdpSocket,
}

impl Source {
    fn new(selector: &Selector, token: usize) -> Source {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut state = IoSourceState::new();
        let raw = socket.as_raw_socket();
        state
            .register(selector, raw, Token(token), Interest::READABLE)
            .unwrap();
        Source { state, socket }
    }

    /// One about which a question is under way.
    fn asked(poller: &mut Poller, token: usize) -> Source {
        let source = Source::new(&poller.selector, token);
        assert_eq!(poller.poll(Duration::ZERO), []);
        assert_eq!(poller.under_way(), 1);
        source
    }

    fn memory(&self) -> Weak<Operation> {
        Arc::downgrade(self.state.socket.as_ref().unwrap())
    }

    fn send(&self) {
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        from.send_to(b"x", self.socket.local_addr().unwrap())
            .unwrap();
    }
}

#[test]
fn a_helper_serves_32_sockets() {
    for count in [1, 32, 33, 1000] {
        let mut poller = Poller::new();
        let sources: Vec<_> = (0..count)
            .map(|token| Source::new(&poller.selector, token))
            .collect();
        assert_eq!(poller.poll(Duration::ZERO), []);
        assert_eq!(poller.helpers(), count.div_ceil(32));
        assert_eq!(poller.under_way(), count);
        for source in &sources {
            source.send();
        }
        let start = Instant::now();
        let mut seen = Vec::new();
        while seen.len() < count && start.elapsed() < LIMIT {
            seen.extend(poller.poll(LIMIT));
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..count));
        drop(sources);
        assert_eq!(poller.poll(Duration::ZERO), []);
        assert_eq!((poller.under_way(), poller.helpers()), (0, 1));
    }
}

#[test]
fn seats_that_were_given_back_are_taken_first() {
    let poller = Poller::new();
    let mut sources: Vec<_> = (0..64).map(|n| Source::new(&poller.selector, n)).collect();
    sources.drain(10..30);
    sources.extend((0..20).map(|n| Source::new(&poller.selector, n)));
    assert_eq!(poller.helpers(), 2);
}

#[test]
fn registering_and_dropping_without_polls_keeps_nothing() {
    let poller = Poller::new();
    let keep = Source::new(&poller.selector, 0);
    for token in 1..100 {
        let source = Source::new(&poller.selector, token);
        let memory = source.memory();
        drop(source);
        assert_eq!(memory.strong_count(), 0);
    }
    assert_eq!(keep.memory().strong_count(), 2);
    // In any order.
    let mut sources: Vec<_> = (0..8).map(|n| Source::new(&poller.selector, n)).collect();
    for index in [3, 0, 4, 4, 0, 2, 1, 0] {
        let source = sources.remove(index);
        let memory = source.memory();
        drop(source);
        assert_eq!(memory.strong_count(), 0);
    }
}

#[test]
fn a_poll_that_does_not_block_sees_what_has_to_be_asked_anew() {
    let mut poller = Poller::new();
    let mut source = Source::asked(&mut poller, 1);
    let both = Interest::READABLE | Interest::WRITABLE;
    let raw = source.socket.as_raw_socket();
    source
        .state
        .reregister(&poller.selector, raw, Token(2), both)
        .unwrap();
    assert_eq!(poller.poll(Duration::ZERO), [2]);

    let mut source = Source::asked(&mut Poller::new(), 1);
    let raw = source.socket.as_raw_socket();
    source
        .state
        .register(&poller.selector, raw, Token(3), Interest::READABLE)
        .unwrap();
    assert_eq!(poller.poll(Duration::ZERO), []);
    let read = |source: &Source| {
        let receive = |socket: &UdpSocket| socket.recv(&mut [0; 8]);
        source.state.do_read_op(receive, &source.socket)
    };
    source.send();
    while read(&source).is_err() {}
    read(&source).unwrap_err();
    // The question was answered by what is gone.
    assert_eq!(poller.poll(Duration::ZERO), []);
    source.send();
    assert_eq!(poller.poll(LIMIT), [3]);
}

#[test]
fn a_question_outlives_its_source_until_it_has_ended() {
    let mut poller = Poller::new();
    let source = Source::asked(&mut poller, 1);
    let memory = source.memory();
    drop(source);
    assert_eq!(memory.strong_count(), 1);
    assert_eq!(poller.poll(Duration::ZERO), []);
    assert_eq!((memory.strong_count(), poller.under_way()), (0, 0));
}

#[test]
fn the_end_of_a_selector_ends_its_questions() {
    let mut poller = Poller::new();
    let mut source = Source::asked(&mut poller, 1);
    let dropped = Source::new(&poller.selector, 2);
    assert_eq!(poller.poll(Duration::ZERO), []);
    let (memory, other) = (source.memory(), dropped.memory());
    drop(dropped);
    assert_eq!(other.strong_count(), 1);
    drop(poller);
    assert_eq!(other.strong_count(), 0);
    // The source's own is left, and goes on to another selector.
    assert_eq!(memory.strong_count(), 1);
    let result = source
        .state
        .do_read_op(|socket| socket.recv(&mut [0; 8]), &source.socket);
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let mut poller = Poller::new();
    let raw = source.socket.as_raw_socket();
    source
        .state
        .register(&poller.selector, raw, Token(3), Interest::READABLE)
        .unwrap();
    assert_eq!(memory.strong_count(), 0);
    source.send();
    assert_eq!(poller.poll(LIMIT), [3]);
}

#[test]
fn a_socket_closed_without_a_word_is_forgotten() {
    let mut poller = Poller::new();
    let source = Source::asked(&mut poller, 1);
    let Source { mut state, socket } = source;
    let raw = socket.as_raw_socket();
    drop(socket);
    assert_eq!(poller.poll(Duration::from_millis(1)), []);
    assert_eq!(poller.under_way(), 0);
    state.deregister(&poller.selector, raw).unwrap();
}

/// Windows refuses it at once; Wine 8 answers the question for the base socket with whatever it was
/// asked about, and refuses the AFD poll.
#[test]
fn what_is_no_socket_is_no_source() {
    let mut poller = Poller::new();
    for raw in [0, std::os::windows::io::RawSocket::MAX] {
        let mut state = IoSourceState::new();
        let result = state.register(&poller.selector, raw, Token(1), Interest::READABLE);
        assert_eq!(poller.poll(Duration::from_millis(1)), []);
        assert_eq!(poller.under_way(), 0);
        let end = state.deregister(&poller.selector, raw);
        assert_eq!(end.is_ok(), result.is_ok());
    }
}

#[test]
fn registering_again_waits_for_the_last_question() {
    let mut poller = Poller::new();
    let mut source = Source::asked(&mut poller, 1);
    let raw = source.socket.as_raw_socket();
    source.state.deregister(&poller.selector, raw).unwrap();
    source
        .state
        .register(&poller.selector, raw, Token(2), Interest::READABLE)
        .unwrap();
    source.send();
    assert_eq!(poller.poll(LIMIT), [2]);
}

/// What asks, cancels and asks again is each time a thread that ends at once.
#[test]
fn changes_by_threads_that_end_are_all_seen() {
    const ROUNDS: usize = 200;
    const THREADS: usize = 3;

    let mut poller = Poller::new();
    let (selector, turn) = (&poller.selector, &mut poller.turn);
    let mut events = Events::with_capacity(2);
    let change = |token| {
        let mut source = Source::new(selector, usize::MAX);
        let both = Interest::READABLE | Interest::WRITABLE;
        let raw = source.socket.as_raw_socket();
        let changed = source.state.reregister(selector, raw, Token(token), both);
        changed.unwrap();
        source
    };
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            let begin = |token| scope.spawn(move || change(token));
            let workers: Vec<_> = (0..THREADS).map(begin).collect();
            let mut seen = [false; THREADS];
            let until = Instant::now() + LIMIT;
            while seen.contains(&false) {
                let left = until.saturating_duration_since(Instant::now());
                assert!(!left.is_zero(), "round {round}: {seen:?}");
                events.clear();
                selector.select(turn, &mut events, Some(left)).unwrap();
                for event in &events {
                    seen[event.token().0] |= event.is_writable();
                }
            }
            drop(workers);
        });
    }
}
