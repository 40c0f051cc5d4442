//! A function that stands in front of libc's, as that of a network stack in user space does or of a
//! sanitizer, is called. This program has its own `epoll_wait`, which the dynamic linker prefers.

#![cfg(all(target_os = "linux", feature = "os-poll", not(miri)))]

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ferrio::{Events, Poll, Token, Waker};

static CALLS: AtomicUsize = AtomicUsize::new(0);
/// Of the last call, in milliseconds.
static TIMEOUT: AtomicI32 = AtomicI32::new(0);
/// With EINTR.
static FAILS: AtomicBool = AtomicBool::new(false);

/// # Safety
///
/// As for libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    epoll: libc::c_int,
    events: *mut libc::epoll_event,
    room: libc::c_int,
    timeout: libc::c_int,
) -> libc::c_int {
    CALLS.fetch_add(1, Ordering::Relaxed);
    TIMEOUT.store(timeout, Ordering::Relaxed);
    if FAILS.load(Ordering::Relaxed) {
        // SAFETY: takes nothing.
        let errno = unsafe { libc::__errno_location() };
        // SAFETY: this thread's own.
        unsafe { *errno = libc::EINTR };
        return -1;
    }
    let no_mask = std::ptr::null::<libc::sigset_t>();
    // SAFETY: the caller's promise; without a mask this is epoll_wait(2).
    unsafe { libc::epoll_pwait(epoll, events, room, timeout, no_mask) }
}

#[test]
fn a_function_in_front_of_libcs_is_called_and_its_errors_arrive() {
    let mut poll = Poll::new().unwrap();
    if poll.selector() != ferrio::SelectorKind::Epoll {
        return;
    }
    let waker = Waker::new(poll.registry(), Token(3)).unwrap();
    let mut events = Events::with_capacity(4);
    for (timeout, wakes, asked) in [
        (Some(Duration::ZERO), false, 0),
        (Some(Duration::from_millis(2)), false, 2),
        // Longer than asked for, because epoll_pwait2(2) would pass by it.
        (Some(Duration::from_micros(2)), false, 1),
        (None, true, -1),
    ] {
        let before = CALLS.load(Ordering::Relaxed);
        thread::scope(|scope| {
            if wakes {
                scope.spawn(|| {
                    // A wake that came before would let the poll ask without waiting.
                    while CALLS.load(Ordering::Relaxed) == before {
                        thread::yield_now();
                    }
                    waker.wake().unwrap();
                });
            }
            poll.poll(&mut events, timeout).unwrap();
        });
        assert_eq!(CALLS.load(Ordering::Relaxed), before + 1, "{timeout:?}");
        assert_eq!(TIMEOUT.load(Ordering::Relaxed), asked, "{timeout:?}");
        assert_eq!(events.iter().count(), usize::from(wakes));
    }
    FAILS.store(true, Ordering::Relaxed);
    let error = poll.poll(&mut events, Some(Duration::ZERO)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EINTR));
}
