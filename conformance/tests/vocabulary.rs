//! `Token`, `Interest`, `Event`, `Events` and their iterator: what they are apart from any poll, and
//! how they look in `{:?}`. mio's output is the norm where it does not show the system's own types.

use std::collections::HashSet;
use std::io::Write;

use ferrio::event::{Event, Events, Iter};
use ferrio::{Interest, Token};
use ferrio_conformance::{Backend, conformance, pairs};
use proptest::prelude::*;

conformance! { vocabulary {
    event_debug_names_its_fields,
    alternate_event_debug_names_the_flags needs EndsAreTold,
    wakers_event_has_the_same_debug_shape,
    events_debug_lists_the_events,
    events_are_iterated_in_every_way,
    events_can_be_cleared_by_hand,
    events_buffer_serves_several_polls,
    a_cloned_event_outlives_the_buffer,
    poll_registry_and_waker_have_debug_output,
    sources_have_debug_output needs Datagrams,
} }

fn readable_event(b: &Backend, token: usize) -> Event {
    let mut driver = b.driver();
    let (mut stream, mut peer) = pairs::tcp();
    driver.add(&mut stream, token, Interest::READABLE);
    peer.write_all(b"x").expect("write");
    driver.expect_readable(token).remove(0)
}

fn event_debug_names_its_fields(b: &Backend) {
    let event = readable_event(b, 7);
    assert_eq!(
        format!("{event:?}"),
        "Event { token: Token(7), readable: true, writable: false, error: false, \
         read_closed: false, write_closed: false, priority: false, aio: false, lio: false }"
    );
}

fn alternate_event_debug_names_the_flags(b: &Backend) {
    let mut driver = b.driver();
    let (mut stream, peer) = pairs::tcp();
    driver.add(&mut stream, 7, Interest::READABLE | Interest::WRITABLE);
    drop(peer);
    let seen = driver.expect(7, Event::is_read_closed);
    let text = format!("{:#?}", seen.last().expect("an event"));
    for field in [
        "token: Token(",
        "readable: true",
        "read_closed: true",
        "lio: false",
        "details:",
    ] {
        assert!(text.contains(field), "no {field} in {text}");
    }
    for flag in flags_of_a_closed_peer(b) {
        assert!(text.contains(flag), "no {flag} in {text}");
    }
    assert!(
        !text.contains("EPOLLERR") && !text.contains("POLLHUP"),
        "{text}"
    );
}

/// As the selector's own manual page names them.
fn flags_of_a_closed_peer(b: &Backend) -> &'static [&'static str] {
    match b.selector {
        ferrio::SelectorKind::Epoll => &["EPOLLIN", "EPOLLOUT", "EPOLLRDHUP"],
        ferrio::SelectorKind::Kqueue => &["EVFILT_READ", "EV_EOF of EVFILT_READ"],
        ferrio::SelectorKind::Poll => &["POLLIN", "POLLRDHUP"],
        ferrio::SelectorKind::Iocp => &["AFD_POLL_SEND", "AFD_POLL_DISCONNECT"],
        other => panic!("name the flags of {other}"),
    }
}

fn wakers_event_has_the_same_debug_shape(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(3);
    waker.wake().expect("wake");
    let event = driver.expect_readable(3).remove(0);
    assert!(format!("{event:?}").starts_with("Event { token: Token(3), readable: true,"));
    assert!(format!("{event:#?}").contains("details:"));
}

fn events_debug_lists_the_events(b: &Backend) {
    let mut driver = b.driver();
    assert_eq!(format!("{:?}", driver.events), "[]");
    let wakers = [driver.waker(1), driver.waker(2)];
    for waker in &wakers {
        waker.wake().expect("wake");
    }
    driver.turn();
    let text = format!("{:?}", driver.events);
    assert!(text.starts_with('[') && text.ends_with(']'), "{text}");
    assert!(
        text.contains("Token(1)") && text.contains("Token(2)"),
        "{text}"
    );
    let text = format!("{:?}", driver.events.iter());
    assert!(
        text.contains("Token(1)") && text.contains("Token(2)"),
        "{text}"
    );
}

fn events_are_iterated_in_every_way(b: &Backend) {
    let mut driver = b.driver();
    let wakers: Vec<_> = (0..5).map(|token| driver.waker(token)).collect();
    for waker in &wakers {
        waker.wake().expect("wake");
    }
    driver.turn();
    let events: &Events = &driver.events;
    let by_iter: Vec<Token> = events.iter().map(Event::token).collect();
    let mut by_loop = Vec::new();
    for event in events {
        by_loop.push(event.token());
    }
    assert_eq!(by_iter, by_loop);
    let mut iter: Iter<'_> = events.iter();
    assert_eq!(iter.size_hint(), (5, Some(5)));
    iter.next();
    let copy = iter.clone();
    assert_eq!(iter.count(), 4);
    assert_eq!(copy.last().map(Event::token), by_iter.last().copied());
    let mut iter = events.iter();
    assert!(iter.by_ref().take(5).count() == 5 && iter.next().is_none() && iter.next().is_none());
    assert_eq!(by_iter.iter().collect::<HashSet<_>>().len(), 5);
}

fn events_can_be_cleared_by_hand(b: &Backend) {
    let mut driver = b.driver();
    let waker = driver.waker(1);
    waker.wake().expect("wake");
    driver.turn();
    assert!(!driver.events.is_empty());
    driver.events.clear();
    assert!(driver.events.is_empty());
    assert_eq!(driver.events.iter().count(), 0);
    assert_eq!(driver.events.capacity(), 1024);
}

