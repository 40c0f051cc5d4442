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
    hit_at: u64,
    made: bool,
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
        hit_at: 0,
        made: false,
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

    /// Makes the calls all the same, and throws their answers away: as one that is interrupted when it
    /// has done its work.
    #[cfg(sys_unix)]
    pub fn made(self) -> Injection {
        self.0.borrow_mut().made = true;
        self
    }

    /// How many calls have failed so far.
    pub fn hits(&self) -> usize {
        self.0.borrow().hits
    }

    /// The number of the call that has failed last, among all calls of this thread. 0: none has.
    pub fn hit_at(&self) -> u64 {
        self.0.borrow().hit_at
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

/// The same where no call is made that has to fail.
#[cfg(not(sys_unix))]
pub(crate) fn check(call: Call) -> Option<io::Error> {
    failure(call).map(|failure| failure.error)
}

/// How a call has to fail.
pub(crate) struct Failure {
    pub(crate) error: io::Error,
    /// After it was made.
    #[cfg_attr(not(sys_unix), allow(dead_code))]
    pub(crate) made: bool,
}

/// Called before each system call: how it has to fail, if it has to.
pub(crate) fn failure(call: Call) -> Option<Failure> {
    // A waker may be used while the thread's locals are being destroyed, and by a signal handler that
    // has interrupted this very function; there are no faults then.
    STATE
        .try_with(|state| {
            let mut state = state.try_borrow_mut().ok()?;
            state.counts[call as usize] += 1;
            let number = state.counts.iter().sum();
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
                plan.hit_at = number;
                Some(Failure {
                    error: io::Error::from_raw_os_error(plan.errno),
                    made: plan.made,
                })
            })
        })
        .ok()
        .flatten()
}
