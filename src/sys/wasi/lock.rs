use crate::sync::{Mutex, MutexGuard, lock};

/// A plain lock, in the words of the one that Unix needs: here nobody forks.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }

    /// Always `Some`.
    #[inline]
    pub(crate) fn lock(&self) -> Option<MutexGuard<'_, T>> {
        Some(self.lock_again())
    }

    #[inline]
    pub(crate) fn lock_again(&self) -> MutexGuard<'_, T> {
        lock(&self.0)
    }
}
