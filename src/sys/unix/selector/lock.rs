//! A lock that a forked child can live with.
//!
//! **The problem.** fork(2) copies one thread, and the memory as all of them had it. A lock that
//! another thread held at that moment is held for ever in the child, and what it guards is half
//! changed. The child may drop the sources that it inherited all the same, as [`Poll`](crate::Poll)
//! promises, and must not wait for a thread that it doesn't have.
//!
//! **The way out.** A thread that finds the lock taken looks whether its process is the `home` of the
//! lock, in which whoever holds it is sure to give it back. In another one, a child, it waits for a
//! limited time, which is long beside what is done under the lock. If it gets the lock then nobody
//! had it at the fork, and the child becomes the lock's home: daemons fork and go on. If not, the
//! state is abandoned: there is no lock to be had any more, and nothing is freed, because half
//! changed memory cannot be.
//!
//! Who finds the lock free, which is nearly always, knows nothing of all this.

use std::sync::TryLockError;
use std::time::Duration;
use std::{hint, mem, process, thread};

use crate::sync::{AtomicU32, Mutex, MutexGuard, Ordering, lock};

/// How often a busy lock is tried before anything else: most are given back at once.
/// Never by loom, which runs the holder instead.
const SPINS: usize = if cfg!(all(test, ferrio_loom)) { 0 } else { 40 };

/// How often, and how far apart, a child tries. Under the lock no system call is made but changes of a
/// kqueue, and nothing takes more than a moment, so this is half a second for something that takes
/// microseconds.
const TRIES: usize = 500;
const PAUSE: Duration = Duration::from_millis(1);

/// No process has this number.
const ABANDONED: u32 = 0;

pub(crate) struct Lock<T: Default> {
    mutex: Mutex<T>,
    /// The process in which no holder of the lock can be missing, or `ABANDONED`.
    home: AtomicU32,
}

impl<T: Default> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock {
            mutex: Mutex::new(value),
            home: AtomicU32::new(process::id()),
        }
    }

    /// `None`: a thread that this process doesn't have holds the lock.
    #[inline]
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, T>> {
        self.try_lock().or_else(|| self.lock_busy())
    }

    /// For a thread that has had the lock before, so that nobody can have held it at the fork.
    #[cfg(any(sel_poll, test))] // Nobody takes a kqueue's twice.
    #[inline]
    pub(crate) fn lock_again(&self) -> MutexGuard<'_, T> {
        lock(&self.mutex)
    }

    #[inline]
    fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.mutex.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    #[cold]
    fn lock_busy(&self) -> Option<MutexGuard<'_, T>> {
        for _ in 0..SPINS {
            hint::spin_loop();
            if let Some(guard) = self.try_lock() {
                return Some(guard);
            }
        }
        let here = process::id();
        match self.home.load(Ordering::Relaxed) {
            ABANDONED => None,
            home if home == here => Some(lock(&self.mutex)),
            parent => self.lock_in_child(parent, here),
        }
    }

    fn lock_in_child(&self, parent: u32, here: u32) -> Option<MutexGuard<'_, T>> {
        for _ in 0..TRIES {
            if let Some(guard) = self.try_lock() {
                self.home.store(here, Ordering::Relaxed);
                return Some(guard);
            }
            thread::sleep(PAUSE);
        }
        // Another thread may have been luckier meanwhile.
        let home =
            self.home
                .compare_exchange(parent, ABANDONED, Ordering::Relaxed, Ordering::Relaxed);
        (home == Err(here)).then(|| lock(&self.mutex))
    }
}

impl<T: Default> Drop for Lock<T> {
    fn drop(&mut self) {
        // Nobody borrows the lock here, so whoever still holds it is no thread of this process.
        if self.try_lock().is_none() {
            mem::forget(mem::take(&mut self.mutex));
        }
    }
}

#[cfg(all(test, not(ferrio_loom)))]
#[path = "lock_tests.rs"]
mod tests;
