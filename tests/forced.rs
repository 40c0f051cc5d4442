//! Under the cfgs that force another selector or waker, what this build asks for is not what it
//! gets by default elsewhere: it is the forced one, or a clear refusal.

#![cfg(all(feature = "os-poll", any(force_poll, force_pipe)))]

use std::io::ErrorKind;

use ferrio::{Poll, SelectorKind, WakerKind};

#[test]
fn a_forced_backend_is_used_or_refused() {
    let selector = cfg!(force_poll).then_some(SelectorKind::Poll);
    let waker = cfg!(force_pipe).then_some(WakerKind::Pipe);
    let missing = selector.is_some_and(|kind| !SelectorKind::available().contains(&kind))
        || waker.is_some_and(|kind| !WakerKind::available().contains(&kind));
    match Poll::new() {
        Ok(poll) => {
            assert!(!missing, "{poll:?} was made of what this build lacks");
            assert!(selector.is_none_or(|kind| poll.selector() == kind));
            assert!(waker.is_none_or(|kind| poll.waker() == kind));
        }
        Err(error) => {
            assert!(missing, "{error}");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        }
    }
}
