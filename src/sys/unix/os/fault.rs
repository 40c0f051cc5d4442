//! Fault injection, for the project's own tests (feature `fault-injection`).
//!
//! Faults and counters belong to the thread that asked for them, so that tests in one process do
//! not disturb each other.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

pub use super::Call;
#[cfg(sys_windows)]
pub use super::inside::inside;

#[derive(Debug)]
struct Plan {
    call: Call,
    errno: i32,
    skip: usize,
    times: usize,
    hits: usize,
}

#[derive(Default)]
struct State {
    plans: Vec<Rc<RefCell<Plan>>>,
    counts: [u64; Call::ALL.len()],
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Makes calls of this thread fail until it is dropped. Made by [`inject`].
#[derive(Debug)]
#[must_use = "the fault is taken back when this is dropped"]
pub struct Injection(Rc<RefCell<Plan>>);

/// The next `call` of this thread fails with `errno` and is not made.
pub fn inject(call: Call, errno: i32) -> Injection {
    let plan = Rc::new(RefCell::new(Plan {
        call,
        errno,
        skip: 0,
        times: 1,
        hits: 0,
    }));
    STATE.with_borrow_mut(|state| state.plans.push(plan.clone()));
    Injection(plan)
}

impl Injection {
    /// Lets the first `count` calls pass.
    pub fn skip(self, count: usize) -> Injection {
        self.0.borrow_mut().skip = count;
        self
    }

    /// Lets `count` calls fail instead of one.
    pub fn times(self, count: usize) -> Injection {
        self.0.borrow_mut().times = count;
        self
    }

    /// How many calls have failed so far.
    pub fn hits(&self) -> usize {
        self.0.borrow().hits
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        STATE.with_borrow_mut(|state| state.plans.retain(|plan| !Rc::ptr_eq(plan, &self.0)));
    }
}

/// How many times this thread has come to `call`, faults included.
pub fn calls(call: Call) -> u64 {
    STATE.with_borrow(|state| state.counts[call as usize])
}

/// Forgets, for the whole process, which calls this kernel was found to refuse.
pub fn forget_fallbacks() {
    crate::sys::forget_fallbacks();
}

/// Called before each system call: the error that it has to fail with, if any.
pub(crate) fn check(call: Call) -> Option<io::Error> {
    // A waker may be used while the thread's locals are being destroyed, and by a signal handler that
    // has interrupted this very function; there are no faults then.
    STATE
        .try_with(|state| {
            let mut state = state.try_borrow_mut().ok()?;
            state.counts[call as usize] += 1;
            state.plans.iter().find_map(|plan| {
                let mut plan = plan.try_borrow_mut().ok()?;
                if plan.call != call || plan.times == 0 {
                    return None;
                }
                if plan.skip > 0 {
                    plan.skip -= 1;
                    return None;
                }
                plan.times -= 1;
                plan.hits += 1;
                Some(io::Error::from_raw_os_error(plan.errno))
            })
        })
        .ok()
        .flatten()
}
