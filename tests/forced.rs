//! Under the cfgs that force another selector or waker: it is what a `Poll` gets that asks for
//! nothing.

#![cfg(all(sys_unix, feature = "os-poll", any(force_poll, force_pipe)))]

use std::io::ErrorKind;
use std::thread;

use ferrio::{Events, Poll, SelectorKind, Token, Waker, WakerKind};

#[test]
fn a_forced_backend_is_used() {
    let mut poll = Poll::new().expect("a poll");
    let waker = Waker::new(poll.registry(), Token(1)).expect("a waker");
    if cfg!(force_poll) {
        assert_eq!(poll.selector(), SelectorKind::Poll);
    }
    if cfg!(force_pipe) {
        assert_eq!(poll.waker(), WakerKind::Pipe);
    }
    assert_eq!(SelectorKind::available().first(), Some(&poll.selector()));
    assert_eq!(WakerKind::available().first(), Some(&poll.waker()));

    let waking = thread::spawn(move || {
        waker.wake().expect("woken");
        waker
    });
    let mut events = Events::with_capacity(4);
    poll.poll(&mut events, None).expect("an event");
    assert!(events.iter().any(|event| event.token() == Token(1)));
    drop(waking.join().expect("the thread ended well"));
}

#[test]
fn what_was_not_forced_is_there_only_if_the_build_has_all() {
    for kind in [SelectorKind::Epoll, SelectorKind::Poll] {
        let made = Poll::builder().selector(kind).build();
        match SelectorKind::available().contains(&kind) {
            true => assert_eq!(made.expect("a poll").selector(), kind),
            false => assert_eq!(made.unwrap_err().kind(), ErrorKind::Unsupported),
        }
    }
    if !cfg!(feature = "runtime-selector") {
        assert_eq!(SelectorKind::available().len(), 1);
        assert_eq!(WakerKind::available().len(), 1);
    }
}
