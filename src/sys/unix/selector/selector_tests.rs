//! A selector with its bell, each kind with each, on the real kernel.

use std::os::fd::AsRawFd;

use super::*;
use crate::sys::unix::os::{fd, pipe};

const NOW: Option<Duration> = Some(Duration::ZERO);

fn all() -> impl Iterator<Item = (SelectorKind, WakerKind)> {
    let wakers = |&kind| crate::sys::WAKERS.iter().map(move |&waker| (kind, waker));
    AVAILABLE.iter().flat_map(wakers)
}

/// What one poll that doesn't block finds: tokens, readable, writable.
fn poll(selector: &Selector) -> Vec<(usize, bool, bool)> {
    let mut events = Events::with_capacity(8);
    let mut turn = Turn::default();
    selector.select(&mut turn, &mut events, NOW).unwrap();
    let event = |event: &Event| (event.token().0, event.is_readable(), event.is_writable());
    events.iter().map(event).collect()
}

#[test]
fn a_ring_ends_one_poll_and_leaves_nothing_in_a_bell_that_has_to_be_emptied() {
    for (kind, waker) in all() {
        let selector = Selector::new(kind, waker).unwrap();
        let hub = selector.hub().unwrap();
        let signal = hub.notify().subscribe(Token(7));
        for _ in 0..3 {
            let _ = hub.notify().wake(&signal);
            hub.ring().unwrap();
            assert_eq!(poll(&selector), [(7, true, false)], "{kind} {waker}");
            assert_eq!(poll(&selector), [], "{kind} {waker}");
        }
        let Some(bell) = hub.bell.get() else {
            panic!("{kind} {waker}: no bell")
        };
        // An eventfd's counter may stay where each write is an edge; a queue is not read.
        let is_emptied = waker == WakerKind::Pipe
            || waker == WakerKind::Eventfd
                && (kind == SelectorKind::Poll || !cfg!(has_eventfd_edges));
        if is_emptied {
            let mut buffer = [0; 8];
            let rest = fd::read(bell.as_fd(), &mut buffer).unwrap_err();
            assert_eq!(rest.kind(), io::ErrorKind::WouldBlock, "{kind} {waker}");
        }
    }
}

