//! SIGUSR1 with a handler that makes system calls fail with EINTR.

use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, mem, ptr};

use ferrio::Waker;

thread_local! {
    // Constant initial values and no destructors: safe to use in a signal handler.
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
    static WAKER: Cell<*const Waker> = const { Cell::new(ptr::null()) };
    static GATE: Cell<*const Gate> = const { Cell::new(ptr::null()) };
}

/// Installs the handler, without SA_RESTART. Every case that sends the signal calls this first.
///
/// epoll_wait(2), poll(2) and kevent(2) end with EINTR whatever SA_RESTART says, see signal(7).
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let handler: extern "C" fn(libc::c_int) = on_signal;
        // SAFETY: all zeroes is a valid sigaction: no flags, an empty mask, the default action.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        action.sa_sigaction = handler as libc::sighandler_t;
        // SAFETY: `action` is initialised and the handler does async-signal-safe things only.
        let result = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()) };
        assert_eq!(result, 0, "sigaction: {}", io::Error::last_os_error());
    });
}

extern "C" fn on_signal(_: libc::c_int) {
    CAUGHT.set(CAUGHT.get() + 1);
    let waker = WAKER.get();
    if !waker.is_null() {
        // SAFETY: `with_waker_in_handler` keeps the waker alive while it is set, on this thread.
        let waker = unsafe { &*waker };
        // Nothing may unwind out of a handler; the case sees a failed wake as a missing event.
        let _ = waker.wake();
    }
    let gate = GATE.get();
    if !gate.is_null() {
        // SAFETY: `with_gate_in_handler` keeps the gate alive while it is set, on this thread.
        let gate = unsafe { &*gate };
        gate.entered.store(true, Ordering::SeqCst);
        while !gate.open.load(Ordering::SeqCst) {
            // SAFETY: sched_yield(2) has no arguments, and is a bare system call on Linux.
            unsafe { libc::sched_yield() };
        }
    }
}

/// Holds a thread inside the handler: what it was blocked in has neither returned nor failed yet.
#[derive(Debug, Default)]
pub struct Gate {
    entered: AtomicBool,
    open: AtomicBool,
}

impl Gate {
    /// Waits until the thread is in the handler.
    pub fn wait_until_held(&self) {
        crate::wait_for("the signal handler", || self.entered.load(Ordering::SeqCst));
    }

    /// Lets the handler end.
    pub fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

/// Runs `body` while the handler, when it runs on this thread, waits at `gate`.
pub fn with_gate_in_handler<T>(gate: &Gate, body: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            GATE.set(ptr::null());
        }
    }
    let _reset = Reset;
    GATE.set(gate);
    body()
}

/// How many signals this thread has caught.
pub fn caught() -> usize {
    CAUGHT.get()
}

/// Runs `body` while the handler, when it runs on this thread, wakes `waker`.
pub fn with_waker_in_handler<T>(waker: &Waker, body: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            WAKER.set(ptr::null());
        }
    }
    let _reset = Reset;
    WAKER.set(waker);
    body()
}

pub(crate) fn send(thread: libc::pthread_t) {
    // SAFETY: the caller holds the handle of the thread, which is neither joined nor detached, so
    // the identifier is valid even if the thread has ended.
    let result = unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
    // ESRCH: it has ended (glibc before 2.34 says so).
    assert!(
        result == 0 || result == libc::ESRCH,
        "pthread_kill: {}",
        io::Error::from_raw_os_error(result)
    );
}
