//! The memory that a thread has allocated, for tests that nothing is left behind.
//!
//! A test program that counts makes [`Counting`] its allocator:
//!
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: Counting = Counting;
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint;

/// The system's allocator with a count of what is allocated and of the allocations made.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    // This thread's own: other tests, and libtest, allocate meanwhile. Constant initial values and no
    // destructors, so that an allocator may use them.
    static LIVE_BYTES: Cell<i64> = const { Cell::new(0) };
    static MADE: Cell<usize> = const { Cell::new(0) };
}

fn bytes(layout: Layout) -> i64 {
    i64::try_from(layout.size()).unwrap_or(i64::MAX)
}

// SAFETY: the methods pass every call on to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.set(LIVE_BYTES.get() + bytes(layout));
        MADE.set(MADE.get() + 1);
        // SAFETY: the caller's promises are those that this function asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.set(LIVE_BYTES.get() - bytes(layout));
        // SAFETY: as above, and `pointer` came from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What this thread has allocated and not given back, in bytes.
pub fn live_bytes() -> i64 {
    LIVE_BYTES.get()
}

/// The number of allocations that this thread has made.
pub fn made() -> usize {
    MADE.get()
}

/// Panics unless this program counts: a count that never moves would prove anything.
pub fn assert_counting() {
    let before = made();
    hint::black_box(Box::new(hint::black_box(0_u64)));
    assert!(
        made() > before,
        "`Counting` is not this program's allocator"
    );
}