#[test]
fn a_descriptor_is_reported_as_it_is_registered_and_no_longer() {
    for (kind, waker) in all() {
        let selector = Selector::new(kind, waker).unwrap();
        let (reader, writer) = pipe::pipe().unwrap();
        let (read, write) = (reader.as_raw_fd(), writer.as_raw_fd());
        selector
            .register(read, Token(1), Interest::READABLE)
            .unwrap();
        selector
            .register(write, Token(2), Interest::WRITABLE)
            .unwrap();
        assert_eq!(poll(&selector), [(2, false, true)], "{kind}");
        selector.deregister(write).unwrap();
        fd::write(writer.as_fd(), b"x").unwrap();
        assert_eq!(poll(&selector), [(1, true, false)], "{kind}");
        selector
            .reregister(read, Token(3), Interest::READABLE)
            .unwrap();
        assert_eq!(poll(&selector), [(3, true, false)], "{kind}");
        selector.deregister(read).unwrap();
        assert_eq!(poll(&selector), [], "{kind}");
        for fd in [read, -1] {
            let error = selector.reregister(fd, Token(3), Interest::READABLE);
            error.expect_err("it is not registered");
            selector.deregister(fd).expect_err("it is not registered");
        }
        let error = selector.register(-1, Token(3), Interest::READABLE);
        assert_eq!(error.unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}

#[test]
fn a_selector_tells_what_it_is() {
    let mut ids = Vec::new();
    for (kind, waker) in all() {
        let selector = Selector::new(kind, waker).unwrap();
        selector.hub().unwrap();
        assert_eq!((selector.kind(), selector.waker()), (kind, waker));
        let fd = selector.fd().as_raw_fd();
        let text = format!("Selector {{ kind: {kind:?}, waker: {waker:?}, fd: {fd} }}");
        assert_eq!(format!("{selector:?}"), text);
        #[cfg(any(debug_assertions, feature = "runtime-selector", sel_poll))]
        ids.push(selector.id());
    }
    assert!(!ids.contains(&0));
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "no id comes twice");
}

#[cfg(any(has_epoll_pwait2, all(sel_poll, has_ppoll)))]
#[test]
fn short_is_more_than_nothing_and_less_than_a_millisecond() {
    let is = |nanoseconds| is_short(Duration::from_nanos(nanoseconds));
    assert!(!is(0) && is(1) && is(999_999) && !is(1_000_000) && !is(2_000_000));
}

#[cfg(sel_epoll)]
#[test]
fn events_are_added_behind_those_that_are_there_and_a_ring_is_none() {
    let epoll = epoll::Epoll::new().unwrap();
    let (bell, ringer) = pipe::pipe().unwrap();
    epoll.watch_bell(bell.as_fd()).unwrap();
    let (reader, writer) = pipe::pipe().unwrap();
    let interest = Interest::READABLE;
    epoll
        .register(reader.as_raw_fd(), Token(1), interest)
        .unwrap();
    for (rings, writes) in [(true, false), (true, true), (false, true)] {
        for (condition, end) in [(rings, &ringer), (writes, &writer)] {
            if condition {
                fd::write(end.as_fd(), b"x").unwrap();
            }
        }
        let mut list = Vec::with_capacity(8);
        list.extend([2, 3, 4].map(|token| Event::wake(Token(token))));
        let harvest = epoll.wait(&mut list, 4, NOW).unwrap();
        assert_eq!((harvest.events, harvest.rung), (usize::from(writes), rings));
        let tokens: Vec<usize> = list.iter().map(|event| event.token().0).collect();
        let expected = [2, 3, 4, 1];
        assert_eq!(tokens, expected[..3 + usize::from(writes)]);
    }
}

/// A source's state over poll(2), of which `do_read_op` fails as told.
#[cfg(sel_poll)]
mod state {
    use super::*;
    use crate::sys::IoSourceState;

    fn fails(state: &IoSourceState, kind: io::ErrorKind) {
        let failure = |(): &()| io::Result::<()>::Err(kind.into());
        state.do_read_op(failure, &()).unwrap_err();
    }

    #[test]
    fn an_error_that_stays_for_ever_is_not_reported_again() {
        let selector = Selector::new(SelectorKind::Poll, crate::sys::DEFAULT_WAKER).unwrap();
        let (reader, writer) = pipe::pipe().unwrap();
        let (fd, mut state) = (reader.as_raw_fd(), IoSourceState::new());
        let registered = state.register(&selector, fd, Token(1), Interest::READABLE);
        registered.unwrap();
        fd::write(writer.as_fd(), b"x").unwrap();
        assert_eq!(poll(&selector), [(1, true, false)]);
        assert_eq!(poll(&selector), []);
        fails(&state, io::ErrorKind::InvalidInput);
        assert_eq!(poll(&selector), []);
        // Another passes, and there may be more behind it.
        fails(&state, io::ErrorKind::ConnectionAborted);
        assert_eq!(poll(&selector), [(1, true, false)]);
        state.deregister(&selector, fd).unwrap();
    }

    #[test]
    fn a_registration_that_was_made_behind_the_sources_back_becomes_its_own() {
        let selector = Selector::new(SelectorKind::Poll, crate::sys::DEFAULT_WAKER).unwrap();
        let (reader, writer) = pipe::pipe().unwrap();
        let (fd, mut state) = (reader.as_raw_fd(), IoSourceState::new());
        let interest = Interest::READABLE;
        state.register(&selector, fd, Token(1), interest).unwrap();
        selector.deregister(fd).unwrap();
        selector.register(fd, Token(2), interest).unwrap();
        state.reregister(&selector, fd, Token(3), interest).unwrap();
        fd::write(writer.as_fd(), b"x").unwrap();
        for _ in 0..2 {
            assert_eq!(poll(&selector), [(3, true, false)]);
            assert_eq!(poll(&selector), []);
            fails(&state, io::ErrorKind::WouldBlock);
        }
        drop(state);
        assert_eq!(poll(&selector), [], "it has ended with its source");
    }
}
