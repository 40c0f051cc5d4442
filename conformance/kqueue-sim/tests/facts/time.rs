//! m. Timeouts, and signals.

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::support::*;
use kqueue::*;

#[test]
fn m_a_timeout_is_never_early() {
    let (reader, writer) = pipe();
    let plain = Kq::new();
    plain.add(&reader, EVFILT_READ, EV_CLEAR);
    // One that is looked after while it waits.
    let looked_after = Kq::new();
    looked_after.add(&writer, EVFILT_WRITE, EV_CLEAR);
    looked_after.one();
    for kq in [plain, looked_after] {
        for micros in [1, 50, 999, 1500, 20_000] {
            let timeout = Duration::from_micros(micros);
            let start = Instant::now();
            assert_eq!(kq.call(&[], 1, Some(timeout)), Ok(vec![]));
            assert!(start.elapsed() >= timeout);
        }
    }
}

#[test]
fn m_zero_does_not_wait_and_null_waits_for_an_event() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    kq.assert_quiet();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| kq.call(&[], 1, None));
        writer.write(1);
        assert_eq!(waiter.join().unwrap().unwrap().len(), 1);
    });
}

#[test]
fn m_a_time_that_is_none_is_einval_also_with_events_pending() {
    let (reader, writer) = pipe();
    writer.write(1);
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, 0);
    for (seconds, nanoseconds) in [(-1, 0), (0, -1), (0, 1_000_000_000)] {
        let timeout = libc::timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds,
        };
        assert_eq!(
            raw(kq.as_raw_fd(), &[], 1, Some(timeout)),
            Err(libc::EINVAL)
        );
        // Without room nobody asks for the time.
        assert_eq!(raw(kq.as_raw_fd(), &[], 0, Some(timeout)), Ok(vec![]));
    }
}

#[test]
fn m_a_time_beyond_all_bounds_waits() {
    let (reader, writer) = pipe();
    let kq = Kq::new();
    kq.add(&reader, EVFILT_READ, EV_CLEAR);
    let timeout = libc::timespec {
        tv_sec: libc::time_t::MAX,
        tv_nsec: 999_999_999,
    };
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| raw(kq.as_raw_fd(), &[], 1, Some(timeout)));
        writer.write(1);
        assert_eq!(waiter.join().unwrap().unwrap().len(), 1);
    });
}

#[test]
fn m_without_room_the_call_returns_at_once() {
    let kq = Kq::new();
    assert_eq!(kq.call(&[], 0, None), Ok(vec![]));
}

/// The queue and the ident that the handler triggers.
static QUEUE: AtomicI32 = AtomicI32::new(-1);
static TRIGGERED: AtomicI32 = AtomicI32::new(0);
static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn note(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn trigger(_signal: libc::c_int) {
    let mut event = change(1, EVFILT_USER, 0);
    event.fflags = NOTE_TRIGGER;
    let (kq, none) = (QUEUE.load(Ordering::SeqCst), std::ptr::null());
    // SAFETY: one change, and no room for answers.
    let result = unsafe { kevent(kq, &event, 1, std::ptr::null_mut(), 0, none) };
    TRIGGERED.fetch_add(if result == 0 { 1 } else { i32::MIN / 2 }, Ordering::SeqCst);
}

fn handle(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: all zeroes are a valid value: no flags, no mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    // SAFETY: the handlers do nothing that is not allowed in one.
    let result = unsafe { libc::sigaction(signal, &action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Sends it the signal until it has ended.
fn pester<T>(waiter: &std::thread::ScopedJoinHandle<'_, T>, thread: libc::pthread_t, signal: i32) {
    let start = Instant::now();
    while !waiter.is_finished() {
        if start.elapsed() > LIMIT {
            // It would be waited for, for ever.
            eprintln!("a thread that gets signals hangs");
            std::process::abort();
        }
        // SAFETY: the thread is joined later than this.
        unsafe { libc::pthread_kill(thread, signal) };
        std::thread::sleep(Duration::from_micros(50));
    }
}

fn this_thread() -> libc::pthread_t {
    // SAFETY: takes no memory.
    unsafe { libc::pthread_self() }
}

#[test]
fn m_a_signal_ends_the_wait_with_eintr_and_the_changes_are_applied() {
    handle(libc::SIGUSR1, note);
    for looked_after in [false, true] {
        let (reader, writer) = pipe();
        let kq = Kq::new();
        if looked_after {
            kq.add(&writer, EVFILT_WRITE, EV_CLEAR);
            kq.one();
        }
        let add = on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR);
        std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::channel();
            let kq = &kq;
            let waiter = scope.spawn(move || {
                tell.send(this_thread()).unwrap();
                kq.call(&[add], 1, None)
            });
            pester(&waiter, told.recv().unwrap(), libc::SIGUSR1);
            assert_eq!(waiter.join().unwrap(), Err(libc::EINTR));
        });
        assert!(HANDLED.load(Ordering::SeqCst) > 0);
        // It may have come before the changes; the call that it ended then had not begun to wait.
        writer.write(1);
        let events = kq.collect(|all| all.iter().any(|event| event.filter == EVFILT_READ));
        assert!(!events.is_empty());
    }
}

#[test]
fn m_a_signal_handler_may_trigger_the_queue_that_it_interrupts() {
    handle(libc::SIGUSR2, trigger);
    let kq = Kq::new();
    kq.change(&[change(1, EVFILT_USER, EV_ADD | EV_CLEAR)])
        .unwrap();
    QUEUE.store(kq.as_raw_fd(), Ordering::SeqCst);
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        let kq = &kq;
        let waiter = scope.spawn(move || {
            tell.send(this_thread()).unwrap();
            let mut events = 0;
            // Some are interrupted while they wait, some while they are at work.
            for timeout in [None, Some(Duration::ZERO)] {
                let enough = events + 200;
                while events < enough {
                    match kq.call(&[], 1, timeout) {
                        Ok(list) => events += list.len(),
                        Err(errno) => assert_eq!(errno, libc::EINTR),
                    }
                }
            }
        });
        pester(&waiter, told.recv().unwrap(), libc::SIGUSR2);
    });
    assert!(TRIGGERED.load(Ordering::SeqCst) >= 400);
}
