use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::*;

/// Counts its drops. In a static: what a test abandons would be a leak.
#[derive(Default)]
struct Guarded(Option<&'static AtomicUsize>);

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(drops) = self.0 {
            drops.fetch_add(1, SeqCst);
        }
    }
}

/// As after a fork: the process is another one.
fn forked<T: Default>(lock: &Lock<T>) {
    lock.home.store(process::id() ^ 1 << 30, Ordering::Relaxed);
}

/// As after a fork by another thread than the lock's holder.
fn forked_while_held<T: Default>(lock: &Lock<T>) {
    mem::forget(lock.lock().expect("free"));
    forked(lock);
}

#[test]
fn a_free_lock_works_in_a_child_as_before() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    let lock = Lock::new(Guarded(Some(&DROPS)));
    forked(&lock);
    assert!(lock.lock().is_some());
    drop(lock.lock_again());
    drop(lock);
    assert_eq!(DROPS.load(SeqCst), 1);
}

#[test]
fn a_lock_whose_holder_is_missing_is_abandoned_and_nothing_is_freed() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    let lock = Lock::new(Guarded(Some(&DROPS)));
    forked_while_held(&lock);
    assert!(lock.lock().is_none());
    assert_eq!(lock.home.load(Ordering::Relaxed), ABANDONED);
    // At once, from now on.
    for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
        assert!(lock.lock().is_none());
    }
    drop(lock);
    assert_eq!(DROPS.load(SeqCst), 0);
}

#[test]
fn at_home_a_holder_may_take_longer_than_a_child_waits() {
    let lock = Lock::new(0_usize);
    let held = lock.lock().expect("free");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| lock.lock().map(|guard| *guard));
        // The time is part of the promise: a child would have given up.
        thread::sleep(PAUSE * TRIES as u32 * 2);
        drop(held);
        assert_eq!(waiting.join().unwrap(), Some(0));
    });
    assert_eq!(lock.home.load(Ordering::Relaxed), process::id());
}

#[test]
fn a_child_that_gets_the_lock_after_all_is_its_home() {
    let lock = Lock::new(0_usize);
    forked(&lock);
    let (parent, here) = (lock.home.load(Ordering::Relaxed), process::id());
    assert_ne!(parent, here);
    let guard = lock.lock().expect("free");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            *lock.lock_in_child(parent, here).expect("alive") += 1;
        });
        assert!(!waiting.is_finished());
        drop(guard);
    });
    assert_eq!(*lock.lock_again(), 1);
    assert_eq!(lock.home.load(Ordering::Relaxed), here);
}

#[test]
fn a_busy_lock_at_home_is_waited_for_without_limit() {
    const THREADS: usize = 4;
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let lock = Lock::new(0_usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..rounds {
                    *lock.lock().expect("at home") += 1;
                }
            });
        }
    });
    assert_eq!(*lock.lock_again(), THREADS * rounds);
}

#[test]
fn a_child_with_threads_never_takes_a_busy_lock_for_an_abandoned_one() {
    const THREADS: usize = 4;
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let lock = Lock::new(0_usize);
    forked(&lock);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..rounds {
                    *lock.lock().expect("busy, not abandoned") += 1;
                }
            });
        }
    });
    assert_eq!(*lock.lock_again(), THREADS * rounds);
}
