//! The synchronisation that `notify` is built from: std's, or loom's under `--cfg ferrio_loom`,
//! where the unit tests run it through all interleavings with few preemptions.

#[cfg(not(all(test, ferrio_loom)))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
};

#[cfg(all(test, ferrio_loom))]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
};
#[cfg(all(test, ferrio_loom))]
pub(crate) use std::sync::PoisonError;

/// Locks, whatever a panicking thread may have left: what these locks guard is never left half
/// changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
