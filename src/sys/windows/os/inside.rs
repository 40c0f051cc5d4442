//! Which call each thread is in, for the project's own tests (feature `fault-injection`): Windows has no
//! way to ask whether a thread waits, and for what.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use super::Call;

/// A call's place in `Call::ALL`, counted from 1; 0 outside of calls.
type Place = Arc<AtomicUsize>;

static THREADS: Mutex<Vec<(ThreadId, Place)>> = Mutex::new(Vec::new());

fn threads() -> MutexGuard<'static, Vec<(ThreadId, Place)>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a thread keeps of itself.
struct Own(Place);

impl Own {
    fn new() -> Own {
        let place = Place::default();
        threads().push((thread::current().id(), place.clone()));
        Own(place)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        threads().retain(|(_, place)| !Arc::ptr_eq(place, &self.0));
    }
}

thread_local! {
    static OWN: Own = Own::new();
}

/// The calling thread is in a call until this is dropped.
pub(super) struct Inside(Option<Place>);

/// Before a call.
pub(super) fn enter(call: Call) -> Inside {
    // A waker may be used while the thread's locals are being destroyed.
    let place = OWN.try_with(|own| own.0.clone()).ok();
    if let Some(place) = &place {
        place.store(call as usize + 1, Ordering::SeqCst);
    }
    Inside(place)
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(place) = &self.0 {
            place.store(0, Ordering::SeqCst);
        }
    }
}

/// The call that a thread of this process is in, or about to make, at this moment.
pub fn inside(thread: ThreadId) -> Option<Call> {
    let threads = threads();
    let (_, place) = threads.iter().find(|(id, _)| *id == thread)?;
    let call = place.load(Ordering::SeqCst).checked_sub(1)?;
    Call::ALL.get(call).copied()
}
