//! An allocator that counts, and that makes the use of freed memory show: an operation whose memory the
//! kernel, or a packet, still refers to does not survive that.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

/// The bytes that are allocated.
pub fn live() -> isize {
    LIVE.load(Ordering::SeqCst)
}

struct Counting;

fn signed(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or(isize::MAX)
}

// SAFETY: the system's allocator does the work; what is done beside it allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(signed(layout), Ordering::SeqCst);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(signed(layout), Ordering::SeqCst);
        // SAFETY: the block is the caller's, and as long as the layout says.
        unsafe { block.write_bytes(0xDD, layout.size()) };
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}