fn events_buffer_serves_several_polls(b: &Backend) {
    let mut events = Events::with_capacity(4);
    for token in 0..10 {
        let mut poll = b.poll();
        let waker = ferrio::Waker::new(poll.registry(), Token(token)).expect("a waker");
        waker.wake().expect("wake");
        poll.poll(&mut events, None).expect("poll");
        let tokens: Vec<_> = events.iter().map(Event::token).collect();
        assert_eq!(tokens, [Token(token)]);
    }
}

fn a_cloned_event_outlives_the_buffer(b: &Backend) {
    let event = readable_event(b, 42);
    let copy = event.clone();
    assert_eq!(format!("{event:#?}"), format!("{copy:#?}"));
    assert!(copy.token() == Token(42) && copy.is_readable());
}

fn poll_registry_and_waker_have_debug_output(b: &Backend) {
    let driver = b.driver();
    let waker = driver.waker(1);
    assert!(format!("{:?}", driver.poll).starts_with("Poll"));
    assert!(format!("{:?}", driver.registry()).starts_with("Registry"));
    assert!(format!("{waker:?}").starts_with("Waker"));
}

fn sources_have_debug_output(_: &Backend) {
    let (tcp, _peer) = pairs::tcp();
    let (listener, address) = pairs::listener();
    let (udp, _peer) = pairs::udp();
    assert!(format!("{tcp:?}").contains("127.0.0.1"));
    assert!(format!("{listener:?}").contains(&address.to_string()));
    assert!(format!("{udp:?}").contains("127."));
    #[cfg(unix)]
    {
        let (sender, receiver) = ferrio::unix::pipe::new().expect("a pipe");
        assert!(!format!("{sender:?}{receiver:?}").is_empty());
        assert_eq!(format!("{:?}", ferrio::unix::SourceFd(&7)), "SourceFd(7)");
    }
}

const ONE: &[(&str, Interest, mio::Interest)] = &[
    ("r", Interest::READABLE, mio::Interest::READABLE),
    ("w", Interest::WRITABLE, mio::Interest::WRITABLE),
    #[cfg(unix)]
    ("p", Interest::PRIORITY, mio::Interest::PRIORITY),
];

/// The union of the chosen interests, in ferrio and in mio; `None` when nothing is chosen.
fn union(bits: u8) -> Option<(Interest, mio::Interest)> {
    ONE.iter()
        .enumerate()
        .filter(|(n, _)| bits >> n & 1 == 1)
        .map(|(_, &(_, ours, mios))| (ours, mios))
        .reduce(|(a, x), (b, y)| (a | b, x | y))
}

fn bits(interest: Interest) -> u8 {
    u8::from(interest.is_readable())
        | u8::from(interest.is_writable()) << 1
        | u8::from(interest.is_priority()) << 2
}

/// Above all sets of interests that are not empty.
const SETS: u8 = 1 << ONE.len();

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn interests_are_sets(a in 1..SETS, b in 1..SETS) {
        let (first, _) = union(a).expect("not empty");
        let (second, _) = union(b).expect("not empty");
        prop_assert_eq!(bits(first), a);
        prop_assert_eq!(bits(first | second), a | b);
        prop_assert_eq!(first | second, first.add(second));
        prop_assert_eq!(first | second, second | first);
        prop_assert_eq!(first | first, first);
        let mut assigned = first;
        assigned |= second;
        prop_assert_eq!(assigned, first | second);
        prop_assert_eq!(first.remove(second).map(bits), Some(a & !b).filter(|&rest| rest != 0));
        prop_assert_eq!(first == second, a == b);
        prop_assert!(!first.is_aio() && !first.is_lio());
    }

    #[test]
    fn interests_agree_with_mio(a in 1..SETS, b in 1..SETS) {
        let (first, mios_first) = union(a).expect("not empty");
        let (second, mios_second) = union(b).expect("not empty");
        prop_assert_eq!(format!("{first:?}"), format!("{mios_first:?}"));
        prop_assert_eq!(
            format!("{:?}", first.remove(second)),
            format!("{:?}", mios_first.remove(mios_second))
        );
        prop_assert_eq!(first.cmp(&second), mios_first.cmp(&mios_second));
        prop_assert_eq!(first.is_readable(), mios_first.is_readable());
        prop_assert_eq!(first.is_writable(), mios_first.is_writable());
        prop_assert_eq!(first.is_priority(), mios_first.is_priority());
    }

    #[test]
    fn tokens_are_numbers(a: usize, b: usize) {
        prop_assert_eq!(usize::from(Token(a)), a);
        prop_assert_eq!(Token(a) == Token(b), a == b);
        prop_assert_eq!(Token(a).cmp(&Token(b)), a.cmp(&b));
        prop_assert_eq!(format!("{:?}", Token(a)), format!("{:?}", mio::Token(a)));
        prop_assert!(HashSet::from([Token(a)]).contains(&Token(a)));
    }
}

/// Usable in constants, as mio's are.
const _: () = {
    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
    assert!(BOTH.is_readable() && BOTH.is_writable() && !BOTH.is_priority());
    const LAST: Token = Token(usize::MAX);
    assert!(LAST.0 == usize::MAX);
};
